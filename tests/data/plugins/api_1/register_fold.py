"""
Register fold: brings the whole melody into one octave, as for a singer or a small instrument.

Every note keeps its name and its place; the built-in octave moves all notes alike, and stretch squeezes intervals.
"""

from latentknobs import Note, NoteAugmentation, hookimpl

LATENTKNOBS_API = 1


class RegisterFold(NoteAugmentation):
    """Folds every note into the octave that begins with the first note."""

    name = knob_name = "register-fold"
    changes = frozenset({"mean-pitch", "pitch-range", "contour"})
    preserves = frozenset({"onset-f1", "onset-chroma-f1", "log2-onsets", "rests", "syncopation", "chromaticism"})

    def edit(self, notes, amount, rng):
        """Fold; a clip that is within that octave already is left out."""
        folded = [Note(n.onset, notes[0].pitch + (n.pitch - notes[0].pitch) % 12, n.length) for n in notes]
        return folded if folded != list(notes) else None


@hookimpl
def register_augmentations():
    """Offer it to latentknobs."""
    return [RegisterFold()]
