"""
Reads one tune of an ABC file into measures; the only module that imports music21.

music21's tokeniser gives notes, lengths, keys and accidentals (about 600 tunes a second); its scores are
never built, which takes thirty times as long. Tokens that are neither rhythm nor pitch (slurs, bowings,
staccato dots, grace notes) are taken out before music21 works out the lengths, because it applies ``>``
only to notes that stand directly beside it. An accidental holds to the end of its bar in every octave, as
the ABC standard 2.1 has it (section 11.3, the default of ``propagate-accidentals``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from attrs import field, frozen

from latentknobs.core.time_signature import TimeSignature
from latentknobs.errors import CorpusError, UsageError

REST = -1
CHORD = -2

_INLINE_FIELD = re.compile(r"\[([A-Zw]:[^\]\n]*)\]")
_TUNE = re.compile(r"^(?=X:)", re.MULTILINE)
_NUMBER = re.compile(r"X:\s*(\d+)")
_METER = re.compile(r"^M:\s*([^\s%]*)", re.MULTILINE)
_VOICE = re.compile(r"V:\s*(\S+)")
_SIGNS = {"C": TimeSignature(), "C|": TimeSignature(2, 2)}


@frozen
class Event:
    """
    A note, a rest or a chord.

    Attributes:
        length: In steps (sixteenths).
        pitch: MIDI pitch, ``REST`` or ``CHORD``.
        held: Whether it goes on from the note before it (a tie between equal pitches).
    """

    length: Fraction
    pitch: int
    held: bool = False


@frozen
class Measure:
    """
    What stands between two bar lines.

    Attributes:
        signature: Its time signature; None = none that can be read.
        events: What sounds in it, grace notes left out.
        section: Whether a double bar or a repeat sign stands before it.
        ending: Whether it starts a second or later ending, which does not follow what is printed before it.
    """

    signature: TimeSignature | None
    events: tuple[Event, ...]
    section: bool = False
    ending: bool = False
    length: Fraction = field(init=False)

    @length.default
    def _length(self) -> Fraction:
        return sum((event.length for event in self.events), Fraction(0))


def split_book(text: str) -> Iterator[tuple[int, str]]:
    """The tunes of an ABC file: (number after ``X:``, text)."""
    for part in _TUNE.split(text)[1:]:
        number = _NUMBER.match(part)
        yield int(number.group(1)) if number else 0, part


def meter(tune: str) -> TimeSignature | None:
    """The time signature in a tune's head; None where there is none that can be read."""
    match = _METER.search(tune)
    return _signature(match.group(1)) if match else None


def _signature(text: str) -> TimeSignature | None:
    try:
        return _SIGNS.get(text) or TimeSignature.parse(text)
    except UsageError:  # "none", or two in one
        return None


def measures(tune: str) -> tuple[Measure, ...]:
    """
    The measures of a tune, as printed (repeats are not played out); of several voices, the first.

    Raises:
        CorpusError: music21 cannot read it.
    """
    from music21 import abcFormat, pitch
    from music21.exceptions21 import Music21Exception

    handler = abcFormat.ABCHandler(abcVersion=(2, 1, 0))
    try:
        handler.tokenize(_INLINE_FIELD.sub(r"\n\1\n", tune))
        tokens, tied = _plain(handler.tokens, abcFormat)
        handler.tokens = tokens
        handler.tokenProcess()
    except (Music21Exception, ValueError, IndexError, KeyError, TypeError, AttributeError, ZeroDivisionError) as error:
        # music21 stumbles over slips of the pen in many ways, with plain exceptions as often as its own.
        raise CorpusError(f"music21 cannot read this tune: {error}") from error
    return _measures(tokens, tied, abcFormat, pitch.Pitch)


def _plain(tokens: list[Any], abc: Any) -> tuple[list[Any], set[int]]:
    """Only tokens of rhythm and pitch of the first voice, and the ids of notes with a tie after them."""
    kept: list[Any] = []
    tied: set[int] = set()
    grace = False
    first: str | None = None
    speaks = True
    for token in tokens:
        if isinstance(token, abc.ABCMetadata):
            voice = _VOICE.match(token.src)
            if voice:
                first = first or voice.group(1)
                speaks = voice.group(1) == first
            kept.append(token)
        elif isinstance(token, abc.ABCGraceStart):
            grace = True
        elif isinstance(token, abc.ABCGraceStop):
            grace = False
        elif grace or not speaks:
            continue
        elif isinstance(token, abc.ABCTie):
            if kept and isinstance(kept[-1], abc.ABCNote | abc.ABCBrokenRhythmMarker):
                last = next(t for t in reversed(kept) if not isinstance(t, abc.ABCBrokenRhythmMarker))
                tied.add(id(last))
        elif isinstance(token, abc.ABCBar | abc.ABCTuplet | abc.ABCNote | abc.ABCBrokenRhythmMarker):
            kept.append(token)
    return kept, tied


def _measures(tokens: list[Any], tied: set[int], abc: Any, pitch_of: Any) -> tuple[Measure, ...]:
    out: list[Measure] = []
    signature: TimeSignature | None = None
    events: list[Event] = []
    section = ending = False
    before: tuple[int, bool] = (REST, False)  # pitch of the event before, and whether a tie follows it
    pitches: dict[str, int] = {}

    def close() -> None:
        nonlocal events, section, ending
        if events:
            out.append(Measure(signature, tuple(events), section, ending))
            events, section, ending = [], False, False

    for token in tokens:
        if isinstance(token, abc.ABCMetadata):
            if token.isMeter():
                close()
                signature = _signature(token.src[2:].split("%")[0].strip())
        elif isinstance(token, abc.ABCBar):
            bracket = token.src in {"[1", "[2"}
            if not bracket or not events:  # an ending that starts inside a bar does not divide it
                close()
            section |= not bracket and token.src not in {"|", ":"}
            ending |= token.src == "[2"
        elif isinstance(token, abc.ABCNote):
            length = Fraction(token.quarterLength) * 4
            if token.activeTuplet is not None:
                length *= Fraction(token.activeTuplet.numberNotesNormal, token.activeTuplet.numberNotesActual)
            if isinstance(token, abc.ABCChord):
                pitch = CHORD
            elif token.isRest:
                pitch = REST
            else:
                name = token.pitchName
                if name not in pitches:
                    pitches[name] = int(pitch_of(name).midi)
                pitch = pitches[name]
            events.append(Event(length, pitch, held=before == (pitch, True) and pitch >= 0))
            before = (pitch, id(token) in tied)
    close()
    return tuple(out)
