"""
Connections to a registry file: one for each piece of work, closed after it; and what errors of databases mean.

A read opens the file read-only, so it can neither make nor change one. A write takes SQLite's write lock
before it looks (BEGIN IMMEDIATE), so two writers wait for each other and never overwrite. The driver's own
transaction handling is off (``isolation_level=None``): with it, DDL would survive a rollback.
"""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeAlias

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from latentknobs.errors import RegistryError
from latentknobs.registry import postgres
from latentknobs.registry.addresses import Address, ServerAddress

Mode: TypeAlias = Literal["ro", "rw", "rwc"]
TIMEOUT = 10.0
"""Seconds to wait for another program's lock."""
ASKS = (0.001, 0.01)
"""Seconds between two attempts to take the write lock: any number in between."""


def make_engine(path: Path, mode: Mode, *, timeout: float = TIMEOUT, foreign_keys: bool = True) -> Engine:
    """
    An engine on one SQLite file that keeps no connection open between uses.

    Args:
        path: The file, absolute.
        mode: ro = reads only, rw = the file must be there, rwc = it is made if it is not.
        timeout: Seconds to wait for another program's lock.
        foreign_keys: Off for migrations: dropping a table that is being rebuilt would empty its children.
    """

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(f"{path.as_uri()}?mode={mode}", uri=True, timeout=timeout, isolation_level=None)
        # A text that is no Unicode is refused with its knob, and not with all that are read beside it.
        connection.text_factory = _decode
        connection.execute(f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")
        return connection

    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        raw = connection.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        if mode == "ro":
            raw.execute("BEGIN")
        else:
            _begin_writing(raw, timeout)

    return engine


def _decode(text: bytes) -> str:
    return text.decode(errors="surrogateescape")


def _begin_writing(connection: sqlite3.Connection, timeout: float) -> None:
    """
    Take the write lock, asking for it often and at odd moments.

    SQLite itself would soon ask ten times a second only: beside a program that writes one run after another, and holds
    the lock nearly always, that can be too seldom to ever find it free.
    """
    until = time.monotonic() + timeout
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if not error_name(error).startswith("SQLITE_BUSY") or time.monotonic() >= until:
                    raise
                time.sleep(random.uniform(*ASKS))  # noqa: S311 - no secret depends on it
            else:
                return
    finally:
        connection.execute(f"PRAGMA busy_timeout = {round(timeout * 1000)}")


@contextmanager
def explained(address: Address, *, writing: bool) -> Iterator[None]:
    """Turn what a database says into a RegistryError with one clear sentence."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        if isinstance(address, ServerAddress):
            raise RegistryError(postgres.sentence(error, address, writing=writing)) from error
        raise RegistryError(_sentence(error, address, writing=writing)) from error


def error_name(error: BaseException) -> str:
    """SQLite's name of an error ("SQLITE_BUSY"), "" if it has none."""
    origin = getattr(error, "orig", None) or error
    return str(getattr(origin, "sqlite_errorname", None) or "")


def _sentence(error: Exception, path: Path, *, writing: bool) -> str:
    name = error_name(error)
    if name.startswith("SQLITE_NOTADB"):
        return f"{path} is not a latentknobs registry, nor any SQLite file: name another file."
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return f"The registry {path} is locked by another program: try again when that is done."
    if name.startswith("SQLITE_READONLY"):
        return f"The registry {path} is read-only: allow writing to it and to its folder, or name another file."
    if name.startswith(("SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH")):
        if writing:
            return f"The registry {path} cannot be written: allow writing to it and to its folder {path.parent}."
        return f"The registry {path} cannot be opened: allow reading it."
    if name.startswith("SQLITE_FULL"):
        return f"The disk is full: nothing was written to the registry {path}; free some space and try again."
    if name.startswith("SQLITE_IOERR"):
        return f"The disk failed or is full at the registry {path} ({name}): nothing was written; check the disk."
    if name.startswith("SQLITE_CORRUPT"):
        return f"The registry {path} is damaged: put a backup in its place."
    origin = getattr(error, "orig", None) or error
    doing = "written" if writing else "read"
    return f"The registry {path} could not be {doing}: {origin}."
