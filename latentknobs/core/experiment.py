"""What a discovery is made with: model, augmentation, settings, methods and seed, in one value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from attrs import asdict, evolve, field, frozen, validators
from numpy.random import default_rng

from latentknobs.core.arrays import Bools
from latentknobs.core.attribute import Attribute, Comparison
from latentknobs.core.augmentation import Augmentation, EditInContext, in_context, signed_amounts
from latentknobs.core.backend import VAEBackend
from latentknobs.core.capability import capability
from latentknobs.core.clip import ClipFormat, JoinableClips
from latentknobs.core.edit_context import EditContext, Reference
from latentknobs.core.executor_specs import ShardMap, in_turn
from latentknobs.core.format_capabilities import check_serves
from latentknobs.core.method_specs import Basis, Fit, Selector
from latentknobs.core.one_key import reference_of
from latentknobs.core.plugin_guard import run_augmentation
from latentknobs.errors import AmountError, PluginError, UsageError

STANDARD = "standard"
"""The basis that is the model's own coordinates, in which selected dimensions are always stated."""

EVERY_FIT = "all"
"""What stands for every fit in settings."""
LEAST_LAYERS, MOST_LAYERS = 2, 16
"""Hidden layers of the network of a fit; the least is the default."""
MOVES = ("matched", "flow", "classifier")
"""The methods of unsupervised discovery that learn moves from decoded clips."""


def _known_moves(_instance: object, _attribute: object, names: tuple[str, ...]) -> None:
    if unknown := sorted(set(names) - set(MOVES)):
        raise UsageError(f"No moves are learned by {unknown[0]!r}; there is: {', '.join(MOVES)}.")


def _names(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(values)


def _each_once(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([values] if isinstance(values, str) else values))


@frozen
class Settings:
    """
    What a discovery's result depends on besides model, augmentation, corpus and seed.

    Attributes:
        clips: Clips requested from the corpus, all splits together; None = all.
        shard: Least number of clips in a shard.
        trial_clips: Clips in the evaluation sets, one of validation and one of test songs.
        controls: Random controls.
        control_clips: Clips the controls are decoded on.
        basis: Name of a basis in which dimensions are selected besides the model's coordinates.
        selector: Name of the selector that gives the knob's dimensions; the others are reported beside it.
        threshold: The threshold selector's t, in code units.
        keep: Share of the effect that the effect selector keeps.
        energy: Share of the moved energy that the energy selector keeps.
        alpha: Family-wise error rate of the selectors max-t and placebo.
        flips: Sign flips of these two.
        minimum: The placebo selector's least effect, in standard deviations.
        halves: Random halves of the songs on which selectors run again.
        resamples: Bootstrap samples of songs for the interval on the number of dimensions of selectors that do not
            decode.
        sample_clips: Training clips whose codes at every amount are kept for fits that need pairs.
        steps: Training steps for each fitted amount.
        fits: Names of the fits to make and to judge, or "all"; none = those that can win, and validation songs choose
            which one is judged.
        layers: Hidden layers of the network of fits that have one.
        recombined: Further clips, of the beginning of one training clip and the end of another, from which networks
            learn too.
        one_key: Whether an edit that depends on its piece through one pitch is learned and judged in one key
            (:mod:`latentknobs.core.one_key`).
    """

    clips: int | None = None
    shard: int = field(default=512, validator=validators.ge(1))
    trial_clips: int = field(default=200, validator=validators.ge(1))
    controls: int = field(default=100, validator=validators.ge(1))
    control_clips: int = field(default=64, validator=validators.ge(1))
    basis: str = "standard"
    selector: str = "effect"
    threshold: float = 0.5
    sample_clips: int = field(default=4096, validator=validators.ge(1))
    steps: int = field(default=80, validator=validators.ge(1))
    keep: float = 0.9
    energy: float = 0.9
    alpha: float = 0.05
    flips: int = field(default=1000, validator=validators.ge(1))
    minimum: float = 0.2
    halves: int = field(default=100, validator=validators.ge(1))
    resamples: int = field(default=200, validator=validators.ge(1))
    fits: tuple[str, ...] = field(default=(), converter=_names)
    layers: int = field(default=LEAST_LAYERS, validator=[validators.ge(LEAST_LAYERS), validators.le(MOST_LAYERS)])
    recombined: int = field(default=0, validator=validators.ge(0))
    one_key: bool = True

    def makes(self, fit: Fit) -> bool:
        """Whether a discovery makes this fit."""
        return EVERY_FIT in self.fits or (fit.name in self.fits if self.fits else not fit.baseline)

    def as_dict(self) -> dict[str, Any]:
        """For RunSpec.parameters: later settings only where they are not as they were before there were any."""
        later = {"one_key": True, "layers": LEAST_LAYERS, "recombined": 0}
        out = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}
        return {name: value for name, value in out.items() if name not in later or value != later[name]}


