"""Dimension selection: shares of the moved energy, the selectors' choices, and how stable they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import numpy as np
from attrs import define, evolve, field, frozen

from latentknobs.core.active_dimensions import is_active
from latentknobs.core.arrays import Floats, Ints
from latentknobs.core.evidence import BasisEnergy, BasisSelection, SelectorChoice
from latentknobs.core.experiment import STANDARD
from latentknobs.core.knob import Operator
from latentknobs.core.method_specs import Coordinates, SelectInput
from latentknobs.core.model_calls import decode
from latentknobs.discovery.evaluation_context import EvaluationContext
from latentknobs.discovery.evidence_rounding import rounded
from latentknobs.discovery.selection_stability import SongSubsets, choices, of_halves, of_resampled
from latentknobs.discovery.selectors import ENERGY, participation
from latentknobs.evaluation.effect_size import finite_mean, gain
from latentknobs.evaluation.evaluation_set import AmountBatch
from latentknobs.steering.apply import displacement


@frozen(eq=False)
class DimensionSelection:
    """
    A knob's dimensions, in the model's coordinates, and what is told of them.

    Attributes:
        dims: The selected dimensions by the selector of the settings.
        shares: (D,), share of the moved energy of each dimension in units of its standard deviation, 0 where it is not
            active.
        selected: By selector: its choice, the part of the effect it keeps, how stable it is, and its overlap with
            ``dims``.
        bases: By basis: how few basis vectors hold the move, or why the basis is left out.
        in_basis: Where the settings name another basis, what each selector chose there.
    """

    dims: Ints
    shares: Floats
    selected: dict[str, SelectorChoice]
    bases: dict[str, BasisEnergy]
    in_basis: BasisSelection | None


def select_dimensions(context: EvaluationContext, operator: Operator, batch: AmountBatch) -> DimensionSelection:
    """A knob's dimensions by every selector, from validation clips at one amount."""
    coordinates, basis = context.coordinates, context.experiment.settings.basis
    task = _SelectionTask(context, operator, batch)
    shares, selected, dims = task.within(Coordinates.of(np.eye(context.experiment.latent_size)))
    bases: dict[str, BasisEnergy] = {}
    for name, system in coordinates.by_basis.items():
        in_system = task.shares(system)[0]
        few = int((np.cumsum(-np.sort(-in_system)) < ENERGY - 1e-12).sum()) + 1 if in_system.any() else 0
        bases[name] = BasisEnergy(participation=participation(in_system), size=few)
    bases |= {name: BasisEnergy(left_out=reason) for name, reason in coordinates.left_out.items()}
    in_basis: BasisSelection | None = None
    if basis in coordinates.left_out:
        in_basis = BasisSelection(basis=basis, left_out=coordinates.left_out[basis])
    elif basis != STANDARD:
        basis_shares, basis_selected, _ = task.within(coordinates.by_basis[basis])
        in_basis = BasisSelection(basis=basis, selected=basis_selected, shares=rounded(basis_shares))
    return DimensionSelection(dims, shares, selected, bases, in_basis)


