"""What sounds beside a piece's melody in its file, placed in steps of the piece: a player keeps both in time."""

from __future__ import annotations

import bisect
import statistics

from attrs import frozen

from latentknobs.audio.drum_kit import Drum
from latentknobs.audio.performance import Performance, Sound, TempoMap, performance_of
from latentknobs.core.clip import ClipFormat
from latentknobs.core.piece import Piece
from latentknobs.scores.midi_splice import MidiOrigin

DRUMS = "drums"
"""What stands for a timbre where a sound is a drum."""

StepSound = tuple[float, float, int, str, float]
"""(start and length in steps, pitch or number of the drum, name of the timbre, gain where the melody's is 1)"""


@frozen(eq=False)
class Accompaniment:
    """
    All that is not the melody.

    Attributes:
        timbre: Name of the melody's timbre, "" where it has none.
        sounds: By start, within the piece.
        left_out: How many more there are.
    """

    timbre: str
    sounds: tuple[StepSound, ...]
    left_out: int = 0


def accompaniment_of(piece: Piece, clip_format: ClipFormat, most: int) -> Accompaniment | None:
    """
    What sounds beside a piece; None where it came from no MIDI file.

    Through tempo changes too a sound is where it is against the piece's steps, which last equally long.

    Args:
        piece: The piece.
        clip_format: Its format.
        most: How many sounds are given at most, the first ones.

    Raises:
        UsageError: As :func:`~latentknobs.audio.performance.performance_of`.
    """
    source = piece.source
    if not isinstance(source, MidiOrigin):
        return None
    performance = performance_of(piece, clip_format)
    tempo = TempoMap(source.score)
    own = [sound for sound in performance.sounds if sound.melody]
    loudness = statistics.median(_gain(performance, sound) for sound in own) if own else 0.0
    names = [_name(sound) for sound in own]

    def step(sample: int) -> float:
        tick = tempo.tick(sample)
        grid = source.axis.at_tick(tick)
        return grid.first + grid.place(tick)

    sounds: list[StepSound] = []
    for sound in performance.sounds:
        if sound.melody:
            continue
        start, end = step(sound.start), min(step(sound.end), piece.steps)
        # What is held into the piece is heard from its beginning; what was struck before it has died away.
        late = start < -0.5 and (isinstance(sound.timbre, Drum) or not sound.timbre.steady)
        if late or end <= max(start, 0.0) or start >= piece.steps:
            continue
        start = max(start, 0.0)
        gain = _gain(performance, sound) / (loudness or 1.0)
        sounds.append((round(start, 3), round(end - start, 3), sound.pitch, _name(sound), round(min(gain, 9.0), 3)))
    sounds.sort()
    return Accompaniment(statistics.mode(names) if names else "", tuple(sounds[:most]), max(len(sounds) - most, 0))


def _gain(performance: Performance, sound: Sound) -> float:
    levels = performance.levels.get(sound.channel, ((0, 1.0),))
    return sound.gain * levels[bisect.bisect_right(levels, sound.start, key=lambda one: one[0]) - 1][1]


def _name(sound: Sound) -> str:
    return DRUMS if isinstance(sound.timbre, Drum) else sound.timbre.name
