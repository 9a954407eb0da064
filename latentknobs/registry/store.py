"""The store of knobs and runs: core values in and out, one file, one transaction for each call."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import ColumnElement, Connection, delete, select, update
from sqlalchemy.orm import Session

from latentknobs.core.knob import RANK, Knob, Verdict
from latentknobs.core.query_spec import EVERYTHING, KnobQuery, Named
from latentknobs.core.run import Run, RunOutline
from latentknobs.errors import RegistryError, UnknownNameError, UsageError
from latentknobs.registry import migrate, serialization
from latentknobs.registry.addresses import Address, address_of
from latentknobs.registry.connections import TIMEOUT
from latentknobs.registry.databases import database_of
from latentknobs.registry.knob_loader import knobs_of, runs_of, sound, undamaged
from latentknobs.registry.listing import (
    IndexEntry,
    run_outlines,
)
from latentknobs.registry.query_sql import knob_ids, knob_index, run_conditions, values_of
from latentknobs.registry.tables import CurrentRow, KnobRow, ModelRow, OperatorArrayRow, RegistryRow, RunRow


class KnobReader(ABC):
    """What one registry and layers of them have in common: questions that a query answers."""

    address: Address

    @property
    def path(self) -> Path:
        """
        The file, absolute.

        Raises:
            UsageError: It is no file, but on a server.
        """
        if isinstance(self.address, Path):
            return self.address
        raise UsageError(
            f"The registry {self.address} is no file: 'latentknobs registry copy' makes one of what it holds."
        )

    @abstractmethod
    def models(self) -> tuple[tuple[str, str], ...]:
        """Name and model_id of every model that has a run, by name."""

    @abstractmethod
    def read(self, query: KnobQuery, *, operators: bool, evidence: bool = True) -> list[Knob | RegistryError]:
        """The knobs that meet a query, in its order; damaged ones as the error that says what is wrong with them."""

    @abstractmethod
    def known(self, kind: Named) -> set[str | int]:
        """All names or numbers of a kind that knobs and runs have, current or not."""

    def find(self, query: KnobQuery, *, operators: bool = False, evidence: bool = True) -> tuple[Knob, ...]:
        """
        The knobs that meet a query, in its order; damaged ones are left out with a warning.

        Args:
            query: The filters.
            operators: Read the operators of current knobs too; the others have none.
            evidence: Read the evidence, which takes most of the time; else it holds the target alone.
        """
        return tuple(sound(self.read(query, operators=operators, evidence=evidence)))

    def check_names(self, query: KnobQuery) -> None:
        """
        Refuse a query for what no knob or run here has.

        Raises:
            UnknownNameError: There is no such name.
            UsageError: There is no such number.
        """
        for kind, value in query.named():
            known = self.known(kind)
            if value in known:
                continue
            if isinstance(value, str):
                raise UnknownNameError(kind, value, map(str, known), "in the registry")
            near = min((one for one in known if isinstance(one, int)), key=lambda one: abs(one - value), default=None)
            hint = "there is none yet" if near is None else f"the nearest is {near}"
            raise UsageError(f"No knob in the registry has the {kind} {value}; {hint}.")

    def knobs(
        self,
        *,
        model_id: str | None = None,
        name: str | None = None,
        verdict: Verdict | None = None,
        current_only: bool = True,
        operators: bool = True,
    ) -> tuple[Knob, ...]:
        """
        The knobs that match, by model, name and age.

        Args:
            model_id: Of this model only.
            name: Of this name only.
            verdict: With this verdict only.
            current_only: Leave out the knobs that (model, name) does not mean.
            operators: Read the operators of current knobs too; the others have none.
        """
        query = KnobQuery(model=model_id, name=name, verdict=verdict, history=not current_only, sort="model")
        return self.find(query, operators=operators)

    def knob(self, model_id: str, name: str) -> Knob:
        """
        The current knob of a model, with its operator.

        Raises:
            UnknownNameError: The model has no knob of that name.
            RegistryError: It is damaged.
        """
        items = self.read(KnobQuery(model=model_id, name=name.replace("*", "")), operators=True)
        if knobs := sound(items) if any(isinstance(item, Knob) for item in items) else undamaged(items):
            return knobs[0]
        known = {knob.name for knob in self.knobs(model_id=model_id, operators=False)}
        model = next((name for name, one in self.models() if one == model_id), model_id[:12])
        raise UnknownNameError("knob", name, known, f"for the model {model}")


class KnobStore(KnobReader):
    """
    Knobs and runs in one SQLite file, or in a database on a server; made by :meth:`open`, a context manager.

    Reading never makes or changes a file: one that is not there is an empty store, made when a run is first
    saved; so is a database without tables. Every method may be called from any thread, and raises RegistryError
    where it is no registry, of another schema, damaged, locked for longer than the timeout, or not to be reached.

    Attributes:
        address: The file, absolute, or the database.
    """

    def __init__(self, address: Address, *, allow_built_in: bool, timeout: float) -> None:
        self.address = address
        self._allow_built_in = allow_built_in
        self._database = database_of(address, self._check, timeout=timeout)

    @classmethod
    def open(
        cls, url: str | Address, *, create: bool = False, allow_built_in: bool = False, timeout: float = TIMEOUT
    ) -> Self:
        """
        Open a registry.

        Args:
            url: A path, sqlite:///PATH, or postgresql+psycopg://USER@HOST/DATABASE.
            create: Make the file or tables now if it is not there, not only when a run is first saved.
            allow_built_in: Whether a registry marked as the package's own may be written; a file that is
                made is then marked so. For ``make registry`` alone.
            timeout: Seconds to wait for another program's lock.

        Raises:
            UsageError: It is a URL of something else than an SQLite file or a PostgreSQL database.
            MissingExtraError: It is on a server, and the driver is not installed.
            RegistryError: It is not a registry, of another schema, or cannot be read (or made).
        """
        store = cls(address_of(url), allow_built_in=allow_built_in, timeout=timeout)
        if store.exists:
            with store._database.reading():
                pass
        elif create:
            try:
                with store.writing():
                    pass
            except FileExistsError:  # made by someone else a moment ago
                return cls.open(url, allow_built_in=allow_built_in, timeout=timeout)
        return store

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Nothing is held open between calls; here so that a store that does hold something can let it go."""

    @property
    def exists(self) -> bool:
        """Whether the file is there, or the database has its tables."""
        return self._database.exists

    @property
    def built_in(self) -> bool:
        """Whether the file is there and marked as the package's own."""
        if not self.exists:
            return False
        with self.reading() as session:
            return migrate.check(session.connection(), self.address)[1]

    def check_writable(self) -> None:
        """
        Find out before long work whether its run could be stored; changes nothing.

        Raises:
            RegistryError: The file is read-only, locked or built-in, or its folder is missing or read-only.
        """
        if self._database.check_place():
            with self.writing() as session:
                # SQLite takes a write lock on a read-only file without a word; a write tells, and is taken back.
                session.execute(update(RegistryRow).values(version=RegistryRow.version))
                session.rollback()

    def save_run(self, run: Run) -> bool:
        """
        Store a run with all its knobs, and let its candidate become current if the one there is no better.

        A run without an augmentation has a candidate for each name. A better verdict (accepted, provisional, not
        measurable, rejected, in this order) stays; among equals the newer knob wins. What stops being current keeps
        its evidence and its operator's hash, not the arrays. Stored runs never change. Saving one again with the same
        result, times apart, adds nothing; its candidate is the newer one again, so that repeating a run brings its
        operator back. The same spec with another result (another version of latentknobs, another machine) is stored
        beside it.

        Args:
            run: Knobs of this run only; the candidate with its operator.

        Returns:
            True, or False where this run with this result was there already.

        Raises:
            RegistryError: The run contradicts itself, or the file cannot be written (read-only, locked, full
                disk, built-in); the file is as it was.
        """
        try:
            for i, knob in enumerate(run.knobs):
                serialization.check_operator(knob, required=i in run.candidates)
            with self.writing() as session:
                row, new = add_run(session, run)
                for position in run.candidates:
                    settle(session, row, position, run.knobs[position])
                return new
        except (OverflowError, ValueError) as error:
            raise RegistryError(f"Run {run.run_id} cannot be stored: {error}.") from error
        except FileExistsError:  # made by someone else a moment ago: write to theirs
            return self.save_run(run)

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """
        A session that may change rows; all of it is kept if nothing is raised, else none. It makes a missing file.

        Raises:
            FileExistsError: Someone else made the file in the meantime; nothing was stored.
            RegistryError: The file cannot be written (read-only, locked, full disk, built-in); it is as it was.
        """
        with self._database.writing(built_in=self._allow_built_in) as session:
            self._check_ours(session)
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that sees one state of the file, which must be there, and cannot change it."""
        with self._database.reading() as session:
            yield session

    def _check_ours(self, session: Session) -> None:
        if migrate.check(session.connection(), self.address)[1] and not self._allow_built_in:
            raise RegistryError(
                f"The registry {self.address} holds the package's own knobs and is written by 'make registry' only: "
                f"name another file."
            )

    def read(self, query: KnobQuery, *, operators: bool, evidence: bool = True) -> list[Knob | RegistryError]:
        """The knobs that meet a query, in its order; damaged ones as the error that says what is wrong with them."""
        if not self.exists:
            return []
        with self.reading() as session:
            ids = session.connection().scalars(knob_ids(query)).all()
            return knobs_of(session, ids, str(self.address), operators=operators, evidence=evidence, renamed=True)

    def known(self, kind: Named) -> set[str | int]:
        """All names or numbers of a kind that knobs and runs have, current or not."""
        if not self.exists:
            return set()
        with self.reading() as session:
            rows = session.execute(values_of(kind)).all()
        if kind == "plugin":
            return {text for name, origin in rows for text in (name, f"{name}@{str(origin).rpartition(' ')[2]}")}
        return {value for (value,) in rows if isinstance(value, str | int)}

    def index(
        self,
        query: KnobQuery,
        hidden: Collection[tuple[str, str]] = (),
        *,
        start: int = 0,
        count: int | None = None,
    ) -> list[IndexEntry]:
        """
        The knobs that meet a query, in its order, as far as a table needs to know them.

        Args:
            query: The filters; its limit does not matter.
            hidden: (model_id, name) of knobs to leave out.
            start: How many to pass over.
            count: How many to give at most, None = all.
        """
        if not self.exists:
            return []
        with self.reading() as session:
            rows = session.connection().execute(knob_index(query, hidden).offset(start).limit(count))
            return [IndexEntry(*row) for row in rows]

    def results(self, among: Collection[str]) -> set[str]:
        """Which of these results of runs it has."""
        if not self.exists or not among:
            return set()
        with self.reading() as session:
            return set(session.scalars(select(RunRow.result_sha256).where(RunRow.result_sha256.in_(among))))

    def outlines(self, ids: Sequence[int], *, evidence: bool = False) -> list[Knob | RegistryError]:
        """The knobs of these rows of the index without operators; damaged ones as the error."""
        with self.reading() as session:
            return knobs_of(session, ids, str(self.address), operators=False, evidence=evidence, renamed=True)

    def run_outlines(self, query: KnobQuery = EVERYTHING) -> list[RunOutline]:
        """The runs, without their knobs, that meet a query as far as it is of runs, in the order of first saving."""
        if not self.exists:
            return []
        with self.reading() as session:
            return run_outlines(session, *run_conditions(query))

    def standing(self, keys: Iterable[tuple[str, str]] | None = None) -> dict[tuple[str, str], Verdict]:
        """The verdicts of the current knobs by (model_id, name): of all, or of those that are there of some."""
        if not self.exists:
            return {}
        query = select(ModelRow.sha256, CurrentRow.name, KnobRow.verdict)
        query = query.join(CurrentRow, CurrentRow.model_id == ModelRow.id).join(KnobRow)
        with self.reading() as session:
            if keys is None:
                rows = list(session.execute(query))
            else:
                each = (query.where(ModelRow.sha256 == model, CurrentRow.name == name) for model, name in keys)
                rows = [row for one in each for row in session.execute(one)]
        return {(row.sha256, row.name): row.verdict for row in rows}

    def models(self) -> tuple[tuple[str, str], ...]:
        """Name and model_id of every model that has a run, by name."""
        if not self.exists:
            return ()
        with self.reading() as session:
            rows = session.execute(select(ModelRow.name, ModelRow.sha256)).all()
        # What is no text came from elsewhere, and so its runs are damaged.
        return tuple(sorted((name, id_) for name, id_ in rows if isinstance(name, str) and isinstance(id_, str)))

    def runs(self, model_id: str | None = None) -> tuple[Run, ...]:
        """The runs, of one model or of all, in the order in which they were first saved; damaged ones are left out."""
        return tuple(sound(self._runs() if model_id is None else self._runs(ModelRow.sha256 == model_id)))

    def has_run(self, run_id: str) -> bool:
        """Whether it has a run of that id, damaged or not."""
        if not self.exists:
            return False
        with self.reading() as session:
            return session.scalars(select(RunRow.id).where(RunRow.identity == run_id).limit(1)).first() is not None

    def run(self, run_id: str, *, evidence: bool = True) -> Run:
        """
        The run of that id; of several results the one saved last.

        Args:
            run_id: The id.
            evidence: Whether to read that of its knobs.

        Raises:
            UnknownNameError: There is none.
            RegistryError: It is damaged.
        """
        if runs := undamaged(self._runs(RunRow.identity == run_id, evidence=evidence)[-1:]):
            return runs[0]
        raise UnknownNameError("run", run_id, (run.run for run in self.run_outlines()), "in the registry")

    def _runs(self, *conditions: ColumnElement[bool], evidence: bool = True) -> list[Run | RegistryError]:
        if not self.exists:
            return []
        with self.reading() as session:
            return runs_of(session, conditions, str(self.address), evidence=evidence)

    def _check(self, connection: Connection) -> None:
        migrate.require_head(migrate.check(connection, self.address)[0], self.address)


def add_run(session: Session, run: Run) -> tuple[RunRow, bool]:
    """The row of a run, and whether it is new: it is added where no run with this result is there."""
    row = serialization.run_row(run)
    query = select(RunRow).where(RunRow.identity == row.identity, RunRow.result_sha256 == row.result_sha256)
    there = session.scalars(query).one_or_none()
    if there is not None:
        return there, False
    row.model = _model_row(session, run)
    session.add(row)
    session.flush()
    return row, True


def _model_row(session: Session, run: Run) -> ModelRow:
    row = session.scalars(select(ModelRow).where(ModelRow.sha256 == run.spec.model_id)).one_or_none()
    if row is None:
        row = ModelRow(sha256=run.spec.model_id, first_seen=run.started)
    row.name = run.spec.model_name
    return row


def settle(session: Session, run: RunRow, position: int, knob: Knob) -> None:
    """Make a candidate current, unless the knob that is there has a better verdict."""
    candidate = run.knobs[position]
    if session.scalars(select(CurrentRow).where(CurrentRow.knob_id == candidate.id)).one_or_none() is not None:
        return  # by this name, or by the one that somebody gave it since
    current = session.get(CurrentRow, (run.model_id, knob.name))
    if current is None:
        session.add(CurrentRow(model_id=run.model_id, name=knob.name, knob_id=candidate.id))
    elif RANK[knob.verdict] < rank_of(current.knob):
        return
    else:
        session.execute(delete(OperatorArrayRow).where(OperatorArrayRow.knob_id == current.knob_id))
        current.knob_id = candidate.id
    if knob.operator is not None:
        session.add_all(serialization.array_rows(candidate.id, knob.operator))
    session.flush()


def rank_of(row: KnobRow | None) -> int:
    """The rank of its verdict; -1 where that is unknown or the row is gone."""
    return -1 if row is None else {str(verdict): rank for verdict, rank in RANK.items()}.get(row.verdict, -1)
