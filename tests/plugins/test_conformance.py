import random
from pathlib import Path

import numpy as np
import pytest

from latentknobs.attributes.plugin import register_attributes, register_comparisons
from latentknobs.augmentations.note_split import NoteSplit
from latentknobs.augmentations.plugin import register_augmentations
from latentknobs.conformance import CHECKS, melody_kit, run_checks
from latentknobs.core.augmentation import NoteAugmentation
from latentknobs.core.clip import Note
from latentknobs.core.melody import MELODY
from latentknobs.errors import AmountError
from latentknobs.hooks.manager import Plugins
from latentknobs.testing.contracts import AugmentationContract

FOLDER = Path(__file__).parents[2] / "plugins"
KIT = melody_kit({a.name: a for a in register_attributes()}, {c.name: c for c in register_comparisons()})
RNG = np.random.default_rng(0)


@pytest.fixture
def examples(monkeypatch):
    """The augmentations of the plugins folder, loaded strictly."""
    for name in ("DISABLE", "PLUGINS"):
        monkeypatch.delenv(f"LATENTKNOBS_{name}", raising=False)
    builtins = ["latentknobs.attributes.plugin"]
    return Plugins.build(builtins, plugins_dir=FOLDER, entry_points=False, strict=True).augmentations()


class TestBuiltIns(AugmentationContract):
    """Every built-in augmentation keeps the contract."""

    @pytest.fixture(params=register_augmentations(), ids=lambda edit: edit.name)
    def augmentation(self, request):
        """Each of them."""
        return request.param


class TestInversion(AugmentationContract):
    """The example plugin keeps the contract."""

    @pytest.fixture
    def augmentation(self, examples):
        """The one in plugins/."""
        return examples["inversion"]


class TestRetrograde(AugmentationContract):
    """The example plugin keeps the contract."""

    @pytest.fixture
    def augmentation(self, examples):
        """The one in plugins/."""
        return examples["retrograde"]


MELODIES = {
    "inversion": [Note(0, 60, 4), Note(4, 56, 8), Note(16, 65, 2)],
    "retrograde": [Note(14, 65, 2), Note(20, 64, 8), Note(28, 60, 4)],
}


@pytest.mark.parametrize("name", sorted(MELODIES))
def test_an_example_does_what_its_name_says(examples, name):
    """Inversion mirrors pitches around the first note, retrograde the notes in time, and twice is the melody again."""
    melody = MELODY.tokens([Note(0, 60, 4), Note(4, 64, 8), Note(16, 55, 2)])[None]
    if name == "retrograde":
        melody = MELODY.tokens([Note(0, 60, 4), Note(4, 64, 8), Note(16, 65, 2)])[None]

    out = examples[name](melody, 1, RNG)

    assert MELODY.notes(out.clips[0]) == tuple(MELODIES[name])
    assert np.array_equal(examples[name](out.clips, 1, RNG).clips, melody)


@pytest.mark.parametrize("name", sorted(MELODIES))
def test_an_on_off_edit_takes_no_other_amount(examples, name):
    """Half an inversion is refused with a sentence, and a clip without notes is masked."""
    with pytest.raises(AmountError, match="on/off"):
        examples[name](KIT.clips, 0.5, RNG)
    assert not examples[name](MELODY.tokens([])[None], 1, RNG).valid[0]


def test_inversion_that_leaves_the_keyboard_is_masked(examples):
    """Nothing is wrapped."""
    high = MELODY.tokens([Note(0, 120), Note(1, 100)])[None]

    assert not examples["inversion"](high, 1, RNG).valid[0]


@pytest.mark.parametrize("name", sorted(MELODIES))
def test_an_example_is_ten_to_thirty_lines(name):
    """Short enough to copy and change."""
    lines = (FOLDER / f"{name}.py").read_text(encoding="utf-8").splitlines()

    assert 10 <= sum(bool(line.strip()) for line in lines) <= 30


