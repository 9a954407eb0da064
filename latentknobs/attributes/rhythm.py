"""Attributes of the rhythm of ``melody-2bar`` clips: whole batches at once."""

from __future__ import annotations

import numpy as np

from latentknobs.core.arrays import ClipBatch, Floats
from latentknobs.core.attribute import Attribute
from latentknobs.core.melody_format import MELODY
from latentknobs.core.meter import BARS, syncopation


def note_density(clips: ClipBatch) -> Floats:
    """Notes a bar, float64 (N,), 0 for a clip without notes."""
    out: Floats = MELODY.onsets(clips).sum(axis=-1) / BARS
    return out


def syncopation_a_bar(clips: ClipBatch) -> Floats:
    """:func:`latentknobs.core.meter.syncopation` a bar, float64 (N,), NaN for a clip without notes."""
    return np.where(MELODY.onsets(clips).any(axis=-1), syncopation(clips) / BARS, np.nan)


def rests(clips: ClipBatch) -> Floats:
    """Sixteenths of silence a bar, float64 (N,), 0 (legato throughout) to 16 (no notes)."""
    out: Floats = (MELODY.sounding(clips) < 0).sum(axis=-1) / BARS
    return out


def mean_onset(clips: ClipBatch) -> Floats:
    """Mean step on which the notes start, in sixteenths from the clip's beginning, float64 (N,); NaN without notes."""
    onset = MELODY.onsets(clips)
    count = onset.sum(axis=-1)
    total = np.where(onset, np.arange(clips.shape[-1]), 0).sum(axis=-1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


NOTE_DENSITY = Attribute(
    name="note-density",
    unit="notes a bar",
    doc="Number of notes a bar.",
    clip_format=MELODY.name,
    measure=note_density,
)
SYNCOPATION = Attribute(
    name="syncopation",
    unit="strength a bar",
    doc="Summed strength of the syncopations by Longuet-Higgins & Lee (1984), a bar.",
    clip_format=MELODY.name,
    measure=syncopation_a_bar,
)
RESTS = Attribute(
    name="rests",
    unit="sixteenths a bar",
    doc="Sixteenths of silence a bar; the fewer, the more legato.",
    clip_format=MELODY.name,
    measure=rests,
)
MEAN_ONSET = Attribute(
    name="mean-onset",
    unit="sixteenths",
    doc="Mean step on which the notes start, counted from the clip's beginning.",
    clip_format=MELODY.name,
    measure=mean_onset,
)
