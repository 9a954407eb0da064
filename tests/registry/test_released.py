"""The files of earlier versions that are kept, and what this version's schema is."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from latentknobs.core.query_spec import KnobQuery
from latentknobs.errors import RegistryError
from latentknobs.registry import migrate
from latentknobs.registry.overlay import Registry
from latentknobs.registry.store import KnobStore
from latentknobs.registry.views import VIEWS
from latentknobs.testing.store import MODEL, OTHER_MODEL, arrays, dump, facts, sample_run
from tests.postgres_server import rows_of

DATA = Path(__file__).parents[1] / "data"
GOLDEN = DATA / "registry_schema.sql"
ON_SERVERS = DATA / "registry_schema_postgresql.txt"
RUNS = (
    sample_run(1),
    sample_run(2, name="rhythm", verdict="provisional"),
    sample_run(3),
    sample_run(4, model_id=OTHER_MODEL),
    sample_run(5, name="density"),
)
KEPT = {"0001": RUNS, "0002": RUNS, "0003": RUNS, "0004": RUNS}
"""The runs in registry_REVISION.db, which that revision's version wrote; the last one without a candidate."""
COLUMNS = {
    "v_knobs": "knob_id name current model model_id run kind fit verdict augmentation unit step low high dimensions "
    "effect tags note corpus seed found operator_sha256 version target slope r2",
    "v_knob_dimensions": "knob_id name current model model_id run kind fit verdict dim position share weight "
    "block place",
    "v_knob_blocks": "knob_id name current model model_id run kind fit verdict block position size share",
    "v_knob_effects": "knob_id name current model model_id run kind fit verdict attribute position slope effect",
    "v_knob_criteria": "knob_id name current model model_id run kind fit verdict criterion of amount value low high "
    "bound passed split",
    "v_knob_response": "knob_id name current model model_id run kind fit verdict split amount clips target value low "
    "high ideal equivariance equivariance_low equivariance_high accuracy floor ceiling",
    "v_run_plugins": "run model model_id plugin version",
    "v_runs": "run model model_id augmentation corpus seed parameters counts version started finished knobs accepted",
}
"""What people's SQL stands on: a column may be added at the end, none may be renamed, moved or taken away."""
EMPTY = ("v_knob_response", "v_run_plugins", "v_knob_blocks")
"""Views that the runs here do not fill."""


def kept(revision, tmp_path):
    """A copy of the file of a revision."""
    path = tmp_path / "registry.db"
    shutil.copyfile(DATA / f"registry_{revision}.db", path)
    return path


def test_a_file_of_every_revision_is_kept():
    """Each revision but this version's own has its file."""
    assert set(KEPT) == set(migrate.revisions()[:-1])


@pytest.mark.parametrize("revision", KEPT)
def test_an_older_file_is_refused_until_it_is_upgraded(revision, tmp_path):
    """A kept file opens only after the upgrade that the message names, and is untouched before."""
    path = kept(revision, tmp_path)
    before = path.read_bytes()

    with pytest.raises(RegistryError, match=f"older latentknobs .schema {revision}.*registry upgrade"):
        KnobStore.open(path)

    assert path.read_bytes() == before


@pytest.mark.parametrize("revision", KEPT)
def test_an_upgraded_file_is_used_as_any_other(revision, tmp_path):
    """After the upgrade of a kept file every knob is what was stored, and it is queried, edited, saved to, exported."""
    path = kept(revision, tmp_path)
    rows = dump(path)
    backup = migrate.upgrade(path)
    registry = Registry.open(path, packaged=tmp_path / "none.db")

    assert dump(backup) == rows
    # Evidence, packing, the hash of both, and the name of an effect.
    changed = ("alembic", "knob:", "operator_array:", "run:", "knob_effect:")
    assert {row for row in rows if not row.startswith(changed)} <= set(dump(path))
    for stored, run in zip(registry.runs(), KEPT[revision], strict=True):
        assert [facts(knob) for knob in stored.knobs] == [facts(knob) for knob in run.knobs]
    assert arrays(registry.knob(MODEL, "pitch")) == arrays(sample_run(3).knobs[1])
    assert len(registry.find(KnobQuery(moves="mean-pitch", uses=0))) == 3
    registry.write_note(MODEL, "pitch", "from long ago")
    registry.save_run(sample_run(6, name="density"))
    other = Registry.open(tmp_path / "other.db", packaged=tmp_path / "none.db")
    assert len(other.take(registry.export(registry.knobs()), "knobs.json")) == 4
    assert other.knob(MODEL, "pitch").note == "from long ago"


@pytest.mark.parametrize("revision", KEPT)
def test_an_upgraded_file_is_as_a_new_one(revision, tmp_path):
    """Tables, indexes and views of an upgraded file are, to the letter, those of a new one."""
    path = kept(revision, tmp_path)
    migrate.upgrade(path)
    KnobStore.open(tmp_path / "new.db", create=True)

    assert schema(path) == schema(tmp_path / "new.db")


def schema(path):
    """All that a file's schema says, in order of name."""
    with closing(sqlite3.connect(path)) as connection:
        query = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type, name"
        return "".join(f"{sql};\n" for (sql,) in connection.execute(query))


