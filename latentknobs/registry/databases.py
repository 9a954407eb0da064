"""What holds a registry: a file or a database on a server, each with transactions in which it is read and written."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from latentknobs.registry import migrate
from latentknobs.registry.addresses import Address, ServerAddress
from latentknobs.registry.connections import error_name, explained, make_engine
from latentknobs.registry.postgres import Server


class Database(ABC):
    """What holds one registry, or will when it is first written."""

    @property
    @abstractmethod
    def exists(self) -> bool:
        """Whether a registry is there."""

    @abstractmethod
    def check_place(self) -> bool:
        """
        Refuse a place where no registry can be made, as far as that shows without writing.

        Returns:
            Whether a transaction that is taken back may show the rest, and leaves no trace.
        """

    @abstractmethod
    def reading(self) -> AbstractContextManager[Session]:
        """A session that sees one state of the registry, which must be there, and cannot change it."""

    @abstractmethod
    def writing(self, *, built_in: bool = False) -> AbstractContextManager[Session]:
        """
        A session whose changes are kept if nothing is raised, else none of them; a missing registry is made.

        Args:
            built_in: Whether one that is made is marked as the package's own.

        Raises:
            FileExistsError: Someone else made the file in the meantime; nothing was stored.
        """


def database_of(address: Address, check: Callable[[Connection], None], *, timeout: float) -> Database:
    """
    What holds the registry of an address.

    Args:
        address: The file or database.
        check: Called first in every transaction; raises RegistryError where the registry is not one we can use.
        timeout: Seconds to wait for another program's lock.
    """
    if isinstance(address, ServerAddress):
        return ServerDatabase(address, check, timeout=timeout)
    return FileDatabase(address, check, timeout=timeout)


class FileDatabase(Database):
    """A file of SQLite's."""

    def __init__(self, path: Path, check: Callable[[Connection], None], *, timeout: float) -> None:
        self._path = path
        self._check = check
        self._timeout = timeout
        self._reader = make_engine(path, "ro", timeout=timeout)
        self._writer = make_engine(path, "rw", timeout=timeout)

    @property
    def exists(self) -> bool:
        """Whether the file is there."""
        return migrate.is_there(self._path)

    def check_place(self) -> bool:
        """See there."""
        migrate.check_folder(self._path)
        return self.exists

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """See there."""
        with explained(self._path, writing=False), Session(self._reader) as session:
            try:
                self._check(session.connection())
            except SQLAlchemyError as error:
                if error_name(error) != "SQLITE_READONLY_ROLLBACK":
                    raise
                session.rollback()
                self._recover()
                self._check(session.connection())
            yield session

    @contextmanager
    def writing(self, *, built_in: bool = False) -> Iterator[Session]:
        """See there."""
        if not self.exists:
            with (
                migrate.new_file(self._path, built_in=built_in) as draft,
                FileDatabase(draft, self._check, timeout=self._timeout).writing() as session,
            ):
                yield session
            return
        with explained(self._path, writing=True), Session(self._writer) as session, session.begin():
            self._check(session.connection())
            yield session

    def _recover(self) -> None:
        """Take back the write in whose middle a program died: SQLite does it when the file is opened to write."""
        with explained(self._path, writing=True), self._writer.connect() as connection:
            connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").fetchall()


class ServerDatabase(Database):
    """A database on a PostgreSQL server, which is made by others; what is made here are its tables."""

    def __init__(self, address: ServerAddress, check: Callable[[Connection], None], *, timeout: float) -> None:
        self._address = address
        self._check = check
        self._server = Server(address, timeout=timeout)
        self._made = False

    @property
    def exists(self) -> bool:
        """Whether the tables are there; what was once seen is not asked again."""
        if not self._made:
            with explained(self._address, writing=False), self._server.connect(writing=False) as connection:
                self._made = migrate.is_made(connection, self._address)
        return self._made

    def check_place(self) -> bool:
        """See there."""
        return True

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """See there."""
        with (
            explained(self._address, writing=False),
            self._server.connect(writing=False) as connection,
            Session(connection) as session,
        ):
            self._check(session.connection())
            yield session

    @contextmanager
    def writing(self, *, built_in: bool = False) -> Iterator[Session]:
        """See there."""
        with (
            explained(self._address, writing=True),
            self._server.connect(writing=True) as own,
            Session(own) as session,
            session.begin(),
        ):
            # Nothing may be asked before the session's own transaction begins: it would not end one of others.
            connection = session.connection()
            made = self._made or migrate.is_made(connection, self._address)
            self._server.lock(connection)
            if not made and not migrate.is_made(connection, self._address):
                migrate.make(connection, built_in=built_in)
            self._check(connection)
            yield session
