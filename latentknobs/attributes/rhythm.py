"""Attributes of the rhythm of monophonic clips: whole batches at once."""

from __future__ import annotations

import numpy as np

from latentknobs.core.arrays import ClipBatch, Floats
from latentknobs.core.attribute import Attribute
from latentknobs.core.clip import ClipFormat
from latentknobs.core.melody_format import MELODY
from latentknobs.core.meter import bars, sixteenths, syncopation


def note_density(clips: ClipBatch, clip_format: ClipFormat = MELODY) -> Floats:
    """Notes a bar, float64 (N,), 0 for a clip without notes."""
    out: Floats = MELODY.onsets(clips).sum(axis=-1) / bars(clip_format)
    return out


def syncopation_a_bar(clips: ClipBatch, clip_format: ClipFormat = MELODY) -> Floats:
    """:func:`latentknobs.core.meter.syncopation` a bar, float64 (N,), NaN for a clip without notes."""
    strength = syncopation(clips, clip_format) / bars(clip_format)
    return np.where(MELODY.onsets(clips).any(axis=-1), strength, np.nan)


def rests(clips: ClipBatch, clip_format: ClipFormat = MELODY) -> Floats:
    """Sixteenths of silence a bar, float64 (N,), 0 (legato throughout) to all of them (no notes)."""
    out: Floats = (MELODY.sounding(clips) < 0).sum(axis=-1) * sixteenths(clip_format) / bars(clip_format)
    return out


def mean_onset(clips: ClipBatch, clip_format: ClipFormat = MELODY) -> Floats:
    """Mean step on which the notes start, in sixteenths from the clip's beginning, float64 (N,); NaN without notes."""
    onset = MELODY.onsets(clips)
    count = onset.sum(axis=-1)
    total = np.where(onset, np.arange(clips.shape[-1]), 0).sum(axis=-1)
    return np.where(count > 0, sixteenths(clip_format) * total / np.maximum(count, 1), np.nan)


NOTE_DENSITY = Attribute(
    name="note-density",
    unit="notes a bar",
    doc="Number of notes a bar.",
    needs=("monophonic",),
    measure=note_density,
)
SYNCOPATION = Attribute(
    name="syncopation",
    unit="strength a bar",
    doc="Summed strength of the syncopations by Longuet-Higgins & Lee (1984), a bar.",
    needs=("monophonic",),
    measure=syncopation_a_bar,
)
RESTS = Attribute(
    name="rests",
    unit="sixteenths a bar",
    doc="Sixteenths of silence a bar; the fewer, the more legato.",
    needs=("monophonic",),
    measure=rests,
)
MEAN_ONSET = Attribute(
    name="mean-onset",
    unit="sixteenths",
    doc="Mean step on which the notes start, counted from the clip's beginning.",
    needs=("monophonic",),
    measure=mean_onset,
)
