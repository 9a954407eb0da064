"""
A query as SQL: row ids of knobs, in order.

Each condition is one comparison that an index serves, so that what is asked first narrows the search down, and the
orders by effect and share are those of an index: a handful of a million knobs takes a millisecond.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from attrs import evolve
from sqlalchemy import (
    ColumnElement,
    Select,
    case,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
    type_coerce,
    union,
    union_all,
)
from sqlalchemy.types import NullType

from latentknobs.core.knob import RANK
from latentknobs.core.query_spec import UNEDITED, KnobQuery, Named, Sort
from latentknobs.core.where import read_term
from latentknobs.registry.dialects import ends_with, named, plugins_in
from latentknobs.registry.tables import (
    CriterionRow,
    CurrentRow,
    DimensionRow,
    EffectRow,
    KnobRow,
    ModelRow,
    RunRow,
    TagRow,
)
from latentknobs.registry.where_sql import meets, number_sql


def knob_ids(query: KnobQuery) -> Select[Any]:
    """The row ids of the knobs that meet a query, sorted, as many as it asks for."""
    out, name = _history(query) if query.history else _current(query)
    out = out.where(*run_conditions(query))
    of_knob: tuple[tuple[tuple[str, ...], Any], ...] = ((query.kind, KnobRow.kind), (query.verdict, KnobRow.verdict))
    out = out.where(*(_any_of(column, values) for values, column in of_knob if values))
    if len(query.tag) == 1:
        out = out.join(TagRow, TagRow.knob_id == KnobRow.id).where(TagRow.tag == query.tag[0])
    elif query.tag:
        out = out.where(KnobRow.id.in_(select(TagRow.knob_id).where(TagRow.tag.in_(query.tag))))
    if query.moves is not None:
        out = out.join(EffectRow, EffectRow.knob_id == KnobRow.id)
        out = out.where(EffectRow.attribute == query.moves, EffectRow.effect >= query.least)
    elif query.least is not None:
        of_any = select(EffectRow.knob_id).where(EffectRow.knob_id == KnobRow.id, EffectRow.effect >= query.least)
        out = out.where(of_any.correlate(KnobRow).exists())
    if query.uses is not None:
        out = out.join(DimensionRow, DimensionRow.knob_id == KnobRow.id).where(DimensionRow.dim == query.uses)
    if query.where is not None:
        out = out.where(meets(query.where.condition))
    first = _column(query, name)
    ties = (RunRow.model_name, ModelRow.sha256, name, KnobRow.id)
    return out.order_by(first.desc() if query.descending else first.asc(), *ties).limit(query.limit)


def run_conditions(query: KnobQuery) -> list[ColumnElement[bool]]:
    """What a query asks of a knob's run and model."""
    out: list[ColumnElement[bool]] = []
    if query.model is not None:
        out.append(ModelRow.sha256 == query.model)
    if query.augmentation:
        edits = tuple(name for name in query.augmentation if name != UNEDITED)
        unedited = (RunRow.augmentation.is_(None),) if UNEDITED in query.augmentation else ()
        out.append(or_(*((_any_of(RunRow.augmentation, edits),) if edits else ()), *unedited))
    columns: tuple[tuple[tuple[str | int, ...], Any], ...] = (
        (query.run, RunRow.identity),
        (query.corpus, RunRow.corpus),
        (query.seed, RunRow.seed),
    )
    out += [_any_of(column, values) for values, column in columns if values]
    if query.plugin:
        out.append(or_(*map(_used, query.plugin)))
    if query.since is not None:
        out.append(RunRow.finished >= query.since)
    if query.until is not None:
        out.append(RunRow.finished < query.until)
    return out


def _any_of(column: Any, values: Sequence[Any]) -> ColumnElement[bool]:
    # An index serves one value in the order of what follows it, and of several none.
    return column == values[0] if len(values) == 1 else column.in_(values)  # type: ignore[no-any-return] # any column


def _used(plugin: str) -> ColumnElement[bool]:
    name, at, version = plugin.partition("@")
    each = plugins_in(RunRow.__table__.c.parameters)
    used = select(literal(1)).select_from(each).where(each.c.key == name)
    if at:
        used = used.where(or_(each.c.value == version, ends_with(each.c.value, f" {version}")))
    return used.correlate(RunRow).exists()


def values_of(kind: Named) -> Select[Any]:
    """All that a registry knows of a kind, each once, with nothing in place of what is missing."""
    if kind == "plugin":
        each = plugins_in(RunRow.__table__.c.parameters)
        return select(each.c.key, each.c.value).select_from(RunRow).join(each, true()).distinct()
    if kind == "knob":
        return select(union(select(CurrentRow.name), select(KnobRow.name)).subquery())
    columns: dict[Named, Any] = {
        "model": RunRow.model_name,
        "tag": TagRow.tag,
        "augmentation": RunRow.augmentation,
        "corpus": RunRow.corpus,
        "seed": RunRow.seed,
        "fit": KnobRow.fit,
        "run": RunRow.identity,
        "version": RunRow.version,
        "attribute": EffectRow.attribute,
        "comparison": CriterionRow.of,
        "dimension": DimensionRow.dim,
    }
    return _steps(columns[kind]) if kind in ("attribute", "tag") else select(columns[kind]).distinct()


def _steps(column: Any) -> Select[Any]:
    """The distinct values of an indexed column, from each to the next: DISTINCT would read every row."""
    first = select(func.min(column).label("value")).cte("steps", recursive=True)
    following = select(func.min(column)).where(column > first.c.value).scalar_subquery()
    steps = first.union_all(select(following).where(first.c.value.is_not(None)))
    return select(steps.c.value).where(steps.c.value.is_not(None))


def knob_index(query: KnobQuery, hidden: Collection[tuple[str, str]] = ()) -> Select[Any]:
    """
    What a page of a table is chosen by, of all knobs that meet a query, whatever its limit, sorted.

    Args:
        query: The filters.
        hidden: (model_id, name) of knobs to leave out.
    """
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
        func.count().over().label("total"),
    ]
    out = knob_ids(evolve(query, limit=None))
    out = out.where(tuple_(ModelRow.sha256, name).not_in(hidden)) if hidden else out
    return out.with_only_columns(*columns, maintain_column_froms=True)


def _current(query: KnobQuery) -> tuple[Select[Any], ColumnElement[str]]:
    name: Any = CurrentRow.name
    # Both say which model it is; by the first SQLite finds a model's knob of one name at once.
    of_model = (ModelRow.id == CurrentRow.model_id) & (ModelRow.id == RunRow.model_id)
    out = select(CurrentRow.knob_id).join(KnobRow, KnobRow.id == CurrentRow.knob_id).join(RunRow)
    out = out.join(ModelRow, of_model)
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
    return named(column, name) if "*" in name else column == name


def _column(query: KnobQuery, name: ColumnElement[str]) -> ColumnElement[Any]:
    largest = select(func.max(EffectRow.effect)).where(EffectRow.knob_id == KnobRow.id)
    most = select(func.max(DimensionRow.share)).where(DimensionRow.knob_id == KnobRow.id)
    count = select(func.count()).where(DimensionRow.knob_id == KnobRow.id)
    moved: Any = EffectRow.effect
    shared: Any = DimensionRow.share
    if query.term is not None:
        return func.coalesce(number_sql(read_term(query.term)), query.last)
    columns: dict[Sort | None, Any] = {
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