@frozen
class UnsupervisedSettings(Settings):
    """
    The same for a run without an augmentation, which uses no fits and the standard basis.

    Attributes:
        candidates: Directions from each source.
        ridge: Regularizer of one output group without another, in units of the other's mean metric.
        related: Attributes whose rank correlation over training clips is at least this need not be preserved.
        moves: Methods by which moves are learned besides straight directions, of :data:`MOVES`.
    """

    candidates: int = field(default=8, validator=validators.ge(1))
    ridge: float = field(default=0.1, validator=validators.gt(0.0))
    related: float = field(default=0.3, validator=[validators.gt(0.0), validators.le(1.0)])
    moves: tuple[str, ...] = field(default=MOVES, converter=_each_once, validator=_known_moves)


QUICK = Settings(trial_clips=100, controls=20, control_clips=32, halves=20, resamples=50, fits=("mean", "ridge"))
"""A first look: two closed-form fits, fewer clips, controls and halves. No verdict is better than provisional."""


@frozen(eq=False)
class Methods:
    """What a discovery uses of the plugins; fits in order, simpler kinds first."""

    fits: tuple[Fit, ...]
    selectors: Mapping[str, Selector]
    bases: Mapping[str, Basis]
    attributes: tuple[Attribute, ...]
    comparisons: tuple[Comparison, ...]

    @property
    def names(self) -> frozenset[str]:
        """Of the attributes and comparisons."""
        return frozenset({a.name for a in self.attributes} | {c.name for c in self.comparisons})


NO_METHODS = Methods((), {}, {}, (), ())
"""Nothing is fitted, selected or measured."""


@frozen(eq=False)
class Experiment:
    """
    Everything that a discovery is made with, besides its songs.

    Attributes:
        backend: The model.
        augmentation: The edit; None for unsupervised discovery.
        amounts: The edit's signed amounts, ascending without 0; none without an edit.
        swapped: Whether a negative amount is the positive one with before and after swapped.
        settings: Parameters.
        methods: Fits, selectors, bases, attributes, comparisons.
        seed: Of every random draw.
        map: Does work on shards, here or elsewhere; nothing depends on where.
    """

    backend: VAEBackend
    augmentation: Augmentation | None
    amounts: tuple[float, ...]
    swapped: bool
    settings: Settings
    methods: Methods
    seed: int
    map: ShardMap = in_turn

    @classmethod
    def of(
        cls, backend: VAEBackend, augmentation: Augmentation | None, settings: Settings, methods: Methods, seed: int = 0
    ) -> Experiment:
        """
        An experiment whose parts fit together.

        Raises:
            UsageError: The augmentation does not fit the model's clips or names what no plugin measures on them; a
                selector, basis or fit is unknown; clips are to be recombined that cannot be; without an augmentation,
                another basis than the standard one, or no attribute.
            PluginError: The augmentation has no amount besides 0.
        """
        _check_known("selector", settings.selector, methods.selectors)
        if augmentation is None:
            _check_unsupervised(settings, methods)
            return cls(backend, None, (), False, settings, methods, seed)
        check_serves(augmentation, backend.spec.clip_format, {})
        _check_known("basis", settings.basis, methods.bases)
        for name in set(settings.fits) - {EVERY_FIT}:
            _check_known("fit", name, {fit.name for fit in methods.fits})
        _check_measured(augmentation, methods, backend.spec.clip_format)
        if settings.recombined and capability(backend.spec.clip_format, JoinableClips) is None:
            raise UsageError(
                f"Clips of {backend.spec.clip_format.name} cannot be recombined, as the format has no method joined: "
                "leave out --recombined."
            )
        amounts, swapped = _amounts(augmentation, backend.spec.clip_format)
        return cls(backend, augmentation, amounts, swapped, settings, methods, seed)

    @classmethod
    def without_methods(cls, backend: VAEBackend, augmentation: Augmentation, seed: int = 0) -> Experiment:
        """An experiment for pairs alone: nothing is fitted, selected or measured."""
        amounts, swapped = _amounts(augmentation, backend.spec.clip_format)
        return cls(backend, augmentation, amounts, swapped, Settings(), NO_METHODS, seed)

    def for_workers(self) -> Experiment:
        """The same for pairs alone, as it travels to workers."""
        return evolve(self, methods=NO_METHODS, map=in_turn)

    def in_context(self, contexts: Sequence[EditContext]) -> Experiment:
        """The same, its edit told of clips of these contexts; the same itself where none are known."""
        return evolve(self, augmentation=in_context(self.edit, contexts)) if contexts else self

    @property
    def learns_in_part(self) -> bool:
        """Whether fits learn from clips to which an amount applies in part as well."""
        edit = self.edit.augmentation if isinstance(self.edit, EditInContext) else self.edit
        return bool(getattr(edit, "learns_in_part", False))

    @property
    def edit(self) -> Augmentation:
        """The augmentation, of an experiment that has one."""
        assert self.augmentation is not None  # unsupervised discovery edits nothing
        return self.augmentation

    @property
    def relative_to(self) -> Reference:
        """What songs are moved by into one key, "" where they are left in theirs."""
        return reference_of(self.edit) if self.settings.one_key else ""

    @property
    def own_amounts(self) -> tuple[float, ...]:
        """The amounts at which the edit itself is called; the others are swapped pairs."""
        return tuple(a for a in self.amounts if a > 0 or not self.swapped)

    @property
    def clip_format(self) -> ClipFormat:
        """The model's."""
        return self.backend.spec.clip_format

    @property
    def latent_size(self) -> int:
        """D."""
        return self.backend.spec.latent_size

    @property
    def held(self) -> Bools:
        """The dimensions of the model's condition, bool (D,)."""
        return self.backend.spec.structure.held

    @property
    def target(self) -> Attribute | None:
        """The attribute that the edit targets."""
        name = None if self.augmentation is None else self.augmentation.target
        return next((a for a in self.methods.attributes if a.name == name), None)


