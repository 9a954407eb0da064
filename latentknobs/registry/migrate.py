"""
Making, checking and upgrading registries.

A new file is made by running every migration, so old and new files have the same schema; a database on a server is
made as the tables are. Opening a registry only checks it; :func:`upgrade` is the one thing that changes a schema, and
takes a backup of a file first.
"""

from __future__ import annotations

import functools
import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote
from tempfile import TemporaryFile
from typing import Literal

from sqlalchemy import Connection, Engine, delete, insert, select, text, update
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from latentknobs import __version__
from latentknobs.errors import RegistryError
from latentknobs.registry.addresses import Address, ServerAddress, address_of
from latentknobs.registry.connections import TIMEOUT, error_name, explained, make_engine
from latentknobs.registry.dialects import SQLITE
from latentknobs.registry.postgres import NOT_OURS, Server, contents, not_ours, state_of
from latentknobs.registry.tables import (
    APPLICATION,
    AmountRow,
    Base,
    BlockRow,
    CriterionRow,
    KnobRow,
    RegistryRow,
    ResponseRow,
    RunRow,
)
from latentknobs.registry.views import drop_views, make_views

MIGRATIONS = Path(__file__).parent / "migrations"
_ONE_AT_A_TIME = threading.Lock()
"""Alembic keeps what it works on in globals of the process."""


def is_there(path: Path) -> bool:
    """
    Whether the file is there.

    Raises:
        RegistryError: Its folder may not be looked into.
    """
    try:
        return path.exists()
    except OSError as error:
        raise RegistryError(f"The registry {path} cannot be opened: {error.strerror}.") from error


def check_folder(path: Path) -> None:
    """
    Refuse a place where no file can be made, as SQLite does beside a registry that it writes.

    Raises:
        RegistryError: The folder is missing or not writable.
    """
    if not path.parent.is_dir():
        raise RegistryError(f"The folder {path.parent} of the registry {path.name} does not exist: make it first.")
    try:
        with TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise RegistryError(
            f"The registry {path} cannot be written ({error.strerror}): allow writing to its folder {path.parent}."
        ) from error


def revisions() -> tuple[str, ...]:
    """The revisions of the schema, oldest first; the last one is what this version writes."""
    return _revisions(MIGRATIONS)


@functools.cache
def _revisions(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(file.name[1:5] for file in (folder / "versions").glob("r[0-9]*.py")))


def check(connection: Connection, address: Address) -> tuple[str, bool]:
    """
    The revision of a registry and whether it is marked built-in.

    Raises:
        RegistryError: It is not one of ours.
    """
    kind = "database" if isinstance(address, ServerAddress) else "file"
    foreign = RegistryError(f"{address} is not a latentknobs registry: name another {kind}.")
    try:
        # These names are the same in every revision, for ever.
        row = connection.execute(text("SELECT application, built_in FROM registry")).one_or_none()
        revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    except DatabaseError as error:
        # No such table, no such column.
        if error_name(error) == "SQLITE_ERROR" or state_of(error) in NOT_OURS:
            raise foreign from error
        raise
    if row is None or row.application != APPLICATION or revision is None:
        raise foreign
    return str(revision), bool(row.built_in)


def require_head(revision: str, address: Address) -> None:
    """
    Refuse a registry of another revision than this version's.

    Raises:
        RegistryError: It is older or newer.
    """
    known = revisions()
    if revision == known[-1]:
        return
    if revision in known:
        command = f"upgrade it with 'latentknobs registry upgrade {quote(str(address))}'"
        raise RegistryError(
            f"The registry {address} was made by an older latentknobs (schema {revision}, now {known[-1]}): "
            + (f"{command}, which takes a backup first." if isinstance(address, Path) else f"back it up and {command}.")
        )
    raise RegistryError(
        f"The registry {address} was made by a newer latentknobs (schema {revision}, this one knows {known[-1]}): "
        f"update latentknobs with 'pip install --upgrade latentknobs'."
    )


def make(connection: Connection, *, built_in: bool) -> None:
    """Make an empty registry in an empty database, within the connection's transaction."""
    if connection.dialect.name == SQLITE:
        _migrate(connection)
    else:
        Base.metadata.create_all(connection)
        _run_alembic(connection, "stamp")
        make_views(connection)
    facts = {"application": APPLICATION, "version": __version__, "created_at": datetime.now(UTC)}
    connection.execute(insert(RegistryRow).values(id=1, built_in=built_in, **facts))


@contextmanager
def new_file(path: Path, *, built_in: bool = False) -> Iterator[Path]:
    """
    Make a registry: yields a finished, empty one under another name, which takes its own when the block ends.

    Nothing is left of it if the block raises.

    Args:
        path: Where it will be; its folder must be there.
        built_in: Whether it is marked as the package's own.

    Raises:
        FileExistsError: Someone else made one there in the meantime; theirs is left as it is.
        RegistryError: The folder is missing or not writable, or the disk is full.
    """
    check_folder(path)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}.new")
    try:
        with explained(path, writing=True):
            engine = make_engine(draft, "rwc", foreign_keys=False)
            with engine.begin() as connection:
                make(connection, built_in=built_in)
            with closing(engine.raw_connection()) as connection:
                connection.cursor().execute("VACUUM")  # the migrations leave free pages behind
        yield draft
        try:
            _name(draft, path)
        except FileExistsError:
            raise
        except OSError as error:
            raise RegistryError(f"The registry {path} could not be made: {error.strerror}.") from error
    finally:
        for rest in (draft, draft.with_name(f"{draft.name}-journal")):
            rest.unlink(missing_ok=True)


