"""What is done by rule with clips that no model carries."""

from __future__ import annotations

import numpy as np
import pytest

from latentknobs import MELODY, MelodyFormat, Note, NoteAugmentation
from latentknobs.augmentations.plugin import register_augmentations
from latentknobs.core.composition import compose
from latentknobs.core.edit_context import contexts_of
from latentknobs.errors import PluginError
from latentknobs.steering.by_rule import edit_by_rule

EDITS = {edit.name: edit for edit in register_augmentations()}
BAR = MelodyFormat("3/4", bars=1)
TUNE = ([Note(0, 60, 4), Note(4, 64, 8)], [Note(0, 67, 12)], [], [Note(4, 72, 8)])


class Mirror(NoteAugmentation):
    """Mirrors every pitch around the first note of the piece."""

    name = knob_name = "mirror"

    def edit(self, notes, amount, rng, context):
        return [Note(n.onset, 2 * context.first.pitch - n.pitch, n.length) for n in notes]


class Chance(NoteAugmentation):
    """Moves the clip by a drawn interval."""

    name = knob_name = "chance"

    def edit(self, notes, amount, rng):
        by = int(rng.integers(0, 40))
        return [Note(n.onset, n.pitch + by, n.length) for n in notes]


class Broken(NoteAugmentation):
    """Fails."""

    name = knob_name = "broken"

    def edit(self, notes, amount, rng):
        return 1 / 0


class OfTwoBars(Chance):
    """Edits one format alone."""

    name = knob_name = "of-two-bars"
    clip_format = MELODY.name


@pytest.fixture
def clips():
    """Four odd bars of one piece: two notes, one, none, and one after a rest."""
    return np.stack([BAR.tokens(notes) for notes in TUNE])


def _edit(clips, edits, seed=0):
    return edit_by_rule(clips, BAR, edits, contexts_of(clips, BAR), seed)


def _pitches(clips):
    return [[note.pitch for note in BAR.notes(clip)] for clip in clips]


def test_each_clip_is_edited_and_silence_stays(clips):
    """All clips move alike, whatever their bars, and one without notes counts as edited."""
    out = _edit(clips, [(EDITS["transpose"], 2.0)])

    assert _pitches(out.clips) == [[62, 66], [69], [], [74]]
    assert out.edited.all()
    assert out.reasons == ("", "", "", "")


def test_amount_0_is_the_clip_itself(clips):
    """No edit is called at all, not even one that would fail."""
    out = _edit(clips, [(Broken(), 0.0), (EDITS["transpose"], 0.0)])

    assert np.array_equal(out.clips, clips)
    assert out.edited.all()


def test_the_order_of_the_edits_is_fixed(clips):
    """By knob name, as a group of knobs has no order: mirror before pitch, however they are given."""
    edits = [(EDITS["transpose"], 2.0), (Mirror(), 1.0)]

    forth, back = _edit(clips, edits), _edit(clips, edits[::-1])

    assert np.array_equal(forth.clips, back.clips)
    assert _pitches(forth.clips) == [[62, 58], [55], [], [50]]


def test_all_clips_share_the_context_of_the_piece(clips):
    """Any part of the piece is edited as it is in the whole piece."""
    contexts = contexts_of(clips, BAR)
    edits = [(Mirror(), 1.0), (Chance(), 1.0)]
    whole = _edit(clips, edits, seed=3).clips
    part = edit_by_rule(clips[[3, 1]], BAR, edits, (contexts[3], contexts[1]), 3).clips

    assert np.array_equal(part, whole[[3, 1]])
    assert not np.array_equal(_edit(clips, edits, seed=4).clips, whole)


def test_what_another_edit_draws_changes_nothing(clips):
    """Each edit has chance of its own."""
    alone = _edit(clips, [(Chance(), 1.0)]).clips
    after = _edit(clips, [(EDITS["transpose"], 1.0), (Chance(), 1.0)]).clips

    assert _pitches(after) == [[pitch + 1 for pitch in each] for each in _pitches(alone)]


@pytest.mark.parametrize(
    ("edit", "amount", "reason"),
    [
        (EDITS["transpose"], 1.5, "transpose moves by whole semitones, not by 1.5: use 2."),
        (EDITS["transpose"], 100.0, "transpose by +100 does not fit its notes."),
        (EDITS["note-split"], -1.0, "note-split takes whole doublings from 0 to 3, not -1: notes cannot be joined."),
        (
            OfTwoBars(),
            1.0,
            "of-two-bars needs clips of melody-2bar, and melody-1bar-3-4 offers monophonic, sixteenths.",
        ),
    ],
)
def test_a_clip_is_edited_by_all_or_left_alone_with_a_reason(clips, edit, amount, reason):
    """One edit that does not fit leaves the clip as it was, although another would fit."""
    out = _edit(clips, [(edit, amount), (Mirror(), 1.0)])

    assert np.array_equal(out.clips, clips)
    assert out.reasons[1] == reason
    assert not out.edited[1]


def test_an_edit_goes_as_far_as_each_clip_allows(clips):
    """A dotted half is no four equal notes of whole steps, but two; in a composition too."""
    split, composed = EDITS["note-split"], compose("note-split:1", EDITS)
    out = _edit(clips, [(split, 3.0)])

    assert [len(each) for each in _pitches(out.clips)] == [4 + 8, 4, 0, 8]
    assert out.edited.all()
    assert np.array_equal(_edit(clips, [(composed, 3.0)]).clips, out.clips)


def test_a_composition_is_done_part_by_part(clips):
    """The edit of a composed knob is looked up by its name like any other."""
    composed = compose("transpose:2|note-split:1", EDITS)

    assert _pitches(_edit(clips, [(composed, 1.0)]).clips) == [[62, 62, 66, 66], [69, 69], [], [74, 74]]


def test_an_edit_that_fails_is_named(clips):
    """A fault of a plugin is not taken for a clip that does not fit."""
    with pytest.raises(PluginError, match="augmentation 'broken' at amount 1"):
        _edit(clips, [(Broken(), 1.0)])
