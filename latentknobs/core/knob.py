"""Knobs: transformations of codes, with what was measured of them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, TypeAlias

import numpy as np
from attrs import asdict, field, frozen, validators
from numpy.typing import NDArray

from latentknobs.core.arrays import Bools, frozen_array, sha256_of_arrays
from latentknobs.core.evidence import Evidence
from latentknobs.core.html_table import html_table
from latentknobs.core.reasons import reasons
from latentknobs.errors import RegistryError

Kind: TypeAlias = Literal["shift", "affine", "group", "residual"]
Verdict: TypeAlias = Literal["accepted", "rejected", "provisional", "not measurable"]
KINDS: tuple[Kind, ...] = ("shift", "affine", "group", "residual")
VERDICTS: tuple[Verdict, ...] = ("accepted", "rejected", "provisional", "not measurable")
RANK: Mapping[Verdict, int] = {"accepted": 3, "provisional": 2, "not measurable": 1, "rejected": 0}
"""Which verdict is better: a knob never takes the place of one with a better verdict."""
NAME = r"[a-z0-9][a-z0-9_-]{0,199}"
"""What a knob's name looks like."""
FROM_REGISTRY = ("found", "current", "corpus", "seed", "version")
"""Fields of a knob that a registry fills in."""
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
"""The arrays of each kind of operator, an axis a letter (1: of length 1); any may have those of :data:`LIMITS`."""
BLOCKS: Mapping[str, str] = {"blocks": "LHH", "blocks_bias": "LH"}
"""What a residual operator whose network has more than two hidden layers has besides."""
LIMITS: Mapping[str, str] = {"projection": "DR", "held": "D"}
"""Arrays that limit what an operator of any kind moves."""
LAYER_NORM = 1e-5
"""Added to a variance before codes are divided by its root, in a residual operator's blocks."""
MOST_NUMBERS = 2**28
"""Numbers in one array of an operator: 1 GiB."""
MOST_TAGS = 1000
MOST_LABEL = 1000
"""Characters of a tag, or of another short text."""
MOST_NOTE = 10_000
"""Characters of a note."""
_ORTHONORMAL = 1e-3
"""How far the products of a projection's columns may be from 0 and 1."""


def _freeze(arrays: Mapping[str, Any]) -> dict[str, NDArray[np.float32]]:
    out = {}
    for name, values in sorted(arrays.items()):
        array = np.asarray(values)
        if array.dtype.kind not in "fiu":
            raise ValueError(f"operator array {name!r} holds {array.dtype.name} instead of numbers.")
        with np.errstate(over="ignore"):  # infinite then, which is refused
            out[name] = frozen_array(array, np.float32)
    return out


def _operator_fault(kind: Kind, arrays: Mapping[str, NDArray[np.float32]]) -> str | None:
    """What is wrong with the arrays of an operator of this kind."""
    axes = {**ARRAYS[kind], **LIMITS}
    if kind == "residual" and BLOCKS.keys() & arrays.keys():
        axes |= BLOCKS
    for name in sorted((axes.keys() ^ arrays.keys()) - LIMITS.keys()):
        return f"without an array {name!r}" if name in axes else f"with an array {name!r}, which its kind does not have"
    lengths = {"1": 1}
    for name in sorted(arrays, key=lambda name: (name in LIMITS, name)):
        shape = arrays[name].shape
        for letter, length in zip(axes[name], shape, strict=False):
            lengths.setdefault(letter, length)
        expected = tuple(lengths.get(letter, letter) for letter in axes[name])
        if shape != expected:
            return f"whose {name!r} has shape {shape} instead of {expected}"
        if not 0 < arrays[name].size <= MOST_NUMBERS:
            return f"whose {name!r} has {arrays[name].size} numbers instead of 1 to {MOST_NUMBERS}"
        if not np.isfinite(arrays[name]).all():
            return f"whose {name!r} holds numbers that are not finite"
    if (projection := arrays.get("projection")) is not None:
        gram = projection.T @ projection
        if not np.allclose(gram, np.eye(len(gram)), rtol=0, atol=_ORTHONORMAL):
            return "whose 'projection' has columns that are not orthonormal"
    if (held := arrays.get("held")) is not None:
        if not np.isin(held, (0, 1)).all() or held.all():
            return "whose 'held' is not 1 for the dimensions that nothing moves and 0 for others"
        still = _still(arrays, held.astype(bool))
        for name in sorted(still):
            if not np.array_equal(arrays[name], still[name]):
                return f"whose {name!r} moves a dimension that 'held' says nothing moves"
    if "scale" in arrays and not arrays["scale"].all():
        return "whose 'scale' has a 0, by which codes are divided"
    if "step" in arrays and not arrays["step"][0] > 0:
        return f"whose 'step' is {arrays['step'][0]:g}, which is not above 0"
    amounts = arrays.get("amounts")
    if amounts is not None and not (amounts.all() and (np.diff(amounts) > 0).all()):
        return f"whose amounts are not ascending without 0: {amounts[:100].tolist()}"
    return None


