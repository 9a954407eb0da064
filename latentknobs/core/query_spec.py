"""
The filters of the registry, declared once.

The fields of :class:`KnobQuery` are the keyword arguments of ``Workbench.knobs``, the options of ``latentknobs knobs
list`` and the parameters of GET /registry/knobs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from numbers import Real
from typing import Any, Literal, TypeAlias, get_args

from attrs import field, fields, frozen

from latentknobs.core.knob import KINDS, RANK, VERDICTS, Kind, Knob, Verdict
from latentknobs.core.knob_rows import value_of
from latentknobs.core.seed import MOST_SEED
from latentknobs.core.where import MOST_CHARACTERS, PARTS, Where, read_term, read_where
from latentknobs.errors import UnknownNameError, UsageError

Sort: TypeAlias = Literal["name", "model", "verdict", "effect", "share", "dimensions", "date"]
SORTS: tuple[Sort, ...] = get_args(Sort)
DESCENDING: frozenset[Sort] = frozenset({"verdict", "effect", "share", "date"})
"""Orders whose largest, best or newest comes first; the others begin with the smallest."""
MOST_NUMBER = 1e308
MOVED = 0.25
"""Standard deviations from which on a knob moves an attribute: the criteria's limit for those that should stay."""
UNEDITED = "none"
"""In place of an augmentation's name: knobs that were found without one."""
When: TypeAlias = "str | date | datetime | None"
Named: TypeAlias = Literal[
    "knob",
    "model",
    "tag",
    "augmentation",
    "corpus",
    "seed",
    "plugin",
    "fit",
    "run",
    "version",
    "attribute",
    "comparison",
    "dimension",
]
"""What a registry knows by name or number."""
_NAMED: Mapping[str, Named] = {
    "name": "knob",
    "model": "model",
    "augmentation": "augmentation",
    "corpus": "corpus",
    "fit": "fit",
    "run": "run",
    "version": "version",
    "target": "attribute",
}
"""By column of a condition, what its texts name."""


def _one_of(kind: str, known: tuple[str, ...]) -> Callable[[Any, Any, Any], None]:
    def check(_query: object, _attribute: object, value: str | tuple[str, ...] | None) -> None:
        for one in (value,) if isinstance(value, str) else value or ():
            if one not in known:
                raise UnknownNameError(kind, one, known)

    return check


def _single(_query: object, attribute: Any, value: object) -> None:
    wanted = Real if attribute.name in ("uses", "effect", "limit") else str
    if value is not None and not isinstance(value, wanted):
        kind = "number" if wanted is Real else "text"
        raise UsageError(f"The filter {attribute.name} takes one {kind}, not {str(value)[:80]}.")


def _several(values: Any) -> tuple[Any, ...]:
    """One value or several, each once."""
    one = values is None or isinstance(values, str | int)
    return tuple(dict.fromkeys(() if values is None else (values,) if one else values))


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
    if not isinstance(when, date):
        raise UsageError(f"{str(when)[:80]} is no date: write it as 2026-01-31 or 2026-01-31T12:00.")
    return datetime.combine(when, time(), UTC) + timedelta(days=1 if end else 0)


def _since(when: When) -> datetime | None:
    return _moment(when, end=False)


def _until(when: When) -> datetime | None:
    return _moment(when, end=True)


