"""Looking knobs up: in the package's own registry, in one of 200 runs, and among 10, 10,000 and 1,000,000 knobs."""

from __future__ import annotations

import json
import sqlite3
import zlib
from contextlib import closing
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from sqlalchemy.dialects import sqlite

from latentknobs.core.backend import VAEBackend
from latentknobs.core.evidence import Evidence, unstructure_evidence
from latentknobs.core.query_spec import KnobQuery
from latentknobs.registry.query_sql import knob_ids
from latentknobs.registry.store import KnobStore
from latentknobs.testing.store import MODEL, arrays, sample_run
from latentknobs.workbench import Workbench

RUNS = 200
SIZE = 32
FITS = 8
"""Knobs of a run; the first is current."""
NAMES = 125
"""Names of knobs that a model has at most."""
TOP = 20
"""Knobs that a query asks for."""
QUERIES = {
    "name": KnobQuery(name="knob-1", limit=TOP),
    "name in all runs": KnobQuery(name="knob-1", history=True, limit=TOP),
    "attribute": KnobQuery(moves="attribute-3", limit=TOP),
    "attribute and verdict": KnobQuery(moves="attribute-1", verdict="rejected", kind="shift", limit=TOP),
    "attribute and condition": KnobQuery(moves="attribute-3", where="equivariance >= 0.5", limit=TOP),
    "dimension": KnobQuery(uses=17, limit=TOP),
    "date": KnobQuery(sort="date", limit=TOP),
}
FILL = """
    WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :runs)
    INSERT INTO model SELECT i + 1, printf('%064x', i), 'model-' || i, :day FROM n WHERE i < :runs / :names + 1;
    WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :runs)
    INSERT INTO run SELECT i + 1, printf('%016x', i), printf('%064x', i), i / :names + 1, 'model-' || (i / :names),
        'transpose', 'folk', 0, '{}', '{}', 0, '1.0', :day,
        strftime('%Y-%m-%dT%H:%M:%S.000000+00:00', 1700000000 + i, 'unixepoch') FROM n;
    WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :fits)
    INSERT INTO knob SELECT (r.id - 1) * :fits + i + 1, r.id, i, 'knob-' || ((r.id - 1) % :names), 'shift', 'fit-' || i,
        'steps', NULL, -1, 1, CASE r.id % 3 WHEN 0 THEN 'accepted' ELSE 'rejected' END, printf('%064x', i), :evidence
        FROM run AS r, n;
    INSERT INTO current SELECT r.model_id, k.name, k.id FROM knob AS k JOIN run AS r ON r.id = k.run_id
        WHERE k.position = 0;
    WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < 3)
    INSERT INTO knob_dimension SELECT k.id, (k.id * 7 + n.i * 41) % 128, n.i, (k.id * 7919 % 100003) / 100003.0,
        NULL FROM knob AS k, n;
    WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < 3)
    INSERT INTO knob_effect SELECT k.id, 'attribute-' || ((k.id + n.i) % 6), n.i, 1.0,
        (k.id * 104729 % 1000003) / 400000.0 FROM knob AS k, n;
    WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < 3)
    INSERT INTO knob_criterion SELECT k.id, 'equivariance', n.i, 'test', NULL, n.i - 1.0,
        (k.id * 7919 % 100003) / 100003.0, NULL, NULL, 0.3, 1 FROM knob AS k, n;
"""
"""Rows of :runs runs, made by SQLite itself: three dimensions, effects and amounts of a criterion for each knob."""


def fill(path: Path, knobs: int) -> None:
    """Make a registry with so many knobs, the indexes at the end."""
    KnobStore.open(path, create=True)
    values = {"runs": -(-knobs // FITS), "names": NAMES, "fits": FITS, "day": "2026-01-31T00:00:00.000000+00:00"}
    values["evidence"] = zlib.compress(json.dumps(unstructure_evidence(Evidence())).encode())
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in ("synchronous = OFF", "journal_mode = OFF", "cache_size = -500000"):
            connection.execute(f"PRAGMA {pragma}")
        indexes = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql > ''").fetchall()
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}")
        connection.execute("BEGIN")
        for statement in FILL.split(";")[:-1]:
            connection.execute(statement, values)
        for _, sql in indexes:
            connection.execute(sql)
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode = DELETE")


@pytest.fixture(scope="module", params=[10, 10_000, pytest.param(1_000_000, marks=pytest.mark.evidence)])
def many(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> KnobStore:
    """A registry of so many knobs; a million of them fill a gigabyte."""
    path = tmp_path_factory.mktemp("many") / "registry.db"
    fill(path, request.param)
    return KnobStore.open(path)


@pytest.mark.parametrize("query", QUERIES)
def test_question(benchmark: BenchmarkFixture, many: KnobStore, query: str) -> None:
    """SQLite's own time for a question."""
    sql = knob_ids(QUERIES[query]).compile(dialect=sqlite.dialect(paramstyle="named"))
    values = dict(sql.params)
    with closing(sqlite3.connect(many.path)) as connection:
        rows = benchmark(lambda: connection.execute(str(sql), values).fetchall())

    assert 1 <= len(rows) <= TOP


@pytest.mark.parametrize("query", QUERIES)
def test_answer(benchmark: BenchmarkFixture, many: KnobStore, query: str) -> None:
    """The same as Python gets it: the file opened and checked, knobs with dimensions, effects and tags."""
    knobs = benchmark(many.find, QUERIES[query])

    assert 1 <= len(knobs) <= TOP


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> KnobStore:
    """A store of 200 runs with 20 names of knobs between them."""
    out = KnobStore.open(tmp_path_factory.mktemp("bench") / "registry.db")
    for seed in range(RUNS):
        out.save_run(sample_run(seed, name=f"knob-{seed % 20}", size=SIZE))
    return out


def test_shipped_knob(benchmark: BenchmarkFixture, workbench: Workbench, model: VAEBackend) -> None:
    """The shipped pitch knob, through all layers, with its operator."""
    knob = benchmark(workbench.registry.knob, model.spec.model_id, "pitch")

    assert knob.operator is not None
    assert knob.operator.sha256 == knob.operator_sha256


def test_knob_among_many(benchmark: BenchmarkFixture, store: KnobStore) -> None:
    """The current knob of a name is the newest run's."""
    knob = benchmark(store.knob, MODEL, "knob-7")

    assert arrays(knob) == arrays(sample_run(RUNS - 20 + 7, name="knob-1", size=SIZE).knobs[1])


def test_list_of_knobs(benchmark: BenchmarkFixture, store: KnobStore) -> None:
    """The current knobs without their operators: what ``knobs list`` reads."""
    knobs = benchmark(store.knobs, operators=False)

    assert len(knobs) == 20
    assert all(knob.operator is None for knob in knobs)


def test_save_run(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """A run is stored whole, each in a transaction of its own."""
    out = KnobStore.open(tmp_path / "registry.db", create=True)
    runs = iter(range(1_000_000))

    def save() -> bool:
        return out.save_run(sample_run(next(runs), size=SIZE))

    assert benchmark(save)
    assert len(out.runs()) == next(runs)
