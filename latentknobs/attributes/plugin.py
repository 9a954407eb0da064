"""Offers the built-in attributes and comparisons."""

from __future__ import annotations

from latentknobs.attributes.attributes import LOG2_ONSETS, MEAN_PITCH, PITCH_RANGE
from latentknobs.attributes.comparisons import CONTOUR, ONSET_F1, ONSET_PITCH_F1, TOKEN_ACCURACY
from latentknobs.core.attribute import Attribute, Comparison
from latentknobs.hooks import hookimpl


@hookimpl
def register_attributes() -> list[Attribute]:
    """What transposition and note splitting move."""
    return [MEAN_PITCH, PITCH_RANGE, LOG2_ONSETS]


@hookimpl
def register_comparisons() -> list[Comparison]:
    """What tells whether rhythm, notes, contour and tokens are kept."""
    return [ONSET_F1, ONSET_PITCH_F1, CONTOUR, TOKEN_ACCURACY]