@frozen(eq=False)
class _SelectionTask:
    """One knob at one amount, as selectors see it in whatever coordinates, in code units."""

    context: EvaluationContext
    operator: Operator
    batch: AmountBatch

    def shares(self, coordinates: Coordinates, amount: float | None = None) -> tuple[Floats, Floats, Floats]:
        """Shares (D,) at the batch's amount or another, the energy of each clip (m, D), and the variances (D,)."""
        amount = self.batch.amount if amount is None else amount
        moves = displacement(self.operator, self.batch.z_before, amount) / self.context.units.scale
        variance = np.diag(coordinates.of_covariance(self.context.statistics.covariance()))
        active = is_active(variance)
        unit = np.where(active, variance, 1.0)
        square = coordinates.of_moves(moves) ** 2
        energy = np.where(active, square.mean(axis=0) / unit, 0.0)
        shares = energy / energy.sum() if energy.sum() > 0 else energy
        return shares, np.where(active, square / unit, 0.0), variance

    def within(self, coordinates: Coordinates) -> tuple[Floats, dict[str, SelectorChoice], Ints]:
        """Shares (D,), what each selector chose, and the selected dimensions, in these coordinates."""
        batch, settings, statistics = self.batch, self.context.experiment.settings, self.context.statistics
        shares, energy, variance = self.shares(coordinates)
        effect = _EffectKept(self.context, self.operator, batch.first(settings.control_clips), coordinates)
        sums = coordinates.of_moves(statistics.sums)
        at = self.context.fit_input.amounts.index(batch.amount)
        select_input = SelectInput(
            mean_change=coordinates.of_moves(self.context.fit_input.mean_change),
            share=shares,
            kept=effect.kept,
            options=settings.as_dict(),
            at=at,
            active=is_active(variance),
            spread=np.sqrt(np.maximum(variance, 0.0)),
            counts=statistics.counts[at],
            sums=sums[at],
            seed=self.context.config.seed,
        )
        selected: dict[str, SelectorChoice] = {}
        dims = np.zeros(0, dtype=np.int64)
        rules: dict[str, Callable[[SelectInput], Ints]] = {}
        decoding = set()
        for name, selector in self.context.experiment.methods.selectors.items():
            effect.tried.clear()  # what another selector tried says nothing about the size of this one's choice
            chosen = np.asarray(selector.select(select_input), dtype=np.int64)
            rules[name] = selector.select
            if effect.tried:
                decoding.add(name)
                rules[name] = partial(_first, size=len(chosen))
            kept = effect.kept(chosen) if len(chosen) else 0.0
            choice = SelectorChoice(dims=tuple(chosen.tolist()), kept=kept, frequency={}, stable=0)
            if name in decoding or name == settings.selector:
                choice = effect.with_interval_on_size(choice)
            if name == settings.selector:
                dims = chosen
                choice = evolve(choice, overlap_across_amounts=self._overlaps(coordinates, chosen))
            selected[name] = choice
        songs = SongSubsets(statistics.counts, sums, energy, batch.songs, self.context.config.seed)
        halves = choices(songs.halves(select_input, settings.halves), rules)
        cheap = {name: rule for name, rule in rules.items() if name not in decoding}
        resampled = choices(songs.resampled(select_input, settings.resamples), cheap)
        for name, choice in selected.items():
            frequency, stable = of_halves(choice.dims, halves[name])
            low, high = of_resampled(resampled[name]) if name in cheap else (choice.size_low, choice.size_high)
            selected[name] = evolve(
                choice,
                frequency=frequency,
                stable=stable,
                size_low=low,
                size_high=high,
                overlap=None if name == settings.selector else jaccard(choice.dims, dims.tolist()),
            )
        return shares, selected, dims

    def _overlaps(self, coordinates: Coordinates, dims: Ints) -> dict[str, float]:
        """For each fitted amount, Jaccard of ``dims`` and the as many dimensions of largest share at that amount."""
        out: dict[str, float] = {}
        for amount in self.context.fit_input.amounts:
            top = np.argsort(-self.shares(coordinates, amount)[0], kind="stable")[: len(dims)]
            out[f"{amount:+g}"] = jaccard(top.tolist(), dims.tolist())
        return out


@define(eq=False)
class _EffectKept:
    """The part of a knob's effect that is left when it moves some dimensions only, decoded once for each set."""

    context: EvaluationContext
    operator: Operator
    batch: AmountBatch
    coordinates: Coordinates
    tried: dict[int, Floats] = field(factory=dict, init=False)
    _moves: Floats = field(init=False)
    _whole: Floats = field(init=False)
    _known: dict[frozenset[int], Floats] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        moves = displacement(self.operator, self.batch.z_before, self.batch.amount)
        self._moves = moves / self.context.units.scale
        self._whole = self._gain(self._moves)

    def _gain(self, moves: Floats) -> Floats:
        moved = (moves * self.context.units.scale).astype(np.float32)
        turned = decode(self.context.experiment.backend, self.batch.z_before + moved)
        return gain(self.context.config.target_attribute, self.batch, turned)

    def kept(self, dims: Ints) -> float:
        key = frozenset(dims.tolist())
        if key not in self._known:
            self._known[key] = self._gain(self.coordinates.limited(self._moves, dims))
        self.tried[len(dims)] = self._known[key]
        full = finite_mean(self._whole)
        return finite_mean(self._known[key]) / full if full else 0.0

    def with_interval_on_size(self, choice: SelectorChoice) -> SelectorChoice:
        """With the 95 % confidence interval of the smallest size tried that keeps enough, over resampled songs."""
        sizes, whole = sorted(self.tried), finite_mean(self._whole)
        if not sizes:
            return evolve(choice, size_low=0, size_high=0, curve={}, whole=whole)
        values = np.stack([self._whole, *(self.tried[k] for k in sizes)], axis=1)
        _, draws = self.context.config.draws(self.batch.songs).means(values)
        with np.errstate(invalid="ignore", divide="ignore"):
            enough = draws[:, 1:] / draws[:, :1] >= self.context.experiment.settings.keep
        smallest = [sizes[int(row.argmax())] if row.any() else sizes[-1] for row in enough]
        low, high = np.quantile(smallest, [0.025, 0.975], method="nearest")
        curve = {str(k): finite_mean(self.tried[k]) for k in sizes}
        return evolve(choice, size_low=int(low), size_high=int(high), curve=curve, whole=whole)


def _first(select_input: SelectInput, size: int) -> Ints:
    """The order of a selector that decodes: so many dimensions of largest share."""
    out: Ints = np.argsort(-select_input.share, kind="stable")[:size].astype(np.int64)
    return out


def jaccard(a: Iterable[int], b: Iterable[int]) -> float:
    """Size of the intersection over size of the union of two sets; 1 where both are empty (Jaccard 1912)."""
    first, second = set(a), set(b)
    union = first | second
    return len(first & second) / len(union) if union else 1.0
