import io
import wave

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentknobs.audio import MAX_SECONDS, PEAK, SAMPLE_RATE, render, wav_bytes, write_wav
from latentknobs.core.clip import Note
from latentknobs.core.melody_format import MELODY
from latentknobs.core.piece import Piece
from latentknobs.errors import UsageError
from latentknobs.scores import twinkle


@settings(max_examples=30)
@given(st.integers(24, 127))
def test_the_strongest_frequency_of_a_note_is_its_pitch(pitch):
    """The peak of the spectrum lies within a tenth of a semitone, or within 0.5 Hz, of the equal-tempered pitch."""
    sound = render(Piece(notes=(Note(0, pitch, 16),), steps=16))
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), n=8 * len(sound)))
    found = np.fft.rfftfreq(8 * len(sound), 1 / SAMPLE_RATE)[spectrum.argmax()]

    wanted = 440 * 2 ** ((pitch - 69) / 12)
    assert abs(found - wanted) < max(wanted * (2 ** (0.1 / 12) - 1), 0.5)


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 127), st.integers(1, 30)), max_size=12),
    st.floats(30, 9_000),
)
def test_sound_never_clips_and_lasts_exactly_as_long_as_the_piece(raw, tempo):
    """Even chords stay within the peak, and the length is the piece's, rounded to a sample."""
    piece = Piece(notes=tuple(Note(*note) for note in raw), steps=64, tempo=tempo)
    sound = render(piece)

    assert np.abs(sound).max() <= PEAK + 1e-6
    assert len(sound) == round(64 * 15 / tempo * SAMPLE_RATE)
    assert sound.dtype == np.float32


def test_notes_start_and_end_at_zero():
    """No edge of a note jumps, also where one note follows another."""
    sound = render(twinkle())
    step = SAMPLE_RATE / 8

    for note in twinkle().notes:
        for edge in (round(note.onset * step), round(note.end * step) - 1):
            assert abs(sound[edge]) < 0.002
    assert abs(sound[-1]) < 0.002


def test_a_rest_is_silent():
    """Nothing sounds where no note does."""
    sound = render(Piece(notes=(Note(0, 60, 4),), steps=8))

    assert np.abs(sound[: len(sound) // 2]).max() > 0.2
    assert not sound[len(sound) // 2 :].any()


class Sixteenths:
    """As much of a format of drums as sound needs."""

    steps_per_beat = 4
    drums = ()


def test_a_piece_of_drums_is_played_on_drums():
    """A hi-hat alone is noise, where the same number in a melody is a tone."""
    piece = Piece((Note(0, 42, 1),), 16)
    drums, melody = (np.abs(np.fft.rfft(render(piece, clip_format=one))) ** 2 for one in (Sixteenths(), MELODY))

    assert drums.max() / drums.sum() < 0.01 < melody.max() / melody.sum()


def test_the_file_is_16_bit_mono_and_the_same_each_time(tmp_path):
    """The same piece gives the same bytes, in a format that every player takes."""
    write_wav(twinkle(), tmp_path / "twinkle.wav")

    data = (tmp_path / "twinkle.wav").read_bytes()
    assert data == wav_bytes(twinkle())
    with wave.open(io.BytesIO(data)) as file:
        assert file.getparams()[:4] == (1, 2, SAMPLE_RATE, 24 * SAMPLE_RATE)


def test_an_existing_file_is_not_overwritten(tmp_path):
    """Sound is not written over a file that nobody said to replace."""
    path = tmp_path / "out.wav"
    path.write_bytes(b"mine")

    with pytest.raises(UsageError, match="exists already"):
        write_wav(twinkle(), path)
    assert path.read_bytes() == b"mine"


def test_hours_of_sound_are_refused():
    """A piece that would fill the memory is refused with its length."""
    with pytest.raises(UsageError, match=f"over the {MAX_SECONDS // 60}"):
        render(Piece(notes=(Note(0, 60),), steps=16 * 2000))