def _amounts(augmentation: Augmentation, clip_format: ClipFormat) -> tuple[tuple[float, ...], bool]:
    """As :func:`signed_amounts`, without those that the edit refuses on clips of this format, none of which it sees."""
    amounts, swapped = signed_amounts(augmentation)
    refused: dict[float, str] = {}
    for amount in augmentation.amounts:
        try:
            run_augmentation(
                augmentation, np.zeros((0, *clip_format.shape), np.int16), amount, default_rng(0), clip_format
            )
        except AmountError as error:
            refused[amount] = str(error)
        except PluginError:  # whatever is wrong with it, the discovery says
            continue
    kept = tuple(a for a in amounts if a not in refused and not (swapped and -a in refused))
    if not kept:
        raise UsageError(
            f"{augmentation.name} has no amount for clips of {clip_format.name}: {next(iter(refused.values()))}"
        )
    return kept, swapped


def _check_known(kind: str, name: str, known: Iterable[str]) -> None:
    if name not in known:
        raise UsageError(f"There is no {kind} named {name!r}; there is: {', '.join(sorted(known))}.")


def _check_unsupervised(settings: Settings, methods: Methods) -> None:
    if settings.basis != STANDARD:
        raise UsageError(
            f"Without an augmentation, dimensions are selected in the model's coordinates: leave out the basis "
            f"{settings.basis!r}."
        )
    if not methods.attributes:
        raise UsageError("No plugin offers an attribute of the model's clips, and knobs are named by attributes.")


def _check_measured(augmentation: Augmentation, methods: Methods, clip_format: ClipFormat) -> None:
    attributes = {a.name for a in methods.attributes}
    target = frozenset() if augmentation.target is None else frozenset({augmentation.target})
    for what, names, known in (
        ("the target {!r}", target, attributes),
        ("{!r} in preserves", augmentation.preserves, methods.names),
        ("{!r} in changes", augmentation.changes, methods.names),
    ):
        if unknown := sorted(names - known):
            raise UsageError(
                f"{augmentation.name} names {what.format(unknown[0])}, which no plugin measures; "
                f"there is: {', '.join(sorted(known)) or 'nothing'} (of clips of {clip_format.name})."
            )