@frozen(kw_only=True)
class KnobQuery:
    """
    Filters, all of which a knob must meet, and the order and number of the results.

    Each field's ``doc`` says what it means; None or () = no filter. Of several values any will do. Equal knobs are
    ordered by model, name, age and place in their run.
    """

    name: str | None = field(
        default=None, validator=_single, metadata={"doc": "Of this name; * stands for any letters."}
    )
    model: str | None = field(
        default=None,
        validator=_single,
        metadata={"doc": "Of this model: its name, hash or path. A registry takes the model's identity only."},
    )
    tag: tuple[str, ...] = field(default=(), converter=_several, metadata={"doc": "With this tag."})
    augmentation: tuple[str, ...] = field(
        default=(),
        converter=_several,
        metadata={"doc": f"Learned from this edit; {UNEDITED} = found without one."},
    )
    corpus: tuple[str, ...] = field(
        default=(), converter=_several, metadata={"doc": "Found in this corpus, as its run has it."}
    )
    seed: tuple[int, ...] = field(
        default=(), converter=_several, metadata={"doc": "Of a run with this seed.", "most": MOST_SEED}
    )
    plugin: tuple[str, ...] = field(
        default=(),
        converter=_several,
        metadata={"doc": "Of a run that used this plugin, NAME or NAME@VERSION.", "metavar": "PLUGIN"},
    )
    moves: str | None = field(
        default=None,
        validator=_single,
        metadata={"doc": f"That move this attribute by {MOVED} sd, or by the effect, at least."},
    )
    uses: int | None = field(
        default=None,
        validator=_single,
        metadata={"doc": "With this dimension among those selected.", "most": 100_000},
    )
    kind: tuple[Kind, ...] = field(
        default=(),
        converter=_several,
        validator=_one_of("kind", KINDS),
        metadata={"doc": "shift, affine, group or residual."},
    )
    verdict: tuple[Verdict, ...] = field(
        default=(),
        converter=_several,
        validator=_one_of("verdict", VERDICTS),
        metadata={"doc": "accepted, provisional, rejected or not measurable."},
    )
    effect: float | None = field(
        default=None,
        validator=_single,
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
    run: tuple[str, ...] = field(default=(), converter=_several, metadata={"doc": "Of this run."})
    where: Where | None = field(
        default=None,
        converter=read_where,
        metadata={
            "doc": "That meet a condition, as \"equivariance >= 0.95 and verdict = 'accepted'\".",
            "metavar": "CONDITION",
            "most": MOST_CHARACTERS,
        },
    )
    history: bool = field(default=False, metadata={"doc": "Also knobs of other fits and of earlier runs."})
    sort: str | None = field(
        default=None,
        validator=_single,
        metadata={
            "doc": f"{', '.join(SORTS)}, or a number as in where, as equivariance@3 [effect with moves, share with "
            f"uses, else model]."
        },
    )
    reverse: bool = field(default=False, metadata={"doc": "The other way round."})
    limit: int | None = field(
        default=None, validator=_single, metadata={"doc": "So many at most.", "least": 1, "most": 10_000}
    )

    def __attrs_post_init__(self) -> None:
        if self.limit is not None and self.limit < 1:
            raise UsageError(f"At most {self.limit} knobs are none: ask for 1 or more.")
        if self.term is not None:
            try:
                read_term(self.term)
            except UnknownNameError as error:
                raise UnknownNameError("order", self.term, (*SORTS, *error.known)) from error
        if self.effect is not None and not self.effect >= 0:
            raise UsageError(f"The least effect is 0 or more, not {self.effect}.")
        if self.uses is not None and not 0 <= self.uses < 2**31:
            raise UsageError(f"Dimensions count from 0; there is none {self.uses}.")

    def named(self) -> Iterator[tuple[Named, str | int]]:
        """What the conditions name and a registry may not have: what it is, and its name or number."""
        if self.name is not None and "*" not in self.name:
            yield "knob", self.name
        if self.moves is not None:
            yield "attribute", self.moves
        if self.uses is not None:
            yield "dimension", self.uses
        several: Mapping[Named, tuple[str | int, ...]] = {
            "tag": self.tag,
            "augmentation": tuple(name for name in self.augmentation if name != UNEDITED),
            "corpus": self.corpus,
            "seed": self.seed,
            "plugin": self.plugin,
            "run": self.run,
        }
        for what, values in several.items():
            yield from ((what, value) for value in values)
        for one in () if self.where is None else self.where.comparisons():
            if one.term.of is not None:
                part = PARTS[one.term.name]
                yield (part, int(one.term.of)) if part == "dimension" else (part, one.term.of)
            elif one.operation in ("=", "in") and one.term.name in _NAMED:
                yield from ((_NAMED[one.term.name], value) for value in one.values if isinstance(value, str))

    @property
    def least(self) -> float | None:
        """The least effect, None where any will do."""
        return MOVED if self.effect is None and self.moves is not None else self.effect

    @property
    def term(self) -> str | None:
        """What it is sorted by where that is none of the orders, but a number as in a condition."""
        return self.sort if self.sort is not None and self.sort not in SORTS else None

    @property
    def order(self) -> Sort | None:
        """What it is sorted by; None = by :attr:`term`."""
        if self.sort is not None:
            return next((order for order in SORTS if order == self.sort), None)
        return "effect" if self.moves is not None else "share" if self.uses is not None else "model"

    @property
    def descending(self) -> bool:
        """Whether large values come first."""
        return (self.order is None or self.order in DESCENDING) != self.reverse

    @property
    def last(self) -> float:
        """What a knob without the number that it is sorted by counts as: it comes last."""
        return -MOST_NUMBER if self.descending else MOST_NUMBER

    def key(self, knob: Knob) -> Any:
        """The number or text by which a knob is sorted; numbers of a condition take its evidence."""
        if self.order is None:
            value = value_of(knob, read_term(self.sort or ""))
            return self.last if value is None else float(value)
        changes = [e.effect for e in knob.effects if self.moves in (None, e.attribute)]
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


EVERYTHING = KnobQuery()
"""Without a condition."""


@frozen
class Filter:
    """
    A field of :class:`KnobQuery` as front ends need it.

    Attributes:
        name: The keyword, the option without its dashes, and the HTTP parameter.
        type: Of a value as it is written: str, int, float or bool.
        several: Whether it may be given more than once.
        doc: What it means.
        least: Smallest number.
        most: Largest number that a client may send over HTTP.
        metavar: What the command's help shows in place of the type.
    """

    name: str
    type: type
    several: bool
    doc: str
    least: float
    most: float | None
    metavar: str | None


_TYPES: Mapping[str, type] = {
    "int | None": int,
    "tuple[int, ...]": int,
    "float | None": float,
    "bool": bool,
}
FILTERS = tuple(
    Filter(
        name=one.name,
        type=_TYPES.get(str(one.type), str),
        several=str(one.type).startswith("tuple"),
        doc=one.metadata["doc"],
        least=one.metadata.get("least", 0),
        most=one.metadata.get("most"),
        metavar=one.metadata.get("metavar"),
    )
    for one in fields(KnobQuery)
)
"""All filters, in the order of the command's options."""
RUN_FILTERS = frozenset({"model", "augmentation", "corpus", "seed", "plugin", "since", "until"})
"""Those that are of runs."""
