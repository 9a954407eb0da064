"""What can be wrong with a registry on a server: one sentence each, without a password; nothing half is stored."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest
from attrs import evolve

from latentknobs.errors import MissingExtraError, RegistryError, UsageError
from latentknobs.frontends.cli.app import run_command_line
from latentknobs.registry import knob_edits
from latentknobs.registry.overlay import Registry
from latentknobs.registry.store import KnobStore
from latentknobs.testing.store import MODEL, facts, sample_run
from latentknobs.workbench import Workbench
from tests.postgres_server import PASSWORD

TABLES = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
FULL = (
    # What PostgreSQL raises where the disk is full, raised by a trigger in the middle of a run.
    (
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE 'could not extend file' USING ERRCODE = '53100'; END $$"
    ),
    "CREATE TRIGGER full_disk BEFORE INSERT ON operator_array EXECUTE FUNCTION full_disk()",
)


def name_of(url):
    """The database of a URL."""
    return url.rpartition("/")[2]


def stop_under(server, session):
    """End the server below a session, which finds out."""
    server.stop()
    session.connection().exec_driver_sql("SELECT 1")


@pytest.fixture
def shared(database):
    """The URL of a registry that holds one run."""
    KnobStore.open(database).save_run(sample_run())
    return database


WRONG = {
    "nobody answers": ("", r"cannot be reached: Connection refused; check the address"),
    "no such host": ("", r"cannot be reached: failed to resolve host"),
    "wrong password": ("", r"cannot be opened: password authentication failed .*; give the password in the URL"),
    "no password": ("", r"cannot be opened: .*no password supplied; give the password in the URL"),
    "no such database": ("", r"cannot be reached: database \"nothing\" does not exist"),
    "another program's": ("CREATE TABLE song (id INTEGER)", r"is not a latentknobs registry: name another database"),
    "another's of our name": (
        "CREATE TABLE registry (id INTEGER); CREATE TABLE alembic_version (version_num TEXT)",
        r"is not a latentknobs registry: name another database",
    ),
    "newer": ("UPDATE alembic_version SET version_num = '9999'", r"made by a newer latentknobs .*: update latentknobs"),
    "older": (
        "UPDATE alembic_version SET version_num = '0004'",
        r"made by an older latentknobs .*: back it up and upgrade it with 'latentknobs registry upgrade",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_cannot_be_used_is_one_sentence(what, postgres, database, capsys):
    """A registry that cannot be used ends a command with 1 and one line that keeps the password to itself."""
    statement, match = WRONG[what]
    if what in ("newer", "older"):
        KnobStore.open(database, create=True)
    if statement:
        postgres.execute(name_of(database), *statement.split(";"))
    url = {
        "nobody answers": database.replace(f":{postgres.port}/", ":1/"),
        "no such host": database.replace("@127.0.0.1", "@nowhere.invalid"),
        "wrong password": postgres.url(name_of(database), password="gues:s3d"),
        "no password": database.replace(f":{quote(PASSWORD, safe='')}@", "@"),
        "no such database": postgres.url("nothing"),
    }.get(what, database)
    before = postgres.execute(name_of(database), TABLES)

    with pytest.raises(RegistryError, match=match):
        KnobStore.open(url)
    with pytest.raises(RegistryError, match=match):
        Registry.open(url).check_writable()
    capsys.readouterr()
    assert run_command_line(["knobs", "list", "--registry", url]) == 1
    told = capsys.readouterr().err

    assert told.count("\n") == 1
    assert not [secret for secret in (PASSWORD, quote(PASSWORD), "gues", "s3d") if secret in told]
    assert postgres.execute(name_of(database), TABLES) == before


@pytest.mark.parametrize("words", [["registry", "upgrade"], ["registry", "datasette", "-o", "out.json"], ["doctor"]])
def test_no_command_prints_a_password(words, shared, capsys, tmp_path, monkeypatch):
    """What commands say of a registry is its address without the password, as text and as JSON."""
    monkeypatch.chdir(tmp_path)
    place = ["--registry", shared] if words == ["doctor"] else [shared]
    more = [] if "datasette" in words else ["--json"]
    codes = [run_command_line([*words, *place]), run_command_line([*words, *place, *more])]
    printed = "".join(capsys.readouterr())

    assert codes == ([2, 2] if "datasette" in words else [0, 0])
    assert "lab@127.0.0.1" in printed
    assert PASSWORD not in printed
    assert quote(PASSWORD, safe="") not in printed
    assert list(tmp_path.iterdir()) == []


def test_no_value_shows_a_password(shared):
    """Neither an open registry nor a workbench has the password in its text."""
    store = KnobStore.open(f"{shared}?application_name=mine&sslpassword=hidden")
    with Workbench.open(shared) as bench:
        texts = [str(store.address), repr(store.address), repr(bench), *map(repr, bench.registry.sources())]

    assert not [text for text in texts if "hidden" in text or PASSWORD in text or quote(PASSWORD, safe="") in text]


def test_without_the_driver_the_extra_is_named(monkeypatch, capsys):
    """Where psycopg is not installed the error says how to install it."""
    monkeypatch.setitem(sys.modules, "psycopg", None)

    with pytest.raises(MissingExtraError, match=r"pip install 'latentknobs\[postgres\]'"):
        KnobStore.open("postgresql://lab@localhost/knobs")
    assert run_command_line(["knobs", "list", "--registry", "postgresql://lab@localhost/knobs"]) == 1
    assert run_command_line(["doctor", "--registry", "postgresql://lab@localhost/knobs"]) == 0


def test_a_full_disk_stores_nothing(postgres, shared):
    """Where the server's disk is full every way of writing is one clear sentence, and what was there stays."""
    postgres.execute(name_of(shared), *FULL)
    store = KnobStore.open(shared)

    with pytest.raises(RegistryError, match=r"The disk of the server is full: nothing was written to the registry"):
        store.save_run(sample_run(1))

    assert [run.spec.seed for run in store.runs()] == [0]
    assert postgres.execute(name_of(shared), "SELECT count(*) FROM knob") == [(2,)]
    assert store.knob(MODEL, "pitch").run_id == sample_run().run_id


