"""docs/reference/registry.md: ten questions, each asked in SQL, on the command line and in Python, with one answer."""

from __future__ import annotations

import csv
import io
import re
import shlex
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from attrs import evolve

from latentknobs.core.knob import KnobDimension, KnobEffect
from latentknobs.errors import MissingExtraError
from latentknobs.frontends.cli.app import run_command_line
from latentknobs.registry import knob_edits
from latentknobs.registry.copying import copy
from latentknobs.registry.overlay import PACKAGED
from latentknobs.registry.store import KnobStore
from latentknobs.testing.store import MODEL, OTHER_MODEL, sample_run
from latentknobs.workbench import Workbench
from tests.postgres_server import rows_of

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "registry.md"
SECTIONS = re.findall(r"^### (\d+)\. (.*?)\n(.*?)(?=^##)", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A registry with the package's knobs and others, some tagged; to be copied."""
    path = tmp_path_factory.mktemp("asked") / "registry.db"
    shutil.copyfile(PACKAGED, path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE registry SET built_in = 0")
        connection.commit()
    store = KnobStore.open(path)
    for seed, name in enumerate(("pitch", "rhythm", "density", "pitch", "range")):
        verdict = "provisional" if name == "range" else "accepted"
        run = sample_run(seed, name=name, model_id=(MODEL, OTHER_MODEL)[seed % 2], verdict=verdict, size=5)
        knobs = (
            run.knobs[0],
            evolve(
                run.knobs[1],
                tags=("favourite", "melody") if seed % 2 else ("melody",),
                dimensions=tuple(KnobDimension(d, 0.3 - d / 20) for d in range(seed + 1)),
                effects=(KnobEffect("mean-pitch", 0.5, 0.2 * seed), KnobEffect("rests", 0.1, 0.3)),
            ),
        )
        store.save_run(evolve(run, knobs=knobs))
    knob_edits.write_note(store, MODEL, "density", "Busy.")
    knob_edits.change_tags(store, MODEL, "density", ["favourite"], [])
    return path


@pytest.fixture
def asked(made, own):
    """A copy of it, where the test's registry is; gives its path."""
    shutil.copyfile(made, own / "registry.db")
    return own / "registry.db"


@pytest.fixture(scope="module")
def shared(made, postgres):
    """A copy of it on a server; gives its URL."""
    url = postgres.new_database()
    copy(made, url)
    return url


def block(text, language):
    """The one block of a language."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return found


def test_there_are_ten_questions():
    """They are numbered from 1 to 10."""
    assert [number for number, _, _ in SECTIONS] == [str(number) for number in range(1, 11)]


@pytest.mark.parametrize(("question", "text"), [(name, text) for _, name, text in SECTIONS])
def test_a_question_has_one_answer(asked, capfd, question, text):
    """SQL, the command and Python give the same rows in the same order, and there are some."""
    columns, in_sql = rows_of(KnobStore.open(asked), block(text, "sql"))
    _check(columns, in_sql, question, text, capfd)


@pytest.mark.parametrize(("question", "text"), [(name, text) for _, name, text in SECTIONS])
def test_a_shared_registry_has_the_same_answers(asked, shared, capfd, monkeypatch, question, text):
    """On a server SQL, the command and Python give the rows that they give of a file, in their order."""
    of_file = rows_of(KnobStore.open(asked), block(text, "sql"))
    monkeypatch.setenv("LATENTKNOBS_REGISTRY", shared)

    assert rows_of(KnobStore.open(shared), block(text, "sql")) == of_file
    _check(*of_file, question, text, capfd)


def _check(columns, in_sql, question, text, capfd):
    """The command and Python give these rows."""
    capfd.readouterr()
    code = run_command_line(shlex.split(block(text, "console").removeprefix("$ latentknobs ")))
    printed = csv.DictReader(io.StringIO(capfd.readouterr().out))
    in_csv = [tuple(row[column] for column in columns) for row in printed]
    with Workbench.open() as workbench:
        names = {"wb": workbench}
        exec(compile(block(text, "python"), question, "exec"), names)

    assert code == 0
    assert in_sql
    assert names["answer"] == in_sql
    assert in_csv == [tuple("" if value is None else str(value) for value in row) for row in in_sql]


def test_a_registry_is_shared_as_the_page_says(asked, postgres, capfd, monkeypatch):
    """The commands of the page bring a file to a server, which is used from then on."""
    section = PAGE.read_text(encoding="utf-8").split("## A shared registry")[1].split("\n## ")[0]
    shown = re.findall(r"postgresql\+psycopg://\S+", section)
    (command,) = re.findall(r"^\$ latentknobs (.*)$", section, re.MULTILINE)
    there = postgres.new_database()
    file = str(asked)
    before = rows_of(KnobStore.open(file), "SELECT name, tags, note FROM v_knobs ORDER BY knob_id")
    words = [there if word in shown else word.replace("registry.db", file) for word in shlex.split(command)]

    assert len(set(shown)) == 1
    assert run_command_line(words) == 0
    monkeypatch.setenv("LATENTKNOBS_REGISTRY", there)
    assert run_command_line(["knobs", "list"]) == 0
    assert rows_of(KnobStore.open(there), "SELECT name, tags, note FROM v_knobs ORDER BY knob_id") == before


def test_the_questions_leave_something_out(asked):
    """No question but that for all runs of an edit is answered by everything that there is."""
    with closing(sqlite3.connect(asked)) as connection:
        every = connection.execute("SELECT count(*) FROM v_knobs WHERE current").fetchone()[0]
        counts = {n: len(connection.execute(block(text, "sql")).fetchall()) for n, _, text in SECTIONS}

    assert all(0 < count < every for n, count in counts.items() if n not in "69")


def test_flat_rows_are_those_of_the_view(asked):
    """Every column of a row is in v_knobs under the same name with the same value."""
    with Workbench.open() as workbench:
        rows = workbench.knobs(history=True).rows()
    with closing(sqlite3.connect(asked)) as connection:
        connection.row_factory = sqlite3.Row
        view = connection.execute("SELECT * FROM v_knobs ORDER BY model, model_id, name, knob_id").fetchall()

    assert [{name: row[name] for name in rows[0]} for row in view] == rows


def test_a_frame_has_the_rows(asked):
    """to_frame gives a pandas.DataFrame of the rows, its times as times."""
    pandas = pytest.importorskip("pandas")
    with Workbench.open() as workbench:
        knobs = workbench.knobs()
    frame = knobs.to_frame()

    assert list(frame["name"]) == [knob.name for knob in knobs]
    assert list(frame["found"]) == [pandas.Timestamp(knob.found) for knob in knobs]


def test_without_pandas_the_extra_is_named(asked, monkeypatch):
    """Where pandas is not installed the error says how to install it."""
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with Workbench.open() as workbench, pytest.raises(MissingExtraError, match=r"pip install 'latentknobs\[pandas\]'"):
        workbench.knobs().to_frame()
