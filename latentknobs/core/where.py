"""
Conditions on knobs, as people write them: ``equivariance >= 0.95 and verdict = 'accepted'``.

A condition compares columns of the view v_knobs, criteria and measurements with numbers and texts. It is read into
values here; :mod:`latentknobs.registry.where_sql` makes SQL of them.
"""

from __future__ import annotations

import functools
import math
import operator
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from attrs import field, frozen

from latentknobs.core.evidence import CriterionKind
from latentknobs.core.knob import KINDS, VERDICTS
from latentknobs.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from pyparsing import ParserElement, ParseResults

Value: TypeAlias = float | str
Operation: TypeAlias = Literal["=", "!=", "<", "<=", ">", ">=", "in", "like", "contains", "is null"]
COMPARING: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
"""What comparisons do, for values in Python and for columns in SQL."""
TEXTS = (
    "name",
    "model",
    "model_id",
    "run",
    "kind",
    "fit",
    "verdict",
    "augmentation",
    "unit",
    "tags",
    "note",
    "corpus",
    "found",
    "version",
    "target",
    "operator_sha256",
)
"""Columns of v_knobs that hold texts."""
ROW_TEXTS = ("attribute", "block", "criterion", "of", "split")
"""The same of the views on parts of knobs, besides those that v_knobs has."""
NUMBERS = ("current", "step", "low", "high", "dimensions", "effect", "seed", "slope", "r2")
"""Columns of v_knobs that hold numbers."""
CRITERIA: Mapping[str, CriterionKind] = {
    **{kind: kind for kind in get_args(CriterionKind) if kind != "effect"},
    "p": "effect",
}
"""Criteria by the name that a condition has for them: ``effect`` is the column."""
MEASURED = ("equivariance_low", "equivariance_high", "accuracy", "floor", "ceiling", "clips")
"""Columns of v_knob_response that are compared at their smallest over the usable range, or at one amount."""
RESPONSE = "response"
"""The target's measured change at one amount."""
PARTS: Mapping[str, Literal["attribute", "comparison", "dimension"]] = {
    "effect": "attribute",
    "slope": "attribute",
    "leakage": "attribute",
    "loss": "attribute",
    "content": "comparison",
    "share": "dimension",
    "weight": "dimension",
}
"""What may stand behind ``of``, by the name before it."""
KNOWN = (*TEXTS, *NUMBERS, *CRITERIA, *MEASURED, RESPONSE, "share", "weight")
MOST_CHARACTERS = 1000
RESERVED = ("and", "or", "not", "of", "by", "at", "in", "is", "null", "like", "contains")
_FIXED: Mapping[str, tuple[str, ...]] = {"verdict": VERDICTS, "kind": KINDS}
_EXAMPLE = "write it like equivariance >= 0.95 and verdict = 'accepted'"


@frozen
class Term:
    """
    What is compared.

    Attributes:
        name: Column, criterion or measurement.
        of: Of which attribute, comparison or dimension; None = the knob's, or the worst of them.
        amount: At which amount; None = the worst over all amounts in the usable range.
        is_text: Whether it is compared with texts.
        position: Of its first character in the text, from 0.
    """

    name: str
    of: str | None = None
    amount: float | None = None
    is_text: bool = field(default=False, eq=False)
    position: int = field(default=0, eq=False)


@frozen
class Compared:
    """A term beside values; ``in`` has any number of them, ``is null`` none, the others one."""

    term: Term
    operation: Operation
    values: tuple[Value, ...] = ()


@frozen
class Junction:
    """Conditions joined; ``not`` has one of them."""

    kind: Literal["and", "or", "not"]
    parts: tuple[Condition, ...]


Condition: TypeAlias = Compared | Junction


@frozen
class Where:
    """
    A condition.

    Attributes:
        text: As it was written.
        condition: What it means.
    """

    text: str
    condition: Condition = field(eq=False)

    def comparisons(self) -> Iterator[Compared]:
        """All comparisons, from left to right."""
        waiting = [self.condition]
        while waiting:
            one = waiting.pop()
            if isinstance(one, Compared):
                yield one
            else:
                waiting.extend(reversed(one.parts))


