"""Offers the built-in attributes and comparisons; they are loaded when they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latentknobs.hooks import hookimpl

if TYPE_CHECKING:
    from latentknobs.core.attribute import Attribute, Comparison


@hookimpl
def register_attributes() -> list[Attribute]:
    """What the built-in augmentations move."""
    from latentknobs.attributes.melody_attributes import LOG2_ONSETS, MEAN_PITCH, PITCH_RANGE
    from latentknobs.attributes.pitch import CHROMATICISM, CONTOUR_DIRECTION, MEAN_INTERVAL, MEAN_OCTAVE
    from latentknobs.attributes.rhythm import MEAN_ONSET, NOTE_DENSITY, RESTS, SYNCOPATION

    pitch = [MEAN_PITCH, PITCH_RANGE, MEAN_OCTAVE, MEAN_INTERVAL, CONTOUR_DIRECTION, CHROMATICISM]
    return [*pitch, LOG2_ONSETS, NOTE_DENSITY, SYNCOPATION, RESTS, MEAN_ONSET]


@hookimpl
def register_comparisons() -> list[Comparison]:
    """What tells whether rhythm, notes, contour and tokens are kept."""
    from latentknobs.attributes.comparisons import (
        CONTOUR,
        ONSET_CHROMA_F1,
        ONSET_F1,
        ONSET_PITCH_F1,
        TOKEN_ACCURACY,
    )

    return [ONSET_F1, ONSET_PITCH_F1, ONSET_CHROMA_F1, CONTOUR, TOKEN_ACCURACY]
