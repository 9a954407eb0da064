"""The script that judges null edits: what it judges, that it goes on where it stopped, and what it prints."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.random import default_rng

from latentknobs.augmentations.note_split import NoteSplit
from latentknobs.augmentations.transpose import Transpose
from latentknobs.core.melody_format import HOLD, MELODY
from latentknobs.testing.tiny import tiny_clips

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "nulls.py"
SMALL = [
    *("--model", "tiny", "--corpus", "tiny", "--augmentation", "octave", "--clips", "480", "--controls", "20"),
    *("--seeds", "1", "--alone", "1", "--alone-clips", "24"),
]


@pytest.fixture(scope="module")
def script():
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("nulls", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["nulls"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["nulls"]


def _jittered(script, clips, amount=5.0, real=None, **facts):
    out = script.Jitter(real or Transpose(), **{"seed": 0, **facts})(clips, amount, default_rng(0))
    return out.clips, out.valid


@pytest.mark.parametrize("amount", [-12.0, -1.0, 1.0, 7.0])
def test_jitter_changes_as_many_tokens_as_the_edit(script, amount):
    """Of each clip as many tokens change as by transposing, only notes, by at most the amount, either way alike."""
    clips = tiny_clips(400, seed=1)
    real = Transpose()(clips, amount, default_rng(0)).clips

    out, valid = _jittered(script, clips, amount)
    moves = out - clips
    moved = moves[moves != 0]

    assert valid.all()
    assert np.array_equal((out != clips).sum(axis=1), (real != clips).sum(axis=1))
    assert (clips[moves != 0] < HOLD).all()
    assert set(moved.tolist()) == {*range(-int(abs(amount)), int(abs(amount)) + 1)} - {0}
    assert abs(moved.mean()) < 4 * moved.std() / np.sqrt(len(moved))


def test_jitter_moves_some_notes_where_the_edit_changes_few_tokens(script):
    """Where an edit changes fewer tokens than there are notes, as many notes move, not always the same ones."""

    class First(Transpose):
        def edit_tokens(self, clips, amount, rng):
            clips[:, 0] += 1
            return clips, np.ones(len(clips), dtype=bool)

    clips = tiny_clips(200, seed=1)
    out, valid = _jittered(script, clips, real=First())

    assert valid.all()
    assert ((out != clips).sum(axis=1) == 1).all()
    assert len(set((out != clips).argmax(axis=1).tolist())) > 8


def test_where_jitter_cannot_change_as_much_the_clip_is_masked(script):
    """A clip with fewer notes than the edit changes tokens is masked; so is what the edit itself masks."""
    clips = tiny_clips(200, seed=1)
    real = NoteSplit()(clips, 2.0, default_rng(0))
    few = (real.clips != clips).sum(axis=1) > MELODY.onsets(clips).sum(axis=1)

    _, valid = _jittered(script, clips, 2.0, NoteSplit())

    assert 0 < few.sum() < len(clips)
    assert np.array_equal(valid, real.valid & ~few)


def test_the_mask_of_jitter_has_no_side(script):
    """A clip near the edge of the pitches is masked for a move or its mirror image: what is left has mean 0."""
    clips = tiny_clips(1500, seed=1, low=48, high=60)

    out, valid = _jittered(script, clips, 12.0, low=44, high=100)
    moves = (out - clips)[valid]
    moved = moves[moves != 0]

    assert 20 < valid.sum() < 1000
    assert out[valid].min() >= 44
    assert abs(moved.mean()) < 4 * moved.std() / np.sqrt(len(moved))


def test_jitter_is_the_seeds(script):
    """A seed gives the same jitter in any batch; others share a clip's few draws, or with none draw their own."""
    clips = tiny_clips(100, seed=1)
    first, _ = _jittered(script, clips)

    assert np.array_equal(_jittered(script, clips[40:50])[0], first[40:50])
    for draws, most in ((3, 3), (0, 30)):
        kinds = [_jittered(script, clips, seed=seed, draws=draws)[0] for seed in range(30)]
        assert {len({found[i].tobytes() for found in kinds}) for i in range(100)} == {most}


