"""The plugins in ``plugins/``, which people read first: they keep every promise, and do what their names say."""

import re
from pathlib import Path

import numpy as np
import pytest

from latentknobs.core.clip import Note
from latentknobs.core.melody_format import MELODY
from latentknobs.errors import AmountError
from latentknobs.hooks.manager import Plugins
from latentknobs.scaffold import TEMPLATES
from latentknobs.testing.contracts import PluginContract
from latentknobs.workbench import BUILTINS

FOLDER = Path(__file__).parents[2] / "plugins"
NAMES = ("inversion", "ornament", "register_fold", "retrograde", "rotation", "thinning")
RNG = np.random.default_rng(0)


class TestInversion(PluginContract):
    """It keeps every promise."""

    plugin = FOLDER / "inversion.py"


class TestOrnament(PluginContract):
    """It keeps every promise."""

    plugin = FOLDER / "ornament.py"


class TestRegisterFold(PluginContract):
    """It keeps every promise."""

    plugin = FOLDER / "register_fold.py"


class TestRetrograde(PluginContract):
    """It keeps every promise."""

    plugin = FOLDER / "retrograde.py"


class TestRotation(PluginContract):
    """It keeps every promise."""

    plugin = FOLDER / "rotation.py"


class TestThinning(PluginContract):
    """It keeps every promise."""

    plugin = FOLDER / "thinning.py"


@pytest.fixture(scope="module")
def edits():
    """All augmentations, those of the package and of the folder."""
    return Plugins.build(BUILTINS, plugins_dir=FOLDER, entry_points=False, strict=True).augmentations()


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
    """Each file of the folder is tested here, but the model of drums, which has tests of its own."""
    assert sorted(path.stem for path in FOLDER.glob("*.py")) == sorted([*NAMES, "drums"])


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_ten_to_thirty_lines(name):
    """Short enough to copy and change."""
    lines = (FOLDER / f"{name}.py").read_text(encoding="utf-8").splitlines()

    assert 10 <= sum(bool(line.strip()) for line in lines) <= 30


TUNE = [Note(0, 60, 4), Note(4, 64, 8), Note(16, 55, 2), Note(19, 75, 1)]
CASES = [
    ("inversion", 1, [Note(0, 60, 4), Note(4, 56, 8), Note(16, 65, 2), Note(19, 45, 1)]),
    ("retrograde", 1, [Note(12, 75, 1), Note(14, 55, 2), Note(20, 64, 8), Note(28, 60, 4)]),
    ("rotation", 1, [Note(2, 60, 4), Note(6, 64, 8), Note(18, 55, 2), Note(21, 75, 1)]),
    ("rotation", 8, [Note(0, 55, 2), Note(3, 75, 1), Note(16, 60, 4), Note(20, 64, 8)]),
    (
        "ornament",
        1,
        [Note(0, 60), Note(1, 62), Note(2, 60, 2), Note(4, 64), Note(5, 66), Note(6, 64, 6), *TUNE[2:]],
    ),
    ("register-fold", 1, [Note(0, 60, 4), Note(4, 64, 8), Note(16, 67, 2), Note(19, 63, 1)]),
    ("thinning", -0.5, [Note(0, 60, 4), Note(4, 64, 8), Note(16, 55, 2)]),
    ("thinning", -1, [Note(0, 60, 4), Note(16, 55, 2)]),
]


@pytest.mark.parametrize(("name", "amount", "wanted"), CASES)
def test_an_example_does_what_its_name_says(edits, name, amount, wanted):
    """One melody, edited by hand."""
    out = edits[name](MELODY.tokens(TUNE)[None], amount, RNG)

    assert out.valid.all()
    assert list(MELODY.notes(out.clips[0])) == wanted


MASKED = [
    ("inversion", 1, [Note(0, 120), Note(1, 100)]),
    ("retrograde", 1, []),
    ("rotation", 1, [Note(28, 60, 4)]),
    ("ornament", 1, [Note(0, 60, 3)]),
    ("ornament", 1, [Note(0, 126, 4)]),
    ("register-fold", 1, [Note(0, 60), Note(4, 71)]),
    ("thinning", -1, [Note(0, 60), Note(4, 62)]),
]


@pytest.mark.parametrize(("name", "amount", "notes"), MASKED)
def test_what_an_example_cannot_do_is_masked(edits, name, amount, notes):
    """Nothing is wrapped, and what is as it should be already is not counted as edited."""
    assert not edits[name](MELODY.tokens(notes)[None], amount, RNG).valid[0]


@pytest.mark.parametrize("name", ["inversion", "retrograde"])
def test_twice_is_the_melody_again(edits, name):
    """Both are their own inverses."""
    clips = MELODY.tokens(TUNE)[None]

    assert np.array_equal(edits[name](edits[name](clips, 1, RNG).clips, 1, RNG).clips, clips)


@pytest.mark.parametrize("name", ["inversion", "ornament", "register-fold", "retrograde"])
def test_an_on_off_edit_takes_no_other_amount(edits, name):
    """Half an inversion is refused with a sentence."""
    with pytest.raises(AmountError, match="on/off"):
        edits[name](MELODY.tokens(TUNE)[None], 0.5, RNG)


def test_no_example_is_a_built_in_edit(edits, sample_clips):
    """On the sample clips none does what an edit of the package does at some amount."""
    examples = {name: edits[name] for name in (stem.replace("_", "-") for stem in NAMES)}
    mine = {(name, a): edit(sample_clips, a, RNG) for name, edit in examples.items() for a in edit.amounts}
    there = {n: e for n, e in edits.items() if n not in examples and e.clip_format == MELODY.name}
    own = [(n, e(sample_clips, a, RNG)) for n, e in there.items() for a in e.amounts]

    for name, one in mine.items():
        for other, two in own:
            both = one.valid & two.valid
            assert not (both.any() and np.array_equal(one.clips[both], two.clips[both])), (name, other)
