import random

import numpy as np
import pytest

from latentknobs.attributes.plugin import register_attributes, register_comparisons
from latentknobs.augmentations.note_split import NoteSplit
from latentknobs.augmentations.plugin import register_augmentations
from latentknobs.conformance import CHECKS, melody_kit, run_checks
from latentknobs.core.augmentation import NoteAugmentation, TokenAugmentation
from latentknobs.core.clip import Note
from latentknobs.core.melody import HOLD, MELODY

KIT = melody_kit({a.name: a for a in register_attributes()}, {c.name: c for c in register_comparisons()})


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


class Tokens(TokenAugmentation):
    """Gives back one token everywhere, and calls it valid."""

    name = knob_name = "tokens"

    def __init__(self, token):
        self.token = token

    def edit_tokens(self, clips, amount, rng):
        """As told."""
        return np.full_like(clips, self.token), np.ones(len(clips), bool)


class Clamped(NoteAugmentation):
    """Moves notes up as far as the keyboard goes, and calls that done."""

    name = knob_name = "clamped"
    target = "mean-pitch"

    def edit(self, notes, amount, rng):
        """Clamp in place of masking."""
        return [Note(n.onset, min(n.pitch + 1, 127), n.length) for n in notes]


class Neighbours(TokenAugmentation):
    """Gives each clip the one beside it."""

    name = knob_name = "neighbours"

    def edit_tokens(self, clips, amount, rng):
        """Roll the batch."""
        return np.roll(clips, 1, axis=0), np.ones(len(clips), bool)


class AsBatch(TokenAugmentation):
    """Masks all clips where one of them has no note."""

    name = knob_name = "as-batch"

    def edit_tokens(self, clips, amount, rng):
        """Mask by the batch."""
        notes = MELODY.onsets(clips)
        return np.where(notes, 60, clips), np.full(len(clips), notes.any(axis=1).all())


def somewhere(notes, _amount, _rng):
    """Draws from a global generator."""
    return [Note(n.onset, 60 + random.randrange(12), n.length) for n in notes]


def silent_end(notes, _amount, _rng):
    """Fails on a clip without notes."""
    return [Note(n.onset, notes[0].pitch, n.length) for n in notes] if notes[0] else None


FAULTY = {
    "is an offer": [Edit(amounts=()), Edit(name="No Slug")],
    "input is unchanged": [Mutating()],
    "grid and range are kept": [Tokens(130), Tokens(HOLD)],
    "same seed same result": [Edit(somewhere)],
    "global random state is untouched": [Edit(somewhere), Seeds()],
    "amount 0 is the identity": [NotIdentity()],
    "some amount changes something": [Edit(lambda notes, _amount, _rng: notes), Edit(lambda *_: None)],
    "edge clips are edited or masked": [Edit(silent_end)],
    "the valid mask is honest": [Clamped(), Neighbours(), AsBatch()],
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
