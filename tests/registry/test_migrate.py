import shutil
import sqlite3
from contextlib import closing

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from latentknobs.errors import RegistryError
from latentknobs.registry import migrate
from latentknobs.registry.connections import make_engine
from latentknobs.registry.store import KnobStore
from latentknobs.registry.tables import Base
from latentknobs.testing.store import dump, facts, sample_run

NEXT = '''
"""A schema to come: rebuilds a table that others point to."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    with op.batch_alter_table("knob") as table:
        table.add_column(sa.Column("note", sa.Text(), nullable=False, server_default=""))
        table.alter_column("unit", type_=sa.String(64))
'''


@pytest.fixture
def later(tmp_path, monkeypatch):
    """The migrations of a later version: gives the function that puts its module into force."""
    folder = tmp_path / "later" / "migrations"
    shutil.copytree(migrate.MIGRATIONS, folder)

    def install(text=NEXT):
        (folder / "versions" / "r0006_next.py").write_text(text)
        monkeypatch.setattr(migrate, "MIGRATIONS", folder)

    return install


def schema(path):
    """What a file's tables and indexes are, as SQLite keeps it."""
    with closing(sqlite3.connect(path)) as connection:
        query = "SELECT sql FROM sqlite_master WHERE type != 'view' AND tbl_name != 'alembic_version' ORDER BY name"
        return [sql for (sql,) in connection.execute(query) if sql]


def test_migrations_and_tables_are_the_same(tmp_path):
    """A migrated file has, letter by letter, the schema that the typed tables describe."""
    migrated, declared = tmp_path / "migrated.db", tmp_path / "declared.db"
    KnobStore.open(migrated, create=True)
    Base.metadata.create_all(make_engine(declared, "rwc"))

    assert _words(schema(migrated)) == _words(schema(declared))
    with make_engine(migrated, "ro").connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def _words(statements):
    """Statements without what means nothing: the order of a table's constraints, white space."""
    return [sorted(statement.replace(", \n", "\n").split("\n\t")) for statement in statements]


def test_file_names_tell_the_history():
    """The revisions read off the file names are alembic's, in its order, without a branch."""
    config = Config()
    config.set_main_option("script_location", str(migrate.MIGRATIONS).replace("%", "%%"))
    scripts = ScriptDirectory.from_config(config)
    history = [script.revision for script in scripts.walk_revisions()]

    assert tuple(reversed(history)) == migrate.revisions()


def test_an_older_file_says_how_to_upgrade(saved, later):
    """A file of an older schema is left alone, and the error names the command."""
    before = saved.read_bytes()
    later()

    with pytest.raises(RegistryError, match=r"older latentknobs .*latentknobs registry upgrade .*registry.db"):
        KnobStore.open(saved)

    assert saved.read_bytes() == before


def test_an_upgrade_keeps_every_row_and_a_backup(saved, later):
    """After an upgrade the knobs are what they were, and the file from before lies beside it."""
    before, rows = saved.read_bytes(), dump(saved)
    knobs = [facts(knob) for knob in KnobStore.open(saved).knobs(current_only=False)]
    later()

    backup = migrate.upgrade(saved)

    assert backup == saved.with_name("registry.db.bak-0005")
    assert dump(backup) == rows
    assert len(backup.read_bytes()) == len(before)
    store = KnobStore.open(saved)
    assert [facts(knob) for knob in store.knobs(current_only=False)] == knobs
    assert len(dump(saved)) == len(rows)


def test_a_second_backup_keeps_the_first(saved, later):
    """A backup is never written over."""
    first = saved.with_name("registry.db.bak-0005")
    first.write_bytes(b"mine")
    later()

    assert migrate.upgrade(saved) == saved.with_name("registry.db.bak-0005-2")
    assert first.read_bytes() == b"mine"


def test_an_upgrade_that_fails_changes_no_byte(saved, later):
    """A migration that raises half way leaves the file byte for byte as it was, version included."""
    before = saved.read_bytes()
    later(NEXT + '    op.execute("DELETE FROM knob_tag")\n    raise RuntimeError("half way")\n')

    with pytest.raises(RuntimeError, match="half way"):
        migrate.upgrade(saved)

    assert saved.read_bytes() == before


