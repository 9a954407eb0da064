from __future__ import annotations

import numpy as np
import pytest

from latentknobs.frontends.cli import interpolate as command
from latentknobs.scores import read_piece, read_provenance
from latentknobs.session import Session


def test_grid_goes_from_one_tune_to_the_other(cli, workbench, tune, other_tune, tmp_path):
    """A 5 by 5 grid is 25 MIDI files and one picture; top left decodes A's code, bottom right B's."""
    result = cli("interpolate", tune, other_tune, "--model", "tiny", "-o", tmp_path / "grid")

    assert result.code == 0, result.err
    folder = tmp_path / "grid"
    assert len(list(folder.glob("*.mid"))) == 25
    assert [path.name for path in folder.glob("*.png")] == ["grid.png"]
    a, b = (Session.open(workbench, path, "tiny") for path in (tune, other_tune))
    first = read_piece(folder / "tune_to_other__pitch0.00_rhythm0.00.mid")
    last = read_piece(folder / "tune_to_other__pitch1.00_rhythm1.00.mid")
    assert first.notes == a.model.spec.clip_format.notes(a.plain[0])
    assert last.notes == b.model.spec.clip_format.notes(b.plain[0])
    assert "the first clip of each" in result.err
    facts = read_provenance(folder / "tune_to_other__pitch0.25_rhythm0.50.mid")
    assert facts["at"] == {"pitch": 0.25, "rhythm": 0.5}
    assert facts["target"] == "other"


def test_grid_changes_pitch_down_and_rhythm_across(workbench, tune, other_tune):
    """Along a row of the grid the mean pitch stays, along a column the number of onsets does."""
    a, b = (Session.open(workbench, path, "tiny") for path in (tune, other_tune))
    grid = a.two_way(b, 3, "pitch", "rhythm", rest="source")
    pitch = np.array([[np.mean([n.pitch for n in spot.piece.notes]) for spot in row] for row in grid])
    count = np.array([[len(spot.piece.notes) for spot in row] for row in grid])

    assert (np.diff(pitch, axis=0)[:, :2] > 3).all()
    assert (np.abs(np.diff(pitch, axis=1)[:2]) < 1).all()
    assert (count[:, 2] > count[:, 0]).all()


@pytest.mark.parametrize("dims", ["all", "pitch", "rhythm", "others"])
def test_one_way_moves_a_choice_of_dimensions(cli, tune, other_tune, tmp_path, dims):
    """One way writes as many files as asked, the first of them A; only the chosen dimensions move."""
    result = cli(
        "interpolate", tune, other_tune, "--one-way", "--dims", dims, "--size", 3,
        "--model", "tiny", "-o", tmp_path / "way", "--json",
    )  # fmt: skip

    files = result.json["files"]
    assert [f["at"] for f in files] == [{dims: 0.0}, {dims: 0.5}, {dims: 1.0}]
    assert result.json["pictures"] == ["way.png"]
    first = read_piece(tmp_path / "way" / files[0]["file"])
    assert first.notes == tuple(n for n in read_piece(tune).notes if n.onset < 32)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--rows", "pitch", "--columns", "pitch"], "two different knobs"),
        (["--rows", "nothing"], "no knob named 'nothing'"),
        (["--rest", "some"], "--rest is one of"),
        (["--one-way", "--dims", "some"], "group of dimensions"),
    ],
)
def test_interpolation_asked_for_wrongly(cli, tune, other_tune, tmp_path, listing, words, says):
    """One sentence, exit code 2, and no folder is made."""
    there = listing()
    result = cli("interpolate", tune, other_tune, "--model", "tiny", "-o", tmp_path / "grid", *words)

    assert says in result.one_sentence()
    assert result.code == 2
    assert listing() == there
    assert not (tmp_path / "grid").exists()


def test_a_folder_with_files_is_left_alone(cli, tune, other_tune, tmp_path):
    """A folder that is not empty is refused without --force, and keeps its other files with it."""
    folder = tmp_path / "grid"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    refused = cli("interpolate", tune, other_tune, "--size", 2, "--model", "tiny", "-o", folder)
    names = [path.name for path in folder.iterdir()]
    forced = cli("interpolate", tune, other_tune, "--size", 2, "--model", "tiny", "-o", folder, "--force")

    assert refused.code == 2
    assert names == ["mine.txt"]
    assert forced.code == 0
    assert len(list(folder.iterdir())) == 6


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt(), 130), (OSError(28, "No space left on device"), 1)])
def test_an_interrupted_grid_leaves_nothing(cli, tune, other_tune, tmp_path, listing, monkeypatch, error, code):
    """Ctrl-C or a full disk while files are written: one line, its exit code, no folder and no remains."""

    def fail(*_args, **_kwargs):
        raise error

    monkeypatch.setattr(command, "draw_rolls", fail)
    there = listing()
    result = cli("interpolate", tune, other_tune, "--size", 2, "--model", "tiny", "-o", tmp_path / "grid")

    assert result.code == code
    assert "Traceback" not in result.err
    assert listing() == there
    assert not list(tmp_path.glob(".*.part"))


def test_samples_are_the_same_for_a_seed(cli, tmp_path):
    """Sample writes as many files as asked; the same seed gives the same bytes, another seed others."""
    for folder, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert cli("sample", "--count", 3, "--seed", seed, "--model", "tiny", "-o", tmp_path / folder).code == 0
    a, b, c = ([path.read_bytes() for path in sorted((tmp_path / folder).iterdir())] for folder in "abc")

    assert len(a) == 3
    assert a == b
    assert a != c


def test_samples_are_turned_by_a_knob(cli, tmp_path):
    """Turned up by three semitones, every sample is the one of that seed three semitones higher."""
    for folder, words in (("plain", ()), ("higher", ("-k", "pitch=+3"))):
        assert cli("sample", "--seed", 3, "--count", 1, "--model", "tiny", *words, "-o", tmp_path / folder).code == 0
    plain, higher = (read_piece(tmp_path / folder / "sample_001.mid").notes for folder in ("plain", "higher"))

    assert [note.pitch + 3 for note in plain] == [note.pitch for note in higher]
    assert cli("sample", "--model", "tiny", "-k", "pitch=+99", "-o", tmp_path / "far").code == 2
    assert cli("sample", "--model", "tiny", "-k", "none=+1", "-o", tmp_path / "none").code == 2
    assert not (tmp_path / "far").exists()


def test_similar_at_one_is_the_melody(cli, tune, tmp_path):
    """Similarity 1 gives the plain decoding, lower similarity something else, the same for a seed."""
    for folder, similarity in (("same", 1.0), ("near", 0.7), ("again", 0.7)):
        words = ("--similarity", similarity, "--count", 2, "--seed", 5, "--model", "tiny", "-o", tmp_path / folder)
        assert cli("similar", tune, *words).code == 0
    same, near, again = (
        [read_piece(p).notes for p in sorted((tmp_path / f).iterdir())] for f in ("same", "near", "again")
    )

    assert same == [read_piece(tune).notes] * 2
    assert near == again
    assert near[0] != near[1]


def test_similarity_outside_zero_to_one_is_refused(cli, tmp_path):
    """A similarity that is none is wrong usage, and nothing is written."""
    assert cli("similar", "--similarity", 1.5, "--model", "tiny", "-o", tmp_path / "out").code == 2
    assert not (tmp_path / "out").exists()
