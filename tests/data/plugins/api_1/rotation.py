"""
Rotation: shifts the rhythm round the clip, as a drummer starts a pattern on another beat.

What leaves at the end comes back at the beginning, so nothing is lost; the built-in delay puts a rest there instead.
"""

from latentknobs import Note, NoteAugmentation, hookimpl

LATENTKNOBS_API = 1


class Rotation(NoteAugmentation):
    """Starts every note later by the amount in eighths, the last ones again at the beginning."""

    name = knob_name = "rotation"
    unit = "eighths"
    amounts = (1.0, 2.0, 3.0, 4.0)
    changes = frozenset({"onset-f1", "contour"})
    preserves = frozenset({"mean-pitch", "pitch-range", "chromaticism", "log2-onsets", "note-density", "rests"})

    def edit(self, notes, amount, rng):
        """Rotate; a clip in which a note would sound across the end is left out."""
        steps = self.format.steps
        late = int(2 * amount)
        return [Note((note.onset + late) % steps, note.pitch, note.length) for note in notes] or None


@hookimpl
def register_augmentations():
    """Offer it to latentknobs."""
    return [Rotation()]
