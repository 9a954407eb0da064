"""Knobs: transformations of codes, with what was measured of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, TypeAlias

import numpy as np
from attrs import field, frozen, validators
from numpy.typing import NDArray

from latentknobs.core.arrays import frozen_array, sha256_of_arrays
from latentknobs.core.evidence import Evidence

Kind: TypeAlias = Literal["shift", "affine", "group", "residual"]
Verdict: TypeAlias = Literal["accepted", "rejected", "provisional", "not measurable"]
KINDS: tuple[Kind, ...] = ("shift", "affine", "group", "residual")
VERDICTS: tuple[Verdict, ...] = ("accepted", "rejected", "provisional", "not measurable")
RANK: Mapping[Verdict, int] = {"accepted": 3, "provisional": 2, "not measurable": 1, "rejected": 0}
"""Which verdict is better: a knob never takes the place of one with a better verdict."""
NAME = r"[a-z0-9][a-z0-9_-]*"
"""What a knob's name looks like."""
RESERVED_NAMES = ("random", "others")
"""Knob names of the paper's controls; no augmentation may give a knob of these names."""
UNAIDED = "-auto"
"""How names of knobs end that were found without an augmentation; none may give a knob such a name."""
_AFFINE: Mapping[str, str] = {"amounts": "A", "matrices": "ADD", "offsets": "AD"}
ARRAYS: Mapping[Kind, Mapping[str, str]] = {
    "shift": {"direction": "D"},
    "affine": _AFFINE,
    "group": {"step": "1", "matrix": "DD", "offset": "D"},
    "residual": {
        **_AFFINE,
        "scale": "D",
        "input": "HD",
        "entry": "AH",
        "hidden": "HH",
        "hidden_bias": "H",
        "output": "DH",
    },
}
"""The arrays of each kind of operator, an axis a letter (1: of length 1); any may have "projection", "DR"."""


def _freeze(arrays: Mapping[str, Any]) -> dict[str, NDArray[np.float32]]:
    return {name: frozen_array(array, np.float32) for name, array in sorted(arrays.items())}


@frozen(eq=False)
class Operator:
    """
    The numbers of a transformation T(z, amount); :mod:`latentknobs.steering.apply` applies it.

    Attributes:
        kind: shift: arrays "direction" (D,). affine: "amounts" (A,) ascending without 0, "matrices"
            (A, D, D), "offsets" (A, D), T(z, amounts[a]) = matrices[a] z + offsets[a]. group: "step" (1,) above 0,
            "matrix" (D, D), "offset" (D,), T(z, step) = matrix z + offset, and T(z, n step) is that map taken n times,
            its inverse for n under 0 (:mod:`latentknobs.steering.matrix_powers`). residual: affine's arrays
            and a network's, "scale" (D,), "input" (H, D), "entry" (A, H), "hidden" (H, H), "hidden_bias" (H,),
            "output" (D, H), whose output scale * output silu(hidden silu(input (z / scale) + entry[a]) + hidden_bias)
            is added.
        arrays: float32, read-only. The key "projection" (D, r), if there, has orthonormal columns and
            limits the move to their span.
    """

    kind: Kind = field(validator=validators.in_(KINDS))
    arrays: Mapping[str, NDArray[np.float32]] = field(converter=_freeze)

    @arrays.validator
    def _all_finite(self, _attribute: object, arrays: Mapping[str, NDArray[np.float32]]) -> None:
        for name, array in arrays.items():
            if not np.isfinite(array).all():
                raise ValueError(f"operator array {name!r} holds numbers that are not finite.")

    @property
    def sha256(self) -> str:
        """Hash of kind and arrays, hexadecimal."""
        return sha256_of_arrays(dict(self.arrays), self.kind.encode())


