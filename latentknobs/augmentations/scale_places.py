"""Pitches as places in the scale of a key, which edits by scale steps count in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from latentknobs.core.arrays import Bools, ClipBatch, Ints
from latentknobs.core.edit_context import CLASSES, SCALES, EditContext, Key
from latentknobs.core.melody_format import HOLD, pitches_in_order

DEGREES = 7


@frozen(eq=False)
class Scales:
    """
    The scale of each clip's key, of a minor key the natural one.

    A pitch's *place* is twice its scale step, counted from the lowest tonic at or above MIDI pitch 0, and 1 more where
    it is a semitone above that step and outside the scale. So notes of the scale have even places and chromatic ones
    the odd place between their neighbours, and a higher pitch has a higher place. Every pitch has a place, and
    :meth:`pitches` gives it back; an odd place between two notes a semitone apart has no pitch of its own and gets the
    upper one's.

    Attributes:
        tonic: Pitch class of the tonic, int64 (N, 1).
        steps: Semitones of the scale's notes above it, int64 (N, 7).
        known: Whether a clip's key is known, bool (N,).
    """

    tonic: Ints
    steps: Ints
    known: Bools

    @classmethod
    def of(cls, keys: Sequence[Key | None]) -> Scales:
        """The scales of these keys; C major stands in for one that is not known."""
        given = [key or Key(0) for key in keys]
        return cls(
            np.asarray([key.tonic for key in given], dtype=np.int64).reshape(-1, 1),
            np.asarray([SCALES[key.mode] for key in given], dtype=np.int64).reshape(-1, DEGREES),
            np.asarray([key is not None for key in keys], dtype=bool),
        )

    def places(self, pitches: Ints) -> Ints:
        """The place of each pitch (N, K)."""
        octave, above = np.divmod(pitches - self.tonic, CLASSES)
        degree = (above[:, :, None] >= self.steps[:, None, :]).sum(axis=-1) - 1
        raised = above - np.take_along_axis(self.steps, degree, axis=-1)
        out: Ints = 2 * (DEGREES * octave + degree) + raised
        return out

    def pitches(self, places: Ints) -> Ints:
        """The pitch of each place (N, K), below 0 or above 127 too."""
        step, raised = np.divmod(places, 2)
        octave, degree = np.divmod(step, DEGREES)
        out: Ints = self.tonic + CLASSES * octave + np.take_along_axis(self.steps, degree, axis=-1) + raised
        return out


def keys_of(contexts: Sequence[EditContext]) -> list[Key | None]:
    """The key of each clip's piece."""
    return [context.key for context in contexts]


def move_in_scale(
    clips: ClipBatch, scales: Scales, move: Callable[[Ints, Bools], Ints], *, exact: bool
) -> tuple[NDArray[np.int16], Bools]:
    """
    The clips with their notes moved to other places of the scale.

    Args:
        clips: int16 (N, steps).
        scales: Their scales.
        move: Gives new places for those of the notes in order (N, K), of which the second argument says which are
            there.
        exact: Whether to mask what cannot be taken back: clips with a chromatic note that got the pitch of a note of
            the scale.

    Returns:
        The clips, and where they hold: where there are notes, a key, and no pitch outside 0 to 127.
    """
    pitches = pitches_in_order(clips).astype(np.int64)
    there = pitches >= 0
    wanted = move(scales.places(pitches), there)
    moved = scales.pitches(wanted)
    wrong = (moved < 0) | (moved >= HOLD)
    if exact:
        wrong |= scales.places(moved) != wanted
    valid: Bools = scales.known & there.any(axis=-1) & ~(there & wrong).any(axis=-1)
    edited = clips.copy()
    edited[clips < HOLD] = moved[there]
    return np.where(valid[:, None], edited, clips).astype(np.int16), valid
