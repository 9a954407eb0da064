import os
import shutil
import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import event

from latentknobs.errors import RegistryError, UsageError
from latentknobs.registry.addresses import address_of
from latentknobs.registry.store import KnobStore
from latentknobs.testing.store import MODEL, sample_run


def change(path, *statements):
    """Change a registry file as another program would."""
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def test_reading_makes_no_file(path):
    """A registry that is not there is empty, and stays not there however it is read."""
    store = KnobStore.open(path)

    assert (store.knobs(), store.runs(), store.built_in, store.exists) == ((), (), False, False)
    assert list(path.parent.iterdir()) == []


def test_reading_changes_no_byte(saved):
    """Reading leaves the file and its folder as they are, its time of change included."""
    before = saved.read_bytes(), saved.stat().st_mtime_ns
    store = KnobStore.open(saved)

    read = store.knobs(), store.runs(), store.knob(MODEL, "pitch")

    assert all(read)
    assert (saved.read_bytes(), saved.stat().st_mtime_ns) == before
    assert list(saved.parent.iterdir()) == [saved]


def test_create_makes_an_empty_registry(path):
    """With create the file is there at once, in the journal mode that keeps a registry one file."""
    with KnobStore.open(path, create=True) as store:
        assert (store.exists, store.knobs(), store.built_in) == (True, (), False)

    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_a_path_may_hold_anything(tmp_path):
    """Spaces, percent signs, question marks and letters of any script are part of the name."""
    path = tmp_path / "a b%20?mode=rw#ß.db"
    KnobStore.open(path).save_run(sample_run())

    assert len(KnobStore.open(path).knobs()) == 1
    assert list(tmp_path.iterdir()) == [path]


def test_a_url_is_a_path(saved):
    """sqlite:///PATH is PATH."""
    assert KnobStore.open(f"sqlite:///{saved}").path == saved
    assert KnobStore.open(str(saved)).path == saved


def test_a_link_leads_to_the_file(tmp_path):
    """A symbolic link to a file that is not there yet is followed, not replaced."""
    link, target = tmp_path / "link.db", tmp_path / "target.db"
    link.symlink_to(target)

    KnobStore.open(link).save_run(sample_run())

    assert link.is_symlink()
    assert target.is_file()


@pytest.mark.parametrize(
    "url",
    [
        "mysql://me:secret@host/db",
        "postgresql+asyncpg://me:secret@host/db",
        "postgresql://me:secret@host",
        "postgresql://me:sec@ret@host:nine/db",
        "oracle://host/db?password=secret",
        "postgresql://me:half@secret@host/db",
        "sqlite://",
        "sqlite:///a.db?mode=ro",
        "://",
    ],
)
def test_other_databases_are_refused(url):
    """What is no file of SQLite's and no database of PostgreSQL's is a usage error that keeps passwords to itself."""
    with pytest.raises(UsageError, match="give a path or sqlite:///PATH") as caught:
        KnobStore.open(url)

    assert "sec" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "is not a latentknobs registry"),
        (b"MThd" * 2000, "nor any SQLite file"),
        (b"SQLite format 3\x00" + b"\x00" * 4000, "is not a latentknobs registry"),
    ],
    ids=["empty", "midi", "header"],
)
def test_files_of_others_are_refused(path, content, match):
    """A file that is not SQLite's is refused and left as it is."""
    path.write_bytes(content)

    with pytest.raises(RegistryError, match=match):
        KnobStore.open(path)
    with pytest.raises(RegistryError, match=match):
        KnobStore.open(path, create=True)

    assert path.read_bytes() == content


