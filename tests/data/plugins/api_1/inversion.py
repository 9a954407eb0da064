"""
Inversion: turns the melody upside down around its first note.

A step up becomes the same step down, in semitones, as in a fugue's inverted subject. Rhythm and range stay.
"""

from latentknobs import Note, NoteAugmentation, hookimpl

LATENTKNOBS_API = 1


class Inversion(NoteAugmentation):
    """Mirrors every pitch around the first note."""

    name = "inversion"
    knob_name = "inversion"
    changes = frozenset({"contour", "mean-pitch"})
    preserves = frozenset({"onset-f1", "log2-onsets", "pitch-range"})

    def edit(self, notes, amount, rng):
        """Mirror the notes; a clip without notes, or with one that leaves the keyboard, is left out."""
        if not notes:
            return None
        axis = 2 * notes[0].pitch
        return [Note(note.onset, axis - note.pitch, note.length) for note in notes]


@hookimpl
def register_augmentations():
    """Offer it to latentknobs."""
    return [Inversion()]