def test_an_upgrade_that_leaves_orphans_is_taken_back(saved, later):
    """Rows that belong to nothing are found before anything is kept."""
    before = saved.read_bytes()
    later(NEXT + '    op.execute("DELETE FROM knob WHERE position = 0")\n')

    with pytest.raises(RegistryError, match="rows that belong to nothing"):
        migrate.upgrade(saved)

    assert saved.read_bytes() == before


def test_nothing_to_upgrade(saved):
    """A file of this version's schema is left as it is, without a backup."""
    assert migrate.upgrade(saved) is None
    assert list(saved.parent.iterdir()) == [saved]


def test_what_cannot_be_upgraded_says_why(path, later):
    """A missing, a newer and a built-in file are refused, each with its sentence."""
    with pytest.raises(RegistryError, match="There is no registry"):
        migrate.upgrade(path)
    KnobStore.open(path, create=True, allow_built_in=True)
    later()
    with pytest.raises(RegistryError, match="rebuild it with 'make registry'"):
        migrate.upgrade(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    with pytest.raises(RegistryError, match="made by a newer latentknobs"):
        migrate.upgrade(path)


def test_a_file_system_without_links_will_do(path, monkeypatch):
    """Where files cannot be linked, a new registry is renamed into place, never over another."""

    def no_links(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("os.link", no_links)
    KnobStore.open(path).save_run(sample_run())

    assert len(KnobStore.open(path).knobs()) == 1
    with pytest.raises(FileExistsError), migrate.new_file(path):
        pass
    assert list(path.parent.iterdir()) == [path]


def test_foreign_keys_are_on(saved):
    """A row that belongs to nothing is refused by the connections that the store uses."""
    engine = make_engine(saved, "rw")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_the_driver_in_its_usual_mode_would_keep_half_a_migration(tmp_path):
    """Why the engine sets the driver's transactions off: else DDL survives a rollback, as it does here."""
    engine = create_engine(f"sqlite:///{tmp_path / 'usual.db'}", poolclass=NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE t (id INTEGER)")
        connection.rollback()
    ours = make_engine(tmp_path / "ours.db", "rwc")
    with ours.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE t (id INTEGER)")
        connection.rollback()

    assert schema(tmp_path / "usual.db") == ["CREATE TABLE t (id INTEGER)"]
    assert schema(tmp_path / "ours.db") == []


@pytest.fixture
def shared(database):
    """The URL of a registry on a server that holds one run."""
    KnobStore.open(database).save_run(sample_run())
    return database


def test_an_upgrade_on_a_server_keeps_every_knob(shared, later):
    """After an upgrade the knobs are what they were, and can be added to."""
    knobs = [facts(knob) for knob in KnobStore.open(shared).knobs(current_only=False)]
    later()

    with pytest.raises(RegistryError, match=r"back it up and upgrade it with 'latentknobs registry upgrade"):
        KnobStore.open(shared)
    migrate.upgrade(shared)

    store = KnobStore.open(shared)
    assert [facts(knob) for knob in store.knobs(current_only=False)] == knobs
    assert store.save_run(sample_run(1))


def test_an_upgrade_on_a_server_that_fails_changes_nothing(shared, later, tmp_path, monkeypatch):
    """A migration that raises half way is taken back as a whole, version included."""
    now = migrate.MIGRATIONS
    later(NEXT + '    op.execute("DELETE FROM knob_tag")\n    raise RuntimeError("half way")\n')

    with pytest.raises(RuntimeError, match="half way"):
        migrate.upgrade(shared)

    monkeypatch.setattr(migrate, "MIGRATIONS", now)
    assert KnobStore.open(shared).knobs()[0].tags == ("melody", "shipped")


def test_what_cannot_be_upgraded_on_a_server_says_why(postgres, database, later):
    """An empty database and one of another program are refused, and one that is up to date is left as it is."""
    with pytest.raises(RegistryError, match="There is no registry"):
        migrate.upgrade(database)
    KnobStore.open(database, create=True)
    migrate.upgrade(database)
    other = postgres.new_database()
    postgres.execute(other.rpartition("/")[2], "CREATE TABLE song (id INTEGER)")
    with pytest.raises(RegistryError, match="is not a latentknobs registry"):
        migrate.upgrade(other)
