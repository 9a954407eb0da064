"""The paper's rhythm clips: two whole notes (Yang et al., NIME 2019, section on rhythm)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from latentknobs.core.arrays import ClipBatch
from latentknobs.core.corpus import CorpusRequest, Song, split_of
from latentknobs.core.melody_format import HOLD, MELODY, MELODY_FORMATS, MelodyFormat
from latentknobs.corpora.deduplication import requested_format, seeded_order
from latentknobs.errors import CorpusError

WIDEST: Final = 36
"""Semitones: melodies leap an octave or two, and a model that never met a wider leap need not carry one."""


@frozen
class WholeNotes:
    """
    Every pair of pitches in the pitch range that are at most three octaves apart, each note half a clip long.

    ``whole-notes:N`` has pairs at most N semitones apart; ``whole-notes:127`` has all pairs, as in the paper.

    A song is an interval, named "whole-notes/+7", so that pairs equal up to transposition are in one split.
    With ``clips`` = n, n pairs are drawn by the seed, and all of them repeated where there are fewer than n.
    """

    name: str = "whole-notes"
    doc: str = "Pairs of whole notes, the clips on which the paper finds its rhythm knob."
    licence: str = "Made by rule: free of rights."
    clip_format: str = MELODY.name
    clip_formats: tuple[str, ...] = tuple(MELODY_FORMATS)
    takes: str = "[the widest interval in semitones, 36 if left out]"

    def songs(self, request: CorpusRequest, argument: str = "") -> Iterator[Song]:
        """
        The intervals, in an order fixed by the seed.

        Raises:
            CorpusError: The pitch range holds no pitch, or the argument is no interval.
        """
        if argument and not (argument.isascii() and argument.isdigit() and len(argument) <= 3):
            raise CorpusError(
                f"{self.name} takes the widest interval in semitones, as {self.name}:12, not {argument!r}."
            )
        widest = int(argument or WIDEST)
        low, high = max(request.pitch_range[0], 0), min(request.pitch_range[1], 127)
        size = high - low + 1
        if size < 1:
            raise CorpusError(f"The corpus {self.name} has no pitch from {low} to {high}.")
        first, second = np.divmod(np.arange(size * size), size)
        near = np.abs(second - first) <= widest
        first, second = first[near] + low, second[near] + low
        wanted = len(first) if request.clips is None else request.clips
        if wanted > len(first):
            request.tally("clips repeated, as there are no more pairs", wanted - len(first))
        drawn = np.resize(np.random.default_rng(request.seed).permutation(len(first)), wanted)
        first, second = first[drawn], second[drawn]
        interval = second - first
        by_name = {f"{self.name}/{step:+d}": step for step in np.unique(interval).tolist()}
        done = 0
        for song in seeded_order(by_name, request.seed):
            here = interval == by_name[song]
            clips = _clips(first[here], second[here], requested_format(request))
            done += len(clips)
            request.progress("making whole notes", done, wanted)
            yield Song(name=song, clips=clips, split=split_of(song))


def _clips(first: NDArray[np.int64], second: NDArray[np.int64], clip_format: MelodyFormat) -> ClipBatch:
    clips = np.full((len(first), clip_format.steps), HOLD, dtype=np.int16)
    clips[:, 0] = first
    clips[:, clip_format.steps // 2] = second
    return clips


WHOLE_NOTES = WholeNotes()