@frozen
class KnobDimension:
    """
    One of a knob's selected dimensions.

    Attributes:
        dim: Index in the model's coordinates, from 0.
        share: Its share of the moved energy, 0 to 1, in units of the dimension's spread.
        weight: Signed weight for a shift, None for operators.
    """

    dim: int = field(validator=validators.ge(0))
    share: float = field(validator=[validators.ge(0.0), validators.le(1.0 + 1e-9)])
    weight: float | None = None


@frozen
class KnobEffect:
    """
    What a knob does to one attribute.

    Attributes:
        attribute: Name of the attribute.
        slope: Mean change of the attribute for one unit of the amount.
        leakage: Largest absolute mean change at the ends of the usable range, in standard deviations over the corpus.
    """

    attribute: str
    slope: float
    leakage: float


@frozen(eq=False)
class Knob:
    """
    A transformation T(z, amount) of codes, with what was measured of it.

    Attributes:
        name: What people call it ("pitch").
        model_id: The model it belongs to.
        model_name: That model's name, for people.
        augmentation: Name of the augmentation it was learned from, None for none.
        kind: shift, affine, group or residual.
        fit: How it was fitted ("mean", "ridge", ...).
        unit: Unit of the amount.
        step: Amounts are multiples of it (on/off knobs, and a group's whole steps); None = continuous.
        low: Low end of the usable range, at most 0.
        high: High end of the usable range, at least 0.
        verdict: accepted, rejected, provisional or not measurable.
        dimensions: The selected dimensions, most important first.
        effects: Per attribute.
        evidence: All that was measured.
        operator: The transformation, or None where only its hash was kept.
        operator_sha256: Hash of the operator.
        run_id: The run it came from (Run.run_id).
        tags: Words people gave it.
        note: What people wrote of it.
        found: When its run ended, aware; None where it comes from no registry.
    """

    name: str = field(validator=validators.matches_re(NAME))
    model_id: str = field(validator=validators.matches_re(r"[0-9a-f]{64}"))
    model_name: str
    augmentation: str | None
    kind: Kind = field(validator=validators.in_(KINDS))
    fit: str
    unit: str
    step: float | None
    low: float
    high: float
    verdict: Verdict = field(validator=validators.in_(VERDICTS))
    dimensions: tuple[KnobDimension, ...]
    effects: tuple[KnobEffect, ...] = ()
    evidence: Evidence = field(factory=Evidence)
    operator: Operator | None = None
    operator_sha256: str = field(default="")
    run_id: str = ""
    tags: tuple[str, ...] = ()
    note: str = ""
    found: datetime | None = None

    @name.validator
    def _not_reserved(self, _attribute: object, name: str) -> None:
        if name in RESERVED_NAMES:
            raise ValueError(f"the knob name {name!r} is reserved for the controls: choose another knob_name.")

    def __attrs_post_init__(self) -> None:
        if not (np.isfinite(self.low) and np.isfinite(self.high) and self.low <= 0 <= self.high):
            raise ValueError(
                f"the usable range of knob {self.name!r} must be finite and hold 0, got {self.low} to {self.high}."
            )
        if self.operator is not None and not self.operator_sha256:
            object.__setattr__(self, "operator_sha256", self.operator.sha256)

    def as_dict(self) -> dict[str, Any]:
        """What ``--json`` prints: everything but the operator's arrays and the evidence."""
        return {
            "name": self.name,
            "model": self.model_name,
            "model_id": self.model_id,
            "augmentation": self.augmentation,
            "kind": self.kind,
            "fit": self.fit,
            "unit": self.unit,
            "step": self.step,
            "low": self.low,
            "high": self.high,
            "verdict": self.verdict,
            "dimensions": [{"dim": d.dim, "share": d.share, "weight": d.weight} for d in self.dimensions],
            "effects": [{"attribute": e.attribute, "slope": e.slope, "leakage": e.leakage} for e in self.effects],
            "run": self.run_id,
            "operator_sha256": self.operator_sha256,
            "tags": list(self.tags),
            "note": self.note,
            "found": None if self.found is None else self.found.isoformat(),
        }
