"""A whole registry from one place to another, row by row: from a file to a database on a server, or back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, TableClause, TypeDecorator, column, func, insert, select, table
from sqlalchemy.types import TypeEngine

from latentknobs.core.corpus import Progress, no_progress
from latentknobs.errors import RegistryError, UsageError
from latentknobs.registry.addresses import Address, address_of
from latentknobs.registry.connections import TIMEOUT, explained
from latentknobs.registry.dialects import POSTGRESQL
from latentknobs.registry.postgres import continue_ids
from latentknobs.registry.store import KnobStore
from latentknobs.registry.tables import Base, ModelRow, RegistryRow, RunRow

BATCH = 1000
"""Rows that are held at once."""


def copy(
    source: str | Address, target: str | Address, *, progress: Progress = no_progress, timeout: float = TIMEOUT
) -> dict[str, int]:
    """
    Copy all that a registry holds into an empty one, which is made where there is none; then compare every row.

    Args:
        source: Where from.
        target: Where to.
        progress: Told of the rows.
        timeout: Seconds to wait for another program's lock.

    Returns:
        The number of rows of each table.

    Raises:
        UsageError: Both are the same, there is nothing to copy from, or the target holds runs.
        MissingExtraError: One of them is on a server, and the driver is not installed.
        RegistryError: One of them cannot be used, or what arrived is not what was sent; the target is as it was.
    """
    here, there = KnobStore.open(source, timeout=timeout), address_of(target)
    if here.address == there:
        raise UsageError(f"The registry {there} cannot be copied to itself: name another place.")
    if not here.exists:
        raise UsageError(f"There is no registry {here.address} to copy.")
    try:
        with here.reading() as reading, KnobStore.open(there, timeout=timeout).writing() as writing:
            connection = writing.connection()
            if writing.scalars(select(RunRow.id).limit(1)).first() or writing.scalars(select(ModelRow.id)).first():
                raise UsageError(
                    f"The registry {there} holds runs: name an empty place, or add single knobs to it by "
                    f"'latentknobs knobs export' and 'latentknobs knobs import'."
                )
            return _copy(_Source(reading.connection(), here.address), connection, there, progress)
    except FileExistsError:  # made by someone else a moment ago, and perhaps empty
        return copy(source, target, progress=progress, timeout=timeout)
    except (OverflowError, ValueError) as error:
        if isinstance(error, UsageError):
            raise
        raise RegistryError(f"The registry {here.address} cannot be copied: {error}.") from error


class _Source:
    """What is copied, with its errors told from those of the target."""

    def __init__(self, connection: Connection, address: Address) -> None:
        self._connection = connection
        self._address = address

    def count(self, rows: TableClause) -> int:
        with explained(self._address, writing=False):
            return _count(self._connection, rows)

    def parts(self, query: Select[Any]) -> Iterator[Sequence[Row[Any]]]:
        with explained(self._address, writing=False):
            yield from _parts(self._connection, query)


def _copy(source: _Source, target: Connection, there: Address, progress: Progress) -> dict[str, int]:
    tables = [_plain(one.name) for one in Base.metadata.sorted_tables if one.name != RegistryRow.__tablename__]
    counts = {one.name: source.count(one) for one in tables}
    total, done = sum(counts.values()), 0
    for one in tables:
        names = [name.name for name in one.columns]
        for part in source.parts(_in_order(one)):
            target.execute(insert(one), [dict(zip(names, row, strict=True)) for row in part])
            progress("copying rows", done := done + len(part), total)
    if target.dialect.name == POSTGRESQL:
        continue_ids(target)
    done = 0
    for one in tables:
        other = RegistryError(f"What arrived in {one.name} of the registry {there} is not what was sent: try again.")
        if _count(target, one) != counts[one.name]:
            raise other
        for sent, arrived in zip(source.parts(_in_order(one)), _parts(target, _in_order(one)), strict=True):
            if list(map(tuple, sent)) != list(map(tuple, arrived)):
                raise other
            progress("comparing rows", done := done + len(sent), total)
    return counts


def _plain(name: str) -> TableClause:
    """A table whose values are those of the database, so that what is damaged stays as it is."""
    columns = Base.metadata.tables[name].columns
    return table(name, *(column(one.name, _stored(one.type)) for one in columns))


def _stored(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    return kind.impl_instance if isinstance(kind, TypeDecorator) else kind


def _in_order(rows: TableClause) -> Select[Any]:
    key = Base.metadata.tables[rows.name].primary_key.columns
    return select(rows).order_by(*(rows.c[one.name] for one in key))


def _count(connection: Connection, rows: TableClause) -> int:
    return connection.execute(select(func.count()).select_from(rows)).scalar_one()


def _parts(connection: Connection, query: Select[Any]) -> Iterator[Sequence[Row[Any]]]:
    with connection.execute(query.execution_options(yield_per=BATCH)) as result:
        yield from result.partitions()
