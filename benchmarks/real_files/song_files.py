"""Files of songs: what musicians do to a song, and what programs do to its file."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from attrs import evolve

from benchmarks.real_files.performances import Take, perform
from benchmarks.real_files.songs import Meter, Part, ScoreNote, Song, compose, later
from benchmarks.real_files.truth import Maker, RealFile, of_midi


def a_song(
    style: str, seed: int, take: Take | None = None, change: Callable[[Song], Song] | None = None, **options: Any
) -> Maker:
    """A song of a style, changed and played."""

    def make(name: str) -> RealFile:
        song = compose(style, seed, **options)
        if change is not None:
            song = change(song)
        return of_midi(name, *perform(song, take or Take(seed=seed)))

    return make


TUNE = "AABB"


def a_tune(
    style: str, seed: int, take: Take | None = None, change: Callable[[Song], Song] | None = None, **options: Any
) -> Maker:
    """A tune alone, as collections have them: one track, a machine's timing."""
    plain = Take(seed=seed, loose=0, controllers=False, gates=(1, 1))

    def alone(song: Song) -> Song:
        song = evolve(song, parts=())
        return change(song) if change else song

    return a_song(style, seed, take or plain, alone, form=TUNE, **options)


def with_bends(song: Song) -> Song:
    """The melody is scooped and swells."""
    return evolve(song, melody=evolve(song.melody, bends=True))


def with_parts(*parts: Callable[[Song], Part]) -> Callable[[Song], Song]:
    """More parts, made of the song."""
    return lambda song: evolve(song, parts=(*(part(song) for part in parts), *song.parts))


def second_voice(name: str, semitones: int, first_bar: int = 0, program: int = 53) -> Callable[[Song], Part]:
    """A voice beside the melody, some scale steps below; from a bar on."""

    def part(song: Song) -> Part:
        start = song.starts()[first_bar]
        scale = [
            p
            for p in range(128)
            if (p - song.key) % 12 in ((0, 2, 3, 5, 7, 8, 10) if song.minor else (0, 2, 4, 5, 7, 9, 11))
        ]
        notes = []
        for note in song.melody.notes:
            if note.start >= start:
                pitch = note.pitch + semitones
                notes.append(
                    evolve(note, pitch=min(scale, key=lambda p: (abs(p - pitch), p)), velocity=note.velocity - 14)
                )
        return Part(name, program, tuple(notes))

    return part


def counter_line(song: Song) -> Part:
    """A slow second line, a note or two a bar."""
    starts, out = song.starts(), []
    for k, degree in enumerate(song.chords):
        pitch = 64 + (song.key + (0, 2, 4, 5, 7, 9, 11)[(degree + 2) % 7] - 64) % 12
        half = song.bars[k].quarters / 2
        out += [ScoreNote(starts[k], half, pitch, 70), ScoreNote(starts[k] + half, half, pitch - 2 + 4 * (k % 2), 66)]
    return Part("Cello", 42, tuple(out))


def with_double_stops(song: Song) -> Song:
    """Here and there a third below the melody, as fiddlers and singers' arrangers have it."""
    notes = song.melody.notes
    thirds = [evolve(note, pitch=note.pitch - 4, velocity=70) for note in notes[10::16]]
    return evolve(song, parts=(Part("thirds", 0, tuple(thirds)), *song.parts))


def with_pick_up(song: Song) -> Song:
    """Two eighths before the first bar line, which stand at the end of the first bar; the rest is a bar later."""
    bar = song.bars[0]
    moved = later(song, bar.quarters)
    first = moved.melody.notes[0]
    led = tuple(ScoreNote(first.start - Fraction(k, 2), Fraction(1, 2), first.pitch - 2 * k, 84) for k in (2, 1))
    return evolve(
        moved, bars=(bar, *song.bars), chords=(0, *song.chords),
        melody=evolve(moved.melody, notes=(*led, *moved.melody.notes)),
        sections=tuple((k + 1, name) for k, name in song.sections),
    )  # fmt: skip


