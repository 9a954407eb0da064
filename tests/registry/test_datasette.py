"""Datasette shows a registry as it stands; the metadata in the package say what its columns are."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from importlib import resources

import pytest

from latentknobs.frontends.cli.app import run_command_line
from latentknobs.registry.overlay import PACKAGED
from latentknobs.registry.views import VIEWS

METADATA = json.loads(resources.files("latentknobs.registry").joinpath("datasette.json").read_text("utf-8"))
VALUES = {"attribute": "mean-pitch", "dimension": "127", "name": "pitch"}


@pytest.fixture(scope="module")
def connection():
    """The package's own registry, for reading."""
    with closing(sqlite3.connect(f"file:{PACKAGED}?mode=ro", uri=True)) as out:
        yield out


def test_every_view_is_described():
    """The metadata describe the views, all of them and nothing else."""
    assert METADATA["tables"].keys() == VIEWS.keys()
    assert all(one["title"] and one["description"] for one in METADATA["tables"].values())


@pytest.mark.parametrize("view", VIEWS)
def test_described_columns_are_there(connection, view):
    """Every column that is described or sorted by is one of the view's."""
    columns = {row[0] for row in connection.execute(f"SELECT * FROM {view} LIMIT 0").description}
    table = METADATA["tables"][view]

    assert {*table["columns"], *filter(None, [table.get("sort_desc")])} - columns == set()


@pytest.mark.parametrize("name", METADATA["queries"])
def test_a_query_answers(connection, name):
    """Every query has an answer among the package's knobs, with the parameters that it asks for."""
    query = METADATA["queries"][name]
    rows = connection.execute(query["sql"], {one: VALUES[one] for one in query.get("params", [])}).fetchall()

    assert query["title"]
    assert rows


def test_datasette_shows_a_registry(tmp_path, capsys):
    """With the file that the command writes, Datasette has the views with their titles, and the queries answer."""
    pytest.importorskip("datasette", reason="no Datasette here: pip install datasette")
    registry, metadata = tmp_path / "mine.db", tmp_path / "mine.json"
    shutil.copyfile(PACKAGED, registry)
    assert run_command_line(["registry", "datasette", str(registry), "-o", str(metadata)]) == 0
    capsys.readouterr()

    def get(path, *more):
        words = [sys.executable, "-m", "datasette", str(registry), *more, "--get", path]
        environ = {**os.environ, "HOME": str(tmp_path)}
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False, env=environ)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    assert get("/mine/v_knobs.json?_shape=array&current=1&_size=3&_col=name")[0].keys() == {"name"}
    answer = get("/mine/moves.json?_shape=array&attribute=mean-pitch", "--metadata", str(metadata))
    assert "pitch" in {row["name"] for row in answer}


@pytest.mark.parametrize(("text", "code", "said"), [(None, 2, "There is no registry"), ("notes", 1, "Error: ")])
def test_what_is_no_registry_is_refused(tmp_path, capsys, text, code, said):
    """Nothing is written for a file that is not there, or that is something else."""
    if text:
        (tmp_path / "mine.db").write_text(text)

    words = ["registry", "datasette", str(tmp_path / "mine.db"), "-o", str(tmp_path / "m.json")]
    assert run_command_line(words) == code
    assert said in capsys.readouterr().err
    assert not (tmp_path / "m.json").exists()
