"""The plugins in ``plugins/``, which people read first: they keep every promise, and do what their names say."""

import re
from pathlib import Path

import numpy as np
import pytest

from latentknobs import MELODY, Note, scores
from latentknobs.augmentations.plugin import register_augmentations
from latentknobs.core.edit_context import contexts_of
from latentknobs.hooks.built_ins import BUILTINS
from latentknobs.hooks.manager import Plugins
from latentknobs.scaffold import TEMPLATES
from latentknobs.testing.contracts import PluginContract

FOLDER = Path(__file__).parents[2] / "plugins"
NAMES = ("blue_notes", "dotted")
RNG = np.random.default_rng(0)


class TestBlueNotes(PluginContract):
    """It keeps every promise."""

    plugin = FOLDER / "blue_notes.py"


class TestDotted(PluginContract):
    """It keeps every promise."""

    plugin = FOLDER / "dotted.py"


@pytest.fixture(scope="module")
def edits():
    """The edits of the examples, beside the built-in ones."""
    known = Plugins.build(BUILTINS, plugins_dir=FOLDER, entry_points=False, strict=True).augmentations()
    return {name: known[name.replace("_", "-")] for name in NAMES}


@pytest.mark.parametrize(
    "path",
    [*sorted(FOLDER.glob("*.py")), *sorted(TEMPLATES.iterdir()), *sorted((FOLDER.parent / "docs").rglob("*.md"))],
    ids=lambda path: path.name,
)
def test_what_people_copy_imports_public_names_only(path):
    """An example, a template or a page imports from latentknobs itself, and tests from latentknobs.testing."""
    imported = re.findall(r"^\s*(?:from|import) (latentknobs\.[\w.]+)", path.read_text(encoding="utf-8"), re.MULTILINE)

    assert [name for name in imported if not name.startswith("latentknobs.testing")] == []


def test_these_are_all():
    """Each file of the folder is tested here, but the complete models, which have tests of their own."""
    assert sorted(path.stem for path in FOLDER.glob("*.py")) == sorted([*NAMES, "chord_melody", "drums"])


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_ten_to_thirty_lines(name):
    """Short enough to copy and change."""
    lines = (FOLDER / f"{name}.py").read_text(encoding="utf-8").splitlines()

    assert 10 <= sum(bool(line.strip()) for line in lines) <= 30


def test_blue_notes_is_in_the_key_of_the_piece(edits):
    """Each clip is altered by the piece's key, not its own; what has nothing to alter, or is in minor, is masked."""
    cut = scores.read_piece(scores.twinkle_path()).cut(MELODY)
    low = cut.clips.copy()
    low[low < 128] -= 4  # the tune in A flat
    for clips, tonic in ((cut.clips, 0), (low, 8)):
        out = edits["blue_notes"](clips, 1, RNG, contexts_of(clips, MELODY))
        altered = out.clips[out.clips != clips]
        assert out.valid.tolist() == [bool(((clip < 128) & ((clip - tonic) % 12 == 4)).any()) for clip in clips]
        assert {(pitch - tonic) % 12 for pitch in altered} == {3}
        again = edits["blue_notes"](out.clips, 1, RNG, contexts_of(out.clips, MELODY))
        assert not again.valid.any()


def test_dotted_by_hand(edits):
    """The second eighth of a beat waits a step, and the note before lasts until then, or the rest."""
    tune = [Note(0, 60, 2), Note(2, 62, 2), Note(4, 64), Note(5, 65), Note(6, 67), Note(7, 69), Note(14, 60, 4)]
    out = edits["dotted"](np.stack([MELODY.tokens(tune), MELODY.tokens(tune[2:6])]), 1, RNG)

    assert MELODY.notes(out.clips[0]) == (Note(0, 60, 3), Note(3, 62), *tune[2:6], Note(15, 60, 3))
    assert out.valid.tolist() == [True, False]


def test_no_example_is_a_built_in_edit(edits, sample_clips):
    """On the sample clips none does what an edit of the package does at some amount."""
    mine = {name: edit(sample_clips, 1, RNG) for name, edit in edits.items()}
    own = [(e.name, e(sample_clips, a, RNG)) for e in register_augmentations() for a in e.amounts]

    for name, one in mine.items():
        for other, two in own:
            both = one.valid & two.valid
            assert not (both.any() and np.array_equal(one.clips[both], two.clips[both])), (name, other)