def test_the_schema_is_the_golden_one(path):
    """A new file has the schema that is written down: a change of it is a new migration."""
    KnobStore.open(path, create=True)

    assert schema(path) == GOLDEN.read_text(encoding="utf-8"), (
        "The schema changed. Write a migration rNNNN_what.py beside the others (never edit a released one), keep "
        "a file of the revision before as tests/data/registry_NNNN.db with its runs in KEPT, and write what this test "
        f"found into {GOLDEN.name}."
    )


@pytest.mark.parametrize("view", COLUMNS)
@pytest.mark.parametrize("revision", [*KEPT, "new"])
def test_views_keep_their_columns(view, revision, tmp_path):
    """Each documented view has its columns, in their order, in new files and in upgraded ones."""
    path = tmp_path / "registry.db"
    if revision == "new":
        KnobStore.open(path).save_run(sample_run())
    else:
        kept(revision, tmp_path)
        migrate.upgrade(path)
    with closing(sqlite3.connect(path)) as connection:
        cursor = connection.execute(f"SELECT * FROM {view}")
        assert cursor.fetchone() is not None or view in EMPTY  # no run here fills them

    assert " ".join(column[0] for column in cursor.description) == COLUMNS[view]


def test_every_view_is_documented():
    """The views, here and in docs/reference/registry.md, are those that files have, with all their columns."""
    text = (DATA.parents[1] / "docs" / "reference" / "registry.md").read_text(encoding="utf-8")

    assert set(VIEWS) == set(COLUMNS)
    for view, columns in COLUMNS.items():
        (row,) = [line for line in text.splitlines() if line.startswith(f"| `{view}` |")]
        assert [name for name in columns.split() if f"`{name}`" not in row] == []


def test_a_view_of_ones_own_outlives_an_upgrade(tmp_path):
    """Somebody's own view on a table that a migration rebuilds is still there, and answers."""
    path = kept("0001", tmp_path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE VIEW mine AS SELECT name, verdict FROM knob")
        before = connection.execute("SELECT count(*) FROM mine").fetchone()
        connection.commit()
    migrate.upgrade(path)

    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM mine").fetchone() == before == (10,)


COLUMNS_ON_SERVER = """
    SELECT 'column ' || c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
        || CASE WHEN l.collname IS NULL THEN '' ELSE ' in ' || l.collname END
        || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END || coalesce(' = ' || pg_get_expr(d.adbin, d.adrelid), '')
    FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
        LEFT JOIN pg_collation AS l ON l.oid = a.attcollation
        LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v') AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY c.relkind, c.relname COLLATE "C", a.attnum
"""
CONSTRAINTS_ON_SERVER = """
    SELECT 'constraint ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND contype IN ('p', 'u', 'f', 'c') ORDER BY conname COLLATE "C"
"""
INDEXES_ON_SERVER = """
    SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexname COLLATE "C"
"""


def schema_on_server(postgres, url):
    """All that a database's schema says: columns of tables, then of views, constraints and indexes."""
    name = url.rpartition("/")[2]
    queries = (COLUMNS_ON_SERVER, CONSTRAINTS_ON_SERVER, INDEXES_ON_SERVER)
    return "".join(f"{line}\n" for query in queries for (line,) in postgres.execute(name, query))


def kept_on_server(postgres, database):
    """The database of schema 0005, the first one on servers, with the runs above; gives its URL."""
    postgres.load(database.rpartition("/")[2], DATA / "registry_0005_postgresql.sql")
    return database


@pytest.mark.parametrize("made", ["new", "kept"])
def test_the_schema_on_servers_is_the_golden_one(made, postgres, database):
    """A new database, and a kept one that is upgraded, have the schema that is written down."""
    if made == "new":
        KnobStore.open(database, create=True)
    else:
        migrate.upgrade(kept_on_server(postgres, database))

    assert schema_on_server(postgres, database) == ON_SERVERS.read_text(encoding="utf-8"), (
        f"The schema changed. Write a migration that does the same on PostgreSQL, texts in text_type(), and what this "
        f"test found into {ON_SERVERS.name}."
    )


def test_a_kept_database_is_used_as_any_other(postgres, database):
    """After its upgrade every knob of a kept database is what was stored, and it is queried, edited and saved to."""
    migrate.upgrade(kept_on_server(postgres, database))
    store = KnobStore.open(database)

    for stored, run in zip(store.runs(), RUNS, strict=True):
        assert [facts(knob) for knob in stored.knobs] == [facts(knob) for knob in run.knobs]
    assert arrays(store.knob(MODEL, "pitch")) == arrays(sample_run(3).knobs[1])
    assert store.save_run(sample_run(6, name="density"))
    assert len(store.find(KnobQuery(moves="mean-pitch", uses=0))) == 4


@pytest.mark.parametrize("view", COLUMNS)
def test_views_on_servers_keep_their_columns(view, postgres, database):
    """Each documented view has its columns, in their order, on a server too."""
    store = KnobStore.open(database, create=True)

    assert " ".join(rows_of(store, f"SELECT * FROM {view}")[0]) == COLUMNS[view]
