"""
Tables of knobs and runs, page by page.

What was measured of a knob stays unread, so that a page of ten thousand knobs takes milliseconds.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from contextlib import suppress
from functools import cmp_to_key
from typing import Any, NamedTuple

from attrs import frozen
from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import Session

from latentknobs.core.knob import Knob
from latentknobs.core.run import RunOutline
from latentknobs.registry.tables import KnobRow, ModelRow, RunRow


class IndexEntry(NamedTuple):
    """A knob that meets a query: what a table needs to know of those that it does not show, as the file has it."""

    id: int
    model_id: str
    name: str
    current: int
    result: str
    position: int
    model: str
    key: Any
    total: int
    """How many meet the query in its file."""


def merged(layers: Sequence[list[IndexEntry]], *, descending: bool) -> list[tuple[int, IndexEntry]]:
    """The entries of several files, sorted each, in one order; with the number of their file."""

    def compare(one: tuple[int, IndexEntry], other: tuple[int, IndexEntry]) -> int:
        (i, a), (k, b) = one, other
        if (x := _comparable(a.key)) != (y := _comparable(b.key)):
            return 1 if (x > y) != descending else -1
        this, that = (a.model, a.model_id, a.name, i), (b.model, b.model_id, b.name, k)
        return (this > that) - (this < that)

    # One file may be large, and the others are small: theirs are put in their places.
    largest = max(range(len(layers)), key=lambda i: len(layers[i]))
    out = [(largest, entry) for entry in layers[largest]]
    for i, layer in enumerate(layers):
        if i != largest:
            for entry in layer:
                insort(out, (i, entry), key=cmp_to_key(compare))
    return out


def _comparable(value: Any) -> tuple[bool, Any]:
    """A damaged value may be of another type."""
    return (True, value) if isinstance(value, str) else (False, value if isinstance(value, int | float) else 0)


@frozen
class ListedKnob:
    """A knob without evidence and operator, and whether (model, name) means it."""

    knob: Knob
    current: bool


@frozen
class KnobPage:
    """
    Some of the knobs that meet a query.

    Attributes:
        total: How many meet it.
        knobs: Those of the page.
        damaged: Sentences on those of the page that cannot be read.
    """

    total: int
    knobs: tuple[ListedKnob, ...]
    damaged: tuple[str, ...]


def run_outlines(session: Session, *conditions: ColumnElement[bool]) -> list[RunOutline]:
    """The runs that meet conditions on their row or their model's, in the order in which they were saved."""
    accepted = func.coalesce(func.sum(case((KnobRow.verdict == "accepted", 1), else_=0)), 0)
    names = ("augmentation", "corpus", "seed", "version", "started", "finished")
    query = select(
        RunRow.identity.label("run"),
        RunRow.model_name.label("model"),
        ModelRow.sha256.label("model_id"),
        *(getattr(RunRow, name) for name in names),
        *(
            select(count).where(KnobRow.run_id == RunRow.id).correlate(RunRow).scalar_subquery().label(name)
            for name, count in (("knobs", func.count(KnobRow.id)), ("accepted", accepted))
        ),
        RunRow.result_sha256.label("result"),
    )
    query = query.join(ModelRow).where(*conditions)
    out = []
    for row in session.connection().execute(query.order_by(RunRow.id)).mappings():
        with suppress(TypeError):  # a damaged one is left out
            out.append(RunOutline(**row))
    return out
