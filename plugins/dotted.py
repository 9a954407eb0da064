"""
Dotted: pairs of eighths become a dotted eighth and a sixteenth.

It edits the tokens of many clips at once, one number a step: 0 to 127 starts a note, HOLD goes on, REST is silence.
"""

import numpy as np

from latentknobs import HOLD, REST, TokenAugmentation, hookimpl

LATENTKNOBS_API = 1


class Dotted(TokenAugmentation):
    """Starts every note on an off-beat eighth one step later."""

    name = knob_name = "dotted"
    changes = frozenset({"onset-f1", "syncopation", "rests", "mean-onset"})
    preserves = frozenset({"mean-pitch", "pitch-range", "mean-interval", "log2-onsets", "note-density"})
    needs = ("monophonic", "sixteenths")

    def edit_tokens(self, clips, amount, rng):
        """Delay them; a clip without one that lasts more than a step is left out."""
        before = clips.copy()
        beat = self.format.steps_per_beat
        for step in range(beat // 2, self.format.steps, beat):
            late = (before[:, step] < HOLD) & (before[:, step + 1] == HOLD)
            gap = np.where(before[:, step - 1] == REST, REST, HOLD)
            clips[late, step], clips[late, step + 1] = gap[late], before[late, step]
        return clips, (clips != before).any(axis=1)


@hookimpl
def register_augmentations():
    """Offer it to latentknobs."""
    return [Dotted()]
