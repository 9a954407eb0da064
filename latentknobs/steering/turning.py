"""
Knobs turned together, one after another.

A knob that was learned in one key (:mod:`latentknobs.core.one_key`) is turned in it, between two turns of the model's
pitch knob: T_k = P_k T P_-k.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from attrs import frozen

from latentknobs.core.arrays import Codes, Ints
from latentknobs.core.edit_context import EditContext, Reference
from latentknobs.core.knob import Knob
from latentknobs.core.one_key import semitones_above
from latentknobs.steering.apply import apply, displacement

PITCH = "transpose"
"""The edit whose knob moves codes from one key to another."""


@frozen(eq=False)
class Frame:
    """
    How far clips lie above the frame in which a knob was learned, and the knob that moves them there.

    Attributes:
        pitch: The model's pitch knob, in semitones.
        semitones: For each clip, int64 (N,).
    """

    pitch: Knob
    semitones: Ints

    @classmethod
    def of(cls, reference: Reference, pitch: Knob, contexts: Sequence[EditContext], shifts: Ints) -> Frame:
        """
        The frame of clips.

        Args:
            reference: What the knob's edit is relative to.
            pitch: The model's pitch knob.
            contexts: Where each clip stands in its piece.
            shifts: By how many semitones the model is given each clip higher than it is, (N,).
        """
        above = np.asarray([semitones_above(reference, context) for context in contexts], dtype=np.int64)
        return cls(pitch, above + shifts)

    def inward(self, z: Codes) -> Codes:
        """Codes (N, D) moved into the frame."""
        return self._moved(z, -self.semitones)

    def outward(self, z: Codes) -> Codes:
        """Codes (N, D) moved out of it again."""
        return self._moved(z, self.semitones)

    def _moved(self, z: Codes, by: Ints) -> Codes:
        out = z.copy()
        operator, low, high = self.pitch.require_operator(), int(self.pitch.low), int(self.pitch.high)
        for semitones in np.unique(by).tolist():
            rows, left = by == semitones, semitones
            while left:  # by as much as the knob can at once
                step = min(left, high) if left > 0 else max(left, low)
                out[rows] = apply(operator, out[rows], step)
                left -= step
        return out


def pitch_knob(knobs: Iterable[Knob]) -> Knob | None:
    """The accepted knob among these that moves codes by semitones, up and down; None = none."""
    usable = (knob for knob in knobs if knob.augmentation == PITCH and knob.verdict == "accepted")
    return next((knob for knob in usable if knob.low <= -1 and knob.high >= 1), None)


def turn(z: Codes, moves: Iterable[tuple[Knob, float]], frames: Mapping[str, Frame] | None = None) -> Codes:
    """
    Turn several knobs in codes (N, D), one after another.

    On/off knobs are turned first, then the others, each by the name of its augmentation: the same bytes in whatever
    order they are named, and the order in which their edits are done by rule.

    Args:
        z: Codes, float32 (N, D).
        moves: Each knob with its amount, in its own unit.
        frames: By knob, where it was learned in one key, how far the clips lie above that; without one they lie in it.

    Raises:
        AmountError: As for :func:`displacement`.
        RegistryError: The registry keeps only the hash of a knob's operator.
    """
    out = z.astype(np.float32, copy=True)
    for knob, amount in sorted(moves, key=lambda move: (not move[0].on_off, move[0].augmentation or "", move[0].name)):
        operator, frame = knob.require_operator(), (frames or {}).get(knob.name)
        if frame is None or not amount:
            out += displacement(operator, out, amount)
        else:
            out = frame.outward(apply(operator, frame.inward(out), amount))
    return out