def read_where(text: str | Where | None) -> Where | None:
    """
    Read a condition on knobs; None and a blank text are none.

    Raises:
        UsageError: It cannot be read, or compares a number with a text; the sentence says where.
        UnknownNameError: It has a name that is no column, criterion or measurement.
    """
    if text is None or isinstance(text, Where):
        return text
    if not isinstance(text, str):
        raise UsageError(f"A condition is one text, not {str(text)[:80]}: join several with and.")
    return Where(text, _read(text, None)) if text.strip() else None


def read_row_condition(text: str, columns: Iterable[str]) -> Condition:
    """Read a condition on rows of a view with these columns; errors as for :func:`read_where`."""
    return _read(text, tuple(columns))


_ONE_AT_A_TIME = threading.Lock()
"""pyparsing finds out how many arguments an action takes at its first call, for all threads at once."""


def _read(text: str, columns: tuple[str, ...] | None) -> Condition:
    if len(text) > MOST_CHARACTERS:
        raise UsageError(f"A condition has {MOST_CHARACTERS} characters at most, not {len(text)}.")
    import pyparsing  # slow to import, and seldom needed

    try:
        with _ONE_AT_A_TIME:
            (condition,) = _grammar(columns).parse_string(text, parse_all=True)
    except pyparsing.ParseBaseException as error:
        rest = text[error.loc : error.loc + 20]
        place = f"at character {error.loc + 1} ({rest!r})" if rest else "at its end"
        raise UsageError(f"The condition {text!r} cannot be read {place}: {_EXAMPLE}.") from error
    except RecursionError as error:
        raise UsageError("The condition is nested too deeply: write it with fewer parentheses.") from error
    read: Condition = condition
    return read


def read_term(text: str, *, texts: bool = False) -> Term:
    """
    Read what could be compared ("equivariance@3").

    Args:
        text: A column, a criterion or a measurement.
        texts: Whether it may be a text too.

    Raises:
        UsageError: It cannot be read, or is a text that it may not be.
        UnknownNameError: It has a name that is no column, criterion or measurement.
    """
    if len(text) > MOST_CHARACTERS or any(sign in text for sign in "<>=()"):
        kind = "number or text" if texts else "number"
        raise UsageError(f"{text[:80]!r} is no {kind} of a knob: name a column, a criterion or a measurement.")
    where = read_where(f"{text} >= 0")
    assert where is not None
    (compared,) = where.comparisons()
    if compared.term.is_text and not texts:
        raise UsageError(f"{text!r} is a text: name a column, a criterion or a measurement that is a number.")
    return compared.term


@functools.cache
def _grammar(columns: tuple[str, ...] | None) -> ParserElement:
    """Of conditions on rows with these columns, which have no parts and amounts; None = on knobs."""
    import pyparsing as pp

    keyword = {text: pp.CaselessKeyword(text) for text in RESERVED}
    reserved = pp.MatchFirst([keyword[text] for text in RESERVED if text not in (columns or ())])
    quoted = pp.QuotedString("'", esc_quote="''") | pp.QuotedString('"', esc_quote='""')
    number = pp.Regex(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?").add_parse_action(
        lambda found: float(found[0])
    )
    value = quoted | ~reserved + pp.Regex(r"[+-]?[\w.][\w.:+/@-]*")
    part = (keyword["of"] | keyword["by"]).suppress() + (quoted | ~reserved + pp.Regex(r"\w[\w.-]*"))
    amount = (pp.Literal("@") | keyword["at"]).suppress() + number
    name = ~reserved + pp.Regex(r"[A-Za-z_][\w-]*")("name")
    if columns is None:
        term = (name + pp.Opt(part("of")) + pp.Opt(amount("amount"))).add_parse_action(_term)
    else:
        term = name.add_parse_action(functools.partial(_column, columns))
    compared = pp.one_of("== != <> <= >= = < >") + value
    listed = keyword["in"] + pp.Suppress("(") + pp.DelimitedList(value) + pp.Suppress(")")
    alike = (keyword["like"] | keyword["contains"]) + value
    missing = keyword["is"] + pp.Opt(keyword["not"]) + keyword["null"]
    comparison = (term + (compared | missing | pp.Opt(keyword["not"]) + (listed | alike))).add_parse_action(_comparison)
    any_of = pp.Forward()
    single = pp.Forward()
    single <<= (keyword["not"] + single).add_parse_action(lambda found: Junction("not", (found[1],))) | (
        comparison | pp.Suppress("(") + any_of + pp.Suppress(")")
    )
    all_of = (single + (keyword["and"].suppress() + single)[...]).add_parse_action(functools.partial(_joined, "and"))
    any_of <<= (all_of + (keyword["or"].suppress() + all_of)[...]).add_parse_action(functools.partial(_joined, "or"))
    return any_of


