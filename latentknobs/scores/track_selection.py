"""Which track of a MIDI file is the melody."""

from __future__ import annotations

from collections.abc import Sequence

from latentknobs.errors import MidiError
from latentknobs.scores.import_warnings import count
from latentknobs.scores.midi_file import MidiPart, MidiScore
from latentknobs.scores.note_pairing import TickNote
from latentknobs.scores.voice_extraction import Policy

_LISTED = 12
_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


def choose(score: MidiScore, policy: Policy, track: int | str | None) -> tuple[MidiPart, ...]:
    """
    The tracks to read as one melody.

    Args:
        score: The file.
        policy: With "highest-onset" and "skyline" several tracks may be read as one.
        track: Number or name of the one that is wanted; None = the only one that is no drum and no effect.

    Raises:
        MidiError: There is no such track, none with pitches, or several and no choice among them.
    """
    path = score.path
    if not score.parts:
        raise MidiError(f"{path} has no notes: export the track that holds the melody.")
    if track is not None:
        part = named(score, track)
        if part.drums:
            raise MidiError(
                f"{path}: track {str(track).strip()} is drums (channel 10), which have no pitch: choose another."
            )
        return (part,)
    if all(part.drums for part in score.parts):
        raise MidiError(f"{path} has only drums (channel 10): export the track that holds the melody.")
    pitched = tuple(part for part in score.parts if part.pitched)
    if len(pitched) == 1 or (pitched and policy in ("highest-onset", "skyline")):
        return pitched
    choice = "--track N" if not pitched else "--track N, or --policy skyline to read them as one"
    raise MidiError(f"{path}: which track is the melody? Choose {choice}: {_listing(score, pitched or score.parts)}.")


def named(score: MidiScore, track: int | str) -> MidiPart:
    """
    The track of that number or name.

    Raises:
        MidiError: There is none, or several have the name.
    """
    wanted = str(track).strip()
    if wanted.isascii() and wanted.isdigit():
        matches = [part for part in score.parts if part.number == int(wanted)]
    else:
        matches = [part for part in score.parts if part.name.casefold() == wanted.casefold()]
    if len(matches) != 1:
        many = "several tracks are" if matches else "no track is"
        raise MidiError(f"{score.path}: {many} {wanted!r}; there is: {_listing(score, score.parts)}.")
    return matches[0]


def _listing(score: MidiScore, parts: Sequence[MidiPart]) -> str:
    texts = []
    for part in parts[:_LISTED]:
        low, high = min(n.pitch for n in part.notes), max(n.pitch for n in part.notes)
        kind = ", drums" if part.drums else "" if part.pitched else ", effects"
        alone = _alone(part.notes, score.ticks_per_beat)
        texts.append(
            f"{part.number} {part.name[:60] or 'without name'!r} ({count(len(part.notes), 'note')}, "
            f"{_pitch(low)} to {_pitch(high)}, {alone:.0%} one at a time{kind})"
        )
    more = f"; and {len(parts) - _LISTED} more" if len(parts) > _LISTED else ""
    return "; ".join(texts) + more


def _alone(notes: Sequence[TickNote], ticks_per_beat: int) -> float:
    """Share of the sounding time with exactly one note, overlaps under a sixteenth not counted."""
    edges = sorted(
        edge for note in notes for edge in ((note.start, 1), (max(note.end - ticks_per_beat // 4, note.start + 1), -1))
    )
    sounding = alone = together = last = 0
    for tick, change in edges:
        sounding += (tick - last) * (together > 0)
        alone += (tick - last) * (together == 1)
        together, last = together + change, tick
    return alone / sounding


def _pitch(pitch: int) -> str:
    return f"{_NAMES[pitch % 12]}{pitch // 12 - 1}"
