"""What a model can carry of a piece's clips: as they are, or octaves away."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from attrs import field, frozen

from latentknobs.core import model_calls
from latentknobs.core.arrays import Bools, ClipBatch, Codes, Floats, Ints, frozen_array
from latentknobs.core.backend import Posterior, VAEBackend
from latentknobs.core.clip import ClipFormat
from latentknobs.core.melody_format import HOLD, MelodyFormat

STYLE = 0.95
"""Share of a clip's tokens that a model must reconstruct for the clip to be in its style."""
_ROOM_BELOW, _ROOM_ABOVE = 12, 8
"""Semitones at the ends of a model's range that few training melodies reach."""
_OCTAVES = tuple(12 * octaves for k in range(1, 6) for octaves in (k, -k))
"""Shifts that are tried, in semitones, the smallest first."""


def _frozen_bools(array: object) -> Bools:
    return frozen_array(array, np.bool_)


def _frozen_ints(array: object) -> Ints:
    return frozen_array(array, np.int64)


@frozen(eq=False)
class CarriedClips:
    """
    Clips as a model takes them.

    Attributes:
        clips: int16 (N, *shape), as they are in the piece.
        clip_format: Their format.
        accepted: bool (N,), which the model takes, some of them octaves away.
        shifts: int64 (N,), semitones by which each is shifted for the model.
        codes: float32 (N, D), posterior means of the shifted clips; zeros where a clip is not accepted.
        scale: float32 (N, D), their posteriors' standard deviations, ones where a clip is not accepted; None where the
            model has none.
        plain: int16 (N, *shape), decodings of these codes, shifted back: what amount 0 gives; the clip itself where it
            is not accepted.
    """

    clips: ClipBatch
    clip_format: ClipFormat
    accepted: Bools = field(converter=_frozen_bools)
    shifts: Ints = field(converter=_frozen_ints)
    codes: Codes
    scale: Codes | None
    plain: ClipBatch

    @cached_property
    def reconstructed(self) -> Ints:
        """How many tokens of each clip the model reconstructs, (N,); 0 where it is not accepted."""
        same = int(np.prod(self.clips.shape[1:])) - differing(self.plain, self.clips)
        return np.where(self.accepted, same, 0)

    @cached_property
    def in_style(self) -> Bools:
        """Which clips the model reconstructs well enough to be trusted with, bool (N,)."""
        tokens = int(np.prod(self.clips.shape[1:]))
        out: Bools = self.accepted & (self.reconstructed >= STYLE * tokens)
        return out

    def decoded(self, rows: Bools) -> ClipBatch:
        """Decodings of some accepted clips, bool (N,), in the octaves where the model takes them, int16 (n, *shape)."""
        return _shifted(self.plain[rows], self.shifts[rows])

    def negative_elbo(self, model: VAEBackend) -> Floats | None:
        """
        Nats of each clip as the model takes it, float64 (N,), NaN where it does not; None where it has no likelihood.

        See :func:`latentknobs.core.model_calls.negative_elbo`.
        """
        rows = self.accepted
        posterior = Posterior(self.codes[rows], None if self.scale is None else self.scale[rows])
        nats = model_calls.negative_elbo(model, _shifted(self.clips[rows], self.shifts[rows]), posterior)
        if nats is None:
            return None
        out = np.full(len(self.clips), np.nan)
        out[rows] = nats
        return out


def carry(model: VAEBackend, clips: ClipBatch) -> CarriedClips:
    """
    Encode the clips (N, *shape) that a model accepts, and decode them again.

    Melodies are shifted by as few octaves as possible, up to five, to where the model accepts them and, if it states a
    range, an edit has room in it.
    """
    clip_format = model.spec.clip_format
    shifts = np.zeros(len(clips), dtype=np.int64)
    accepted = np.array(model.accepts(clips)) if len(clips) else np.zeros(0, dtype=bool)
    if isinstance(clip_format, MelodyFormat):
        settled = accepted & _has_room(clips, model.spec.pitch_range)
        for room in (model.spec.pitch_range, None):
            for octaves in _OCTAVES:
                rows = np.flatnonzero(~settled)
                shifted, inside = transposed(clips[rows], np.full(len(rows), octaves))
                inside &= _has_room(shifted, room)
                rows, shifted = rows[inside], shifted[inside]
                if len(rows):
                    rows = rows[model.accepts(shifted)]
                    shifts[rows], accepted[rows], settled[rows] = octaves, True, True
            settled |= accepted
    codes = np.zeros((len(clips), model.spec.latent_size), dtype=np.float32)
    scale: Codes | None = None
    plain = clips.copy()
    if accepted.any():
        posterior = model.encode(_shifted(clips[accepted], shifts[accepted]))
        codes[accepted] = posterior.mean
        if posterior.scale is not None:
            scale = np.ones_like(codes)
            scale[accepted] = posterior.scale
        back, inside = unshifted(model.decode(codes[accepted]), shifts[accepted])
        plain[accepted] = back
        # One that does not come back within MIDI's pitches is as good as not accepted.
        accepted[np.flatnonzero(accepted)[~inside]] = False
        plain[~accepted], codes[~accepted], shifts[~accepted] = clips[~accepted], 0, 0
    return CarriedClips(clips, clip_format, accepted, shifts, codes, scale, plain)


def differing(clips: ClipBatch, others: ClipBatch) -> Ints:
    """On how many tokens clips (N, *shape) differ from others, (N,)."""
    out: Ints = (clips != others).sum(axis=tuple(range(1, clips.ndim))).astype(np.int64)
    return out


def unshifted(clips: ClipBatch, shifts: Ints) -> tuple[ClipBatch, Bools]:
    """Decoded clips shifted back, and which of them are then still within MIDI's pitches."""
    return transposed(clips, -shifts) if shifts.any() else (clips, np.ones(len(clips), dtype=bool))


def transposed(clips: ClipBatch, semitones: Ints) -> tuple[ClipBatch, Bools]:
    """Melodies (N, steps), each transposed by its semitones, and which of them stay within MIDI's pitches."""
    moved = np.where(clips < HOLD, clips + semitones[:, None], clips)
    notes = clips < HOLD
    inside = np.asarray(~(notes & ((moved < 0) | (moved >= HOLD))).any(axis=-1), dtype=bool)
    return np.where(inside[:, None], moved, clips).astype(np.int16), inside


def _has_room(clips: ClipBatch, pitch_range: tuple[int, int] | None) -> Bools:
    """Which melodies stay clear of the ends of a model's range, bool (N,); all where it has none."""
    if pitch_range is None:
        return np.ones(len(clips), dtype=bool)
    low, high = pitch_range[0] + _ROOM_BELOW, pitch_range[1] - _ROOM_ABOVE
    return np.asarray(~((clips < HOLD) & ((clips < low) | (clips > high))).any(axis=-1), dtype=bool)


def _shifted(clips: ClipBatch, shifts: Ints) -> ClipBatch:
    return transposed(clips, shifts)[0] if shifts.any() else clips