def test_a_writer_waits_for_another_and_no_longer_than_it_may(postgres, shared):
    """Readers need no lock; a writer that finds none within its time is told so."""
    with KnobStore.open(shared).writing():
        other = KnobStore.open(shared, timeout=0.3)
        assert len(other.runs()) == 1
        with pytest.raises(RegistryError, match=r"is locked by another program: try again"):
            other.save_run(sample_run(1))

    assert len(KnobStore.open(shared).runs()) == 1


def test_those_who_write_first_at_once_make_one_registry(database):
    """Of several who find a database empty one makes the tables, and the runs of all are stored."""
    with ThreadPoolExecutor(4) as pool:
        saved = list(pool.map(lambda seed: KnobStore.open(database).save_run(sample_run(seed)), range(4)))

    assert saved == [True] * 4
    assert {run.spec.seed for run in KnobStore.open(database).runs()} == {0, 1, 2, 3}


def test_who_may_only_read_is_told_before_long_work(postgres, shared):
    """A user without rights reads what they may, and is refused before a run, not after it."""
    postgres.execute(
        name_of(shared),
        f"CREATE ROLE guest LOGIN PASSWORD '{PASSWORD}'",
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO guest",
    )
    guest = KnobStore.open(postgres.url(name_of(shared), user="guest"))
    empty = Registry.open(postgres.url(name_of(postgres.new_database()), user="guest"))

    assert len(guest.knobs()) == 1
    for refused in (guest.check_writable, lambda: guest.save_run(sample_run(1)), empty.check_writable):
        with pytest.raises(RegistryError, match=r"may not be written: permission denied .*; ask its owner"):
            refused()
    postgres.execute(name_of(shared), "DROP OWNED BY guest", "DROP ROLE guest")


