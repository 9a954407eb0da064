"""The built-in clip formats of drums."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from latentknobs import DRUMS, DRUMS_4BAR, Note, Piece, read_piece, write_piece
from latentknobs.core.format_capabilities import offered_by
from latentknobs.errors import ClipError

CLIPS = arrays(np.int16, 32, elements=st.integers(0, 511))


@given(CLIPS)
def test_a_clip_is_its_hits(clip):
    """The notes of any clip give it back, and each is a hit of one step with its voice's first drum as its pitch."""
    notes = DRUMS.notes(clip)

    assert np.array_equal(DRUMS.tokens(notes), clip)
    assert all(note.length == 1 and note.pitch == DRUMS.drums[note.voice].numbers[0] for note in notes)


def test_a_token_is_a_set_of_voices():
    """Voice v adds 2^v, a voice that is hit twice counts once, and the groups say of each voice whether it is hit."""
    clip = DRUMS.tokens([Note(0, 36), Note(0, 36), Note(0, 42, voice=2), Note(31, 51, 4, voice=8)])

    assert clip[[0, 1, 31]].tolist() == [5, 0, 256]
    hit = {group.name: group.of(clip[None])[0, 0] for group in DRUMS.groups}
    assert {name for name, value in hit.items() if value} == {"kick", "closed hat"}


def test_no_drum_is_read_as_two_voices():
    """The nine voices share no drum of General MIDI."""
    numbers = [number for voice in DRUMS.drums for number in voice.numbers]

    assert len(DRUMS.drums) == 9
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize("note", [Note(32, 36), Note(0, 36, voice=9)])
def test_a_hit_that_the_format_lacks_is_refused(note):
    """A step or voice that is not there is an error that names both."""
    with pytest.raises(ClipError, match=f"no step {note.onset} of voice {note.voice}"):
        DRUMS.tokens([note])


@pytest.mark.parametrize("clip_format", [DRUMS, DRUMS_4BAR], ids=lambda one: one.name)
def test_a_pattern_is_written_to_midi_and_read_back(tmp_path, clip_format):
    """A pattern comes back from the drum channel hit by hit."""
    clip = np.random.default_rng(1).integers(0, 512, clip_format.steps).astype(np.int16)
    write_piece(Piece.join(clip[None], clip_format, name="beat"), tmp_path / "beat.mid", clip_format=clip_format)
    back = read_piece(tmp_path / "beat.mid", clip_format=clip_format)

    assert offered_by(clip_format) == ("drums", "sixteenths")
    assert np.array_equal(back.cut(clip_format).clips, clip[None])
