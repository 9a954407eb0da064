"""
Comparisons of two clips, whole batches at once; all but the token accuracy need monophonic ones.

Each is 1 where the clips agree fully in what is compared, and defined for every pair: a clip that was
silenced or flattened by a knob must count against the knob, so it scores 0 and does not drop out as NaN.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from latentknobs.core.arrays import Bools, ClipBatch, Floats
from latentknobs.core.attribute import Comparison
from latentknobs.core.melody_format import MELODY

PITCHES = 128
OCTAVE = 12


def onset_f1(before: ClipBatch, after: ClipBatch) -> Floats:
    """
    F1 of the steps on which notes start, whatever their pitch: 2 shared / (onsets of one + of the other).

    1 where neither clip has a note, 0 where only one has. float64 (N,), 0 to 1.
    Source: F-measure of van Rijsbergen (1979), with exact agreement of the step.
    """
    return _f1(MELODY.onsets(before) & MELODY.onsets(after), before, after)


def onset_pitch_f1(before: ClipBatch, after: ClipBatch) -> Floats:
    """
    F1 of the notes: a note is found where the other clip has an onset of the same pitch on the same step.

    2 shared / (notes of one + of the other), for each clip; 1 where neither clip has a note, 0 where only one has.
    Lengths do not count. float64 (N,), 0 to 1. Source: F-measure of van Rijsbergen (1979); the note onset and pitch
    criterion of MIREX note tracking (Bay, Ehmann & Downie 2009), with exact agreement of the step.
    """
    return _f1(MELODY.onsets(before) & (before == after), before, after)


def onset_chroma_f1(before: ClipBatch, after: ClipBatch) -> Floats:
    """
    F1 of the notes as in :func:`onset_pitch_f1`, but that a pitch in another octave is the same pitch.

    float64 (N,), 0 to 1. Source: the same, with the chroma of Poliner et al. (2007) in place of the pitch.
    """
    both = MELODY.onsets(before) & MELODY.onsets(after)
    return _f1(both & (before % OCTAVE == after % OCTAVE), before, after)


def _f1(shared: Bools, before: ClipBatch, after: ClipBatch) -> Floats:
    total = MELODY.onsets(before).sum(axis=-1) + MELODY.onsets(after).sum(axis=-1)
    return np.where(total > 0, 2 * shared.sum(axis=-1) / np.maximum(total, 1), 1.0)


def contour(before: ClipBatch, after: ClipBatch) -> Floats:
    """
    Spearman's rank correlation of the sounding pitch per step, over the steps on which both clips sound.

    Ties get their mean rank. Where the correlation is not defined: 1 if neither clip sounds anywhere or
    both are constant on the shared steps; 0 if only one is constant, or if there is no shared step.
    float64 (N,), -1 to 1. Source: Spearman (1904), Pearson's correlation of the ranks.
    """
    first, second = MELODY.sounding(before), MELODY.sounding(after)
    both = (first >= 0) & (second >= 0)
    u, v = _ranks(first, both), _ranks(second, both)
    uu, vv, uv = (u * u).sum(axis=-1), (v * v).sum(axis=-1), (u * v).sum(axis=-1)
    rho = uv / np.sqrt(np.maximum(uu * vv, 1))
    silent = ((first < 0) & (second < 0)).all(axis=-1)
    agree = silent | (both.any(axis=-1) & (uu == 0) & (vv == 0))
    return np.where(agree, 1.0, np.clip(rho, -1.0, 1.0))


def _ranks(pitch: NDArray[np.int16], among: Bools) -> Floats:
    """
    Twice the mean rank, centred: how many of the chosen steps are lower minus how many are higher.

    Whole numbers, so the sums over them are exact; 0 outside ``among``. float64 (N, steps).
    """
    rows = np.arange(len(pitch))[:, None]
    here = (rows * PITCHES + pitch)[among]
    count = np.bincount(here, minlength=len(pitch) * PITCHES).reshape(len(pitch), PITCHES)
    up_to = np.cumsum(count, axis=-1)
    index = np.where(among, pitch, 0)
    not_higher = np.take_along_axis(up_to, index, axis=-1)
    lower = not_higher - np.take_along_axis(count, index, axis=-1)
    higher = among.sum(axis=-1, keepdims=True) - not_higher
    return np.where(among, lower - higher, 0).astype(np.float64)


def token_accuracy(before: ClipBatch, after: ClipBatch) -> Floats:
    """Share of the token array's places (steps, of a melody) with the same token, float64 (N,), 0 to 1."""
    same: Floats = (before == after).mean(axis=tuple(range(1, before.ndim)), dtype=np.float64)
    return same


ONSET_F1 = Comparison(
    name="onset-f1",
    doc="F1 of the steps on which notes start, whatever their pitch.",
    needs=("monophonic",),
    measure=onset_f1,
)
ONSET_PITCH_F1 = Comparison(
    name="onset-pitch-f1",
    doc="F1 of the notes, found where an onset of the same pitch is on the same step.",
    needs=("monophonic",),
    measure=onset_pitch_f1,
)
ONSET_CHROMA_F1 = Comparison(
    name="onset-chroma-f1",
    doc="F1 of the notes, found where an onset of the same pitch in any octave is on the same step.",
    needs=("monophonic",),
    measure=onset_chroma_f1,
)
CONTOUR = Comparison(
    name="contour",
    doc="Spearman's rank correlation (1904) of the sounding pitch per step, where both clips sound.",
    needs=("monophonic",),
    measure=contour,
)
TOKEN_ACCURACY = Comparison(
    name="token-accuracy",
    doc="Share of steps with the same token.",
    measure=token_accuracy,
)
