"""
Making, checking and upgrading registry files.

A new file is made by running every migration, so old and new files have the same schema. Opening a file
only checks it; :func:`upgrade` is the one thing that changes a schema, and takes a backup first.
"""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote
from tempfile import TemporaryFile

from sqlalchemy import Connection, Engine, delete, insert, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError
from sqlalchemy.orm import Session

from latentknobs import __version__
from latentknobs.errors import RegistryError, UsageError
from latentknobs.registry.connections import TIMEOUT, error_name, explained, make_engine
from latentknobs.registry.tables import (
    APPLICATION,
    AmountRow,
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


def path_of(url: str | Path) -> Path:
    """
    The file that a registry's path or URL means, absolute, links followed.

    Raises:
        UsageError: It is a URL of another database, or names no file.
        RegistryError: It is a folder.
    """
    if isinstance(url, str) and "://" in url:
        try:
            parsed = make_url(url)
        except ArgumentError as error:
            raise UsageError(f"The registry {url!r} is not a URL: give a path or sqlite:///PATH.") from error
        if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.query:
            # The password of a database URL stays out of the message.
            shown = parsed.render_as_string(hide_password=True)
            raise UsageError(f"The registry {shown!r} is not an SQLite file: give a path or sqlite:///PATH.")
        url = parsed.database
    path = Path(url).resolve()
    if path.is_dir():
        raise RegistryError(f"The registry {path} is a folder: name a file in it.")
    return path


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
    return tuple(sorted(file.name[1:5] for file in (MIGRATIONS / "versions").glob("r[0-9]*.py")))


def check(connection: Connection, path: Path) -> tuple[str, bool]:
    """
    The revision of a file and whether it is marked built-in.

    Raises:
        RegistryError: The file is not a registry of ours.
    """
    foreign = RegistryError(f"{path} is not a latentknobs registry: name another file.")
    try:
        # These names are the same in every revision, for ever.
        row = connection.execute(text("SELECT application, built_in FROM registry")).one_or_none()
        revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    except DatabaseError as error:
        if error_name(error) == "SQLITE_ERROR":  # no such table, no such column
            raise foreign from error
        raise
    if row is None or row.application != APPLICATION or revision is None:
        raise foreign
    return str(revision), bool(row.built_in)


def require_head(revision: str, path: Path) -> None:
    """
    Refuse a file of another revision than this version's.

    Raises:
        RegistryError: The file is older or newer.
    """
    known = revisions()
    if revision == known[-1]:
        return
    if revision in known:
        raise RegistryError(
            f"The registry {path} was made by an older latentknobs (schema {revision}, now {known[-1]}): "
            f"upgrade it with 'latentknobs registry upgrade {quote(str(path))}', which takes a backup first."
        )
    raise RegistryError(
        f"The registry {path} was made by a newer latentknobs (schema {revision}, this one knows {known[-1]}): "
        f"update latentknobs with 'pip install --upgrade latentknobs'."
    )


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
                _migrate(connection)
                facts = {"application": APPLICATION, "version": __version__, "created_at": datetime.now(UTC)}
                connection.execute(insert(RegistryRow).values(id=1, built_in=built_in, **facts))
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
    Bring a file to this version's schema, in one transaction, after a copy of it was put beside it.

    Args:
        url: The file.
        timeout: Seconds to wait for another program's lock.

    Returns:
        The backup (``NAME.bak-REVISION``), or None where there was nothing to do.

    Raises:
        RegistryError: The file is missing, not ours, newer, built-in, locked or read-only; it is as it was.
    """
    path = path_of(url)
    if not is_there(path):
        raise RegistryError(f"There is no registry {path}: nothing to upgrade.")
    engine = make_engine(path, "rw", timeout=timeout, foreign_keys=False)
    with explained(path, writing=True), engine.begin() as connection:
        revision, built_in = check(connection, path)
        if revision == revisions()[-1]:
            return None
        if revision not in revisions():
            require_head(revision, path)
        if built_in:
            raise RegistryError(f"The registry {path} is the package's own: rebuild it with 'make registry'.")
        backup = _back_up(path, revision, make_engine(path, "ro", timeout=timeout))
        _migrate(connection)
        _derive(connection, str(path))
        orphans = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
        if orphans:
            raise RegistryError(
                f"The registry {path} holds {len(orphans)} rows that belong to nothing ({orphans[0][0]}): "
                f"it was left as it was."
            )
    return backup


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
                text = "UPDATE OR IGNORE run SET result_sha256 = ? WHERE id = ?"
                connection.exec_driver_sql(text, (result_sha256(run), key))


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
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    # Else a table that somebody's own view reads could not be rebuilt.
    connection.exec_driver_sql("PRAGMA legacy_alter_table = ON")
    drop_views(connection)
    with _ONE_AT_A_TIME:
        command.upgrade(config, "head")
    make_views(connection)
