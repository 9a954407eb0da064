"""What a decoupling found: of each knob its leakage before and after, what was dropped, and what effect is left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, Literal, TypeAlias

from attrs import asdict, frozen

from latentknobs.core.arrays import Floats
from latentknobs.core.evidence import Interval
from latentknobs.core.knob import Knob, Operator
from latentknobs.core.method_specs import Fit
from latentknobs.core.run import Run
from latentknobs.discovery.dimension_selection import jaccard
from latentknobs.discovery.run_spec import prescribed_fit
from latentknobs.evaluation.acceptance_criteria import MOST_LOST

MOST_CROSS_LEAKAGE = 0.1
"""Standard deviations: the 95 % upper bound that a decoupled knob's leakage into another's target may have."""
LEAST_KEPT = 0.8
"""Part of its effect that a knob must keep."""
SUFFIX = "-decoupled"
Way: TypeAlias = Literal["as it is", "dual basis", "projection"]


@frozen
class CrossLeakage:
    """
    What a knob does to another knob's target at one end of its usable range.

    Attributes:
        into: The other knob.
        attribute: Its target.
        amount: The end.
        change: Mean change of the target from amount 0, in standard deviations over training clips, with its sign.
        upper: 95 % upper bound of its absolute value.
        lost: Of the clips on which the target is defined at amount 0, the share on which it no longer is.
        clips: Clips on which it is defined before and after.
    """

    into: str
    attribute: str
    amount: float
    change: Interval
    upper: float
    lost: float
    clips: int

    @property
    def meets(self) -> bool:
        """Whether it is within the limit; a target that is lost is not left alone."""
        return self.excess <= 1.0

    @property
    def excess(self) -> float:
        """The worse of leakage and loss in parts of their limits: at most 1 is within them."""
        return max(self.upper / MOST_CROSS_LEAKAGE, self.lost / MOST_LOST)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self.change) | {"upper": self.upper, "lost": self.lost, "clips": self.clips}


@frozen(eq=False)
class DecoupledKnob:
    """
    A knob, decoupled.

    Attributes:
        knob: As it was.
        augmentation: Name of the edit that it was learned from.
        way: "as it is", "dual basis" or "projection".
        dropped: Dimensions of the projection that the move no longer has.
        operator: The decoupled operator.
        enough: Whether that way met the limits on validation songs.
        kept: Part of the effect over both ends of the range that is left, on test songs.
        before: Leakage on test songs, for each end and other knob.
        after: The same of the decoupled operator.
        dims_before: The selected dimensions, as stored.
        dims_after: Those of the decoupled operator, on validation songs.
        kept_by_dims: Part of the whole effect of the knob as it was that the decoupled one has in those dimensions
            alone, on test songs.
    """

    knob: Knob
    augmentation: str
    way: Way
    dropped: int
    operator: Operator
    enough: bool
    kept: Interval
    before: tuple[CrossLeakage, ...]
    after: tuple[CrossLeakage, ...]
    dims_before: tuple[int, ...]
    dims_after: tuple[int, ...]
    kept_by_dims: Interval

    @property
    def changed(self) -> bool:
        """Whether anything was done to it."""
        return self.way != "as it is"

    @property
    def meets(self) -> bool:
        """Whether every leakage after is within the limit and the effect is kept."""
        return all(leak.meets for leak in self.after) and self.kept.value >= LEAST_KEPT

    @property
    def fit_name(self) -> str:
        """Name of the fit that a knob of this operator is stored with."""
        return self.knob.fit if self.knob.fit.endswith(SUFFIX) else self.knob.fit + SUFFIX

    def origin(self) -> dict[str, Any]:
        """What a run of it depends on besides, for RunSpec.parameters."""
        return {
            "fits": [self.fit_name],
            "decoupled": {"run": self.knob.run_id, "from": self.knob.operator_sha256, "to": self.operator.sha256},
        }

    def as_fit(self) -> Fit:
        """A fit that gives the decoupled operator, for a discovery to judge by the same acceptance criteria."""
        facts: dict[str, Any] = {"way": self.way, "dropped": self.dropped, "kept": self.kept.value}
        for leak in self.after:
            facts[f"leakage into {leak.attribute} at {leak.amount:+g}"] = leak.change.value
        return prescribed_fit(self.fit_name, self.operator, "A stored knob, decoupled from others.", facts)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "knob": self.knob.name,
            "kind": self.knob.kind,
            "fit": self.knob.fit,
            "low": self.knob.low,
            "high": self.knob.high,
            "way": self.way,
            "dropped": self.dropped,
            "enough": self.enough,
            "meets": self.meets,
            "kept": asdict(self.kept),
            "dims_before": list(self.dims_before),
            "dims_after": list(self.dims_after),
            "kept_by_dims": asdict(self.kept_by_dims),
            "leakage": [
                {
                    "into": one.into,
                    "attribute": one.attribute,
                    "amount": one.amount,
                    "before": one.as_dict(),
                    "after": other.as_dict(),
                }
                for one, other in zip(self.before, self.after, strict=True)
            ],
        }


@frozen(eq=False)
class Decoupling:
    """
    A decoupling of m knobs, which are in order of name.

    Attributes:
        knobs: Each of them.
        cosines: float64 (m, m), of the angles between their mean moves for one unit, by Mahalanobis distance.
        condition: Condition number of the cosines: how near the mean moves are to being mixtures of one another.
        alignment: float64 (m, m), 0 to 1, how alike the second moments of all their moves are.
        r2: By target, R2 of its linear reading on validation songs.
        every_clip: Whether leakage is measured on all clips and not only on those that the edits can be applied to.
        runs: The runs that stored the changed knobs.
    """

    knobs: tuple[DecoupledKnob, ...]
    cosines: Floats
    condition: float
    alignment: Floats
    r2: Mapping[str, float]
    every_clip: bool
    runs: Sequence[Run] = ()

    def overlaps(self) -> list[tuple[str, str, float, float]]:
        """For each two knobs, the Jaccard index of their selected dimensions before and after."""
        return [
            (a.knob.name, b.knob.name, jaccard(a.dims_before, b.dims_before), jaccard(a.dims_after, b.dims_after))
            for a, b in combinations(self.knobs, 2)
        ]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "knobs": [knob.as_dict() for knob in self.knobs],
            "cosines": self.cosines.tolist(),
            "condition": self.condition if self.condition < float("inf") else None,
            "alignment": self.alignment.tolist(),
            "readings_r2": dict(self.r2),
            "overlap": [{"knobs": [a, b], "before": x, "after": y} for a, b, x, y in self.overlaps()],
            "every_clip": self.every_clip,
            "limits": {"leakage": MOST_CROSS_LEAKAGE, "kept": LEAST_KEPT},
            "stored": [
                {"run": run.run_id, "knob": k.name, "fit": k.fit, "verdict": k.verdict}
                for run in self.runs
                for k in run.knobs
            ],
        }
