"""What came back, read by mido: the melody's notes, and every event that is none of them."""

from __future__ import annotations

import bisect
import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mido
from attrs import frozen

from benchmarks.real_files import score_checks
from benchmarks.real_files.performances import MelodyTruth, PlayedNote
from benchmarks.real_files.truth import RealFile, notes_of

PROVENANCE = "latentknobs"
"""In the one text event that an output may have beyond its input."""
RIGHT, EXTRA = 0.98, 0.02
"""Least share of melody notes that are right, and most notes that nobody wrote, as a share of the melody."""


@frozen
class Comparison:
    """
    A file beside what came back.

    Attributes:
        right: Share of the melody's notes that are there, at the wanted pitch, within an eighth of a quarter.
        on_tick: The same at their very tick.
        extra: Notes of the turned voice that nobody wrote, as a share of the melody's.
        differences: What else is not as it was; empty = the whole file came back.
    """

    right: float
    on_tick: float
    extra: float
    differences: tuple[str, ...]

    @property
    def melody_right(self) -> bool:
        """Whether all melody notes count as right."""
        return self.right >= RIGHT and self.extra <= EXTRA

    @property
    def equal(self) -> bool:
        """Whether the melody has all its notes, on their ticks, and no others."""
        return self.on_tick == 1 and not self.extra

    @property
    def whole(self) -> bool:
        """Whether all that is not the melody came back."""
        return not self.differences


def read(data: bytes) -> Any:
    """A MIDI file by mido, also one in a RIFF file, texts as bytes."""
    if data.startswith(b"RIFF"):
        data = data[20:]
    return mido.MidiFile(file=io.BytesIO(data), charset="latin-1")


def _events(track: Any) -> list[tuple[int, bytes, Any]]:
    out, now = [], 0
    for message in track:
        now += message.time
        out.append((now, bytes(message.bytes()), message))
    return out


def _is_note(message: Any, channel: int) -> bool:
    return message.type in ("note_on", "note_off") and message.channel == channel


def compare(file: RealFile, output: Path, semitones: int) -> Comparison:
    """
    A file of the suite beside the output of a command that turned its melody by so many semitones.

    Raises:
        ValueError: The output is no MIDI file.
    """
    assert file.melody is not None
    if output.suffix in score_checks.SUFFIXES:
        shares = _melody(file.melody.notes, score_checks.melody_of(output, file.part), file.ticks, 480, semitones)
        return Comparison(*shares, score_checks.differences(output.parent / file.name, output, file.part))
    try:
        made = read(output.read_bytes())
    except (OSError, EOFError, ValueError, KeyError) as error:
        raise ValueError(f"{output.name} is not read by mido: {error}") from error
    if file.melody.track < 0:
        return _compare_notation(file, made, semitones)
    old = read(file.whole)
    truth = file.melody
    differences: list[str] = []
    heads = [(one.type, one.ticks_per_beat, len(one.tracks)) for one in (old, made)]
    if heads[0] != heads[1]:
        differences.append("type, ticks and tracks {} became {}".format(*heads))
    provenances = 0
    voice: list[PlayedNote] = []
    for k, track in enumerate(old.tracks):
        if k >= len(made.tracks):
            break
        before, after = _events(track), _events(made.tracks[k])
        kept = [event for event in after if not (event[2].type == "text" and PROVENANCE in event[2].text)]
        provenances += len(after) - len(kept)
        if k == truth.track:
            voice, gone = _without(notes_of(made.tracks[k], truth.channel), notes_of(track, truth.channel), truth)
            turned = {(note.start, note.pitch) for note in voice}  # with notes that were taken for the melody's
            if lost := sum((start, pitch + semitones) not in turned for start, pitch in gone):
                differences.append(f"track {k}: {lost} other notes of the melody's track are gone")
            before, kept = (
                [event for event in events if not _is_note(event[2], truth.channel)] for events in (before, kept)
            )
        old_events, new_events = ([event[:2] for event in events] for events in (before, kept))
        if old_events != new_events:
            differences.append(_first_difference(k, track.name, before, kept))
    if provenances > 1:
        differences.append(f"{provenances} texts of provenance")
    if not voice:
        voice = (
            [note for track in made.tracks for note in notes_of(track)] if len(made.tracks) != len(old.tracks) else []
        )
    return Comparison(
        *_melody(truth.notes, voice, old.ticks_per_beat, made.ticks_per_beat, semitones), tuple(differences)
    )


def _without(
    made: Sequence[PlayedNote], old: Sequence[PlayedNote], truth: MelodyTruth
) -> tuple[list[PlayedNote], list[tuple[int, int]]]:
    """The notes of the output that are none of the track's other notes, and start and pitch of those that are gone."""
    others = Counter((n.start, n.end, n.pitch, n.velocity) for n in old)
    others.subtract((n.start, n.end, n.pitch, n.velocity) for n in truth.notes)
    rest = []
    for note in made:
        key = note.start, note.end, note.pitch, note.velocity
        if others[key] > 0:
            others[key] -= 1
        else:
            rest.append(note)
    return rest, [(start, pitch) for start, _end, pitch, _velocity in (+others).elements()]


def _first_difference(number: int, name: str, before: Sequence[Any], after: Sequence[Any]) -> str:
    gone = Counter(event[:2] for event in before)
    gone.subtract(event[:2] for event in after)
    lost, new = sum(n for n in gone.values() if n > 0), -sum(n for n in gone.values() if n < 0)
    if not lost and not new:
        return f"track {number} {name!r}: events of a tick in another order"
    first = next((e for e in before if gone[e[:2]] > 0), None) or next(e for e in after if gone[e[:2]] < 0)
    return f"track {number} {name!r}: {lost} events gone, {new} new, the first at tick {first[0]}: {first[2]}"


def _melody(
    truth: Sequence[PlayedNote], made: Sequence[PlayedNote], old_ticks: int, new_ticks: int, semitones: int
) -> tuple[float, float, float]:
    """Shares of notes that are right, on their tick, and of extra ones."""
    waiting: dict[int, list[float]] = {}
    for note in made:
        waiting.setdefault(note.pitch, []).append(note.start / new_ticks)
    for starts in waiting.values():
        starts.sort()
    right = on_tick = 0
    for note in truth:
        starts, at = waiting.get(note.pitch + semitones, []), note.start / old_ticks
        k = bisect.bisect_left(starts, at - 0.125)
        near = [j for j in range(k, min(k + 4, len(starts))) if abs(starts[j] - at) <= 0.125]
        if near:
            best = min(near, key=lambda j: abs(starts[j] - at))
            on_tick += abs(starts.pop(best) - at) < 1e-9
            right += 1
    extra = sum(map(len, waiting.values()))
    count = max(len(truth), 1)
    return right / count, on_tick / count, extra / count


def _compare_notation(file: RealFile, made: Any, semitones: int) -> Comparison:
    """The truth of notation is the melody alone: some track of the output must be it."""
    assert file.melody is not None
    best = max(
        (
            _melody(file.melody.notes, notes_of(track), file.ticks, made.ticks_per_beat, semitones)
            for track in made.tracks
        ),
        key=lambda shares: shares[0] - shares[2],
    )
    return Comparison(*best, ())
