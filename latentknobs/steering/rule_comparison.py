"""What a model makes of clips, held against what the knobs' own edits make of them."""

from __future__ import annotations

import numpy as np
from attrs import frozen

from latentknobs.core.arrays import Bools, ClipBatch
from latentknobs.core.clip import ClipFormat
from latentknobs.core.evidence import Evidence
from latentknobs.core.melody_format import HOLD, MelodyFormat
from latentknobs.steering.by_rule import RuleEdited
from latentknobs.steering.carried_clips import differing

SURPRISE = 3.0
"""How many times farther from the edit than evidence expects a clip may come out, and still be the model's."""
OCTAVE = 12


@frozen(eq=False)
class RuleComparison:
    """
    The edits of the knobs that are turned, and how near to them the model must come.

    Attributes:
        exact: What the edits give where they are possible in full, as in the pairs that evidence is of.
        loose: What they give as far as each clip allows.
        unchanged: bool (N,), the clips on which that is nothing.
        tolerance: Share of a clip's tokens on which the model may differ; 1 = evidence does not say that it is near.
    """

    exact: RuleEdited
    loose: RuleEdited
    unchanged: Bools
    tolerance: float

    def apart(self, clips: ClipBatch, clip_format: ClipFormat) -> Bools:
        """
        Which clips (N, *shape) of the model the edits contradict, bool (N,).

        Where an edit is possible in full: too many tokens differ. Elsewhere too many steps sound another pitch, as
        where notes may be split in more than one way, or anything differs where the edits change nothing, as in a piece
        that is in minor already. Everywhere: a pitch is an octave or more outside those of the edited clip.
        """
        size = int(np.prod(clips.shape[1:]))
        out = self.exact.edited & (differing(clips, self.exact.clips) > self.tolerance * size)
        in_part = self.loose.edited & ~self.exact.edited
        out |= in_part & self.unchanged & (differing(clips, self.loose.clips) > 0)
        if isinstance(clip_format, MelodyFormat):
            heard, wanted = clip_format.sounding(clips), clip_format.sounding(self.loose.clips)
            others = (heard != wanted).sum(axis=-1) > self.tolerance * size
            out |= in_part & others
            out |= self.loose.edited & _far_out(clips, self.loose.clips)
        return out


def expected_error(evidence: Evidence, amount: float, changed: float) -> float:
    """
    On which share of the tokens a knob's clips differ from those of its edit, by its test songs; 1 = not measured.

    Args:
        evidence: Of the knob.
        amount: How far it is turned; that of the measured amount nearest to it counts.
        changed: Share of the tokens that the edit changes. Where the F1 of changes is measured, twice what it misses
            of them differs: the changes that are missing, and others in their place.
    """
    at = evidence.test.amounts if evidence.test else ()
    near = min(at, key=lambda one: abs(one.amount - amount), default=None)
    if near is None or near.equivariance is None:
        return 1.0
    missed = 1 - near.equivariance.accuracy
    return missed if evidence.measure == "tokens" else 2 * changed * missed


def _far_out(clips: ClipBatch, edited: ClipBatch) -> Bools:
    """Which melodies have a note an octave or more above or below all of the edited one's, bool (N,)."""
    (low, high), (least, most) = _range(clips), _range(edited)
    out: Bools = (high >= 0) & (most >= 0) & ((low <= least - OCTAVE) | (high >= most + OCTAVE))
    return out


def _range(clips: ClipBatch) -> tuple[ClipBatch, ClipBatch]:
    notes = clips < HOLD
    return np.where(notes, clips, HOLD).min(axis=-1), np.where(notes, clips, -1).max(axis=-1)
