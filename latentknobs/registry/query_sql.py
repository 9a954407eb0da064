"""
A query as SQL: row ids of knobs, in order.

Each condition is one comparison that an index serves, so that what is asked first narrows the search down, and the
orders by effect and share are those of an index: a handful of a million knobs takes a millisecond.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve
from sqlalchemy import ColumnElement, Select, case, func, or_, select, type_coerce, union_all
from sqlalchemy.types import NullType

from latentknobs.core.knob import RANK
from latentknobs.core.query_spec import UNEDITED, KnobQuery, Sort
from latentknobs.registry.tables import CurrentRow, DimensionRow, EffectRow, KnobRow, ModelRow, RunRow, TagRow


def knob_ids(query: KnobQuery) -> Select[Any]:
    """The row ids of the knobs that meet a query, sorted, as many as it asks for."""
    out, name = _history(query) if query.history else _current(query)
    if query.model is not None:
        out = out.where(ModelRow.sha256 == query.model)
    if query.augmentation == UNEDITED:
        out = out.where(RunRow.augmentation.is_(None))
    elif query.augmentation is not None:
        out = out.where(RunRow.augmentation == query.augmentation)
    for asked, column in ((query.kind, KnobRow.kind), (query.verdict, KnobRow.verdict), (query.run, RunRow.identity)):
        if asked is not None:
            out = out.where(column == asked)
    if query.since is not None:
        out = out.where(RunRow.finished >= query.since)
    if query.until is not None:
        out = out.where(RunRow.finished < query.until)
    if query.tag is not None:
        out = out.join(TagRow, TagRow.knob_id == KnobRow.id).where(TagRow.tag == query.tag)
    if query.moves is not None:
        out = out.join(EffectRow, EffectRow.knob_id == KnobRow.id)
        out = out.where(EffectRow.attribute == query.moves, EffectRow.leakage >= query.least)
    elif query.least is not None:
        of_any = select(EffectRow.knob_id).where(EffectRow.knob_id == KnobRow.id, EffectRow.leakage >= query.least)
        out = out.where(of_any.correlate(KnobRow).exists())
    if query.uses is not None:
        out = out.join(DimensionRow, DimensionRow.knob_id == KnobRow.id).where(DimensionRow.dim == query.uses)
    first = _column(query, name)
    ties = (RunRow.model_name, ModelRow.sha256, name, KnobRow.id)
    return out.order_by(first.desc() if query.descending else first.asc(), *ties).limit(query.limit)


def knob_index(query: KnobQuery) -> Select[Any]:
    """What a page of a table is chosen by, of all knobs that meet a query, whatever its limit, sorted."""
    name = func.coalesce(CurrentRow.name, KnobRow.name)
    columns: list[Any] = [
        KnobRow.id,
        ModelRow.sha256.label("model_id"),
        name.label("name"),
        CurrentRow.knob_id.is_not(None).label("current"),
        RunRow.result_sha256.label("result"),
        KnobRow.position,
        RunRow.model_name.label("model"),
        type_coerce(_column(query, name), NullType).label("key"),  # a time as text
    ]
    return knob_ids(evolve(query, limit=None)).with_only_columns(*columns, maintain_column_froms=True)


def _current(query: KnobQuery) -> tuple[Select[Any], ColumnElement[str]]:
    name: Any = CurrentRow.name
    out = select(CurrentRow.knob_id).join(KnobRow, KnobRow.id == CurrentRow.knob_id).join(RunRow).join(ModelRow)
    return (out if query.name is None else out.where(_named(name, query.name))), name


def _history(query: KnobQuery) -> tuple[Select[Any], ColumnElement[str]]:
    name = func.coalesce(CurrentRow.name, KnobRow.name)
    out = select(KnobRow.id).join(RunRow).join(ModelRow).outerjoin(CurrentRow, CurrentRow.knob_id == KnobRow.id)
    if query.name is not None:
        now: Any = CurrentRow.name
        once: Any = KnobRow.name
        either = union_all(
            select(CurrentRow.knob_id).where(_named(now, query.name)),
            select(KnobRow.id).where(_named(once, query.name)),
        )
        out = out.where(KnobRow.id.in_(either), or_(_named(now, query.name), CurrentRow.name.is_(None)))
    return out, name


def _named(column: ColumnElement[str], name: str) -> ColumnElement[bool]:
    if "*" not in name:
        return column == name
    # Of GLOB's signs only the asterisk is ours.
    return column.op("GLOB")(name.replace("[", "[[]").replace("?", "[?]"))


def _column(query: KnobQuery, name: ColumnElement[str]) -> ColumnElement[Any]:
    largest = select(func.max(EffectRow.leakage)).where(EffectRow.knob_id == KnobRow.id)
    most = select(func.max(DimensionRow.share)).where(DimensionRow.knob_id == KnobRow.id)
    count = select(func.count()).where(DimensionRow.knob_id == KnobRow.id)
    moved: Any = EffectRow.leakage
    shared: Any = DimensionRow.share
    columns: dict[Sort, Any] = {
        "name": name,
        "model": RunRow.model_name,
        "verdict": case(*((KnobRow.verdict == verdict, rank) for verdict, rank in RANK.items()), else_=-1),
        "effect": moved if query.moves else func.coalesce(largest.correlate(KnobRow).scalar_subquery(), 0.0),
        "share": shared if query.uses is not None else func.coalesce(most.correlate(KnobRow).scalar_subquery(), 0.0),
        "dimensions": count.correlate(KnobRow).scalar_subquery(),
        "date": RunRow.finished,
    }
    column: ColumnElement[Any] = columns[query.order]
    return column
