"""Pieces moved to where an edit that depends on their key or first note is the same for all."""

from __future__ import annotations

import numpy as np
import pytest

from latentknobs.core.clip import Note
from latentknobs.core.corpus import Song, Tally
from latentknobs.core.drum_format import DRUMS
from latentknobs.core.edit_context import EditContext, Key
from latentknobs.core.melody_format import MELODY
from latentknobs.core.one_key import in_one_key, semitones_above

SCALE = (0, 2, 4, 5, 7, 9, 11, 12)


def context(key=None, first=None):
    """Where a clip stands in a piece of this key and first note."""
    return EditContext(key, None if first is None else Note(0, first, 4), None, 0, 1, 0)


def song(start, key=None):
    """A major scale, up and down an octave, from a pitch."""
    up = MELODY.tokens([Note(4 * k, start + step, 4) for k, step in enumerate(SCALE)])
    down = MELODY.tokens([Note(4 * k, start + step, 4) for k, step in enumerate(SCALE[::-1])])
    return Song("scale", np.stack([up, down]), "train", key)


@pytest.mark.parametrize(
    ("key", "above"),
    [
        (Key(0), 0),
        (Key(2), 2),
        (Key(5), 5),
        (Key(6), -6),
        (Key(11), -1),
        (Key(9, "minor"), 0),
        (Key(0, "minor"), 3),
    ],
    ids=str,
)
def test_by_their_key_pieces_move_the_short_way_to_c_major_or_a_minor(key, above):
    """Minor keys as the major key with their scale."""
    assert semitones_above("key", context(key)) == above


@pytest.mark.parametrize(("key", "above"), [(Key(0), 0), (Key(9, "minor"), -3), (Key(4, "minor"), 4)], ids=str)
def test_by_their_tonic_they_move_to_c_major_or_c_minor(key, above):
    """Whatever their mode."""
    assert semitones_above("tonic", context(key)) == above


@pytest.mark.parametrize(
    ("first", "above"), [(60, 0), (66, 0), (67, 12), (54, -12), (55, 0), (48, -12), (127, 72), (0, -60)]
)
def test_the_octave_is_the_one_that_puts_the_first_note_near_middle_c(first, above):
    """From G3 to F sharp 4, of two octaves as far away the one above."""
    assert semitones_above("key", context(Key(0), first)) == above


def test_by_their_first_note_pieces_move_to_e4():
    """However far that is; what has no note or no key stays."""
    assert semitones_above("first-note", context(first=90)) == 26
    assert semitones_above("first-note", context()) == semitones_above("key", context()) == 0
    assert semitones_above("", context(Key(4), 90)) == 0


@pytest.mark.parametrize(("reference", "first"), [("key", 60), ("first-note", 64), ("", 67)])
def test_all_clips_of_a_song_move_alike(reference, first):
    """A scale from G4 begins on C4 in C major, on E4 by its first note, and stays without a reference."""
    (moved,) = in_one_key([song(67)], reference, MELODY)

    assert np.array_equal(moved.clips, song(first).clips)


def test_a_stated_key_moves_with_its_song():
    """D minor, as stated, is A minor afterwards, and the notes are where that puts them."""
    (moved,) = in_one_key([song(62, Key(2, "minor"))], "key", MELODY)

    assert moved.key == Key(9, "minor")
    assert np.array_equal(moved.clips, song(57).clips)


def test_what_leaves_midi_is_left_out_and_drums_stay():
    """A song that would leave MIDI's pitches is left out and counted; drums have no pitch to move."""
    high = Song("high", np.stack([MELODY.tokens([Note(0, 20, 4), Note(4, 127, 4)])]), "train")
    hits = Song("drums", np.zeros((1, *DRUMS.shape), dtype=np.int16), "train")

    tally = Tally()

    assert list(in_one_key([high], "first-note", MELODY, tally)) == []
    assert dict(tally.counts) == {"outside MIDI by their first-note in one key": 1}
    assert list(in_one_key([hits], "key", DRUMS)) == [hits]
