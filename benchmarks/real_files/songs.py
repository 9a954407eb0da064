"""Songs composed here: harmony, a melody of motifs, an accompaniment in the manner of a style; no tune of anyone's."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from attrs import evolve, field, frozen

MAJOR, MINOR, DORIAN, MIXOLYDIAN = (
    (0, 2, 4, 5, 7, 9, 11),
    (0, 2, 3, 5, 7, 8, 10),
    (0, 2, 3, 5, 7, 9, 10),
    (0, 2, 4, 5, 7, 9, 10),
)
Time = Fraction


@frozen
class Meter:
    """A time signature: so many beats of a unit."""

    beats: int = 4
    unit: int = 4

    @property
    def quarters(self) -> Time:
        """Length of a bar."""
        return Fraction(4 * self.beats, self.unit)


@frozen(order=True)
class ScoreNote:
    """A note as written: times in quarter notes."""

    start: Time
    length: Time
    pitch: int
    velocity: int = 90


@frozen
class Part:
    """
    A part of a song.

    Attributes:
        name: As the track is called.
        program: General MIDI, from 0.
        notes: By time.
        drums: Whether it is a drum kit.
        pedal: Whether a sustain pedal is used.
        bends: Whether its notes are scooped with the pitch wheel.
    """

    name: str
    program: int
    notes: tuple[ScoreNote, ...]
    drums: bool = False
    pedal: bool = False
    bends: bool = False


@frozen
class Song:
    """
    A song.

    Attributes:
        title: Its name.
        key: Tonic as a pitch class.
        minor: Whether its mode is minor.
        tempo: Quarter notes a minute.
        bars: The meter of each bar.
        chords: The chord of each bar, as a degree of the scale from 0.
        melody: The melody.
        parts: The accompaniment.
        sections: Bars at which a section begins, and its name.
    """

    title: str
    key: int
    minor: bool
    tempo: int
    bars: tuple[Meter, ...]
    chords: tuple[int, ...]
    melody: Part
    parts: tuple[Part, ...] = ()
    sections: tuple[tuple[int, str], ...] = ()

    def starts(self) -> list[Time]:
        """Where each bar starts, and where the last ends."""
        out = [Fraction(0)]
        for bar in self.bars:
            out.append(out[-1] + bar.quarters)
        return out


@frozen
class Style:
    """
    How a song moves.

    Attributes:
        meter: Of its bars.
        cells: Rhythms of a bar: onsets in 16ths; from the first a phrase's motif is drawn.
        ends: Rhythms of a phrase's last bar.
        progressions: Chords of four bars.
        scale: Semitones above the tonic.
        tempo: Lowest and highest.
        low: Lowest pitch of the melody.
        high: Highest.
        program: The melody's instruments.
        textures: What accompanies: part name to the function that plays a bar.
        swing: Where the second eighth of a beat falls, as a share of the beat.
        leap: How far the melody moves from note to note at most, in steps of the scale.
    """

    cells: tuple[tuple[int, ...], ...]
    ends: tuple[tuple[int, ...], ...]
    progressions: tuple[tuple[int, ...], ...]
    textures: Mapping[str, tuple[int, Texture]] = field(factory=dict)
    meter: Meter = Meter()
    scale: tuple[int, ...] = MAJOR
    tempo: tuple[int, int] = (90, 130)
    low: int = 60
    high: int = 79
    programs: tuple[int, ...] = (73, 65, 53, 80, 56, 40)
    swing: Time = Fraction(1, 2)
    leap: int = 2


@frozen
class BarPlan:
    """What a texture knows of a bar: its start, meter, number, chord and the next one, as pitch classes, root first."""

    start: Time
    meter: Meter
    chord: tuple[int, ...]
    following: tuple[int, ...]
    number: int
    last_of_phrase: bool


Texture = Callable[[BarPlan, random.Random], list[ScoreNote]]


def _sixteenth(count: float) -> Time:
    return Fraction(count) / 4


def _near(pitch_class: int, around: int) -> int:
    """The pitch of a class that is nearest to another pitch."""
    return around + (pitch_class - around + 6) % 12 - 6


def _voicing(chord: Sequence[int], around: int) -> list[int]:
    return sorted(_near(one, around) for one in chord)


def _strikes(
    plan: BarPlan, pattern: Sequence[tuple[float, float]], pitches: Sequence[int], loud: int
) -> list[ScoreNote]:
    """Notes together at (onset, length) in 16ths, as far as the bar goes."""
    end = plan.meter.quarters
    return [
        ScoreNote(
            plan.start + _sixteenth(at),
            min(_sixteenth(size), end - _sixteenth(at)),
            pitch,
            loud + (8 if at == 0 else 0),
        )
        for at, size in pattern
        if _sixteenth(at) < end
        for pitch in pitches
    ]


def block_chords(pattern: Sequence[tuple[float, float]], around: int = 60, loud: int = 68) -> Texture:
    """Chords at places of a bar."""
    return lambda plan, _rng: _strikes(plan, pattern, _voicing(plan.chord, around), loud)


def pad(around: int = 64) -> Texture:
    """A chord held for a bar."""

    def play(plan: BarPlan, _rng: random.Random) -> list[ScoreNote]:
        return [ScoreNote(plan.start, plan.meter.quarters, pitch, 52) for pitch in _voicing(plan.chord, around)]

    return play


def arpeggio(size: int = 2, around: int = 57, loud: int = 62) -> Texture:
    """A broken chord, up and down, a note each ``size`` 16ths."""

    def play(plan: BarPlan, _rng: random.Random) -> list[ScoreNote]:
        low = _voicing(plan.chord, around)
        ladder = [*low, low[0] + 12, *reversed(low[1:])]
        count = int(plan.meter.quarters * 4 / size)
        return [
            ScoreNote(plan.start + _sixteenth(k * size), _sixteenth(size), ladder[k % len(ladder)], loud + 6 * (k == 0))
            for k in range(count)
        ]

    return play


def bass(pattern: Sequence[tuple[float, float, int]], around: int = 38) -> Texture:
    """A bass line: (onset, length, note of the chord) in 16ths, the note -1 = the root an octave higher."""

    def play(plan: BarPlan, _rng: random.Random) -> list[ScoreNote]:
        root = _near(plan.chord[0], around)
        out = []
        for at, size, which in pattern:
            if _sixteenth(at) < plan.meter.quarters:
                pitch = root + 12 if which < 0 else root + (plan.chord[which] - plan.chord[0]) % 12
                length = min(_sixteenth(size), plan.meter.quarters - _sixteenth(at))
                out.append(ScoreNote(plan.start + _sixteenth(at), length, pitch, 84))
        return out

    return play


def walking(around: int = 40) -> Texture:
    """A walking bass: chord notes, and the last leads to the next root."""

    def play(plan: BarPlan, rng: random.Random) -> list[ScoreNote]:
        beats = int(plan.meter.quarters)
        root, target = _near(plan.chord[0], around), _near(plan.following[0], around)
        line = [root, *(root + (rng.choice(plan.chord[1:]) - plan.chord[0]) % 12 for _ in range(beats - 2))]
        line.append(target + rng.choice((-1, 1, 2)))
        return [ScoreNote(plan.start + k, Fraction(1), pitch, 82) for k, pitch in enumerate(line)]

    return play


def drums(*voices: tuple[int, Sequence[float], int]) -> Texture:
    """A drum kit: (key, onsets in 16ths, velocity), with a fill on toms at a phrase's end."""

    def play(plan: BarPlan, rng: random.Random) -> list[ScoreNote]:
        end = plan.meter.quarters
        fill = plan.last_of_phrase and plan.number % 8 == 7 and end == 4
        out = [
            ScoreNote(plan.start + _sixteenth(at), Fraction(1, 8), key, min(loud + rng.randrange(-8, 9), 127))
            for key, onsets, loud in voices
            for at in onsets
            if _sixteenth(at) < (3 if fill else end)
        ]
        if fill:
            out += [
                ScoreNote(plan.start + 3 + _sixteenth(k), Fraction(1, 8), key, 96)
                for k, key in enumerate((48, 47, 45, 43))
            ]
        if plan.number % 8 == 0:
            out.append(ScoreNote(plan.start, Fraction(1, 2), 49, 92))
        return sorted(out)

    return play


