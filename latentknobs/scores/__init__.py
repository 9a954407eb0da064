"""
MIDI in and out: files to pieces on a format's grid, and back.

Everything is counted in ticks, never in seconds, so a tempo change moves no note. What reading changed is told in
``Piece.remarks``, one sentence each.
"""

from latentknobs.scores.example import EXAMPLES, TWINKLE, ExampleMelody, example_for, twinkle, twinkle_path
from latentknobs.scores.input_bytes import MAX_BYTES
from latentknobs.scores.midi_reader import MAX_BARS, read_piece, read_provenance
from latentknobs.scores.midi_writer import midi_bytes
from latentknobs.scores.piece_writer import write_piece
from latentknobs.scores.reading import Reading, ReadingOptions
from latentknobs.scores.track_selection import Candidate, TrackChoiceError
from latentknobs.scores.voice_extraction import POLICIES, Policy

__all__ = [
    "EXAMPLES",
    "MAX_BARS",
    "MAX_BYTES",
    "POLICIES",
    "TWINKLE",
    "Candidate",
    "ExampleMelody",
    "Policy",
    "Reading",
    "ReadingOptions",
    "TrackChoiceError",
    "example_for",
    "midi_bytes",
    "read_piece",
    "read_provenance",
    "twinkle",
    "twinkle_path",
    "write_piece",
]
