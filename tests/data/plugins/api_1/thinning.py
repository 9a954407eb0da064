"""
Thinning: leaves notes out, those on the weakest steps of the metre first, and rests in their place.

The built-in fill with a negative amount ties such notes over instead, so that the notes before them grow longer.
"""

from latentknobs import NoteAugmentation, hookimpl

LATENTKNOBS_API = 1


def strength(note):
    """How strong a note's step is: the largest power of two that divides it, so 0 is the strongest."""
    return note.onset & -note.onset or 64


class Thinning(NoteAugmentation):
    """Leaves out so many of the weakest notes a bar, and a rest for each."""

    name = knob_name = "thinning"
    unit = "notes a bar"
    amounts = (-3.0, -2.0, -1.0)
    target = "note-density"
    changes = frozenset({"note-density", "log2-onsets", "rests", "onset-f1"})

    def edit(self, notes, amount, rng):
        """Thin; a clip that would have no note left is left out."""
        left = len(notes) + round(2 * amount)
        strongest = sorted(notes, key=strength, reverse=True)
        return sorted(strongest[:left]) if left > 0 else None


@hookimpl
def register_augmentations():
    """Offer it to latentknobs."""
    return [Thinning()]
