"""
The filters of the registry, declared once.

The fields of :class:`KnobQuery` are the keyword arguments of ``Workbench.knobs``, the options of ``latentknobs knobs
list`` and the parameters of GET /registry/knobs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal, TypeAlias, get_args

from attrs import field, fields, frozen

from latentknobs.core.knob import KINDS, RANK, VERDICTS, Kind, Knob, Verdict
from latentknobs.errors import UnknownNameError, UsageError

Sort: TypeAlias = Literal["name", "model", "verdict", "effect", "share", "dimensions", "date"]
SORTS: tuple[Sort, ...] = get_args(Sort)
DESCENDING: frozenset[Sort] = frozenset({"verdict", "effect", "share", "date"})
"""Orders whose largest, best or newest comes first; the others begin with the smallest."""
MOVED = 0.25
"""Standard deviations from which on a knob moves an attribute: the criteria's limit for those that should stay."""
UNEDITED = "none"
"""In place of an augmentation's name: knobs that were found without one."""
When: TypeAlias = "str | date | datetime | None"


def _one_of(kind: str, known: tuple[str, ...]) -> Callable[[Any, Any, Any], None]:
    def check(_query: object, _attribute: object, value: str | None) -> None:
        if value is not None and value not in known:
            raise UnknownNameError(kind, value, known)

    return check


def _moment(when: When, *, end: bool) -> datetime | None:
    """A day as its first moment, or as the first after it; a time without a zone is UTC."""
    if isinstance(when, str):
        try:
            when = date.fromisoformat(when) if len(when) <= len("2026-01-31") else datetime.fromisoformat(when)
        except ValueError as error:
            raise UsageError(f"{when!r} is no date: write it as 2026-01-31 or 2026-01-31T12:00.") from error
    if isinstance(when, datetime):
        return when if when.tzinfo else when.replace(tzinfo=UTC)
    if when is None:
        return None
    return datetime.combine(when, time(), UTC) + timedelta(days=1 if end else 0)


def _since(when: When) -> datetime | None:
    return _moment(when, end=False)


def _until(when: When) -> datetime | None:
    return _moment(when, end=True)


@frozen(kw_only=True)
class KnobQuery:
    """
    Filters, all of which a knob must meet, and the order and number of the results.

    Each field's ``doc`` says what it means; None = no filter. Equal knobs are ordered by model, name, age and place in
    their run.
    """

    name: str | None = field(default=None, metadata={"doc": "Of this name; * stands for any letters."})
    model: str | None = field(
        default=None,
        metadata={"doc": "Of this model: its name, hash or path. A registry takes the model's identity only."},
    )
    tag: str | None = field(default=None, metadata={"doc": "With this tag."})
    augmentation: str | None = field(
        default=None, metadata={"doc": f"Learned from this edit; {UNEDITED} = found without one."}
    )
    moves: str | None = field(
        default=None, metadata={"doc": f"That move this attribute by {MOVED} sd, or by the effect, at least."}
    )
    uses: int | None = field(
        default=None, metadata={"doc": "With this dimension among those selected.", "most": 100_000}
    )
    kind: Kind | None = field(
        default=None, validator=_one_of("kind", KINDS), metadata={"doc": "shift, affine, group or residual."}
    )
    verdict: Verdict | None = field(
        default=None,
        validator=_one_of("verdict", VERDICTS),
        metadata={"doc": "accepted, provisional, rejected or not measurable."},
    )
    effect: float | None = field(
        default=None,
        metadata={
            "doc": "Least mean change of the attribute in moves, or of any, at an end of the usable range, in sd.",
            "most": 1e6,
        },
    )
    since: datetime | None = field(
        default=None, converter=_since, metadata={"doc": "Found on this day or later.", "metavar": "DATE"}
    )
    until: datetime | None = field(
        default=None, converter=_until, metadata={"doc": "Found on this day or before.", "metavar": "DATE"}
    )
    run: str | None = field(default=None, metadata={"doc": "Of this run."})
    history: bool = field(default=False, metadata={"doc": "Also knobs of other fits and of earlier runs."})
    sort: Sort | None = field(
        default=None,
        validator=_one_of("order", SORTS),
        metadata={"doc": f"{', '.join(SORTS)} [effect with moves, share with uses, else model]."},
    )
    reverse: bool = field(default=False, metadata={"doc": "The other way round."})
    limit: int | None = field(default=None, metadata={"doc": "So many at most.", "least": 1, "most": 10_000})

    def __attrs_post_init__(self) -> None:
        if self.limit is not None and self.limit < 1:
            raise UsageError(f"At most {self.limit} knobs are none: ask for 1 or more.")
        if self.effect is not None and not self.effect >= 0:
            raise UsageError(f"The least effect is 0 or more, not {self.effect}.")
        if self.uses is not None and not 0 <= self.uses < 2**31:
            raise UsageError(f"Dimensions count from 0; there is none {self.uses}.")

    @property
    def least(self) -> float | None:
        """The least effect, None where any will do."""
        return MOVED if self.effect is None and self.moves is not None else self.effect

    @property
    def order(self) -> Sort:
        """What it is sorted by."""
        if self.sort is not None:
            return self.sort
        return "effect" if self.moves is not None else "share" if self.uses is not None else "model"

    @property
    def descending(self) -> bool:
        """Whether large values come first."""
        return (self.order in DESCENDING) != self.reverse

    def key(self, knob: Knob) -> Any:
        """The number or text by which a knob is sorted."""
        changes = [e.leakage for e in knob.effects if self.moves in (None, e.attribute)]
        shares = [d.share for d in knob.dimensions if self.uses in (None, d.dim)]
        keys: Mapping[Sort, Any] = {
            "name": knob.name,
            "model": knob.model_name,
            "verdict": RANK[knob.verdict],
            "effect": max(changes, default=0.0),
            "share": max(shares, default=0.0),
            "dimensions": len(knob.dimensions),
            "date": knob.found or datetime.min.replace(tzinfo=UTC),
        }
        return keys[self.order]


@frozen
class Filter:
    """
    A field of :class:`KnobQuery` as front ends need it.

    Attributes:
        name: The keyword, the option without its dashes, and the HTTP parameter.
        type: Of a value as it is written: str, int, float or bool.
        doc: What it means.
        least: Smallest number.
        most: Largest number that a client may send over HTTP.
        metavar: What the command's help shows in place of the type.
    """

    name: str
    type: type
    doc: str
    least: float
    most: float | None
    metavar: str | None


_TYPES: Mapping[str, type] = {"int | None": int, "float | None": float, "bool": bool}
FILTERS = tuple(
    Filter(
        name=one.name,
        type=_TYPES.get(str(one.type), str),
        doc=one.metadata["doc"],
        least=one.metadata.get("least", 0),
        most=one.metadata.get("most"),
        metavar=one.metadata.get("metavar"),
    )
    for one in fields(KnobQuery)
)
"""All filters, in the order of the command's options."""
