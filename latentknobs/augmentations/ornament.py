"""Mordents."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from numpy.random import Generator

from latentknobs.core.augmentation import NoteAugmentation
from latentknobs.core.clip import Note


class Ornament(NoteAugmentation):
    """
    Begins every note of a beat or more with two sixteenths, the note and the tone above it.

    That is a mordent: a quick turn to the neighbour and back, where fill and note-split strike the same pitch again. A
    clip that would leave pitches 0 to 127 is masked, and so is one without a note of a beat; by rule that one stays as
    it is.
    """

    name = "ornament"
    knob_name = "ornament"
    changes: ClassVar[frozenset[str]] = frozenset({"note-density", "mean-interval", "onset-f1"})
    preserves: ClassVar[frozenset[str]] = frozenset({"rests"})
    needs = ("monophonic", "sixteenths")

    def edit(self, notes: tuple[Note, ...], amount: float, rng: Generator) -> Iterable[Note] | None:  # noqa: ARG002 - on or off, and nothing is left to chance
        """Ornament the notes."""
        beat = self.format.steps_per_beat
        short = beat // 4
        out: list[Note] = []
        for note in notes:
            if note.length < beat:
                out.append(note)
                continue
            out += [Note(note.onset, note.pitch, short), Note(note.onset + short, note.pitch + 2, short)]
            out.append(Note(note.onset + 2 * short, note.pitch, note.length - 2 * short))
        return out if len(out) > len(notes) or not self.exact else None