def test_reading_and_checking_make_no_table(postgres, database):
    """An empty database is an empty registry, and stays empty until a run is stored."""
    before = postgres.execute(name_of(database), TABLES)
    registry = Registry.open(database)
    store = KnobStore.open(database)

    assert (store.exists, store.built_in, store.knobs(), store.runs()) == (False, False, (), ())
    registry.check_writable()
    assert len(registry.knobs()) > 3  # the package's
    assert next((source.role, source.exists, source.written) for source in registry.sources()) == ("open", False, True)
    assert postgres.execute(name_of(database), TABLES) == before


def test_what_an_extension_brings_is_nobodys(postgres, database):
    """Views of an extension, as hosts install them, do not make a database another program's."""
    postgres.execute(name_of(database), "CREATE EXTENSION pg_stat_statements")

    assert KnobStore.open(database).save_run(sample_run())


def test_a_schema_holds_a_registry_of_its_own(postgres, database):
    """Of two schemas of a database, named by the URL, each is a registry."""
    postgres.execute(name_of(database), "CREATE SCHEMA ours", "CREATE TABLE song (id INTEGER)")
    url = f"{database}?options=-csearch_path%3Dours"

    assert KnobStore.open(url).save_run(sample_run())

    assert len(KnobStore.open(url).knobs()) == 1
    with pytest.raises(RegistryError, match="is not a latentknobs registry"):
        KnobStore.open(database)


def test_what_the_server_cannot_keep_is_refused(shared):
    """A text with a null character or one that is no Unicode is a clear error and stores nothing."""
    store = KnobStore.open(shared)
    run = sample_run(1)
    with pytest.raises(RegistryError, match="could not be written: PostgreSQL text fields cannot contain NUL"):
        knob_edits.write_note(store, MODEL, "pitch", "a\0b")
    with pytest.raises(RegistryError, match="could not be written: unsupported Unicode escape sequence"):
        store.save_run(sample_run(1, parameters={"note": "a\0b"}))
    with pytest.raises(RegistryError, match="cannot be stored"):
        store.save_run(evolve(run, spec=evolve(run.spec, corpus="midi:\udcff"), knobs=(), current=None))

    assert store.knob(MODEL, "pitch").note == ""
    assert len(store.runs()) == 1


def test_a_shared_registry_is_edited_exported_and_imported(shared, tmp_path):
    """Tags, notes, names, export, import and deletion work on a server as on a file, through the command line."""
    at = ["--registry", shared]
    exported = str(tmp_path / "knobs.json")
    for words in (
        ["tag", "pitch", "favourite", "--remove", "shipped", "--model", MODEL],
        ["note", "pitch", "Ours.", "--model", MODEL],
        ["rename", "pitch", "height", "--model", MODEL],
        ["export", "height", "--model", MODEL, "-o", exported],
        ["import", exported],
    ):
        assert run_command_line(["knobs", *words, *at]) == 0
    (knob,) = KnobStore.open(shared).knobs()
    file = Registry.open(tmp_path / "mine.db")
    file.take((tmp_path / "knobs.json").read_text(), exported)

    assert (knob.name, knob.tags, knob.note) == ("height", ("favourite", "melody"), "Ours.")
    assert facts(file.knob(MODEL, "height")) == facts(knob)
    assert run_command_line(["knobs", "delete", "height", "--model", MODEL, *at]) == 0
    assert KnobStore.open(shared).knobs() == ()


def test_a_path_is_asked_of_files_only(shared):
    """What needs a file says how to make one of a shared registry."""
    with pytest.raises(UsageError, match="is no file: 'latentknobs registry copy' makes one"):
        _ = KnobStore.open(shared).path


def test_a_server_that_is_gone_is_told_and_one_that_returns_is_used(postgres, shared):
    """Without its server a registry is one sentence, and an open one goes on when the server is back."""
    store = KnobStore.open(shared, timeout=0.3)
    run = sample_run(1)
    with pytest.raises(RegistryError, match=r"was lost: nothing was stored"), store.writing() as session:
        stop_under(postgres, session)
    with pytest.raises(RegistryError, match=r"cannot be reached: Connection refused"):
        store.runs()
    postgres.start()

    assert store.save_run(run)
