"""A whole registry is copied from a file to a server and back, or not at all."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from latentknobs.errors import RegistryError, UsageError
from latentknobs.frontends.cli.app import run_command_line
from latentknobs.registry import copying, knob_edits
from latentknobs.registry.overlay import PACKAGED
from latentknobs.registry.store import KnobStore
from latentknobs.testing.store import MODEL, OTHER_MODEL, arrays, dump, facts, sample_run


@pytest.fixture
def many(path):
    """A file with runs of two models, some knobs of which are edited."""
    store = KnobStore.open(path)
    for seed in range(6):
        store.save_run(sample_run(seed, name=f"knob-{seed % 4}", model_id=(MODEL, OTHER_MODEL)[seed % 2]))
    knob_edits.write_note(store, MODEL, "knob-2", "Fünf \u266d")
    knob_edits.rename(store, OTHER_MODEL, "knob-3", "renamed")
    knob_edits.forget(store, OTHER_MODEL, "knob-1")
    return path


def contents(path):
    """Every row, but for that of the registry itself."""
    return [row for row in dump(path) if not row.startswith("registry:")]


def test_there_and_back_every_row_is_the_same(many, database, tmp_path):
    """What goes to a server and comes back is the file, row for row, and both answer alike."""
    back = tmp_path / "back.db"

    there = copying.copy(many, database)
    here = copying.copy(database, back)

    assert there == here
    assert (there["run"], there["knob"], there["knob_note"]) == (6, 12, 1)
    assert contents(back) == contents(many)
    file, shared = KnobStore.open(many), KnobStore.open(database)
    assert list(map(facts, shared.knobs(current_only=False))) == list(map(facts, file.knobs(current_only=False)))
    assert arrays(shared.knob(MODEL, "knob-2")) == arrays(file.knob(MODEL, "knob-2"))


def test_a_copy_can_be_added_to(many, database):
    """Rows that come later have numbers of their own, and what was there is recognized."""
    copying.copy(many, database)
    store = KnobStore.open(database)

    assert not store.save_run(sample_run(5, name="knob-1", model_id=OTHER_MODEL))
    assert store.save_run(sample_run(9, model_id="ef" * 32))
    assert len(store.runs()) == 7


@pytest.mark.slow
def test_the_packages_own_knobs_can_be_shared(database):
    """A built-in registry is copied, and its copy is one that may be written."""
    rows = copying.copy(PACKAGED, database)
    store = KnobStore.open(database)

    assert rows["run"] == len(store.run_outlines())
    assert not store.built_in
    assert store.save_run(sample_run())


def test_an_empty_registry_may_be_filled(many, tmp_path):
    """A target that is there but holds no run is filled."""
    empty = tmp_path / "empty.db"
    KnobStore.open(empty, create=True)

    copying.copy(many, empty)

    assert contents(empty) == contents(many)


def test_what_holds_runs_is_not_written_over(many, database, tmp_path):
    """A target that holds runs, the same place, and a source that is not there are refused."""
    KnobStore.open(database).save_run(sample_run(99))
    other = tmp_path / "other.db"
    KnobStore.open(other).save_run(sample_run(99))
    before = other.read_bytes()

    for target in (database, other):
        with pytest.raises(UsageError, match=r"holds runs: name an empty place"):
            copying.copy(many, target)
    with pytest.raises(UsageError, match="cannot be copied to itself"):
        copying.copy(many, many)
    with pytest.raises(UsageError, match="There is no registry"):
        copying.copy(tmp_path / "none.db", tmp_path / "new.db")

    assert other.read_bytes() == before
    assert [run.spec.seed for run in KnobStore.open(database).runs()] == [99]
    assert not (tmp_path / "new.db").exists()


@pytest.mark.parametrize("stop", [KeyboardInterrupt, ValueError])
@pytest.mark.parametrize("what", ["copying rows", "comparing rows"])
def test_what_is_stopped_leaves_nothing(what, stop, many, database, tmp_path):
    """Ctrl-C and failures, at either half of the work, leave the target as it was: not there, or empty."""

    def progress(now, *_):
        if now == what:
            raise stop

    for target in (tmp_path / "new.db", database):
        with pytest.raises((stop, RegistryError)):
            copying.copy(many, target, progress=progress)

    assert not KnobStore.open(database).exists
    assert sorted(tmp_path.iterdir()) == [many]


def test_what_arrives_changed_is_found(many, database, monkeypatch):
    """A row that is not what was sent ends the copy, and the target stays empty."""

    def spoil(connection, cursor, statement, parameters, *_):
        if statement.startswith("INSERT INTO operator_array"):
            cursor.execute("UPDATE knob_tag SET tag = tag || 's'")

    event.listen(Engine, "after_cursor_execute", spoil)
    try:
        with pytest.raises(RegistryError, match=r"What arrived in knob_tag of the registry .* is not what was sent"):
            copying.copy(many, database)
    finally:
        event.remove(Engine, "after_cursor_execute", spoil)

    assert not KnobStore.open(database).exists


@pytest.mark.parametrize(
    ("statement", "match"),
    [
        ("UPDATE knob SET name = CAST(x'ff' AS TEXT)", "cannot be copied"),
        ("UPDATE run SET parameters = '{'", "could not be written: invalid input syntax for type json"),
        ("UPDATE run SET corpus = 'a' || char(0)", "could not be written"),
        ("UPDATE knob SET low = 'low'", r"could not be written|cannot be copied"),
    ],
    ids=["no-unicode", "no-json", "null", "no-number"],
)
def test_what_a_server_cannot_hold_is_not_copied_by_halves(statement, match, many, database):
    """A damaged row, of which SQLite takes any, is one sentence, and the server's database stays empty."""
    with closing(sqlite3.connect(many)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute(f"{statement} WHERE id = 1")
        connection.commit()

    with pytest.raises(RegistryError, match=match):
        copying.copy(many, database)

    assert not KnobStore.open(database).exists


def test_the_command_says_what_it_copied(many, database, capsys):
    """It prints rows as JSON or a sentence, without a password, and ends with 2 where the target holds runs."""
    assert run_command_line(["registry", "copy", str(many), database, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    shutil.copyfile(many, many.with_name("two.db"))
    assert run_command_line(["registry", "copy", str(many.with_name("two.db")), str(many.with_name("3.db"))]) == 0
    assert "6 runs with 12 knobs are in" in capsys.readouterr().err
    assert run_command_line(["registry", "copy", str(many), database]) == 2
    assert "holds runs" in capsys.readouterr().err

    assert (printed["from"], printed["rows"]["knob"]) == (str(many), 12)
    assert printed["to"] == str(KnobStore.open(database).address)
