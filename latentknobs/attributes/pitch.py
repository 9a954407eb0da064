"""Attributes of the pitches of monophonic clips: whole batches at once, NaN where one is not defined."""

from __future__ import annotations

import numpy as np

from latentknobs.attributes.melody_attributes import mean_pitch
from latentknobs.core.arrays import ClipBatch, Floats
from latentknobs.core.attribute import Attribute
from latentknobs.core.clip import ClipFormat
from latentknobs.core.melody_format import MELODY, pitches_in_order
from latentknobs.core.meter import bars, steps_per_bar
from latentknobs.core.scales import outside_major, pitch_classes

SEMITONES = 12


def mean_octave(clips: ClipBatch) -> Floats:
    """Mean MIDI pitch over the notes as an octave: pitch / 12 - 1, so that middle C is 4, float64 (N,)."""
    return mean_pitch(clips) / SEMITONES - 1


def mean_interval(clips: ClipBatch) -> Floats:
    """Mean size in semitones of the steps from each note to the next, repeats as 0, float64 (N,); NaN below 2 notes."""
    pitches = pitches_in_order(clips).astype(np.int64)
    both = pitches[:, 1:] >= 0
    count = both.sum(axis=-1)
    total = np.where(both, np.abs(np.diff(pitches, axis=-1)), 0).sum(axis=-1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def contour_direction(clips: ClipBatch, clip_format: ClipFormat = MELODY) -> Floats:
    """
    Slope of the least-squares line through the notes' pitches over their onsets, in semitones a bar, float64 (N,).

    Positive where the melody rises; NaN below 2 notes.
    """
    onset = MELODY.onsets(clips)
    time = np.where(onset, np.arange(clips.shape[-1]), 0)
    pitch = np.where(onset, clips, 0).astype(np.int64)
    count, times = onset.sum(axis=-1), time.sum(axis=-1)
    # Whole numbers, so that a clip and the same clip higher have the same slope to the bit.
    over = count * (time * pitch).sum(axis=-1) - times * pitch.sum(axis=-1)
    under = count * (time * time).sum(axis=-1) - times * times
    return np.where(under > 0, float(steps_per_bar(clip_format)) * over / np.maximum(under, 1), np.nan)


def chromaticism(clips: ClipBatch, clip_format: ClipFormat = MELODY) -> Floats:
    """Notes a bar outside the major scale that holds most of them, float64 (N,); NaN for a clip without notes."""
    counts = pitch_classes(clips)
    return np.where(counts.any(axis=-1), outside_major(counts) / bars(clip_format), np.nan)


MEAN_OCTAVE = Attribute(
    name="mean-octave",
    unit="octaves",
    doc="Mean pitch of the notes as an octave, middle C = 4: mean-pitch in another unit.",
    needs=("monophonic",),
    measure=mean_octave,
)
MEAN_INTERVAL = Attribute(
    name="mean-interval",
    unit="semitones",
    doc="Mean size of the steps from each note to the next, repeats counted as 0.",
    needs=("monophonic",),
    measure=mean_interval,
)
CONTOUR_DIRECTION = Attribute(
    name="contour-direction",
    unit="semitones a bar",
    doc="Slope of the least-squares line through the notes' pitches over their onsets.",
    needs=("monophonic",),
    measure=contour_direction,
)
CHROMATICISM = Attribute(
    name="chromaticism",
    unit="notes a bar",
    doc="Notes a bar outside the major scale that holds most of them; 0 = diatonic.",
    needs=("monophonic",),
    measure=chromaticism,
)
