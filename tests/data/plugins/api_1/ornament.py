"""
Ornament: plays a mordent on every note that is long enough, a quick turn to the tone above and back.

The built-in fill and note-split strike the same pitch again; here a neighbour is touched.
"""

from latentknobs import Note, NoteAugmentation, hookimpl

LATENTKNOBS_API = 1


class Ornament(NoteAugmentation):
    """Begins every note of a beat or more with two sixteenths, the note and the tone above it."""

    name = knob_name = "ornament"
    changes = frozenset({"note-density", "mean-interval", "onset-f1"})
    preserves = frozenset({"rests"})

    def edit(self, notes, amount, rng):
        """Ornament; a clip without a note of a beat is left out."""
        out = []
        for note in notes:
            if note.length < self.format.steps_per_beat:
                out.append(note)
                continue
            out += [Note(note.onset, note.pitch), Note(note.onset + 1, note.pitch + 2)]
            out.append(Note(note.onset + 2, note.pitch, note.length - 2))
        return out if len(out) > len(notes) else None


@hookimpl
def register_augmentations():
    """Offer it to latentknobs."""
    return [Ornament()]
