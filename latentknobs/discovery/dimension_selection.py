"""Which dimensions is a knob? Shares of the moved energy, the selectors' choices, and how sure the size is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from latentknobs.core.activity import ACTIVE_VARIANCE
from latentknobs.core.arrays import Floats, Ints
from latentknobs.core.backend import VAEBackend
from latentknobs.core.experiment import Methods, Settings
from latentknobs.core.knob import Operator
from latentknobs.core.method_specs import Coordinates, FitInput, SelectInput
from latentknobs.discovery.coordinate_systems import CoordinateSystems
from latentknobs.discovery.pair_statistics import PairStatistics
from latentknobs.discovery.selection_stability import SongSubsets, choices, of_halves, of_resampled
from latentknobs.discovery.selectors import ENERGY, participation
from latentknobs.evaluation.evaluation_set import AmountBatch
from latentknobs.evaluation.gain import gain, mean
from latentknobs.evaluation.knob_metrics import EvaluationConfig
from latentknobs.steering.apply import displacement

STANDARD = "standard"
"""The name of the basis that is the model's own coordinates, in which S is always stated."""


def select(
    backend: VAEBackend,
    operator: Operator,
    case: AmountBatch,
    yard: EvaluationConfig,
    deltas: PairStatistics,
    given: FitInput,
    settings: Settings,
    methods: Methods,
    found: CoordinateSystems,
) -> dict[str, Any]:
    """
    Ask every selector for a knob's dimensions at one amount of a trial.

    Args:
        backend: The model.
        operator: The knob.
        case: Validation clips at the amount.
        yard: The measures.
        deltas: Statistics of the amounts of ``given`` and no others.
        given: What the knob was fitted from.
        settings: Parameters.
        methods: The selectors.
        found: The coordinate systems of the run.

    Returns:
        ``dims``, S by the selector of the settings, and ``shares`` (D,), the share of the moved energy of each
        dimension in units of its spread, 0 where it is not active, both in model coordinates; and for the evidence
        ``selected``, what each selector chose there, the part of the effect it keeps, how sure it is, and its overlap
        with S; ``bases``, how few basis vectors hold the move in each basis, or why a basis is left out; and, where
        the settings name another basis, ``in_basis``, what each selector chose there.
    """
    size = deltas.latent_size
    ask = _SelectionTask(backend, operator, case, yard, deltas, given, settings, methods)
    shares, selected, dims = ask.within(Coordinates.of(np.eye(size)))
    out: dict[str, Any] = {"dims": dims, "shares": shares, "selected": selected, "bases": {}, "in_basis": None}
    for name, coordinates in found.found.items():
        there = ask.shares(coordinates)[0]
        few = int((np.cumsum(-np.sort(-there)) < ENERGY - 1e-12).sum()) + 1 if there.any() else 0
        out["bases"][name] = {"participation": participation(there), "size": few}
    out["bases"] |= {name: {"left_out": why} for name, why in found.left_out.items()}
    if settings.basis in found.left_out:
        out["in_basis"] = {"basis": settings.basis, "left_out": found.left_out[settings.basis]}
    elif settings.basis != STANDARD:
        shares, selected, _ = ask.within(found.found[settings.basis])
        out["in_basis"] = {"basis": settings.basis, "selected": selected, "shares": shares}
    return out