def upgrade(url: str | Path, *, timeout: float = TIMEOUT) -> Path | None:
    """
    Bring a registry to this version's schema, in one transaction; a copy of a file is put beside it before.

    Args:
        url: The file or database.
        timeout: Seconds to wait for another program's lock.

    Returns:
        The backup (``NAME.bak-REVISION``), or None where there was nothing to do, or the registry is on a server.

    Raises:
        RegistryError: It is missing, not ours, newer, built-in, locked or read-only; it is as it was.
    """
    address = address_of(url)
    if isinstance(address, ServerAddress):
        _upgrade_server(address, timeout)
        return None
    if not is_there(address):
        raise RegistryError(f"There is no registry {address}: nothing to upgrade.")
    engine = make_engine(address, "rw", timeout=timeout, foreign_keys=False)
    with explained(address, writing=True), engine.begin() as connection:
        revision = _older(connection, address)
        if revision is None:
            return None
        backup = _back_up(address, revision, make_engine(address, "ro", timeout=timeout))
        _migrate(connection)
        _derive(connection, str(address))
        orphans = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
        if orphans:
            raise RegistryError(
                f"The registry {address} holds {len(orphans)} rows that belong to nothing ({orphans[0][0]}): "
                f"it was left as it was."
            )
    return backup


def _upgrade_server(address: ServerAddress, timeout: float) -> None:
    server = Server(address, timeout=timeout)
    with explained(address, writing=True), server.connect(writing=True) as connection, connection.begin():
        server.lock(connection)
        if not is_made(connection, address):
            raise RegistryError(f"There is no registry {address}: nothing to upgrade.")
        if _older(connection, address) is not None:
            _migrate(connection)
            _derive(connection, str(address))


def is_made(connection: Connection, address: ServerAddress) -> bool:
    """
    Whether a database on a server holds a registry; False where it is empty.

    Raises:
        RegistryError: It holds something else.
    """
    names = contents(connection)
    if names and not {"registry", "alembic_version"} <= names:
        raise RegistryError(not_ours(address))
    return bool(names)


def _older(connection: Connection, address: Address) -> str | None:
    """The revision from which it is to be upgraded, None = it need not be."""
    revision, built_in = check(connection, address)
    if revision == revisions()[-1]:
        return None
    if revision not in revisions():
        require_head(revision, address)
    if built_in:
        raise RegistryError(f"The registry {address} is the package's own: rebuild it with 'make registry'.")
    return revision


def _derive(connection: Connection, where: str) -> None:
    """Make anew what follows from the current form of what was found: rows of evidence, and hashes of results."""
    from latentknobs.core.knob import Knob  # a new file needs none of this
    from latentknobs.core.run import Run
    from latentknobs.registry.evidence_rows import evidence_rows
    from latentknobs.registry.knob_loader import knobs_of, runs_of
    from latentknobs.registry.serialization import result_sha256

    with Session(connection) as session:
        for table in (CriterionRow, AmountRow, ResponseRow, BlockRow):
            session.execute(delete(table))
        for key in session.scalars(select(KnobRow.id)).all():
            (knob,) = knobs_of(session, (key,), where, operators=False)
            if isinstance(knob, Knob):
                rows = evidence_rows(knob.evidence)
                for row in rows:
                    row.knob_id = key
                session.add_all(rows)
                session.flush()
        for key in session.scalars(select(RunRow.id)).all():
            (run,) = runs_of(session, (RunRow.id == key,), where)
            if isinstance(run, Run):
                result = result_sha256(run)
                same = select(RunRow.id).where(RunRow.identity == run.run_id, RunRow.result_sha256 == result)
                if session.scalars(same).first() is None:
                    session.execute(update(RunRow).where(RunRow.id == key).values(result_sha256=result))


def _back_up(path: Path, revision: str, reader: Engine) -> Path:
    """Copy what is committed; the caller holds the write lock, so nothing can come in between."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}.bak")
    try:
        # SQLite copies: opening and closing the file ourselves would drop this process's locks on it.
        target = make_engine(draft, "rwc")
        with closing(reader.raw_connection()) as source, closing(target.raw_connection()) as copy:
            source.driver_connection.backup(copy.driver_connection)  # type: ignore[union-attr] # they are open
        number = 1
        while True:
            backup = path.with_name(f"{path.name}.bak-{revision}" + (f"-{number}" if number > 1 else ""))
            try:
                _name(draft, backup)
            except FileExistsError:
                number += 1
                continue
            return backup
    except OSError as error:
        raise RegistryError(f"A backup of the registry {path} could not be made: {error.strerror}.") from error
    finally:
        draft.unlink(missing_ok=True)


def _name(draft: Path, path: Path) -> None:
    """Give a finished file its name, never over another."""
    try:
        os.link(draft, path)
    except FileExistsError:
        raise
    except OSError:
        # A file system without hard links (a USB stick): the moment between the two lines is the price.
        if path.exists():
            raise FileExistsError(path) from None
        draft.rename(path)


def _migrate(connection: Connection) -> None:
    if connection.dialect.name == SQLITE:
        # Else a table that somebody's own view reads could not be rebuilt.
        connection.exec_driver_sql("PRAGMA legacy_alter_table = ON")
    drop_views(connection)
    _run_alembic(connection, "upgrade")
    make_views(connection)


def _run_alembic(connection: Connection, name: Literal["upgrade", "stamp"]) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    with _ONE_AT_A_TIME:
        getattr(command, name)(config, "head")
