"""Mordents and turns."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from latentknobs.augmentations.note_arrays import whole
from latentknobs.augmentations.scale_places import Scales, keys_of
from latentknobs.core.arrays import Bools, ClipBatch, Ints
from latentknobs.core.augmentation import TokenAugmentation
from latentknobs.core.clip import ClipFormat
from latentknobs.core.edit_context import EditContext
from latentknobs.core.melody_format import HOLD, MELODY
from latentknobs.core.meter import steps_per_pulse, weights

STRONG, TURNS = 1, 3
"""Its least and greatest amount."""


class Ornament(TokenAugmentation):
    """
    Ornaments notes of a beat or more: 1 = mordents on strong beats, 2 = on all such notes, 3 = turns.

    A mordent is the note, its upper neighbour, and the note again; a turn the upper neighbour, the note, the lower one,
    and the note again. All but the last are sixteenths, neighbours are those of the key's scale, and beats are dotted
    in compound time. Strong are beats that outweigh the weakest of the bar. Notes too short for a turn get a mordent,
    or none. A clip without a note to ornament is masked, by rule it stays as it is. Masked too is one that would leave
    pitches 0 to 127.
    """

    name = "ornament"
    knob_name = "ornament"
    relative_to = "key"
    unit = "levels"
    amounts = (1.0, 2.0, 3.0)
    changes: ClassVar[frozenset[str]] = frozenset({"note-density", "mean-interval", "onset-f1"})
    preserves: ClassVar[frozenset[str]] = frozenset({"rests"})
    needs = ("monophonic", "sixteenths")

    def edit_tokens(
        self,
        clips: ClipBatch,
        amount: float,
        rng: Generator,  # noqa: ARG002 - nothing here is left to chance
        context: tuple[EditContext, ...] = (),
    ) -> tuple[NDArray[np.int16], Bools]:
        """
        Ornament the notes.

        Raises:
            AmountError: Not 1, 2 or 3.
        """
        kind = whole(amount, 1, STRONG, TURNS, f"{self.name} takes 1, 2 or 3")
        scales = Scales.of(keys_of(context))
        onset, length, sixteenth = MELODY.onsets(clips), _lengths(clips), self.format.steps_per_beat // 4
        long = onset & (length >= max(steps_per_pulse(self.format), 3 * sixteenth))
        if kind == STRONG:
            long &= _strong(self.format)
        note: Ints = clips.astype(np.int64)
        places = scales.places(np.where(onset, note, 0))
        upper, lower = (scales.pitches(places + up * (2 - places % 2)) for up in (1, -1))
        turned = long & (length >= 4 * sixteenth) & (kind == TURNS)
        edited, outside = note.copy(), np.zeros(len(clips), dtype=bool)
        turn, mordent = [upper, note, lower, note], [note, upper, note]
        for at, figure in ((turned, turn), (long & ~turned, mordent)):
            for count, pitch in enumerate(figure):
                # Where the note was, the figure's next pitch comes so many sixteenths later; it is held there now.
                here, later = at[:, : self.format.steps - count * sixteenth], edited[:, count * sixteenth :]
                wanted = pitch[:, : self.format.steps - count * sixteenth]
                later[here] = wanted[here]
                outside |= (here & ((wanted < 0) | (wanted >= HOLD))).any(axis=-1)
        some = long.any(axis=-1) if self.exact else onset.any(axis=-1)
        valid: Bools = scales.known & some & ~outside
        return np.where(valid[:, None], edited, clips).astype(np.int16), valid


def _lengths(clips: ClipBatch) -> Ints:
    """Steps from each one to the end of what is held there, (N, steps)."""
    out = np.ones(clips.shape, dtype=np.int64)
    for step in reversed(range(clips.shape[1] - 1)):
        out[:, step] += np.where(clips[:, step + 1] == HOLD, out[:, step + 1], 0)
    return out


def _strong(clip_format: ClipFormat) -> Bools:
    """Which steps are beats that outweigh the weakest beat of a bar, or beats at all where all weigh the same."""
    beat, weight = steps_per_pulse(clip_format), weights(clip_format)
    beats = np.arange(clip_format.steps) % beat == 0
    weakest = weight[beats].min()
    out: Bools = beats & ((weight > weakest) | (weight[beats].max() == weakest))
    return out