def _still(arrays: Mapping[str, NDArray[np.float32]], held: Bools) -> dict[str, NDArray[np.float32]]:
    """The arrays that say where codes go, with some dimensions, bool (D,), staying where they are."""
    out = {}
    for name in ("direction", "matrices", "offsets", "matrix", "offset", "output"):
        if name in arrays:
            out[name] = arrays[name].copy()
            rows = (slice(None), held) if name in _AFFINE else held
            out[name][rows] = np.eye(len(held))[held] if name in ("matrices", "matrix") else 0.0
    return out


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
            "output" (D, H), whose output scale * output q is added, with
            q = silu(hidden silu(input (z / scale) + entry[a]) + hidden_bias). "blocks" (L, H, H) and "blocks_bias"
            (L, H), if there, come before the output: for each l, silu(blocks[l] n + blocks_bias[l]) is added to q,
            n being q with mean 0 and variance 1 over its H units (:data:`LAYER_NORM` is added to the variance).
        arrays: float32, read-only. The key "projection" (D, r), if there, has orthonormal columns and
            limits the move to their span. "held" (D,), if there, is 1 in the dimensions of a condition, which the
            operator may read but nothing moves.
    """

    kind: Kind = field(validator=validators.in_(KINDS))
    arrays: Mapping[str, NDArray[np.float32]] = field(converter=_freeze)

    @arrays.validator
    def _usable(self, _attribute: object, arrays: Mapping[str, NDArray[np.float32]]) -> None:
        if (fault := _operator_fault(self.kind, arrays)) is not None:
            raise ValueError(f"an operator of kind {self.kind!r} {fault}.")

    @property
    def size(self) -> int:
        """Number of dimensions of the codes, D."""
        name = {"shift": "direction", "group": "offset"}.get(self.kind, "offsets")
        return int(self.arrays[name].shape[-1])

    @property
    def held(self) -> Bools:
        """The dimensions that it does not move whatever its other arrays say, bool (D,)."""
        held = self.arrays.get("held")
        return np.zeros(self.size, dtype=bool) if held is None else held.astype(bool)

    def holding(self, held: Bools) -> Operator:
        """This operator, which leaves some dimensions, bool (D,), where they are; itself where there are none."""
        if not held.any():
            return self
        return Operator(self.kind, {**self.arrays, **_still(self.arrays, held), "held": held.astype(np.float32)})

    @property
    def sha256(self) -> str:
        """Hash of kind and arrays, hexadecimal."""
        return sha256_of_arrays(dict(self.arrays), self.kind.encode())


def _maybe_float(value: float | None) -> float | None:
    return None if value is None else float(value)


def _finite(_owner: object, attribute: Any, value: Any) -> None:
    if value is not None and not math.isfinite(value):
        raise ValueError(f"{attribute.name} must be finite, not {value}.")


def _short(_owner: object, attribute: Any, value: Any) -> None:
    if value is not None and len(value) > MOST_LABEL:
        raise ValueError(f"{attribute.name} must have {MOST_LABEL} characters at most, not {len(value)}.")


@frozen
class KnobDimension:
    """
    One of a knob's selected dimensions.

    Attributes:
        dim: Index in the model's coordinates, from 0.
        share: Its share of the moved energy, 0 to 1, in units of the dimension's standard deviation.
        weight: Signed weight for a shift, None for other operators.
    """

    dim: int = field(converter=int, validator=[validators.ge(0), validators.lt(2**31)])
    share: float = field(converter=float, validator=[validators.ge(0.0), validators.le(1.0 + 1e-9)])
    weight: float | None = field(default=None, converter=_maybe_float, validator=_finite)


@frozen
class KnobEffect:
    """
    What a knob does to one attribute.

    Attributes:
        attribute: Name of the attribute.
        slope: Mean change of the attribute for one unit of the amount.
        effect: Largest absolute mean change at the ends of the usable range, in standard deviations over the corpus.
    """

    attribute: str = field(validator=_short)
    slope: float = field(converter=float, validator=_finite)
    effect: float = field(converter=float, validator=_finite)


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
        found: When its run ended, aware; as all that follow, None where it comes from no registry.
        current: Whether its model and name mean this knob.
        corpus: Of its run.
        seed: Of its run.
        version: Version of latentknobs that made its run.
    """

    name: str = field(validator=validators.matches_re(NAME))
    model_id: str = field(validator=validators.matches_re(r"[0-9a-f]{64}"))
    model_name: str = field(validator=_short)
    augmentation: str | None = field(validator=_short)
    kind: Kind = field(validator=validators.in_(KINDS))
    fit: str = field(validator=_short)
    unit: str = field(validator=_short)
    step: float | None = field(converter=_maybe_float)
    low: float = field(converter=float)
    high: float = field(converter=float)
    verdict: Verdict = field(validator=validators.in_(VERDICTS))
    dimensions: tuple[KnobDimension, ...]
    effects: tuple[KnobEffect, ...] = ()
    evidence: Evidence = field(factory=Evidence)
    operator: Operator | None = None
    operator_sha256: str = ""
    run_id: str = ""
    tags: tuple[str, ...] = field(default=())
    note: str = field(default="", validator=validators.max_len(MOST_NOTE))
    found: datetime | None = None
    current: bool | None = None
    corpus: str | None = None
    seed: int | None = None
    version: str | None = None

    @name.validator
    def _not_reserved(self, _attribute: object, name: str) -> None:
        if name in RESERVED_NAMES:
            raise ValueError(f"the knob name {name!r} is reserved for the controls: choose another knob_name.")

    @tags.validator
    def _few_short_tags(self, attribute: object, tags: tuple[str, ...]) -> None:
        if len(tags) > MOST_TAGS:
            raise ValueError(f"a knob has {MOST_TAGS} tags at most, not {len(tags)}.")
        for tag in tags:
            _short(self, attribute, tag)

    def __attrs_post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low <= 0 <= self.high):
            raise ValueError(
                f"the usable range of knob {self.name!r} must be finite and hold 0, got {self.low} to {self.high}."
            )
        if self.step is not None and not (math.isfinite(self.step) and self.step > 0):
            raise ValueError(f"the step of knob {self.name!r} must be finite and above 0, got {self.step}.")
        dims = [d.dim for d in self.dimensions]
        for what, names in (("dimension", dims), ("effect", [e.attribute for e in self.effects])):
            counts: Counter[int | str] = Counter(names)
            if twice := [name for name, count in counts.items() if count > 1]:
                raise ValueError(f"knob {self.name!r} has the {what} {twice[0]!r} twice.")
        if self.operator is None:
            return
        if self.operator.kind != self.kind:
            raise ValueError(f"knob {self.name!r} is a {self.kind} with an operator of kind {self.operator.kind!r}.")
        if dims and max(dims) >= self.operator.size:
            raise ValueError(
                f"knob {self.name!r} selects dimension {max(dims)} of {self.operator.size}, which count from 0."
            )
        if not self.operator_sha256:
            object.__setattr__(self, "operator_sha256", self.operator.sha256)

    def require_operator(self) -> Operator:
        """
        The operator.

        Raises:
            RegistryError: Only its hash was kept.
        """
        if self.operator is None:
            raise RegistryError(
                f"The registry keeps only the hash of the operator of {self.name!r}: "
                f"repeat its run {self.run_id or '(unknown)'} first."
            )
        return self.operator

    @property
    def on_off(self) -> bool:
        """Whether 0 and its step are all that it can be turned to."""
        return self.step is not None and self.high - self.low <= self.step

    @property
    def blocks(self) -> str:
        """How the moved energy is shared among the blocks or steps of the code, for people; "" of a plain vector."""
        return ", ".join(map(str, self.evidence.blocks))

    def dimension_names(self, most: int | None = None) -> list[str]:
        """The selected dimensions for people, most important first: "pitch[12]", "[3, 5]", or plain numbers."""
        structure = self.evidence.structure
        return [structure.name_of(one.dim) for one in self.dimensions[:most]]

    def _repr_html_(self) -> str:
        """For notebooks: the facts, and the effects with the largest first."""
        span = f"{self.low:+g} to {self.high:+g} {self.unit}".rstrip()
        facts = {"verdict": self.verdict, "kind, fit": f"{self.kind}, {self.fit}", "usable range": span}
        facts |= {"selected dimensions": str(len(self.dimensions)), "model": self.model_name, "run": self.run_id}
        facts |= {f"reason {i + 1}": str(one) for i, one in enumerate(reasons(self.evidence))}
        facts |= {"moved energy": blocks} if (blocks := self.blocks) else {}
        effects = sorted(self.effects, key=lambda one: -one.effect)
        rows = ((one.attribute, one.slope, one.effect) for one in effects)
        return html_table(("", self.name), facts.items()) + html_table(("attribute", "slope", "effect (sd)"), rows)

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
            "dimensions": [asdict(one) for one in self.dimensions],
            "blocks": [asdict(one) for one in self.evidence.blocks],
            "effects": [asdict(one) for one in self.effects],
            "effects_at": list(self.evidence.effects_at),
            "reasons": [str(one) for one in reasons(self.evidence)],
            "run": self.run_id,
            "operator_sha256": self.operator_sha256,
            "tags": list(self.tags),
            "note": self.note,
            "found": None if self.found is None else self.found.isoformat(),
            "current": self.current,
            "corpus": self.corpus,
            "seed": self.seed,
            "version": self.version,
        }