def opening_with_pick_up(song: Song) -> Song:
    """A pick-up of a quarter that opens the file, in a bar of 1/4."""
    moved = later(song, Fraction(1))
    first = ScoreNote(Fraction(0), Fraction(1), song.melody.notes[0].pitch - 5, 84)
    return evolve(
        moved, bars=(Meter(1, 4), *song.bars), chords=(0, *song.chords),
        melody=evolve(moved.melody, notes=(first, *moved.melody.notes)),
        sections=tuple((k + 1, name) for k, name in song.sections),
    )  # fmt: skip


def with_triplets(song: Song) -> Song:
    """Every fourth bar has quarter-note triplets in its place, as ballads have them."""
    starts = song.starts()
    notes = list(song.melody.notes)
    for k in range(1, len(song.bars), 2):
        inside = [n for n in notes if starts[k] <= n.start < starts[k + 1]]
        if not inside:
            continue
        notes = [n for n in notes if n not in inside]
        for j in range(6):
            source = inside[min(j, len(inside) - 1)]
            notes.append(ScoreNote(starts[k] + Fraction(2 * j, 3), Fraction(2, 3), source.pitch, source.velocity))
    return evolve(song, melody=evolve(song.melody, notes=tuple(sorted(notes))))


def without_click(ticks: int) -> Callable[[int], int]:
    """A performance that breathes: up to a third of a beat before or behind the click."""
    return lambda tick: max(
        round(tick + ticks / 3 * (math.sin(tick / ticks / 5.3) + 0.4 * math.sin(tick / ticks / 1.7)) + ticks / 2), 0
    )


def with_runs(song: Song) -> Song:
    """A showy tune: runs through three octaves at phrase ends."""
    starts, notes = song.starts(), list(song.melody.notes)
    for k in range(3, len(song.bars), 8):
        notes = [n for n in notes if not starts[k] <= n.start < starts[k + 1]]
        scale = [p for p in range(50, 104) if (p - song.key) % 12 in (0, 2, 4, 5, 7, 9, 11)]
        notes += [ScoreNote(starts[k] + Fraction(j, 4), Fraction(1, 4), scale[8 + j], 88) for j in range(16)]
    return evolve(song, melody=evolve(song.melody, notes=tuple(sorted(notes))))


def a_hymn(seed: int, meters: Mapping[int, Meter], style: str = "ballad") -> Maker:
    """Soprano and three voices under it, in mixed meters."""

    def make(name: str) -> RealFile:
        song = compose(style, seed, form="AB", meters=meters, name="Soprano", program=19)
        voices = tuple(
            evolve(second_voice(part, drop, program=19)(song), name=part)
            for part, drop in (("Alto", -5), ("Tenor", -12), ("Bass", -19))
        )
        return of_midi(
            name, *perform(evolve(song, parts=voices), Take(seed=seed, loose=0, controllers=False, gates=(1, 1)))
        )

    return make


def two_hands(style: str, seed: int, *, tracks: int, **options: Any) -> Maker:
    """Two hands, in two tracks or in one."""

    def change(song: Song) -> Song:
        left = next(part for part in song.parts if not part.drums and part.name in ("Piano", "Accordion", "Guitar"))
        low = tuple(evolve(note, pitch=note.pitch - 12 if note.pitch > 57 else note.pitch) for note in left.notes)
        melody = evolve(song.melody, name="Right Hand" if tracks == 2 else "Piano", program=0, pedal=True)
        return evolve(song, melody=melody, parts=(Part("Left Hand", 0, low),))

    take = Take(
        seed=seed,
        channels={"Left Hand": 1, "Right Hand": 0, "Piano": 0},
        running=() if tracks == 2 else ("Left Hand",),
        gates=(0.85, 0.99),
    )
    return a_song(style, seed, take, change, form="AABA", **options)
