"""Connections to a registry on a PostgreSQL server, and what its errors mean."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from latentknobs.errors import needs_extra
from latentknobs.registry.addresses import ServerAddress

WRITERS = 0x6C6B6E6F6273
"""The advisory lock that whoever writes a registry holds until its transaction ends; readers do without."""
QUEUE = 6
"""Times the wait for a lock that writers have: they stand in a queue, in which many may come before."""
PAUSE = 0.2
"""Seconds between two attempts to reach a server that is being restarted."""
NOT_OURS = frozenset({"42P01", "42703", "3F000"})
"""No such table, column or schema."""


class Server:
    """
    A database on a server, to which every piece of work has a connection of its own.

    None is kept between two: a server may be restarted meanwhile, and takes no more connections at once than it has
    work. One that was reached before is given as long to come back as another program's lock.

    Args:
        address: Where it is.
        timeout: Seconds to wait for a connection; :data:`QUEUE` times as long for whoever else writes.

    Raises:
        MissingExtraError: The driver is not installed.
    """

    def __init__(self, address: ServerAddress, *, timeout: float) -> None:
        self._timeout = timeout
        self._reached = False
        ours = {"connect_timeout": max(2, round(timeout)), "application_name": "latentknobs", "client_encoding": "utf8"}
        arguments = {name: value for name, value in ours.items() if name not in address.url.query}
        with needs_extra("A registry on a PostgreSQL server", "postgres"):
            self._engine = create_engine(
                address.url, poolclass=NullPool, connect_args=arguments, use_native_hstore=False, hide_parameters=True
            )

    def connect(self, *, writing: bool) -> Connection:
        """A connection on which a transaction sees one state and changes nothing, or may write."""
        level: dict[str, Any] = {} if writing else {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        engine: Engine = self._engine.execution_options(**level)
        until = time.monotonic() + self._timeout
        while True:
            try:
                connection = engine.connect()
            except OperationalError:
                if not self._reached or time.monotonic() >= until:
                    raise
                time.sleep(PAUSE)
            else:
                self._reached = True
                return connection

    def lock(self, connection: Connection) -> None:
        """Wait for whoever else writes; the lock ends with the transaction."""
        connection.execute(text(f"SET LOCAL lock_timeout = {round(self._timeout * QUEUE * 1000)}"))
        connection.execute(text(f"SELECT pg_advisory_xact_lock({WRITERS})"))


def contents(connection: Connection) -> set[str]:
    """The tables and views of the database's schema, those of extensions left out."""
    query = """
        SELECT c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT EXISTS
            (SELECT FROM pg_depend AS d WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.deptype = 'e')
    """
    return set(connection.exec_driver_sql(query).scalars())


def state_of(error: BaseException) -> str:
    """The SQLSTATE of an error, "" if it has none."""
    origin = getattr(error, "orig", None) or error
    return str(getattr(origin, "sqlstate", None) or "")


def sentence(error: Exception, address: ServerAddress, *, writing: bool) -> str:
    """What the driver says of a database, as one clear sentence."""
    where = f"The registry {address}"
    state = state_of(error)
    if state in NOT_OURS:
        return not_ours(address)
    if state == "53100":
        return f"The disk of the server is full: nothing was written to the registry {address}; free some space there."
    if state == "55P03":
        return f"{where} is locked by another program: try again when that is done."
    if state in ("42501", "25006"):
        return (
            f"{where} may not be {'written' if writing else 'read'}: {_said(error, address)}; ask its owner for that."
        )
    if state.startswith(("08", "57P")) or (not state and getattr(error, "connection_invalidated", False)):
        kept = "nothing was stored; " if writing else ""
        return f"The connection to the registry {address} was lost: {kept}try again when the server is up."
    if not state and isinstance(error, OperationalError):
        said = _said(error, address)
        if "password" in said:
            return f"{where} cannot be opened: {said}; give the password in the URL, PGPASSWORD or ~/.pgpass."
        return f"{where} cannot be reached: {said}; check the address, and that the server runs and lets you in."
    return f"{where} could not be {'written' if writing else 'read'}: {_said(error, address)}."


def not_ours(address: ServerAddress) -> str:
    """What is said of a database with the tables of another program."""
    return f"{address} is not a latentknobs registry: name another database."


def _said(error: Exception, address: ServerAddress) -> str:
    """The server's own words, its first or of a failed connection the last line, without the address again."""
    origin = getattr(error, "orig", None) or error
    primary = getattr(getattr(origin, "diag", None), "message_primary", None)
    lines = str(primary or origin).strip().splitlines() or [type(origin).__name__]
    words = lines[0].rpartition(" failed: ")[2].removeprefix("FATAL:").strip().rstrip(".")
    return address.cleaned(words)


def continue_ids(connection: Connection) -> None:
    """Let the next rows be numbered after those that were copied with their numbers, and plan with what is there."""
    for table in ("model", "run", "knob"):
        connection.exec_driver_sql(
            f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), coalesce(max(id), 1), max(id) IS NOT NULL) "  # noqa: S608 - our own names
            f"FROM {table}"
        )
    connection.exec_driver_sql("ANALYZE")