@pytest.fixture
def rows_of(script, plugins_dir, tmp_path, capsys):
    """Judge one seed of each kind on the tiny model; the file's rows without their times, and what was printed."""
    path = tmp_path / "nulls.jsonl"

    def run(*more):
        assert script.main([*SMALL, "-o", str(path), *more]) == 0
        lines = [json.loads(line) for line in path.read_text().splitlines()[1:]]
        return [{k: v for k, v in line.items() if k != "seconds"} for line in lines], capsys.readouterr().out

    return run, path


@pytest.mark.slow
def test_the_real_edit_is_accepted_and_no_null_is(script, rows_of, monkeypatch):
    """With few clips a real edit is accepted provisionally and no null is; a file that was cut is gone on with."""
    run, path = rows_of

    rows, printed = run()
    found = {row["kind"]: row for row in rows}

    assert tuple(found) == script.KINDS
    assert found["real"]["fits"]["mean"] == found["real"]["fits"]["ridge"] == "provisional"
    assert found["real"]["alone"]["ridge"] == dict.fromkeys(script.ALONE, True)
    assert found["real"]["threshold"] == 1
    for kind in script.KINDS[1:]:
        assert set(found[kind]["fits"].values()) == {"rejected"}
        assert found[kind]["threshold"] == 0
    assert len(printed.splitlines()) == 10

    path.write_text(path.read_text()[:-20])
    assert run()[0] == rows

    monkeypatch.setattr(script, "encoded", lambda *_: pytest.fail("all is judged"))
    assert run()[0] == rows
    assert run("--table")[0] == rows


@pytest.mark.parametrize("text", ['{"model_id": "another"}\n', "no JSON\n"])
def test_a_file_of_another_run_is_left_alone(script, plugins_dir, tmp_path, capsys, text):
    """Rows of other settings, and what is no such file, are told in one sentence and not written to."""
    path = tmp_path / "nulls.jsonl"
    path.write_text(text)

    with pytest.raises(SystemExit) as stopped:
        script.main([*SMALL, "-o", str(path)])

    assert stopped.value.code == 2
    assert str(path) in capsys.readouterr().err.splitlines()[-1]
    assert path.read_text() == text


def test_the_table(script):
    """Each kind has a line for what is learned from pairs and one for readings; what was asked is counted apart."""
    passed = dict.fromkeys(script.ALONE, True)
    row = {
        "kind": "swapped",
        "measure": "tokens",
        "fits": {"mean": "rejected", "ridge": "provisional", "discriminant": "rejected"},
        "by_changes": {"mean": "rejected", "ridge": "rejected", "discriminant": "accepted"},
        "failed_at_the_innermost": {"mean": ["equivariance"], "ridge": [], "discriminant": ["equivariance", "content"]},
        "alone": {"mean": passed, "discriminant": dict.fromkeys(script.ALONE, False)},
        "threshold": 3,
        "seconds": 90.0,
    }
    other = row | {
        "fits": {"mean": "rejected"},
        "alone": {},
        "measure": "changes",
        "threshold": 0,
        "failed_at_the_innermost": {},
    }

    lines = script.table([row | {"seed": 0}, other | {"seed": 1}]).splitlines()

    assert lines[2] == (
        "| swapped | mean, ridge | 2 | changes, tokens | 1 of 2 | 0 of 2 | 1 of 1 | 1 of 1 | 1 of 1 (at most 1 of 2) "
        "| 1 of 1 (at most 1 of 2) | 1 of 1 (at most 1 of 2) | 1 of 2 | 3.0 |"
    )
    assert lines[3] == (
        "| swapped | attribute-vector, ridge-reading, discriminant | 2 | changes, tokens | 0 of 2 | 2 of 2 | 0 of 1 "
        "| 0 of 1 | 0 of 1 (at most 1 of 2) | 0 of 1 (at most 0 of 2) | 0 of 1 (at most 0 of 2) |  |  |"
    )
    assert len(lines) == 4


def test_kinds_that_there_are_not_are_refused(script, capsys):
    """A misspelt kind is a usage error that names those there are."""
    with pytest.raises(SystemExit) as stopped:
        script.main(["--kinds", "swaped"])

    assert stopped.value.code == 2
    assert "swapped" in capsys.readouterr().err