class Edit(NoteAugmentation):
    """Does what a test tells it to."""

    name = knob_name = "edit"

    def __init__(self, edit=lambda notes, _amount, _rng: [Note(n.onset, 60, n.length) for n in notes], **facts):
        self._edit_notes = edit
        self.__dict__.update(facts)

    def edit(self, notes, amount, rng):
        """As told."""
        return self._edit_notes(notes, amount, rng)


class Seeds(Edit):
    """Seeds a global generator, and hides its own edit."""

    def __call__(self, clips, amount, rng):
        np.random.seed(0)  # noqa: NPY002 - the fault under test
        return super().__call__(clips, amount, rng)


class NotIdentity(Edit):
    """Edits at amount 0 too."""

    def __call__(self, clips, amount, rng):
        return super().__call__(clips, amount or 1, rng)


class Mutating(Edit):
    """Edits the array it is given."""

    def __call__(self, clips, amount, rng):
        clips[:] = 60
        return super().__call__(clips, amount, rng)


def somewhere(notes, _amount, _rng):
    """Draws from a global generator."""
    return [Note(n.onset, 60 + random.randrange(12), n.length) for n in notes]


def silent_end(notes, _amount, _rng):
    """Fails on a clip without notes."""
    return [Note(n.onset, notes[0].pitch, n.length) for n in notes] if notes[0] else None


FAULTY = {
    "is an offer": [Edit(amounts=()), Edit(name="No Slug")],
    "input is unchanged": [Mutating()],
    "same seed same result": [Edit(somewhere)],
    "global random state is untouched": [Edit(somewhere), Seeds()],
    "amount 0 is the identity": [NotIdentity()],
    "some amount changes something": [Edit(lambda notes, _amount, _rng: notes), Edit(lambda *_: None)],
    "edge clips are edited or masked": [Edit(silent_end)],
    "declared keeps hold": [
        Edit(keeps=frozenset({"contour"})),
        Edit(keeps=frozenset({"no-such"})),
        Edit(lambda *_: [], keeps=frozenset({"mean-pitch"})),
    ],
    "declared changes happen": [Edit(changes=frozenset({"onset-f1"}))],
    "target moves by the amount": [Edit(target="mean-pitch"), Edit(target="contour")],
}


def test_every_check_has_a_fault_that_it_finds():
    """No check is without a test of its finding."""
    assert [check.__name__.replace("_", " ") for check in CHECKS] == list(FAULTY)


@pytest.mark.parametrize("check", sorted(FAULTY))
def test_a_check_finds_its_fault(check):
    """A broken promise fails its check with a sentence."""
    for augmentation in FAULTY[check]:
        results = {result.name: result for result in run_checks(augmentation, KIT)}

        assert not results[check].ok, augmentation
        assert results[check].message.endswith((".", "?", ")"))


def test_a_good_edit_passes_every_check():
    """What keeps its promises has nothing said against it."""
    flat = Edit(keeps=frozenset({"onset-f1", "log2-onsets"}), changes=frozenset({"mean-pitch"}))

    assert [result.message for result in run_checks(flat, KIT)] == [""] * len(CHECKS)


def test_the_sample_clips_serve_every_doubling():
    """Note-split leaves several valid sample clips at each of its amounts, and some masked."""
    for amount in NoteSplit().amounts:
        assert 4 <= KIT.edit(NoteSplit(), amount).valid.sum() < len(KIT.clips)


@pytest.mark.parametrize("edit", register_augmentations(), ids=lambda edit: edit.name)
def test_the_kit_tries_every_amount_of_a_built_in(edit):
    """No check of the contract is empty: some sample clips take each amount, and none that does is as it was."""
    for amount in edit.amounts:
        out = KIT.edit(edit, amount)
        assert out.valid.sum() >= 4
        assert (out.clips[out.valid] != KIT.clips[out.valid]).any(axis=1).all()


def test_built_in_knobs_have_names_of_their_own():
    """No two augmentations give a knob of the same name, and none takes a reserved one."""
    names = [edit.knob_name for edit in register_augmentations()]

    assert len(set(names)) == len(names)
    assert not {"random", "others"} & set(names)
