"""Minor for major, and major for minor."""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from latentknobs.augmentations.note_arrays import RHYTHM
from latentknobs.augmentations.scale_places import Scales, keys_of
from latentknobs.core.arrays import Bools, ClipBatch
from latentknobs.core.augmentation import TokenAugmentation
from latentknobs.core.edit_context import CLASSES, SCALES, EditContext, Mode
from latentknobs.core.melody_format import HOLD, MELODY
from latentknobs.errors import AmountError

BY: Final[dict[Mode, int]] = {"major": -1, "minor": 1}
"""By how many semitones the notes move that the parallel key does not have."""


def _moves() -> dict[Mode, NDArray[np.int64]]:
    """For each mode by how much each class above the tonic moves, (12,): the third, sixth and seventh degree."""
    out: dict[Mode, NDArray[np.int64]] = {}
    for mode, by in BY.items():
        other = SCALES["minor" if mode == "major" else "major"]
        out[mode] = np.asarray([by * (above in SCALES[mode] and above not in other) for above in range(CLASSES)])
    return out


MOVES: Final = _moves()
NONE: Final = np.zeros(CLASSES, dtype=np.int64)


class SwapMode(TokenAugmentation):
    """
    Puts the melody into the parallel key: -1 from major to minor, 1 from minor to major.

    So thirds, sixths and sevenths are lowered or raised. The key is that of the piece, natural where it is minor; other
    notes stay, such as the leading note of a minor key. With the key of the result the opposite amount gives the melody
    back, unless a note was a third, sixth or seventh of that key already. A clip without any such degree is masked, and
    so is one of a piece that is in the wanted mode; by rule they stay as they are. Masked too is one without notes, or
    that would leave pitches 0 to 127.
    """

    name = "swap-mode"
    knob_name = "mode"
    relative_to = "tonic"
    amounts = (float(BY["major"]), float(BY["minor"]))
    changes: ClassVar[frozenset[str]] = frozenset({"mean-pitch", "mean-interval", "onset-pitch-f1", "onset-chroma-f1"})
    preserves: ClassVar[frozenset[str]] = RHYTHM

    def edit_tokens(
        self,
        clips: ClipBatch,
        amount: float,
        rng: Generator,  # noqa: ARG002 - nothing is left to chance
        context: tuple[EditContext, ...] = (),
    ) -> tuple[NDArray[np.int16], Bools]:
        """
        Move the degrees that the parallel key does not have.

        Raises:
            AmountError: Neither -1 nor 1.
        """
        if amount not in self.amounts:
            raise AmountError(f"{self.name} takes -1 (to minor) or 1 (to major), not {amount:g}.")
        onset, scales = MELODY.onsets(clips), Scales.of(keys_of(context))
        moves = np.asarray(
            [MOVES[key.mode] if key and BY[key.mode] == amount else NONE for key in keys_of(context)]
        ).reshape(-1, CLASSES)
        by = np.where(onset, np.take_along_axis(moves, (clips - scales.tonic) % CLASSES, axis=-1), 0)
        moved = clips + by
        outside = onset & ((moved < 0) | (moved >= HOLD))
        some = by.any(axis=-1) if self.exact else onset.any(axis=-1)
        valid: Bools = scales.known & some & ~outside.any(axis=-1)
        return np.where(valid[:, None], moved, clips).astype(np.int16), valid