def _joined(kind: Literal["and", "or"], found: ParseResults) -> Condition:
    parts: tuple[Condition, ...] = tuple(found)
    return parts[0] if len(parts) == 1 else Junction(kind, parts)


def _column(columns: tuple[str, ...], text: str, position: int, found: ParseResults) -> Term:
    name = found["name"].lower()
    position += len(text[position:]) - len(text[position:].lstrip())
    if name not in columns:
        raise UnknownNameError("column", name, columns, f"at character {position + 1} of the condition")
    return Term(name, is_text=name in TEXTS or name in ROW_TEXTS, position=position)


def _term(text: str, position: int, found: ParseResults) -> Term:
    name = found["name"].lower()
    of = found["of"][0] if "of" in found else None
    amount = found["amount"][0] if "amount" in found else None
    position += len(text[position:]) - len(text[position:].lstrip())
    place = f"at character {position + 1} of the condition"
    if name not in KNOWN:
        raise UnknownNameError("column or criterion", name, KNOWN, place)
    if of is not None and name not in PARTS:
        raise UsageError(f"{name!r} {place} has no parts: {_names(PARTS)} have.")
    if of is None and name in ("share", "weight"):
        raise UsageError(f"{name!r} {place} needs a dimension: write {name} of 14.")
    if of is not None and PARTS[name] == "dimension":
        # A registry's numbers have 32 bits.
        if not re.fullmatch("[0-9]{1,10}", of) or int(of) >= 2**31:
            raise UsageError(f"{name!r} {place} needs the number of a dimension, not {of[:40]!r}: write {name} of 14.")
        of = str(int(of))
    has_amounts = name in CRITERIA or name in MEASURED or name == RESPONSE
    if amount is not None and not has_amounts:
        raise UsageError(f"{name!r} {place} has no amounts: {_names([*CRITERIA, *MEASURED, RESPONSE])} have.")
    if amount is not None and not math.isfinite(amount):
        raise UsageError(f"{name!r} {place} needs a finite amount: write {name}@3.")
    if amount is None and name == RESPONSE:
        raise UsageError(f"{name!r} {place} needs an amount: write {name}@3.")
    return Term(name, of, amount, of is None and name in TEXTS, position)


def _comparison(_text: str, _position: int, found: ParseResults) -> Condition:
    term, *words = found
    negated = "not" in words[:2] and isinstance(words[0], str) and words[0] in ("not", "is")
    words = [word for i, word in enumerate(words) if not (i < 2 and word == "not" and negated)]
    operation, *values = words
    operation = {"==": "=", "<>": "!=", "is": "is null"}.get(operation, operation)
    if operation == "is null":
        values = []
    out = Compared(term, operation, _values(term, operation, values))
    return Junction("not", (out,)) if negated else out


def _values(term: Term, operation: str, values: list[str]) -> tuple[Value, ...]:
    """
    The values that a term is compared with, as numbers where it is one.

    Raises:
        UsageError: A text beside a number, or a pattern for one.
        UnknownNameError: No such verdict or kind.
    """
    shown = term.name if term.of is None else f"{term.name} of {term.of}"
    place = f"at character {term.position + 1} of the condition"
    if operation in ("like", "contains") and not term.is_text:
        raise UsageError(f"{shown!r} {place} is a number: compare it by = or <=.")
    for value in values:
        known = _FIXED.get(term.name)
        if known and operation in ("=", "!=", "in") and value not in known:
            raise UnknownNameError(term.name, value, known)
    if term.is_text:
        return tuple(values)
    try:
        numbers = tuple(map(float, values))
    except ValueError:
        numbers = (math.nan,)
    if not all(map(math.isfinite, numbers)):
        raise UsageError(f"{shown!r} {place} is a number: compare it with numbers.")
    return numbers


def _names(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}"
