"""The sweep of recipes: every row can be trained, and is what its name says."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

from latentknobs.backends.training.config import Config
from latentknobs.errors import UsageError

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(scope="module")
def sweep():
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("sweep", BENCHMARKS / "sweep.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["sweep"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["sweep"]


@pytest.mark.parametrize(("file", "least"), [("sweep.toml", 11), ("folk.toml", 11), ("paper.toml", 2)])
def test_each_row_is_a_recipe_of_its_own(sweep, file, least):
    """Every row of the files that come with the project is a valid config and differs from every other one."""
    rows = sweep.Table.read(BENCHMARKS / file).rows

    assert len(rows) >= least
    assert len({row.config.to_toml() for row in rows.values()}) == len(rows)


def test_a_row_is_its_preset_with_what_all_rows_and_it_change(sweep, tmp_path):
    """Settings of the row go over those of all rows, and these over the preset's; the rest stays."""
    path = tmp_path / "table.toml"
    path.write_text(
        'preset = "folk"\n[all.training]\nsteps = 7\nseed = 1\n'
        '[[row]]\nname = "a"\n[row.training]\nseed = 2\n[[row]]\nname = "b"\npreset = "paper"\n'
    )
    rows = sweep.Table.read(path).rows

    assert (rows["a"].config.training.steps, rows["a"].config.training.seed) == (7, 2)
    assert rows["a"].config.network == Config.preset("folk").network
    assert (rows["b"].config.training.steps, rows["b"].config.training.seed) == (7, 1)
    assert rows["b"].config.network == Config.preset("paper").network


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[[row]]\nname = "a"\n[[row]]\nname = "a"\n', "name of two rows"),
        ('[all.trainig]\nsteps = 7\n[[row]]\nname = "a"\n', "unknown table 'trainig'"),
        ('[[row]]\nname = "a"\n[row.netwrok]\nembedding = 0\n', "unknown table 'netwrok'"),
    ],
)
def test_a_row_that_would_not_be_what_was_meant_is_refused(sweep, tmp_path, text, sentence):
    """Two rows of one name and misspelt tables are told before anything is trained."""
    path = tmp_path / "table.toml"
    path.write_text('preset = "folk"\n' + text)

    with pytest.raises(UsageError, match=sentence):
        sweep.Table.read(path)


@pytest.mark.parametrize("told", [[], [str(BENCHMARKS / "sweep.toml"), "--model", "musicvae-folk-128"]])
def test_rows_or_a_model(sweep, tmp_path, capsys, told):
    """What is measured is a file of rows or one model: neither and both are a usage error."""
    with pytest.raises(SystemExit) as stopped:
        sweep.main([*told, "-o", str(tmp_path)])

    assert stopped.value.code == 2
    assert "--model" in capsys.readouterr().err


@pytest.mark.parametrize("text", [None, "steps =", "[[row]]\n", 'preset = "folk"\n[[row]]\n', 'preset = "folk"\n'])
def test_a_file_that_is_no_sweep_is_told_in_one_sentence(sweep, tmp_path, capsys, text):
    """A missing file, no TOML, and a file without preset, rows or their names end with status 2 and name the file."""
    path = tmp_path / "table.toml"
    if text is not None:
        path.write_text(text)

    with pytest.raises(SystemExit) as stopped:
        sweep.main([str(path), "-o", str(tmp_path)])

    assert stopped.value.code == 2
    assert str(path) in capsys.readouterr().err.splitlines()[-1]


def test_a_model_of_other_settings_is_not_taken_for_the_rows(sweep, tmp_path):
    """Where a row has changed since its model was trained, the model is not measured under the row's name."""
    row = sweep.Table.read(BENCHMARKS / "sweep.toml").rows["no-mirrors"]
    (tmp_path / "no-mirrors").mkdir()
    (tmp_path / "no-mirrors" / "row.toml").write_text("[network]\n")

    with pytest.raises(UsageError, match="other settings"):
        sweep.trained(None, row, tmp_path)


def test_the_table_has_the_rows_that_are_measured(sweep, tmp_path):
    """A row without measurements is left out; the others stand with their figures."""
    rows = sweep.Table.read(BENCHMARKS / "sweep.toml").rows
    folder = tmp_path / "no-height"
    folder.mkdir()
    share = {"teacher_forced": {"value": 0.99}, "greedy": {"value": 0.985}, "exact": {"value": 0.9}}
    at = {"+3": 0.5, "+7": 0.625}
    measured = {
        "reconstruction": {"kl": {"value": 83.25}, "mean": share, "drawn": share},
        "transpose": {
            "slope": 1.0,
            "dimensions": 28,
            "equivariance": at,
            "r2": at,
            "contour": at,
            "coherence": {"+3": 0.5},
        },
        "note-split": {"equivariance": {"+1": 0.75}},
        "whole-notes": {"largest": [5.0, 1.0], "share": 0.8},
    }
    (folder / "measured.json").write_text(json.dumps(measured))
    (folder / "model.json").write_text(json.dumps({"steps": 1000}))

    lines = sweep.table(tmp_path, rows).splitlines()

    assert len(lines) == 3
    assert lines[2].startswith(
        "| no-height | 0.13 M | 83.2 | 98.5% / 90.0% | 99.0% / 98.5% | 1.00; 0.50, 0.50, 0.50, 0.500; "
    )
    assert lines[2].endswith("| 28 | 0.75 | 5.00 1.00; 0.80 |")


def test_the_table_of_breadth_has_the_rows_that_are_measured(sweep, tmp_path):
    """A row's corpora stand with greedy, exact and drawn, and its edits with their equivariance on folk and parts."""
    file = sweep.Table.read(BENCHMARKS / "sweep.toml")
    folder = tmp_path / "no-height"
    folder.mkdir()
    one = {"greedy": 0.99, "exact": 0.9, "drawn": 0.95}
    corpora = dict.fromkeys(sweep.breadth.CORPORA, one)
    edits = {name: {"folk": 0.75, "essen": 0.0, "parts": 0.5, "broad": 0.0} for name in sweep.breadth.EDITS}
    measured = {"prior_valid": 0.97, "corpora": corpora, "affine": edits}
    (folder / "measured.json").write_text(json.dumps(measured))

    lines = sweep.breadth.table(tmp_path, file.rows, "measured.json").splitlines()

    assert file.breadth
    assert len(lines) == 3
    assert lines[2].startswith("| no-height | 97.0% | 99.0% / 90.0%; 95.0% | ")
    assert lines[2].endswith("| " + "; ".join([", ".join(["0.75"] * 6), ", ".join(["0.50"] * 6)]) + " |")


def test_the_spectrum_is_written_with_its_sums(sweep, tmp_path):
    """A line for each component: its share of the variance, and that of all up to it."""
    sweep.write_spectrum([0.75, 0.25], tmp_path / "spectrum.csv")

    assert (tmp_path / "spectrum.csv").read_text() == "component,share,cumulative\n1,0.75,0.75\n2,0.25,1\n"
