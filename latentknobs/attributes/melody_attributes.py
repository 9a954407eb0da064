"""Attributes of monophonic clips: whole batches at once, NaN for a clip without notes."""

from __future__ import annotations

import numpy as np

from latentknobs.core.arrays import ClipBatch, Floats
from latentknobs.core.attribute import Attribute
from latentknobs.core.melody_format import MELODY


def _or_nan(values: Floats, defined: Floats) -> Floats:
    return np.where(defined > 0, values, np.nan)


def _onset_count(clips: ClipBatch) -> Floats:
    count: Floats = MELODY.onsets(clips).sum(axis=-1, dtype=np.float64)
    return count


def mean_pitch(clips: ClipBatch) -> Floats:
    """Mean MIDI pitch over the notes, each counted once whatever its length, float64 (N,)."""
    count = _onset_count(clips)
    total = np.where(MELODY.onsets(clips), clips, 0).sum(axis=-1, dtype=np.float64)
    return _or_nan(total / np.maximum(count, 1), count)


def pitch_range(clips: ClipBatch) -> Floats:
    """Highest minus lowest pitch in semitones, float64 (N,)."""
    onset = MELODY.onsets(clips)
    highest = np.where(onset, clips, -1).max(axis=-1)
    lowest = np.where(onset, clips, 128).min(axis=-1)
    return _or_nan((highest - lowest).astype(np.float64), _onset_count(clips))


def log2_onsets(clips: ClipBatch) -> Floats:
    """Logarithm to base 2 of the number of notes, float64 (N,)."""
    count = _onset_count(clips)
    return _or_nan(np.log2(np.maximum(count, 1)), count)


MEAN_PITCH = Attribute(
    name="mean-pitch",
    unit="semitones",
    doc="Mean MIDI pitch of the notes, each counted once whatever its length.",
    needs=("monophonic",),
    measure=mean_pitch,
)
PITCH_RANGE = Attribute(
    name="pitch-range",
    unit="semitones",
    doc="Highest pitch minus lowest pitch.",
    needs=("monophonic",),
    measure=pitch_range,
)
LOG2_ONSETS = Attribute(
    name="log2-onsets",
    unit="doublings",
    doc="Logarithm to base 2 of the number of notes.",
    needs=("monophonic",),
    measure=log2_onsets,
)
