"""A PostgreSQL server for the tests: Debian's, started by them in a folder of its own, as its own user."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from latentknobs.registry.store import KnobStore

USER = "lab"
PASSWORD = "s3cret:word"
DRIVER = "postgresql+psycopg"


def programs() -> Path | None:
    """The folder of initdb and pg_ctl, None = there is none."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    return max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), default=None)


def lacking() -> str:
    """Why no server can be started here, "" = one can."""
    try:
        import psycopg  # noqa: F401 - whether it is there
    except ImportError:
        return "no psycopg here: pip install 'latentknobs[postgres]'"
    if programs() is None:
        return "no PostgreSQL here: apt-get install postgresql"
    if os.geteuid() == 0:
        try:
            pwd.getpwnam("postgres")
        except KeyError:
            return "PostgreSQL does not run as root, and there is no user postgres"
    return ""


class PostgresServer:
    """
    A server on a free port of this machine that asks for passwords; its texts are sorted as in English.

    What it stores need not survive the machine: it writes without waiting for the disk.
    """

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="latentknobs-pg-"))
        folder = programs()
        assert folder is not None
        self._programs = folder
        self._user = "postgres" if os.geteuid() == 0 else None
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            self.port = one.getsockname()[1]
        (self._folder / "password").write_text(PASSWORD)
        if self._user:
            for path in (self._folder, self._folder / "password"):
                shutil.chown(path, self._user, self._user)
        words = f"--username={USER} --pwfile=password --auth=scram-sha-256 --encoding=UTF8 --no-sync --no-instructions"
        self._run(
            "initdb", "--pgdata=data", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US", *words.split()
        )
        self.start()

    def _run(self, program: str, *words: str) -> None:
        done = subprocess.run(
            [self._programs / program, *words],
            cwd=self._folder,
            user=self._user,
            group=self._user,
            extra_groups=[] if self._user else None,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout

    def start(self) -> None:
        """Start it; returns when it takes connections."""
        settings = f"-p {self.port} -k {self._folder} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=120"
        self._run("pg_ctl", "start", "--pgdata=data", "--wait", "--log=log", f"--options={settings}")

    def stop(self, mode: str = "fast") -> None:
        """Stop it: fast ends all connections, immediate leaves no time to clean up."""
        self._run("pg_ctl", "stop", "--pgdata=data", "--wait", f"--mode={mode}")

    def new_database(self) -> str:
        """The URL of a new, empty database."""
        name = f"d{secrets.token_hex(6)}"
        self.execute("postgres", f"CREATE DATABASE {name}")
        return self.url(name)

    def url(self, database: str, *, user: str = USER, password: str = PASSWORD) -> str:
        """The URL of a database."""
        from urllib.parse import quote

        return f"{DRIVER}://{user}:{quote(password, safe='')}@127.0.0.1:{self.port}/{database}"

    def execute(self, database: str, *statements: str) -> list[tuple[object, ...]]:
        """Run statements, each in a transaction of its own, in a database; the rows of the last one."""
        import psycopg

        place = {"host": "127.0.0.1", "port": self.port, "user": USER, "password": PASSWORD, "dbname": database}
        with psycopg.connect(**place, autocommit=True) as connection:
            rows: list[tuple[object, ...]] = []
            for statement in statements:
                cursor = connection.execute(statement.encode())
                rows = cursor.fetchall() if cursor.description else []
            return rows

    def load(self, database: str, script: Path) -> None:
        """Run a script of pg_dump's in a database; what is there for psql alone is left out."""
        lines = script.read_text(encoding="utf-8").splitlines()
        self.execute(database, "\n".join(line for line in lines if not line.startswith("\\")))

    def close(self) -> None:
        """Stop it and delete its folder."""
        self.stop("immediate")
        shutil.rmtree(self._folder)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The server; tests that need it skip where it cannot be started."""
    if reason := lacking():
        pytest.skip(reason)
    server = PostgresServer()
    yield server
    server.close()


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[str]:
    """The URL of an empty database."""
    url = postgres.new_database()
    yield url
    postgres.execute("postgres", f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")


@pytest.fixture(scope="module", params=["file", "server"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], str]:
    """Gives places where registries may be made: files, then databases on the server."""
    if request.param == "file":
        return lambda: str(tmp_path_factory.mktemp("place") / "registry.db")
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_database


def rows_of(store: KnobStore, query: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Names of columns, and rows, of a query in SQL to a store."""
    with store.reading() as session:
        found = session.execute(text(query))
        return list(found.keys()), [tuple(row) for row in found]
