"""What a discovery depends on besides model, augmentation, corpus and seed, and the plugins' offers that it uses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import asdict, field, frozen, validators

from latentknobs.core.attribute import Attribute, Comparison
from latentknobs.core.method_specs import Basis, Fit, Selector


def _names(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(values)


@frozen
class Settings:
    """
    What a discovery's result depends on besides model, augmentation, corpus and seed.

    Attributes:
        clips: Clips asked of the corpus, all splits together; None = all.
        shard: Least number of clips in a shard.
        trial_clips: Validation clips, and test clips, that decoded measures are taken on.
        controls: Random controls.
        control_clips: Clips the controls are decoded on.
        basis: Name of a basis in which selectors are asked besides model coordinates.
        selector: Name of the selector that gives S; the others are reported beside it.
        threshold: The threshold selector's t, in code units.
        keep: The effect selector's part of the effect.
        energy: The energy selector's part of the moved energy.
        alpha: Chance of even one false dimension that the selectors max-t and placebo allow.
        flips: Sign flips of these two.
        minimum: The placebo selector's least effect, in standard deviations.
        halves: Half-samples of songs on which selectors are asked again.
        resamples: Resamplings of songs for the interval on the number of dimensions of selectors that do not decode.
        sample_clips: Training clips whose codes at every amount are kept for fits that need pairs.
        steps: Steps for each fitted amount of a fit that is trained.
        fits: Names of the fits that are made; none = all.
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

    def as_dict(self) -> dict[str, Any]:
        """For RunSpec.parameters."""
        return asdict(self) | {"fits": list(self.fits)}


@frozen
class UnsupervisedSettings(Settings):
    """
    The same for a run without an augmentation; the options of fits are not used there, and the basis is the standard.

    Attributes:
        candidates: Directions from each source.
        ridge: Regulariser of one output group without another, in units of the other's mean metric.
        related: Attributes whose rank correlation over training clips is at least this are not asked to stay.
    """

    candidates: int = field(default=8, validator=validators.ge(1))
    ridge: float = field(default=0.1, validator=validators.gt(0.0))
    related: float = field(default=0.3, validator=[validators.gt(0.0), validators.le(1.0)])


QUICK = Settings(trial_clips=100, controls=20, control_clips=32, halves=20, resamples=50, fits=("mean", "ridge"))
"""A first look: two closed fits, fewer clips, controls and halves. No verdict is better than provisional."""


@frozen(eq=False)
class Methods:
    """The plugins' offers that a discovery uses, by name; fits in order, simpler kinds first."""

    fits: tuple[Fit, ...]
    selectors: Mapping[str, Selector]
    bases: Mapping[str, Basis]
    attributes: tuple[Attribute, ...]
    comparisons: tuple[Comparison, ...]
