"""
Knobs read by row id.

Columns, not rows of the mapper: a knob has some ten rows, and keeping track of changes to each of them would take
longer than SQLite takes to find them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

from sqlalchemy import BindParameter, Connection, Row, Select, bindparam, select
from sqlalchemy.orm import Session, joinedload

from latentknobs.core.knob import Knob
from latentknobs.core.run import Run
from latentknobs.registry import serialization
from latentknobs.registry.tables import (
    Base,
    CurrentRow,
    DimensionRow,
    EffectRow,
    KnobRow,
    ModelRow,
    NoteRow,
    OperatorArrayRow,
    RunRow,
    TagRow,
)

MOST_IDS = 500
"""Knobs whose rows are read at once."""
_IDS: BindParameter[int] = bindparam("ids", expanding=True)
_KNOB, _RUN, _MODEL, _CURRENT, _NOTE = (row.__table__.c for row in (KnobRow, RunRow, ModelRow, CurrentRow, NoteRow))
_FACTS = (
    select(*(column for column in _KNOB if column.name not in ("run_id", "position")))
    .add_columns(_RUN.identity, _RUN.model_name, _RUN.augmentation, _RUN.finished, _MODEL.sha256)
    .add_columns(_CURRENT.name.label("now"), _NOTE.text.label("note"))
    .join(RunRow.__table__, _RUN.id == _KNOB.run_id)
    .join(ModelRow.__table__, _MODEL.id == _RUN.model_id)
    .outerjoin(CurrentRow.__table__, _CURRENT.knob_id == _KNOB.id)
    .outerjoin(NoteRow.__table__, _NOTE.knob_id == _KNOB.id)
    .where(_KNOB.id.in_(_IDS))
)


def _part(row: type[Base], order: str) -> Select[Any]:
    table = row.__table__
    return select(table).where(table.c.knob_id.in_(_IDS)).order_by(table.c.knob_id, table.c[order])


_PARTS = (_part(DimensionRow, "position"), _part(EffectRow, "position"), _part(TagRow, "tag"))
_ARRAYS = _part(OperatorArrayRow, "name")


def knobs_of(session: Session, ids: Sequence[int], *, operators: bool = True, renamed: bool = False) -> list[Knob]:
    """
    The knobs of these row ids, in their order.

    Args:
        session: A session that sees them.
        ids: Of rows that are there.
        operators: Whether to read the arrays, where they were kept.
        renamed: Give a knob the name that it is current by, where that is another than its run gave it.

    Raises:
        RegistryError: What the file says is not a knob, or the arrays are not those that were stored.
    """
    found: list[Knob] = []
    connection = session.connection()
    for start in range(0, len(ids), MOST_IDS):
        some = ids[start : start + MOST_IDS]
        facts = {row.id: row for row in connection.execute(_FACTS, {"ids": some})}
        parts = [_by_knob(connection, query, some) for query in (*_PARTS, *([_ARRAYS] if operators else []))]
        found += [serialization.to_knob(facts[i], *(part.get(i, []) for part in parts), renamed=renamed) for i in some]
    return found


def _by_knob(connection: Connection, query: Select[Any], ids: Sequence[int]) -> dict[int, list[Row[Any]]]:
    out: dict[int, list[Row[Any]]] = {}
    for row in connection.execute(query, {"ids": ids}):
        out.setdefault(row.knob_id, []).append(row)
    return out


def runs_of(session: Session, query: Select[RunRow]) -> list[Run]:
    """
    The runs of a query, each with all its knobs.

    Raises:
        RegistryError: What the file says is not a run.
    """
    rows = session.scalars(query.options(joinedload(RunRow.model))).all()
    of: dict[int, list[int]] = {row.id: [] for row in rows}
    for start in range(0, len(rows), MOST_IDS):
        some = [row.id for row in rows[start : start + MOST_IDS]]
        there = select(KnobRow.run_id, KnobRow.id).where(KnobRow.run_id.in_(some))
        for run, knob in session.execute(there.order_by(KnobRow.run_id, KnobRow.position)):
            of[run].append(knob)
    knobs = iter(knobs_of(session, [knob for row in rows for knob in of[row.id]]))
    return [serialization.to_run(row, tuple(islice(knobs, len(of[row.id])))) for row in rows]