@pytest.mark.parametrize(
    "statements",
    [
        ["CREATE TABLE song (id INTEGER)"],
        ["CREATE TABLE registry (id INTEGER)", "CREATE TABLE alembic_version (version_num TEXT)"],
        [
            "CREATE TABLE registry (application TEXT, built_in INTEGER)",
            "INSERT INTO registry VALUES ('another', 0)",
            "CREATE TABLE alembic_version (version_num TEXT)",
            "INSERT INTO alembic_version VALUES ('0001')",
        ],
    ],
    ids=["no-tables-of-ours", "same-table-name", "another-application"],
)
def test_databases_of_others_are_refused(path, statements):
    """An SQLite file of another program is refused, for reading and for writing."""
    change(path, *statements)
    before = path.read_bytes()

    with pytest.raises(RegistryError, match="is not a latentknobs registry"):
        KnobStore.open(path)

    assert path.read_bytes() == before


def test_a_file_that_turns_foreign_is_not_written(path):
    """The check is made in every transaction, not only when the store is opened."""
    store = KnobStore.open(path)
    change(path, "CREATE TABLE song (id INTEGER)")

    with pytest.raises(RegistryError, match="is not a latentknobs registry"):
        store.save_run(sample_run())


def test_a_newer_file_says_to_update(saved):
    """A schema that this version does not know says to update latentknobs."""
    change(saved, "UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(RegistryError, match=r"made by a newer latentknobs .* update latentknobs"):
        KnobStore.open(saved)


def test_a_folder_is_refused(tmp_path):
    """A folder is not a registry."""
    with pytest.raises(RegistryError, match="is a folder"):
        KnobStore.open(tmp_path)


def test_a_missing_folder_is_not_made(tmp_path):
    """A registry in a folder that is not there reads as empty, and saving says to make the folder."""
    store = KnobStore.open(tmp_path / "none" / "registry.db")

    assert store.knobs() == ()
    with pytest.raises(RegistryError, match="does not exist: make it first"):
        store.save_run(sample_run())
    with pytest.raises(RegistryError, match="does not exist: make it first"):
        store.check_writable()
    assert list(tmp_path.iterdir()) == []


def test_a_read_only_file_can_be_read(unprivileged):
    """A file without the right to write is read as any other, and saving says so."""
    path = unprivileged / "first.db"
    path.chmod(0o444)
    store = KnobStore.open(path)

    assert len(store.knobs()) == 1
    for act in (store.check_writable, lambda: store.save_run(sample_run(1))):
        with pytest.raises(RegistryError, match="is read-only"):
            act()
    assert len(store.runs()) == 1


def test_a_read_only_folder_can_be_read(unprivileged):
    """In a folder without the right to write a registry is read, and saving says so, old file or new."""
    unprivileged.chmod(0o555)

    for name, count in (("first.db", 1), ("new.db", 0)):
        store = KnobStore.open(unprivileged / name)
        assert len(store.knobs()) == count
        for act in (store.check_writable, lambda store=store: store.save_run(sample_run(1))):
            with pytest.raises(RegistryError, match=r"(is read-only|cannot be written).*allow writing"):
                act()
        assert len(store.runs()) == count


def test_a_file_that_may_not_be_read_says_so(unprivileged):
    """Without the right to read there is one clear sentence."""
    (unprivileged / "first.db").chmod(0)

    with pytest.raises(RegistryError, match="cannot be opened: allow reading it"):
        KnobStore.open(unprivileged / "first.db")


def test_asking_whether_it_can_be_written_changes_nothing(saved):
    """The question leaves the file, its time of change and its folder as they are."""
    before = saved.read_bytes(), saved.stat().st_mtime_ns

    KnobStore.open(saved).check_writable()

    assert (saved.read_bytes(), saved.stat().st_mtime_ns) == before
    assert list(saved.parent.iterdir()) == [saved]


def test_a_locked_file_says_so(saved):
    """While another program holds the file for itself, reading and saving say so after the timeout."""
    store = KnobStore.open(saved, timeout=0.05)
    with closing(sqlite3.connect(saved, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        for act in (store.knobs, store.check_writable, lambda: store.save_run(sample_run(1))):
            with pytest.raises(RegistryError, match="is locked by another program"):
                act()

    assert store.save_run(sample_run(1))


def test_readers_do_not_mind_a_writer(saved):
    """While another program is about to write, what was committed can be read."""
    with closing(sqlite3.connect(saved, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("DELETE FROM knob_tag")

        assert KnobStore.open(saved, timeout=0.05).knobs()[0].tags == ("melody", "shipped")


def test_a_full_disk_leaves_the_file_as_it_was(saved):
    """When no page can be added any more, saving says so and nothing is lost."""
    before = saved.read_bytes()
    store = KnobStore.open(saved)

    @event.listens_for(store._database._writer, "connect")
    def _no_more_pages(connection, _record):
        connection.execute("PRAGMA max_page_count = 1")

    with pytest.raises(RegistryError, match="The disk is full"):
        store.save_run(sample_run(1, size=64))

    assert saved.read_bytes() == before


def test_a_damaged_file_says_so(saved):
    """Pages overwritten by something else are an error, not a wrong answer."""
    content = bytearray(saved.read_bytes())
    content[4096:] = os.urandom(1) * (len(content) - 4096)
    saved.write_bytes(content)

    with pytest.raises(RegistryError, match=r"is damaged|is not a latentknobs registry"):
        KnobStore.open(saved).knobs()


@pytest.mark.parametrize(
    ("statement", "match"),
    [
        ("UPDATE operator_array SET data = zeroblob(length(data)) WHERE name = 'offsets'", "is damaged"),
        ("UPDATE operator_array SET shape = '[7]'", "is damaged"),
        ("UPDATE knob SET kind = 'spiral'", "is damaged"),
        ("UPDATE knob SET evidence = '{'", "is damaged"),
    ],
    ids=["other-bytes", "other-shape", "unknown-kind", "broken-json"],
)
def test_a_knob_that_was_changed_is_not_turned(saved, statement, match):
    """A knob whose row another program changed is refused with its name."""
    change(saved, statement)

    with pytest.raises(RegistryError, match=match):
        KnobStore.open(saved).knob(MODEL, "pitch")


def test_a_write_that_was_cut_off_is_taken_back(saved, tmp_path):
    """A journal that a dead program left behind is played back before anything is read."""
    expected = saved.read_bytes()
    path = tmp_path / "dead.db"
    with closing(sqlite3.connect(saved, isolation_level=None)) as writer:
        writer.execute("PRAGMA cache_size = 1")  # pages reach the file before the transaction ends
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE knob SET unit = 'broken', evidence = hex(zeroblob(100000))")
        writer.execute("DELETE FROM knob_dimension")
        for suffix in ("", "-journal"):
            shutil.copyfile(f"{saved}{suffix}", f"{path}{suffix}")
    assert path.read_bytes() != expected

    knobs = KnobStore.open(path).knobs()

    assert [knob.unit for knob in knobs] == ["semitones"]
    assert path.read_bytes() == expected


def test_a_built_in_registry_is_written_only_when_that_is_said(path):
    """A file made with allow_built_in is marked, and refuses everyone who does not say it again."""
    with KnobStore.open(path, create=True, allow_built_in=True) as store:
        assert store.built_in
    before = path.read_bytes()

    stranger = KnobStore.open(path)
    for act in (stranger.check_writable, lambda: stranger.save_run(sample_run())):
        with pytest.raises(RegistryError, match="written by 'make registry' only"):
            act()

    assert path.read_bytes() == before
    assert KnobStore.open(path, allow_built_in=True).save_run(sample_run())


def test_the_first_save_may_mark_a_file_built_in(path):
    """Saving to a file that is not there yet marks it as create does."""
    KnobStore.open(path, allow_built_in=True).save_run(sample_run())

    assert KnobStore.open(path).built_in


@pytest.mark.parametrize(
    ("password", "text", "shown"),
    [
        ("s3cret", "no s3crets: s3cret", "no ***s: ***"),
        ("s", "sslmode of s is invalid", "sslmode of *** is invalid"),
    ],
)
def test_what_a_driver_says_is_told_without_the_password(password, text, shown):
    """A short one is taken out as a word alone, as gaps in other words would spell it."""
    assert address_of(f"postgresql://me:{password}@host/db").cleaned(text) == shown
