"""
What an augmentation may know of the piece that a clip is from, where it takes an argument named ``context``.

All clips of a piece share its key, first note, range and seed, so that an edit can treat them alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, Literal, TypeAlias

import numpy as np
from attrs import evolve, field, frozen, validators

from latentknobs.core.arrays import ClipBatch, Floats
from latentknobs.core.capability import capability
from latentknobs.core.clip import ClipFormat, DrumFormat, Note
from latentknobs.errors import UsageError

Mode: TypeAlias = Literal["major", "minor"]
Reference: TypeAlias = Literal["", "key", "tonic", "first-note"]
"""The pitch through which an edit depends on its piece, "" = none (:mod:`latentknobs.core.one_key`)."""
REFERENCES: tuple[Reference, ...] = ("", "key", "tonic", "first-note")
CLASSES = 12
PITCH_CLASSES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
MIDDLE_C = 60
HIGHEST = 128
"""MIDI pitches lie below it."""
RELATIVE_MAJOR = 3
"""Semitones from the tonic of a minor key up to that of the major key with the same scale."""
_KEY = re.compile(r"([a-g])([#b]?)(?:\s*(major|minor))?")
_KEYBOARD = "c d ef g a b"
"""The white keys of an octave where they stand."""
_PITCH = re.compile(r"([a-g])([#b]?)(-?\d)")
SCALES: dict[str, tuple[int, ...]] = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}
PROFILES: dict[Mode, tuple[float, ...]] = {
    "major": (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    "minor": (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
}
"""How well each pitch class above the tonic fits a key. Source: Krumhansl & Kessler (1982)."""


@frozen
class Key:
    """
    A key.

    Attributes:
        tonic: Pitch class of the tonic, 0 (C) to 11 (B).
        mode: "major" or "minor".
        estimated: Whether it was computed from the notes and not stated with the piece.
    """

    tonic: int = field(validator=[validators.instance_of(int), validators.ge(0), validators.lt(CLASSES)])
    mode: Mode = field(default="major", validator=validators.in_(SCALES))
    estimated: bool = False

    def __str__(self) -> str:
        return f"{PITCH_CLASSES[self.tonic]} {self.mode}"

    @classmethod
    def parse(cls, text: str) -> Key:
        """
        The key that a text names: "D", "Bb major", "f# minor".

        Raises:
            UsageError: It names none.
        """
        found = _KEY.fullmatch(text.strip().lower())
        if not found:
            raise UsageError(f"{text!r} is no key: write it as D, 'Bb major' or 'F# minor'.")
        letter, sign, mode = found.groups()
        return cls(_pitch_class(letter, sign), "minor" if mode == "minor" else "major")

    @property
    def scale(self) -> tuple[int, ...]:
        """Its seven pitch classes from the tonic up; of a minor key the natural ones."""
        return tuple((self.tonic + step) % CLASSES for step in SCALES[self.mode])

    @property
    def relative_major(self) -> int:
        """Pitch class of the tonic of the major key with the same scale."""
        return (self.tonic + RELATIVE_MAJOR * (self.mode == "minor")) % CLASSES


@frozen
class EditContext:
    """
    Where a clip stands in its piece.

    Attributes:
        key: The key of the piece, None where it has no pitched note.
        first: Its first note, the onset counted from the beginning of the first clip with a note; None = no note.
        pitch_range: Its lowest and highest MIDI pitch, None = no note.
        index: Which of its clips this is, from 0.
        count: How many clips it has.
        seed: The same for all clips of the piece: for draws that must not differ between them.
    """

    key: Key | None
    first: Note | None
    pitch_range: tuple[int, int] | None
    index: int
    count: int
    seed: int

    def nearest(self, pitch_class: int) -> int:
        """The pitch of a class that is nearest to the first note, or to middle C; of two the lower."""
        near = MIDDLE_C if self.first is None else self.first.pitch
        below = CLASSES // 2 - 1
        return near - (near - pitch_class + below) % CLASSES + below


def parse_pitch(text: str) -> int:
    """
    The MIDI pitch that a text names: "64" or "E4", 60 = C4.

    Raises:
        UsageError: It names none from 0 to 127.
    """
    found = _PITCH.fullmatch(text.strip().lower())
    if found:
        letter, sign, octave = found.groups()
        pitch = CLASSES * (int(octave) + 1) + _KEYBOARD.index(letter) + {"#": 1, "b": -1, "": 0}[sign]
    else:
        pitch = int(text) if text.strip().isdecimal() else -1
    if not 0 <= pitch < HIGHEST:
        raise UsageError(f"{text!r} is no pitch: write it as E4 or as a MIDI number from 0 to {HIGHEST - 1}.")
    return pitch


def _pitch_class(letter: str, sign: str) -> int:
    return parse_pitch(f"{letter}{sign}4") % CLASSES


def estimate_key(durations: Floats) -> Key | None:
    """
    The key whose profile correlates best with how long each pitch class sounds; None where nothing does.

    Of keys that fit equally well it is the first: major before minor, then from C up. Source: Krumhansl (1990), the
    algorithm of Krumhansl and Schmuckler.

    Args:
        durations: float64 (12,), summed length of the notes of each pitch class, from C.
    """
    if not durations.any():
        return None
    keys, expected = _expected()
    # The norm of the durations is the same for all keys; rounded, so that ties do not depend on the machine.
    return keys[int(np.round(expected @ (durations - durations.mean()), 9).argmax())]


@cache
def _expected() -> tuple[tuple[Key, ...], Floats]:
    """The 24 keys, and for each how much of every pitch class its profile expects: (24, 12), of mean 0 and norm 1."""
    keys = tuple(Key(tonic, mode, estimated=True) for mode in PROFILES for tonic in range(CLASSES))
    profiles = np.stack([np.roll(PROFILES[key.mode], key.tonic) for key in keys])
    centred = profiles - profiles.mean(axis=-1, keepdims=True)
    return keys, centred / np.linalg.norm(centred, axis=-1, keepdims=True)


def contexts_of(
    clips: ClipBatch, clip_format: ClipFormat, seed: int = 0, key: Key | None = None
) -> tuple[EditContext, ...]:
    """
    The context of each clip of a piece.

    Args:
        clips: int16 (N, *shape), all its clips in order.
        clip_format: Their format.
        seed: The piece's.
        key: Its key where it is stated; None = estimated from the notes.
    """
    return contexts_of_notes([clip_format.notes(clip) for clip in clips], clip_format, seed, key)


def contexts_of_notes(
    by_clip: Sequence[Sequence[Note]], clip_format: ClipFormat, seed: int = 0, key: Key | None = None
) -> tuple[EditContext, ...]:
    """
    The same of clips that are given as their notes, of whatever length.

    Args:
        by_clip: For each clip its notes, by onset.
        clip_format: Says whether they have pitches.
        seed: The piece's.
        key: As above.
    """
    notes = [note for each in by_clip for note in each]
    pitches = [note.pitch for note in notes]
    pitched = capability(clip_format, DrumFormat) is None
    if key is None and pitched:
        lengths = np.asarray([note.length for note in notes], dtype=np.float64)
        classes = np.asarray(pitches, dtype=np.int64) % CLASSES
        key = estimate_key(np.asarray(np.bincount(classes, lengths, CLASSES), dtype=np.float64))
    whole = EditContext(
        key=key,
        first=next((each[0] for each in by_clip if each), None),
        pitch_range=(min(pitches), max(pitches)) if notes and pitched else None,
        index=0,
        count=len(by_clip),
        seed=seed,
    )
    return tuple(evolve(whole, index=i) for i in range(len(by_clip)))


def lone_contexts(clips: ClipBatch, clip_format: ClipFormat) -> tuple[EditContext, ...]:
    """The context of clips (N, *shape) of which no piece is known: each is a piece of its own, with the seed 0."""
    return tuple(context for clip in clips for context in contexts_of(clip[None], clip_format))


def chosen(contexts: Sequence[EditContext], rows: Iterable[Any]) -> tuple[EditContext, ...]:
    """The contexts of some clips, by their numbers; none of none."""
    return tuple(contexts[int(row)] for row in rows) if contexts else ()
