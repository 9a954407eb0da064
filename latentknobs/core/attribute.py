"""Attributes (a number measured on one clip) and comparisons (a number measured on two)."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from latentknobs.core.arrays import ClipBatch, Floats


@frozen
class Attribute:
    """
    A number measured on one clip.

    Attributes:
        name: Unique name ("mean-pitch").
        unit: For people ("semitones").
        doc: One sentence, with the source of the formula if it has one.
        clip_format: Name of the clip format it reads.
        measure: Clips (N, *shape) to float64 (N,); NaN where it is not defined (a clip without notes).
    """

    name: str
    unit: str
    doc: str
    clip_format: str
    measure: Callable[[ClipBatch], Floats]


@frozen
class Comparison:
    """
    A number measured on two clips, 1 where they agree fully.

    Attributes:
        name: Unique name ("onset-f1").
        doc: One sentence, with the source of the formula.
        clip_format: Name of the clip format it reads.
        measure: Two batches (N, *shape) to float64 (N,); NaN where it is not defined.
    """

    name: str
    doc: str
    clip_format: str
    measure: Callable[[ClipBatch, ClipBatch], Floats]
