"""Magenta's tokens and ours."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from latentknobs.backends.magenta_js.vocabulary import MelodyVocabulary
from latentknobs.core.clip import Note
from latentknobs.core.melody_format import HOLD, MELODY, REST
from latentknobs.errors import ClipError

WORDS = MelodyVocabulary(21, 108)
THEIRS = arrays(np.int64, (2, 32), elements=st.integers(0, 3) | st.integers(0, 89))
OURS = arrays(np.int16, (2, 32), elements=st.sampled_from([21, 60, 61, 108, HOLD, HOLD, REST])).map(MELODY.repair)


def read(tokens):
    """The notes of their tokens (32,), as magenta's Melody.toNoteSequence takes them."""
    notes, start, pitch = [], None, 0
    for step, token in enumerate([*tokens.tolist(), 1]):
        if token and start is not None:
            notes.append(Note(start, pitch, step - start))
            start = None
        if token >= 2:
            start, pitch = step, token - 2 + 21
    return tuple(notes)


def written(notes):
    """Their tokens (32,) of notes, as magenta's Melody.fromNoteSequence writes them."""
    out = np.zeros(33, dtype=np.int64)
    for note in notes:
        out[note.onset] = note.pitch - 21 + 2
        out[note.end] = 1
    return out[:32]


@given(THEIRS)
def test_any_of_their_tokens_are_the_notes_that_they_read(tokens):
    """Every sequence of their tokens becomes a valid clip with the notes that magenta hears in it."""
    clips = WORDS.ours(tokens)

    assert MELODY.valid(clips).all()
    assert [MELODY.notes(clip) for clip in clips] == [read(row) for row in tokens]


@given(OURS)
def test_our_clips_are_written_as_they_write_them(clips):
    """A clip's tokens are those that magenta makes of its notes, and give the clip back."""
    tokens = WORDS.theirs(clips)

    assert np.array_equal(tokens, [written(MELODY.notes(clip)) for clip in clips])
    assert np.array_equal(WORDS.ours(tokens), clips)


@given(THEIRS)
def test_a_note_sounds_until_it_is_ended(tokens):
    """``sounding`` is what a clip's own notes say of the step before."""
    sounds = MELODY.sounding(WORDS.ours(tokens)) >= 0

    assert np.array_equal(WORDS.sounding(tokens)[:, 1:], sounds[:, :-1])
    assert not WORDS.sounding(tokens)[:, 0].any()


def test_pitches_outside_are_refused():
    """Encoding a pitch that they have no token for is an error that names both ranges."""
    clip = MELODY.tokens([Note(0, 20), Note(4, 60)])[None]

    with pytest.raises(ClipError, match="pitches 21 to 108, the clips 20 to 60"):
        WORDS.theirs(clip)
