"""
Retrograde: plays the melody backwards, last note first.

Each note keeps its pitch and length; rests are mirrored with it. Playing it twice gives the melody again.
"""

from latentknobs import Note, NoteAugmentation, hookimpl

LATENTKNOBS_API = 1


class Retrograde(NoteAugmentation):
    """Reverses the order of the notes in time."""

    name = "retrograde"
    knob_name = "retrograde"
    changes = frozenset({"contour", "onset-f1"})
    preserves = frozenset({"mean-pitch", "pitch-range", "log2-onsets"})

    def edit(self, notes, amount, rng):
        """Mirror the notes in time; a clip without notes is left out."""
        return [Note(self.format.steps - note.end, note.pitch, note.length) for note in notes] or None


@hookimpl
def register_augmentations():
    """Offer it to latentknobs."""
    return [Retrograde()]