def oom_pah(around: int = 60) -> Texture:
    """Bass note on one, chords on the other beats."""

    def play(plan: BarPlan, _rng: random.Random) -> list[ScoreNote]:
        beat = Fraction(4, plan.meter.unit)
        low = _near(plan.chord[(plan.number % 2) * 2 % len(plan.chord)], 43)
        out = [ScoreNote(plan.start, beat, low, 78)]
        for k in range(1, plan.meter.beats):
            out += [ScoreNote(plan.start + k * beat, beat / 2, pitch, 58) for pitch in _voicing(plan.chord, around)]
        return out

    return play


EIGHTHS, QUARTERS = tuple(range(0, 16, 2)), (0, 4, 8, 12)
POP_KIT = drums((36, (0, 6, 8), 100), (38, (4, 12), 96), (42, EIGHTHS, 70))
ROCK_KIT = drums((36, (0, 2, 8, 10), 108), (38, (4, 12), 108), (42, EIGHTHS, 84))
DISCO_KIT = drums((36, QUARTERS, 108), (38, (4, 12), 92), (46, (2, 6, 10, 14), 80), (42, QUARTERS, 66))
JAZZ_KIT = drums((51, (0, 4, 6, 8, 12, 14), 76), (44, (4, 12), 62))
BOSSA_KIT = drums((36, (0, 6, 8, 14), 72), (37, (0, 6, 12), 70), (42, EIGHTHS, 58))
WALTZ_KIT = drums((36, (0,), 88), (42, (4, 8), 66))
POP_PROGRESSIONS = ((0, 4, 5, 3), (5, 3, 0, 4), (0, 5, 3, 4), (0, 3, 4, 0), (0, 2, 3, 4))
POP_CELLS = (
    (0, 4, 6, 8, 12), (0, 3, 6, 8, 12), (2, 4, 6, 8, 12), (0, 2, 4, 7, 10, 12), (0, 6, 8, 12, 14),
    (4, 6, 8, 10, 12, 14), (0, 4, 8, 10, 12), (0, 3, 6, 10, 12, 14), (0, 2, 4, 6, 8, 12), (2, 6, 8, 11, 14),
)  # fmt: skip
JIG = ((0, 2, 4, 6, 8, 10), (0, 4, 6, 10), (0, 4, 6, 8, 10), (0, 2, 4, 6, 10))
STYLES: Mapping[str, Style] = {
    "pop": Style(
        POP_CELLS, ((0,), (0, 4), (0, 3, 6)), POP_PROGRESSIONS,
        {
            "Piano": (0, block_chords(((0, 6), (6, 2), (8, 4), (12, 4)))),
            "Strings": (48, pad()),
            "Bass": (33, bass(((0, 6, 0), (6, 2, 0), (8, 6, 0), (14, 2, 2)))),
            "Drums": (0, POP_KIT),
        },
    ),
    "rock": Style(
        POP_CELLS, ((0,), (0, 4), (0, 2, 4)), ((0, 6, 3, 0), (0, 5, 6, 0), (0, 3, 6, 4)),
        {
            "Dist Guitar": (30, block_chords(tuple((k, 2) for k in range(0, 16, 2)), 52, 88)),
            "Lead Guitar": (29, arpeggio(4, 64)),
            "Bass": (34, bass(tuple((k, 2, 0) for k in range(0, 16, 2)))),
            "Drums": (0, ROCK_KIT),
        },
        scale=MIXOLYDIAN, tempo=(118, 148), low=57, high=76, programs=(81, 65, 53),
    ),
    "ballad": Style(
        ((0, 4, 8, 12), (0, 6, 8, 12), (0, 4, 6, 8), (4, 8, 12), (0, 8, 12), (0, 2, 4, 8, 12)), ((0,), (0, 8)),
        POP_PROGRESSIONS,
        {"Piano": (0, arpeggio()), "Slow Strings": (49, pad()), "Fretless": (35, bass(((0, 12, 0), (12, 4, 2)))),
         "Kit": (0, drums((36, (0, 8), 80), (37, (4, 12), 76), (42, EIGHTHS, 52)))},
        tempo=(62, 80), programs=(73, 71, 52, 40),
    ),
    "disco": Style(
        POP_CELLS, ((0, 4), (0, 3, 6)), ((5, 3, 0, 4), (5, 1, 4, 0)),
        {"Rhythm Gtr": (27, block_chords(((2, 1), (3, 1), (6, 1), (10, 1), (11, 1), (14, 1)), 64)),
        "Brass": (61, block_chords(((0, 2), (14, 2)), 67)),
         "Slap Bass": (36, bass(tuple((k, 2, -(k // 2 % 2)) for k in range(0, 16, 2)))), "Drums": (0, DISCO_KIT)},
        scale=MINOR, tempo=(112, 126), programs=(53, 80),
    ),
    "country": Style(
        ((0, 4, 8, 12), (0, 4, 6, 8, 12), (0, 2, 4, 6, 8, 12), (0, 4, 8, 10, 12)), ((0,), (0, 8)),
        ((0, 3, 0, 4), (0, 0, 3, 4), (0, 3, 4, 0)),
        {"Steel Gtr": (25, block_chords(((4, 3), (12, 3)))), "Fiddle": (40, pad(69)),
        "Bass": (32, bass(((0, 4, 0), (8, 4, 2)))),
         "Drums": (0, drums((36, (0, 8), 88), (38, (4, 12), 80)))},
        tempo=(96, 132), programs=(22, 105, 53),
    ),
    "reggae": Style(
        POP_CELLS, ((0,), (0, 4)), ((0, 3, 0, 3), (0, 4, 5, 3)),
        {"Skank": (27, block_chords(((4, 2), (12, 2)), 64)), "Organ": (16,
        block_chords(((2, 1), (4, 2), (6, 1), (10, 1), (12, 2), (14, 1)))),
         "Bass": (33, bass(((0, 3, 0), (3, 3, 1), (6, 4, 2), (12, 2, 0)))),
         "Drums": (0, drums((36, (8,), 100), (37, (8,), 90), (42, EIGHTHS, 66)))},
        tempo=(72, 88), programs=(65, 53),
    ),
    "bossa": Style(
        ((0, 3, 6, 10), (2, 6, 8, 12), (0, 4, 7, 10, 14), (3, 6, 10, 14), (0, 6, 12)), ((0,), (0, 6)),
        ((1, 4, 0, 5), (0, 5, 1, 4), (2, 5, 1, 4)),
        {"Nylon Gtr": (24, block_chords(((0, 3), (4, 2), (6, 4), (10, 2), (12, 4)), 59, 60)),
        "Bass": (32, bass(((0, 6, 0), (6, 2, 2), (8, 6, 2), (14, 2, 0)))),
         "Drums": (0, BOSSA_KIT)},
        tempo=(118, 140), programs=(66, 73),
    ),
    "swing": Style(
        ((0, 4, 6, 8, 10, 12, 14), (2, 4, 6, 10, 12), (0, 6, 8, 10, 14), (0, 2, 4, 8, 12), (6, 8, 10, 12, 14)),
        ((0, 6), (0, 2)),
        ((1, 4, 0, 5), (0, 5, 1, 4), (0, 3, 1, 4)),
        {"Piano": (0, block_chords(((0, 2), (6, 2)), 60, 62)), "Ac Bass": (32, walking()), "Drums": (0, JAZZ_KIT)},
        tempo=(120, 176), programs=(66, 56, 71), swing=Fraction(2, 3),
    ),
    "reel": Style(
        (EIGHTHS, (0, 4, 6, 8, 10, 12, 14), (0, 2, 4, 6, 8, 12), (0, 2, 4, 6, 8, 10, 12)), ((0, 4, 8), (0, 2, 4, 8)),
        ((0, 0, 3, 4), (0, 6, 0, 6), (0, 4, 3, 4)),
        {"Guitar": (25, block_chords(((0, 4), (4, 4), (8, 4), (12, 4)), 52)), "Bodhran": (0, drums((64, EIGHTHS, 64)))},
        scale=MIXOLYDIAN, tempo=(170, 200), low=62, high=83, programs=(40, 73, 21), leap=2,
    ),
    "march": Style(
        ((0, 4, 8, 12), (0, 3, 4, 8, 12), (0, 4, 8, 11, 12), (0, 8, 12)), ((0, 8), (0,)), ((0, 0, 4, 0), (0, 3, 4, 0)),
        {"Tuba": (58, bass(((0, 4, 0), (8, 4, 2)), 36)), "Horns": (60, block_chords(((4, 3), (12, 3)), 62)),
        "Snare": (0, drums((38, (0, 4, 6, 8, 12, 14), 84)))},
        tempo=(108, 120), low=62, high=81, programs=(56, 72),
    ),
    "waltz": Style(
        ((0, 4, 8), (0, 8), (0, 6, 8, 10), (0, 4, 6, 8), (0, 2, 4, 8)), ((0,), (0, 8)),
        ((0, 4, 4, 0), (0, 3, 4, 0), (0, 5, 1, 4)),
        {"Accordion": (21, oom_pah()), "Bass": (32, bass(((0, 8, 0),))), "Drums": (0, WALTZ_KIT)},
        meter=Meter(3, 4), tempo=(110, 170), programs=(40, 21, 73),
    ),
    "jig": Style(
        JIG, ((0, 6), (0, 2, 4, 6)), ((0, 3, 0, 4), (0, 6, 0, 6)), {"Guitar": (25, block_chords(((0, 6), (6, 6)), 55))},
        meter=Meter(6, 8), scale=DORIAN, tempo=(165, 180), low=62, high=83, programs=(73, 40),
    ),
    "slip jig": Style(
        tuple((*a, *(12 + k for k in b)) for a in JIG[:2] for b in ((0, 2, 4), (0, 4))),
        ((0, 6), (0, 4, 6, 12)), ((0, 4, 3, 4),),
        meter=Meter(9, 8), tempo=(170, 180), low=62, high=83, programs=(73,),
    ),
    "slow blues": Style(
        tuple((*a, *(12 + k for k in b)) for a in JIG for b in JIG[1:2]), ((0,), (0, 6, 12)),
        ((0, 3, 0, 0), (3, 3, 0, 0), (4, 3, 0, 4)),
        {"Organ": (18, pad(60)), "Bass": (33, bass(tuple((k, 6, n) for k, n in ((0, 0), (6, 1), (12, 2), (18, 1))))),
         "Drums": (0, drums((36, (0, 12), 96), (38, (6, 18), 92), (51, tuple(range(0, 24, 2)), 66)))},
        meter=Meter(12, 8), scale=MIXOLYDIAN, tempo=(84, 100), programs=(65, 22),
    ),
    "polka": Style(
        ((0, 2, 4, 6), (0, 1, 2, 4, 6), (0, 2, 4), (0, 3, 4, 6)), ((0, 4), (0,)), ((0, 0, 4, 0), (0, 3, 4, 0)),
        {"Accordion": (21, block_chords(((2, 2), (6, 2)))), "Bass": (32, bass(((0, 2, 0), (4, 2, 2))))},
        meter=Meter(2, 4), tempo=(112, 128), low=62, high=81, programs=(21, 40),
    ),
    "take five": Style(
        ((0, 3, 6, 12, 16), (0, 4, 6, 10, 12, 16), (0, 6, 12, 16)), ((0,), (0, 12)), ((0, 4, 0, 4), (3, 0, 1, 4)),
        {"Piano": (0, block_chords(((0, 4), (6, 2), (12, 4), (16, 4)))),
        "Bass": (32, bass(((0, 6, 0), (6, 6, 2), (12, 4, 0), (16, 4, 2))))},
        meter=Meter(5, 4), scale=MINOR, tempo=(150, 172), programs=(65,),
    ),
}  # fmt: skip
TITLES = (
    "Harbour Lights", "Second Summer", "Paper Boats", "The Miller's Gate", "Blue Tram", "Slow Tide", "Northern Line",
    "Old Orchard", "Tin Roof", "Window Seat", "Copper Kettle", "Salt and Rain", "Night Ferry", "Long Acre",
)  # fmt: skip


def _contour(cell: Sequence[int], rng: random.Random, leap: int) -> tuple[int, ...]:
    """Steps of the scale from each note to the next: mostly single ones, in one direction for a while."""
    direction, out = rng.choice((-1, 1)), []
    for _ in cell:
        if rng.random() < 0.35:
            direction = -direction
        out.append(direction * rng.choices((0, 1, 2, 3, 4)[: leap + 1], (2, 6, 2, 1, 1)[: leap + 1])[0])
    return tuple(out)


@frozen
class _Singer:
    """Puts motifs on chords within a range."""

    scale: tuple[int, ...]  # pitches from low to high
    style: Style

    def sing(
        self, cell: Sequence[int], steps: Sequence[int], around: int, chord: Sequence[int], meter: Meter
    ) -> list[tuple[int, int]]:
        """(onset in 16ths, pitch) of a bar."""
        strong = 6 if meter.unit == 8 else 4
        index = self.nearest(around, chord)
        out = []
        for k, (at, step) in enumerate(zip(cell, steps, strict=True)):
            if k:
                index += step
                if not 0 <= index < len(self.scale):
                    index -= 2 * step
                index = min(max(index, 0), len(self.scale) - 1)
                if at % (2 * strong) == 0:
                    index = self.nearest(self.scale[index], chord)
            out.append((at, self.scale[index]))
        return out

    def nearest(self, pitch: int, chord: Sequence[int]) -> int:
        """Index of the chord's note in the scale that is nearest to a pitch."""
        classes = {one % 12 for one in chord}
        fits = [k for k, one in enumerate(self.scale) if one % 12 in classes]
        return min(fits, key=lambda k: (abs(self.scale[k] - pitch), k))


def chord_classes(key: int, scale: Sequence[int], degree: int, size: int = 3) -> tuple[int, ...]:
    """Pitch classes of a chord of thirds on a degree of the scale."""
    return tuple((key + scale[(degree + 2 * k) % 7]) % 12 for k in range(size))


def _phrases(style: Style, bars: int, rng: random.Random) -> list[list[tuple[tuple[int, ...], tuple[int, ...]]]]:
    """Rhythm and contour of the bars of an antecedent and a consequent: motif, answer, motif, close."""
    motif, answer, other = (rng.choice(style.cells) for _ in range(3))
    shapes = {cell: _contour(cell, rng, style.leap) for cell in (motif, answer, other)}

    def phrase(close: tuple[int, ...]) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
        cells = [motif, answer, motif if rng.random() < 0.7 else other, close][-bars:]
        return [(cell, shapes.get(cell) or _contour(cell, rng, style.leap)) for cell in cells]

    return [phrase(rng.choice((answer, *style.ends))), phrase(rng.choice(style.ends))]


def compose(
    style_name: str,
    seed: int,
    *,
    form: str = "iABABCBo",
    meters: Mapping[int, Meter] | None = None,
    name: str = "Melody",
    program: int | None = None,
    transpose: int = 0,
    without: Sequence[str] = (),
) -> Song:
    """
    A song in a style.

    Args:
        style_name: One of STYLES.
        seed: Of everything that is drawn.
        form: A section of eight bars each: i = four bars without the melody, o = two closing bars; equal letters are
            equal sections.
        meters: Bars (from 0) with a meter of their own.
        name: Of the melody's part.
        program: Of the melody, None = one of the style's.
        transpose: Semitones by which the melody lies elsewhere than the style has it.
        without: Parts that are left out.
    """
    style, rng = STYLES[style_name], random.Random(f"{style_name} {seed}")
    key = rng.randrange(12)
    singer = _Singer(tuple(p for p in range(style.low, style.high + 1) if (p - key) % 12 in style.scale), style)
    verses: dict[str, Any] = {}
    chords: list[int] = []
    sung: list[list[tuple[int, int]] | None] = []
    sections: list[tuple[int, str]] = []
    for letter in form:
        sections.append(
            (len(chords), {"i": "Intro", "A": "Verse", "B": "Chorus", "C": "Bridge", "o": "Ending"}.get(letter, letter))
        )
        if letter == "i":
            chords += rng.choice(style.progressions)
            sung += [None] * 4
            continue
        if letter == "o":
            chords += [0, 0]
            sung += [
                [
                    (
                        0,
                        singer.scale[
                            singer.nearest((style.low + style.high) // 2, chord_classes(key, style.scale, 0)[:1])
                        ],
                    )
                ],
                None,
            ]
            continue
        if letter not in verses:
            progression = rng.choice(style.progressions)
            middle = (style.low + style.high) // 2 + (3 if letter == "B" else 0)
            bars, place = [], middle
            for half in _phrases(style, 4, rng):
                for k, (cell, shape) in enumerate(half):
                    degree = progression[k]
                    arch = (-2, 1, 3, -2)[k]
                    bar = singer.sing(
                        cell,
                        shape,
                        round((place + middle) / 2) + arch,
                        chord_classes(key, style.scale, degree),
                        style.meter,
                    )
                    place = bar[-1][1]
                    bars.append(bar)
            verses[letter] = (progression * 2, bars)
        progression, bars = verses[letter]
        chords += progression
        sung += bars
    meters = meters or {}
    signatures = tuple(meters.get(k, style.meter) for k in range(len(chords)))
    song = Song(
        rng.choice(TITLES), key, style.scale[2] == 3, rng.randint(*style.tempo), signatures, tuple(chords),
        Part(name, rng.choice(style.programs) if program is None else program, ()), (), tuple(sections),
    )  # fmt: skip
    starts = song.starts()
    line: list[ScoreNote] = []
    flat = [
        (starts[k] + _sixteenth(at), pitch, k)
        for k, bar in enumerate(sung)
        for at, pitch in bar or ()
        if _sixteenth(at) < signatures[k].quarters
    ]
    for (start, pitch, k), following in zip(flat, [*(f[0] for f in flat[1:]), starts[-1]], strict=True):
        longest = signatures[k].quarters
        length = min(following - start, longest)
        # A singer breathes before a phrase's end.
        if k % 4 == 3 and following >= starts[k + 1] and length > Fraction(1, 2):
            length -= Fraction(1, 4)
        accent = 10 if (start - starts[k]) % 2 == 0 else 0
        line.append(ScoreNote(start, length, pitch + transpose, 84 + accent + rng.randrange(-6, 7)))
    parts = []
    for part_name, (its_program, texture) in style.textures.items():
        if part_name in without:
            continue
        notes: list[ScoreNote] = []
        size = 4 if style_name in ("swing", "bossa") else 3
        for k in range(len(chords)):
            plan = BarPlan(
                starts[k], signatures[k], chord_classes(key, style.scale, chords[k], size),
                chord_classes(key, style.scale, chords[(k + 1) % len(chords)]), k, k % 4 == 3,
            )  # fmt: skip
            notes += texture(plan, rng)
        kit = part_name in ("Drums", "Kit", "Snare", "Bodhran")
        parts.append(Part(part_name, its_program, tuple(sorted(notes)), drums=kit, pedal=part_name == "Piano"))
    song = evolve(song, melody=evolve(song.melody, notes=tuple(line)), parts=tuple(parts))
    return swung(song, style.swing) if style.swing != Fraction(1, 2) else song


def _mapped(song: Song, moved: Callable[[Time], Time]) -> Song:
    def part(one: Part) -> Part:
        notes = []
        for note in one.notes:
            start = moved(note.start)
            notes.append(
                evolve(note, start=start, length=max(moved(note.start + note.length) - start, Fraction(1, 12)))
            )
        return evolve(one, notes=tuple(sorted(notes)))

    return evolve(song, melody=part(song.melody), parts=tuple(part(one) for one in song.parts))


def swung(song: Song, share: Time = Fraction(2, 3)) -> Song:
    """The same song with long first and short second eighths: the second begins after this share of the beat."""

    def moved(time: Time) -> Time:
        beat, rest = divmod(time, 1)
        half = Fraction(1, 2)
        return beat + (rest * share / half if rest <= half else share + (rest - half) * (1 - share) / half)

    return _mapped(song, moved)


def later(song: Song, by: Time) -> Song:
    """The same song, every note so many quarters later (or earlier)."""
    return _mapped(song, lambda time: max(time + by, Fraction(0)))
