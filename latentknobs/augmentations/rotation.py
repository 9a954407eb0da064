"""The rhythm shifted round the clip."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from numpy.random import Generator

from latentknobs.core.augmentation import NoteAugmentation
from latentknobs.core.clip import Note
from latentknobs.errors import AmountError


class Rotation(NoteAugmentation):
    """
    Starts every note later by the amount in eighths, the last ones again at the beginning.

    Nothing is lost, where delay puts a rest in front. A clip in which a note would sound across the end is masked, and
    so is a clip without notes. By rule such a note is struck again at the beginning.
    """

    name = "rotation"
    knob_name = "rotation"
    unit = "eighths"
    amounts = (1.0, 2.0, 3.0, 4.0)
    changes: ClassVar[frozenset[str]] = frozenset({"onset-f1", "contour"})
    preserves: ClassVar[frozenset[str]] = frozenset(
        {"mean-pitch", "pitch-range", "chromaticism", "log2-onsets", "note-density", "rests"}
    )
    needs = ("monophonic", "sixteenths")

    def edit(self, notes: tuple[Note, ...], amount: float, rng: Generator) -> Iterable[Note] | None:  # noqa: ARG002 - nothing here is left to chance
        """
        Rotate the notes.

        Raises:
            AmountError: No whole number of steps.
        """
        late = amount * self.format.steps_per_beat / 2
        if not late.is_integer():
            raise AmountError(
                f"{self.name} moves by whole steps of {2 / self.format.steps_per_beat:g} eighths, not by {amount:g}."
            )
        out: list[Note] = []
        for note in notes:
            onset = (note.onset + int(late)) % self.format.steps
            over = 0 if self.exact else max(onset + note.length - self.format.steps, 0)
            out += [Note(0, note.pitch, over)] if over else []
            out.append(Note(onset, note.pitch, note.length - over))
        return out or None
