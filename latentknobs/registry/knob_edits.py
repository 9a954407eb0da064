"""What people may change of a stored knob: tags, note, name, and whether it is the one that its name means."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from latentknobs.core.knob import NAME, RESERVED_NAMES, UNAIDED
from latentknobs.errors import UnknownNameError, UsageError
from latentknobs.registry.store import KnobStore
from latentknobs.registry.tables import CurrentRow, ModelRow, NoteRow, OperatorArrayRow, TagRow

TAG = re.compile(r"[^\s,]+")
"""What a tag looks like, so that tags can be listed with blanks or commas between them."""


def change_tags(store: KnobStore, model_id: str, name: str, add: Iterable[str], remove: Iterable[str]) -> None:
    """
    Give tags to a current knob and take tags from it; what is there already, or is not there, stays so.

    Raises:
        UsageError: A tag is empty or has a blank or a comma in it.
        UnknownNameError: The model has no such knob in this file.
    """
    wrong = [tag for tag in add if not TAG.fullmatch(tag)]
    if wrong:
        raise UsageError(f"{wrong[0]!r} is no tag: write one word without blanks and commas.")
    with _current(store, model_id, name) as (session, row):
        tags = {tag.tag: tag for tag in row.knob.tags}
        session.add_all(TagRow(knob_id=row.knob_id, tag=tag) for tag in dict.fromkeys(add) if tag not in tags)
        for tag in set(remove) - set(add):
            if tag in tags:
                session.delete(tags[tag])


def write_note(store: KnobStore, model_id: str, name: str, text: str) -> None:
    """
    Write a note on a current knob in place of the one that is there; an empty text takes it away.

    Raises:
        UnknownNameError: The model has no such knob in this file.
    """
    with _current(store, model_id, name) as (session, row):
        session.execute(delete(NoteRow).where(NoteRow.knob_id == row.knob_id))
        if text:
            session.add(NoteRow(knob_id=row.knob_id, text=text))


def rename(store: KnobStore, model_id: str, name: str, new: str) -> None:
    """
    Let another name mean a current knob; its run goes on calling it as it did.

    Raises:
        UsageError: No knob may have that name, or one has it.
        UnknownNameError: The model has no such knob in this file.
    """
    if not re.fullmatch(NAME, new) or new in RESERVED_NAMES:
        raise UsageError(
            f"No knob can be called {new!r}: write small letters, digits, - and _, and none of "
            f"{', '.join(RESERVED_NAMES)}."
        )
    with _current(store, model_id, name) as (session, row):
        if new.endswith(UNAIDED) and row.knob.run.augmentation is not None:
            raise UsageError(f"Names that end in {UNAIDED} are those of knobs found without an edit: choose another.")
        if session.get(CurrentRow, (row.model_id, new)) is not None:
            raise UsageError(f"The model has a knob named {new!r}: rename or delete that one first.")
        row.name = new


def forget(store: KnobStore, model_id: str, name: str) -> None:
    """
    Let a name mean no knob any more: its operator goes; its run stays, with all evidence.

    Raises:
        UnknownNameError: The model has no such knob in this file.
    """
    with _current(store, model_id, name) as (session, row):
        session.execute(delete(OperatorArrayRow).where(OperatorArrayRow.knob_id == row.knob_id))
        session.delete(row)


@contextmanager
def _current(store: KnobStore, model_id: str, name: str) -> Iterator[tuple[Session, CurrentRow]]:
    if not store.exists:
        raise UnknownNameError("knob", name, (), f"in {store.address}")
    with store.writing() as session:
        rows = select(CurrentRow).join(ModelRow, ModelRow.id == CurrentRow.model_id).where(ModelRow.sha256 == model_id)
        row = session.scalars(rows.where(CurrentRow.name == name)).one_or_none()
        if row is None:
            known = [other.name for other in session.scalars(rows)]
            raise UnknownNameError("knob", name, known, f"for model {model_id[:12]} in {store.address}")
        yield session, row
