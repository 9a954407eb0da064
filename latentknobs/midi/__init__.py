"""
MIDI in and out: files to pieces on a format's grid, and back.

Everything is counted in ticks, never in seconds, so a tempo change moves no note. What reading changed is told in
``Piece.remarks``, one sentence each.
"""

from latentknobs.midi.file import MAX_BYTES
from latentknobs.midi.read import MAX_BARS, read_piece, read_pieces, read_provenance
from latentknobs.midi.twinkle import read_twinkle, twinkle, twinkle_path
from latentknobs.midi.voice import POLICIES, Policy
from latentknobs.midi.write import midi_bytes, write_piece

__all__ = [
    "MAX_BARS",
    "MAX_BYTES",
    "POLICIES",
    "Policy",
    "midi_bytes",
    "read_piece",
    "read_pieces",
    "read_provenance",
    "read_twinkle",
    "twinkle",
    "twinkle_path",
    "write_piece",
]
