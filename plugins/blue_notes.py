"""
Blue notes: the third and seventh of a major key flat, as a blues has them.

The key is that of the whole piece, which ``context`` tells: so all its clips are altered alike.
"""

from latentknobs import Note, NoteAugmentation, hookimpl

LATENTKNOBS_API = 1
LOWERED = (4, 11)  # third and seventh of a major scale, in semitones above the tonic


class BlueNotes(NoteAugmentation):
    """Lowers the third and seventh of a major key by a semitone."""

    name = knob_name = "blue-notes"
    changes = frozenset({"onset-chroma-f1", "onset-pitch-f1", "mean-interval", "mean-pitch", "chromaticism"})
    preserves = frozenset({"onset-f1", "log2-onsets", "rests", "syncopation"})

    def edit(self, notes, amount, rng, context):
        """Lower them; a clip without one, or of a piece in minor, is left out."""
        key = context.key
        if key is None or key.mode == "minor":
            return None
        blue = [Note(n.onset, n.pitch - ((n.pitch - key.tonic) % 12 in LOWERED), n.length) for n in notes]
        return blue if blue != list(notes) else None


@hookimpl
def register_augmentations():
    """Offer it to latentknobs."""
    return [BlueNotes()]
