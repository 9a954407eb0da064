"""Conditions (:mod:`latentknobs.core.where`) as SQL, every value bound."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, and_, column, func, literal, not_, or_, select, table
from sqlalchemy.dialects import sqlite

from latentknobs.core.evidence import AT_MOST
from latentknobs.core.where import COMPARING, CRITERIA, MEASURED, NUMBERS, RESPONSE, TEXTS, Compared, Condition, Term
from latentknobs.registry.dialects import contains, like
from latentknobs.registry.tables import KnobRow

_KNOBS = table("v_knobs", *(column(name) for name in ("knob_id", *TEXTS, *NUMBERS))).alias("k")
_PARTS: Mapping[str, str] = {
    "knob_criterion": "v_knob_criteria",
    "knob_amount": "v_knob_response",
    "knob_effect": "v_knob_effects",
    "knob_dimension": "v_knob_dimensions",
}
"""The views that have the columns of tables and many more, which take time."""
_COMPARED: Mapping[str, Callable[..., Any]] = {
    **COMPARING,
    "in": lambda term, *values: term.in_(values),
    "like": like,
    "contains": contains,
    "is null": lambda term: term.is_(None),
}


def meets(condition: Condition) -> ColumnElement[bool]:
    """The condition for a query of :class:`KnobRow`."""
    row = select(literal(1)).select_from(_KNOBS)
    return row.where(_KNOBS.c.knob_id == KnobRow.id, _sql(condition, views=False)).correlate(KnobRow).exists()


def number_sql(term: Term) -> ColumnElement[Any]:
    """What a term means for a query of :class:`KnobRow`."""
    row = select(_term(term, views=False)).select_from(_KNOBS).where(_KNOBS.c.knob_id == KnobRow.id)
    return row.correlate(KnobRow).scalar_subquery()


def as_text(condition: Condition) -> str:
    """The condition for people's own SQL on the views, in which v_knobs is called k."""
    # Within a query, since what is inside is correlated with it.
    query = select(literal(1)).select_from(_KNOBS).where(_sql(condition, views=True))
    return _written(query).partition("WHERE ")[2]


def number_text(term: Term) -> str:
    """What a term means in people's own SQL on the views, in which v_knobs is called k."""
    return _written(select(literal(1)).select_from(_KNOBS).order_by(_term(term, views=True))).partition("ORDER BY ")[2]


def _written(query: Select[Any]) -> str:
    return str(query.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})).replace(" \n", " ")


def _sql(condition: Condition, *, views: bool) -> ColumnElement[bool]:
    if isinstance(condition, Compared):
        term = _term(condition.term, views=views)
        compared: ColumnElement[bool] = _COMPARED[condition.operation](term, *condition.values)
        return compared
    parts = [_sql(part, views=views) for part in condition.parts]
    if condition.kind == "not":
        return not_(parts[0].self_group())
    return (and_ if condition.kind == "and" else or_)(*parts)


def _term(term: Term, *, views: bool) -> ColumnElement[Any]:
    def of(name: str, *columns: str) -> FromClause:
        return table(_PARTS[name] if views else name, *map(column, ("knob_id", *columns))).alias("x")

    if term.name in CRITERIA:
        return _criterion(term, of("knob_criterion", "criterion", "split", "of", "amount", "value"))
    if term.name in MEASURED or term.name == RESPONSE:
        value = "value" if term.name == RESPONSE else term.name
        return _measured(term, of("knob_amount", "split", "amount", value), value)
    if term.of is None:
        return _KNOBS.c[term.name]
    if term.name in ("share", "weight"):
        row = of("knob_dimension", "dim", term.name)
        return _of_knob(row, row.c[term.name], row.c.dim == int(term.of))
    row = of("knob_effect", "attribute", term.name)
    return _of_knob(row, row.c[term.name], row.c.attribute == term.of)


def _of_knob(row: FromClause, value: ColumnElement[Any], *conditions: ColumnElement[bool]) -> ColumnElement[Any]:
    query = select(value).select_from(row).where(row.c.knob_id == _KNOBS.c.knob_id, *conditions)
    return query.correlate(_KNOBS).scalar_subquery()


def _criterion(term: Term, row: FromClause) -> ColumnElement[Any]:
    """Its worst value on test songs, over all amounts in the usable range or at one."""
    kind = CRITERIA[term.name]
    worst = (func.max if kind in AT_MOST else func.min)(row.c.value)
    inside = or_(row.c.amount.is_(None), row.c.amount.between(_KNOBS.c.low, _KNOBS.c.high))
    at = inside if term.amount is None else row.c.amount == term.amount
    of = () if term.of is None else (row.c.of == term.of,)
    return _of_knob(row, worst, row.c.criterion == kind, row.c.split == "test", at, *of)


def _measured(term: Term, row: FromClause, value: str) -> ColumnElement[Any]:
    """What was measured on test songs at one amount; the smallest over the usable range."""
    inside = row.c.amount.between(_KNOBS.c.low, _KNOBS.c.high)
    at = inside if term.amount is None else row.c.amount == term.amount
    return _of_knob(row, func.min(row.c[value]), row.c.split == "test", at)
