"""Which knobs somebody asks for, and in which order: one value for Python, the command line and the registry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal, TypeAlias, TypedDict, get_args

from attrs import field, frozen

from latentknobs.core.knob import KINDS, RANK, VERDICTS, Kind, Knob, Verdict
from latentknobs.errors import UnknownNameError, UsageError

Sort: TypeAlias = Literal["name", "model", "verdict", "effect", "share", "dimensions", "date"]
SORTS: tuple[Sort, ...] = get_args(Sort)
DESCENDING: frozenset[Sort] = frozenset({"verdict", "effect", "share", "date"})
"""Orders whose largest, best or newest comes first; the others begin with the smallest."""
MOVED = 0.25
"""Standard deviations from which on a knob moves an attribute: the gates' limit for those that should stay."""
UNEDITED = "none"
"""In place of an augmentation's name: knobs that were found without one."""
When: TypeAlias = "str | date | datetime | None"


class KnobFilters(TypedDict, total=False):
    """What may be asked for, as keyword arguments; :class:`KnobQuery` says what each means."""

    name: str | None
    model: str | None
    tag: str | None
    augmentation: str | None
    moves: str | None
    uses: int | None
    kind: Kind | None
    verdict: Verdict | None
    effect: float | None
    since: When
    until: When
    run: str | None
    history: bool
    sort: Sort | None
    reverse: bool
    limit: int | None


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
    Knobs that meet every condition given; None = any.

    Attributes:
        name: The name; * stands for any letters.
        model_id: The model's identity.
        tag: One of its tags.
        augmentation: What it was learned from; "none" = found without an edit.
        moves: An attribute that it moves by ``effect`` at least.
        uses: A dimension of its S.
        kind: shift, affine, group or residual.
        verdict: accepted, provisional, rejected or not measurable.
        effect: Least mean change of ``moves``, or of any attribute, at an end of the usable range, in standard
            deviations over the corpus; 0.25 where only ``moves`` is given.
        since: First day, or moment, in which its run ended.
        until: Last day, or first moment after.
        run: Identity of its run.
        history: Also the knobs that (model, name) does not mean: of other fits and of earlier runs.
        sort: name, model, verdict, effect (of ``moves``, else the largest), share (of ``uses``, else the largest),
            dimensions (how many) or date; None = effect where ``moves`` is given, share where ``uses`` is, else
            model. Among equals by model, name, age and place in its run.
        reverse: The other way round than usual: names from a, verdicts from the best, effects and shares from the
            largest, dates from the newest.
        limit: So many at most.
    """

    name: str | None = None
    model_id: str | None = None
    tag: str | None = None
    augmentation: str | None = None
    moves: str | None = None
    uses: int | None = None
    kind: Kind | None = field(default=None, validator=_one_of("kind", KINDS))
    verdict: Verdict | None = field(default=None, validator=_one_of("verdict", VERDICTS))
    effect: float | None = None
    since: datetime | None = field(default=None, converter=_since)
    until: datetime | None = field(default=None, converter=_until)
    run: str | None = None
    history: bool = False
    sort: Sort | None = field(default=None, validator=_one_of("order", SORTS))
    reverse: bool = False
    limit: int | None = None

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
