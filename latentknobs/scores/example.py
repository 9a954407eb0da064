"""
The running example: the theme of Mozart's variations K. 265 on "Ah vous dirai-je, Maman", 12 bars, six clips.

The file in the package is what ``write_piece(twinkle(), twinkle_path(), overwrite=True)`` writes.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from latentknobs.core.clip import Note
from latentknobs.core.piece import Piece
from latentknobs.scores.midi_reader import read_piece

_THEME = "CCGG AAG- FFEE DDC- GGFF EED- GGFF EED- CCGG AAG- FFEE DDC-"
_PITCHES = {"C": 60, "D": 62, "E": 64, "F": 65, "G": 67, "A": 69}


def twinkle() -> Piece:
    """The theme, in quarter notes of 4/4; "-" holds the note before it."""
    notes: list[Note] = []
    for beat, letter in enumerate(_THEME.replace(" ", "")):
        if letter == "-":
            notes[-1] = Note(notes[-1].onset, notes[-1].pitch, 8)
        else:
            notes.append(Note(4 * beat, _PITCHES[letter], 4))
    return Piece(notes=tuple(notes), steps=12 * 16, tempo=120.0, name="twinkle")


def twinkle_path() -> Path:
    """Where the package keeps the theme as a MIDI file."""
    return Path(str(resources.files("latentknobs") / "data" / "twinkle.mid"))


def read_twinkle() -> Piece:
    """The theme, read from its MIDI file."""
    return read_piece(twinkle_path())
