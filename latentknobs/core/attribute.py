"""
Attributes (a number measured on one clip) and comparisons (a number measured on two).

Each states what it needs of a clip format in ``needs``, or names one format in ``clip_format``, or both
(:mod:`latentknobs.core.format_capabilities`); with neither it can measure any clips. One that needs "monophonic" is
given melody tokens, whatever the format's own are, and one whose function has a parameter named ``clip_format`` is
given the format.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from attrs import evolve, field, frozen, validators

from latentknobs.core.arrays import ClipBatch, Floats
from latentknobs.core.capability import takes
from latentknobs.core.clip import ClipFormat
from latentknobs.core.format_capabilities import melody_tokens, working_format


@frozen
class Attribute:
    """
    A number measured on one clip.

    Attributes:
        name: Unique name ("mean-pitch").
        unit: For people ("semitones").
        doc: One sentence, with the source of the formula if it has one.
        clip_format: Name of the one clip format it reads, "" = every format that has what it needs.
        measure: Clips (N, *shape) to float64 (N,); NaN where it is not defined (a clip without notes).
        needs: What it needs of a clip format ("monophonic").
    """

    name: str
    unit: str
    doc: str
    clip_format: str = ""
    measure: Callable[..., Floats] = field(default=None, validator=validators.is_callable())
    needs: tuple[str, ...] = ()

    def for_format(self, clip_format: ClipFormat) -> Attribute:
        """The same attribute of clips of a format that it serves: ``measure`` takes nothing but those."""
        return _for_format(self, clip_format)


@frozen
class Comparison:
    """
    A number measured on two clips, 1 where they agree fully.

    Attributes:
        name: Unique name ("onset-f1").
        doc: One sentence, with the source of the formula.
        clip_format: Name of the one clip format it reads, "" = every format that has what it needs.
        measure: Two batches (N, *shape) to float64 (N,); NaN where it is not defined.
        needs: What it needs of a clip format ("monophonic").
    """

    name: str
    doc: str
    clip_format: str = ""
    measure: Callable[..., Floats] = field(default=None, validator=validators.is_callable())
    needs: tuple[str, ...] = ()

    def for_format(self, clip_format: ClipFormat) -> Comparison:
        """The same comparison of clips of a format that it serves: ``measure`` takes nothing but those."""
        return _for_format(self, clip_format)


_Measure = TypeVar("_Measure", Attribute, Comparison)


def _for_format(offer: _Measure, clip_format: ClipFormat) -> _Measure:
    form = working_format(offer, clip_format)
    measure = partial(offer.measure, clip_format=form) if takes(offer.measure, "clip_format") else offer.measure
    if form is not clip_format:
        measure = partial(_measure_melodies, measure, clip_format)
    return evolve(offer, measure=measure)


def _measure_melodies(measure: Callable[..., Floats], clip_format: ClipFormat, *batches: ClipBatch) -> Floats:
    return measure(*(melody_tokens(clips, clip_format) for clips in batches))
