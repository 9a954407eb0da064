"""
Knobs and runs read by row id; what is damaged is given as the error that says so.

Columns, not rows of the mapper: a knob has some ten rows, and keeping track of changes to each of them would take
longer than SQLite takes to find them.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import BindParameter, ColumnElement, Connection, Select, bindparam, select
from sqlalchemy.orm import Session

from latentknobs.core.evidence import Evidence
from latentknobs.core.knob import Knob
from latentknobs.core.run import Run
from latentknobs.errors import RegistryError
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
    ResponseRow,
    RunRow,
    TagRow,
)

MOST_IDS = 500
"""Knobs whose rows are read at once."""
T = TypeVar("T")
_IDS: BindParameter[int] = bindparam("ids", expanding=True)
_KNOB, _RUN, _MODEL, _CURRENT, _NOTE, _RESPONSE = (
    row.__table__.c for row in (KnobRow, RunRow, ModelRow, CurrentRow, NoteRow, ResponseRow)
)
_FACTS = (
    select(*(column for column in _KNOB if column.name not in ("run_id", "position", "evidence")))
    .add_columns(_RUN.identity.label("run_id"), _RUN.model_name, _RUN.augmentation, _RUN.finished.label("found"))
    .add_columns(_RUN.corpus, _RUN.seed, _RUN.version)
    .add_columns(_MODEL.sha256.label("model_id"), _CURRENT.name.label("now"), _NOTE.text.label("note"))
    .join(RunRow.__table__, _RUN.id == _KNOB.run_id)
    .join(ModelRow.__table__, _MODEL.id == _RUN.model_id)
    .outerjoin(CurrentRow.__table__, _CURRENT.knob_id == _KNOB.id)
    .outerjoin(NoteRow.__table__, _NOTE.knob_id == _KNOB.id)
    .where(_KNOB.id.in_(_IDS))
)
_WITH_EVIDENCE = _FACTS.add_columns(_KNOB.evidence)
_WITH_TARGET = _FACTS.add_columns(_RESPONSE.target).outerjoin(ResponseRow.__table__, _RESPONSE.knob_id == _KNOB.id)
_log = logging.getLogger(__name__)


def _part(row: type[Base], order: str, *columns: str) -> Select[Any]:
    table = row.__table__.c
    query = select(table.knob_id, *(table[name] for name in columns)).where(table.knob_id.in_(_IDS))
    return query.order_by(table.knob_id, table[order])


_PARTS = {
    "dimensions": _part(DimensionRow, "position", "dim", "share", "weight"),
    "effects": _part(EffectRow, "position", "attribute", "slope", "effect"),
    "tags": _part(TagRow, "tag", "tag"),
}
_ARRAYS = _part(OperatorArrayRow, "name", "name", "shape", "packing", "data")
_RUN_FACTS = (*(column for column in _RUN if column.name != "model_id"), _MODEL.sha256.label("model_id"))


def sound(items: Iterable[T | RegistryError]) -> list[T]:
    """What is not damaged; the rest is told, each sentence once."""
    out = []
    for item in items:
        if isinstance(item, RegistryError):
            warn(str(item))
        else:
            out.append(item)
    return out


def undamaged(items: Iterable[T | RegistryError]) -> list[T]:
    """
    The items, none of which may be damaged.

    Raises:
        RegistryError: The first that is.
    """
    out = []
    for item in items:
        if isinstance(item, RegistryError):
            raise item
        out.append(item)
    return out


@functools.cache
def warn(sentence: str) -> None:
    """Log that something is left out, once."""
    _log.warning("%s It is left out.", sentence)


def knobs_of(
    session: Session,
    ids: Sequence[int],
    where: str,
    *,
    operators: bool = True,
    evidence: bool = True,
    renamed: bool = False,
) -> list[Knob | RegistryError]:
    """
    The knobs of these row ids, in their order; in place of a damaged one, what is wrong with it.

    Args:
        session: A session that sees them.
        ids: Of rows that are there.
        where: The file, for messages.
        operators: Whether to read the arrays, where they were kept.
        evidence: Whether to read it: four milliseconds a knob; without it a knob has that of its target alone.
        renamed: Give a knob the name that it is current by, where that is another than its run gave it.
    """
    out: list[Knob | RegistryError] = []
    connection = session.connection()
    for start in range(0, len(ids), MOST_IDS):
        some = ids[start : start + MOST_IDS]
        query = _WITH_EVIDENCE if evidence else _WITH_TARGET
        rows = {row["id"]: row for row in connection.execute(query, {"ids": some}).mappings()}
        parts = {name: _by_knob(connection, part, some) for name, part in _PARTS.items()}
        arrays = _by_knob(connection, _ARRAYS, some) if operators else {}
        for key in some:
            facts = dict(rows[key]) | {name: part.get(key, []) for name, part in parts.items()}
            now = facts.pop("now")
            facts["current"] = now is not None
            if not evidence:
                facts["evidence"] = Evidence(target=facts.pop("target"))
            del facts["id"]
            facts["tags"] = [one["tag"] for one in facts["tags"]]
            facts["note"] = "" if facts["note"] is None else facts["note"]
            if renamed and now is not None:
                facts["name"] = now
            try:
                out.append(serialization.to_knob(facts, arrays.get(key, []), where))
            except RegistryError as error:
                out.append(error)
    return out


def _by_knob(connection: Connection, query: Select[Any], ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    out: dict[int, list[dict[str, Any]]] = {}
    for row in connection.execute(query, {"ids": ids}).mappings():
        facts = dict(row)
        out.setdefault(facts.pop("knob_id"), []).append(facts)
    return out


def runs_of(
    session: Session, conditions: Sequence[ColumnElement[bool]], where: str, *, evidence: bool = True
) -> list[Run | RegistryError]:
    """
    Runs in the order in which they were saved, each with all its knobs that are not damaged.

    Args:
        session: A session that sees them.
        conditions: On :class:`RunRow` and :class:`ModelRow`.
        where: The file, for messages.
        evidence: Whether to read that of its knobs.

    Returns:
        In place of a damaged run, what is wrong with it.
    """
    query = select(*_RUN_FACTS).join(ModelRow.__table__, _MODEL.id == _RUN.model_id)
    rows = session.execute(query.where(*conditions).order_by(_RUN.id)).mappings().all()
    ids: dict[int, list[int]] = {row["id"]: [] for row in rows}
    for start in range(0, len(rows), MOST_IDS):
        some = [row["id"] for row in rows[start : start + MOST_IDS]]
        of_run = select(KnobRow.run_id, KnobRow.id).where(KnobRow.run_id.in_(some))
        for run, knob in session.execute(of_run.order_by(KnobRow.run_id, KnobRow.position)):
            ids[run].append(knob)
    knobs = iter(knobs_of(session, [knob for row in rows for knob in ids[row["id"]]], where, evidence=evidence))
    out: list[Run | RegistryError] = []
    for row in rows:
        try:
            out.append(serialization.to_run(row, list(islice(knobs, len(ids[row["id"]]))), where))
        except RegistryError as error:
            out.append(error)
    return out