@frozen(eq=False)
class _SelectionTask:
    """What is asked of the selectors, in whatever coordinates."""

    backend: VAEBackend
    operator: Operator
    case: AmountBatch
    yard: EvaluationConfig
    deltas: PairStatistics
    given: FitInput
    settings: Settings
    methods: Methods

    def shares(self, coordinates: Coordinates, amount: float | None = None) -> tuple[Floats, Floats, Floats]:
        """Shares (D,) at the case's amount or another, the energy of each clip (m, D), and the variances (D,)."""
        moved = displacement(self.operator, self.case.z_before, self.case.amount if amount is None else amount)
        variance = np.diag(coordinates.of_covariance(self.deltas.covariance()))
        active = variance > ACTIVE_VARIANCE
        unit = np.where(active, variance, 1.0)
        square = coordinates.of_moves(moved.astype(np.float64)) ** 2
        energy = np.where(active, square.mean(axis=0) / unit, 0.0)
        shares = energy / energy.sum() if energy.sum() > 0 else energy
        return shares, np.where(active, square / unit, 0.0), variance

    def within(self, coordinates: Coordinates) -> tuple[Floats, dict[str, Any], Ints]:
        """Shares (D,), what each selector chose, and S, in these coordinates."""
        case, settings, yard = self.case, self.settings, self.yard
        shares, energy, variance = self.shares(coordinates)
        small = case.first(settings.control_clips)
        moved = displacement(self.operator, small.z_before, case.amount).astype(np.float64)
        whole = gain(self.backend, small, moved.astype(np.float32), yard)
        known: dict[frozenset[int], Floats] = {}
        per_clip: dict[int, Floats] = {}

        def kept(dims: NDArray[np.int64]) -> float:
            key = frozenset(dims.tolist())
            if key not in known:
                limited = coordinates.limited(moved, dims).astype(np.float32)
                known[key] = gain(self.backend, small, limited, yard)
            per_clip[len(dims)] = known[key]
            full = mean(whole)
            return mean(known[key]) / full if full else 0.0

        sums = coordinates.of_moves(self.deltas.sums)
        at = self.given.amounts.index(case.amount)
        question = SelectInput(
            mean_change=coordinates.of_moves(self.given.mean_change),
            share=shares,
            kept=kept,
            options=settings.as_dict(),
            at=at,
            active=variance > ACTIVE_VARIANCE,
            spread=np.sqrt(np.maximum(variance, 0.0)),
            counts=self.deltas.counts[at],
            sums=sums[at],
            seed=yard.seed,
        )
        selected: dict[str, Any] = {}
        dims = np.zeros(0, dtype=np.int64)
        again: dict[str, Callable[[SelectInput], Ints]] = {}
        decoding = set()
        for name, selector in self.methods.selectors.items():
            per_clip.clear()  # what another selector tried says nothing about the size of this one's choice
            found = np.asarray(selector.select(question), dtype=np.int64)
            again[name] = selector.select
            if per_clip:
                decoding.add(name)
                again[name] = partial(_first, size=len(found))
            selected[name] = {"dims": found.tolist(), "kept": kept(found) if len(found) else 0.0}
            if name in decoding or name == settings.selector:
                selected[name] |= _interval_on_size(per_clip, whole, small, settings, yard)
            if name == settings.selector:
                dims = found
                selected[name]["overlap_across_amounts"] = self._overlaps(coordinates, found)
        songs = SongSubsets(self.deltas.counts, sums, energy, case.songs, yard.seed)
        halves = choices(songs.halves(question, settings.halves), again)
        cheap = {name: rule for name, rule in again.items() if name not in decoding}
        resampled = choices(songs.resampled(question, settings.resamples), cheap)
        for name, entry in selected.items():
            if name != settings.selector:
                entry["overlap"] = jaccard(entry["dims"], dims.tolist())
            entry.update(of_halves(entry["dims"], halves[name]))
            if name in cheap:
                entry.update(of_resampled(resampled[name]))
        return shares, selected, dims

    def _overlaps(self, coordinates: Coordinates, dims: Ints) -> dict[str, float]:
        """For each fitted amount, Jaccard of S and the as many dimensions of largest share at that amount."""
        out: dict[str, float] = {}
        for amount in self.given.amounts:
            top = np.argsort(-self.shares(coordinates, amount)[0], kind="stable")[: len(dims)]
            out[f"{amount:+g}"] = jaccard(top.tolist(), dims.tolist())
        return out


def _first(given: SelectInput, size: int) -> Ints:
    """The order of a selector that decodes: so many dimensions of largest share."""
    out: Ints = np.argsort(-given.share, kind="stable")[:size].astype(np.int64)
    return out


def _interval_on_size(
    per_clip: Mapping[int, Floats], whole: Floats, case: AmountBatch, settings: Settings, yard: EvaluationConfig
) -> dict[str, Any]:
    """95 % interval on the size of S: the smallest size tried that keeps enough, over resampled songs."""
    sizes = sorted(per_clip)
    if not sizes:
        return {"size_low": 0, "size_high": 0, "curve": {}, "whole": mean(whole)}
    values = np.stack([whole, *(per_clip[k] for k in sizes)], axis=1)
    _, draws = yard.draws(case.songs).means(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        enough = draws[:, 1:] / draws[:, :1] >= settings.keep
    smallest = [sizes[int(row.argmax())] if row.any() else sizes[-1] for row in enough]
    low, high = np.quantile(smallest, [0.025, 0.975], method="nearest")
    curve = {str(k): mean(per_clip[k]) for k in sizes}
    return {"size_low": int(low), "size_high": int(high), "curve": curve, "whole": mean(whole)}


def jaccard(a: Iterable[int], b: Iterable[int]) -> float:
    """Size of the intersection over size of the union of two sets; 1 where both are empty (Jaccard 1912)."""
    first, second = set(a), set(b)
    union = first | second
    return len(first & second) / len(union) if union else 1.0
