"""A MIDI file to a piece: tracks, metre, grid, one voice; everything that was changed is told as a remark."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from attrs import frozen

from latentknobs.core.clip import ClipFormat, Note, Piece
from latentknobs.core.melody import MELODY
from latentknobs.errors import MidiError, UsageError
from latentknobs.midi.file import Part, Score, TickNote, load
from latentknobs.midi.metre import Stretch, stretches
from latentknobs.midi.remarks import count, end_remarks, grid_remarks, ranges, voice_remarks
from latentknobs.midi.voice import LEGATO, POLICIES, Policy, Voice, highest_onset, monophony, overlap, skyline

MAX_BARS = 2000
"""Longest melody that is read: over an hour of 4/4 at 120 quarter notes a minute, a thousand 2-bar clips."""
DEFAULT_TEMPO = 500_000
PROVENANCE_KEY = "latentknobs"
_LISTED = 12
_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


def read_piece(
    path: Path | str,
    *,
    clip_format: ClipFormat = MELODY,
    policy: Policy = "auto",
    track: int | str | None = None,
    offset: float = 0.0,
    regroup: bool = False,
) -> Piece:
    """
    Read the melody of a MIDI file.

    Times are taken in ticks, so tempo changes move nothing. Starts and ends are rounded to the grid separately, half
    up, and a note lasts at least one step. The first tick is a downbeat. Where the metre changes, the longest stretch
    in 4/4 or 2/2 with notes is read (:func:`read_pieces` gives all of them). The length is in whole bars: to the end
    of the last note, and silence after it as far as the track goes. What was changed is told in ``Piece.remarks``.

    Args:
        path: The file, MIDI format 0 or 1.
        clip_format: Gives the steps in a beat and the beats in a bar.
        policy: What becomes of notes that sound together. "auto": a line with no more than legato overlaps is taken,
            anything else is refused with the choices. "error": refused at the first overlap. "highest-onset": of notes
            that start together the highest, cut by the next onset. "skyline": at each step the highest sounding note.
            The last two also merge several tracks.
        track: Number (from 1, among the tracks with notes) or name of the track to read; None = the only one that
            is no drum and no effect.
        offset: Quarter notes by which the music is moved right against the bar lines, for a file whose first note
            is a pick-up; negative = left.
        regroup: Whether two bars of 2/4 are joined to one of 4/4.

    Raises:
        MidiError: The file cannot be read as a melody: damaged, another metre, no notes, only drums, several tracks or
            voices and no choice among them, longer than MAX_BARS.
        UsageError: An argument cannot be used.
    """
    reading = _Reading.of(Path(path), clip_format, policy, track, offset, regroup=regroup)
    longest = max(reading.sections, key=lambda section: (section.steps, -section.stretch.bar))
    return reading.piece(longest, others=[s for s in reading.sections if s is not longest])


def read_pieces(
    path: Path | str,
    *,
    clip_format: ClipFormat = MELODY,
    policy: Policy = "auto",
    track: int | str | None = None,
    offset: float = 0.0,
    regroup: bool = False,
) -> tuple[Piece, ...]:
    """Every stretch in 4/4 or 2/2 that has notes, as a piece of its own; else as :func:`read_piece`."""
    reading = _Reading.of(Path(path), clip_format, policy, track, offset, regroup=regroup)
    return tuple(reading.piece(section) for section in reading.sections)


def read_provenance(path: Path | str) -> dict[str, Any] | None:
    """
    What :func:`~latentknobs.midi.write_piece` was told to note down in the file; None for a file of another origin.

    Raises:
        MidiError: The file cannot be read as MIDI.
    """
    for text in load(Path(path)).texts:
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict) and isinstance(found.get(PROVENANCE_KEY), dict):
            return dict(found[PROVENANCE_KEY])
    return None


@frozen(eq=False)
class _Section:
    """The notes of one stretch on the grid, before one voice is made of them."""

    stretch: Stretch
    notes: tuple[Note, ...]
    steps: int
    moved: tuple[float, ...]  # by how many steps each onset was moved
    remarks: tuple[str, ...]


@frozen(eq=False)
class _Reading:
    score: Score
    clip_format: ClipFormat
    policy: Policy
    sections: tuple[_Section, ...]
    remarks: tuple[str, ...]

    @classmethod
    def of(
        cls,
        path: Path,
        clip_format: ClipFormat,
        policy: Policy,
        track: int | str | None,
        offset: float,
        *,
        regroup: bool,
    ) -> _Reading:
        if policy not in POLICIES:
            raise UsageError(f"There is no polyphony policy named {policy!r}: use one of {', '.join(POLICIES)}.")
        if not math.isfinite(offset):
            raise UsageError(f"The offset must be a number of beats, not {offset}.")
        score = load(path)
        parts = _choose(score, policy, track)
        good, bad = stretches(score.signatures, score.ticks_per_beat, clip_format, regroup=regroup)
        if not good:
            raise MidiError(_other_metre(path, bad, clip_format, regroup=regroup))
        remarks: list[str] = []
        if len(parts) > 1:
            remarks.append(f"Tracks {ranges(part.number for part in parts)} were read as one.")
        remarks.extend(
            f"What is in {signature} from bar {bar} on was left out: only bars of {clip_format.beats_per_bar} quarter "
            "notes are read."
            for signature, bar in bad
        )
        shift = round(offset * score.ticks_per_beat)
        sections = [_section(score, parts, stretch, clip_format, shift) for stretch in good]
        with_notes = tuple(section for section in sections if section.notes)
        if not with_notes:
            where = "after moving it by the offset" if offset else "in the bars that can be read"
            raise MidiError(f"{path} has no notes {where}: choose another offset or track.")
        return cls(score, clip_format, policy, with_notes, (*remarks, *_tempo_remarks(score)))

    def piece(self, section: _Section, others: Sequence[_Section] = ()) -> Piece:
        path = self.score.path
        bar = self.clip_format.steps_per_beat * self.clip_format.beats_per_bar
        bars = section.steps // bar
        first = section.stretch.bar
        remarks = list(self.remarks)
        name = path.stem
        if first > 1 or section.stretch.end is not None:
            remarks.append(
                f"Bars {first} to {first + bars - 1} of the file were read; below, bar 1 is its bar {first}."
            )
        if others:
            starts = ", ".join(str(other.stretch.bar) for other in others)
            remarks.append(f"Other stretches of the file, from bar {starts}, were left out: this one is the longest.")
        elif len(self.sections) > 1:
            name = f"{name}_b{first:02d}-{first + bars - 1:02d}"
        remarks.extend(section.remarks)
        voice = self._voice(section, bar)
        remarks.extend(voice_remarks(voice, bar))
        remarks.extend(grid_remarks(section.moved, self.clip_format))
        remarks.extend(end_remarks(voice, section.steps, self.clip_format))
        return Piece(
            notes=voice.notes, steps=section.steps, tempo=_tempo(self.score), name=name, remarks=tuple(remarks)
        )

    def _voice(self, section: _Section, bar: int) -> Voice:
        if self.policy == "skyline":
            return skyline(section.notes, section.steps)
        if self.policy != "highest-onset":
            step = overlap(section.notes, LEGATO if self.policy == "auto" else 0)
            if step is not None:
                beat = step % bar / self.clip_format.steps_per_beat + 1
                share = monophony(section.notes, section.steps)
                raise MidiError(
                    f"{self.score.path}: several notes sound at once, first in bar {step // bar + 1} on beat {beat:g} "
                    f"({share:.0%} of it is one note at a time): choose --policy highest-onset or --policy skyline."
                )
        return highest_onset(section.notes)


def _choose(score: Score, policy: Policy, track: int | str | None) -> tuple[Part, ...]:
    path = score.path
    if not score.parts:
        raise MidiError(f"{path} has no notes: export the track that holds the melody.")
    if track is not None:
        return (_named(score, track),)
    if all(part.drums for part in score.parts):
        raise MidiError(f"{path} has only drums (channel 10): export the track that holds the melody.")
    pitched = tuple(part for part in score.parts if part.pitched)
    if len(pitched) == 1 or (pitched and policy in ("highest-onset", "skyline")):
        return pitched
    choice = "--track N" if not pitched else "--track N, or --policy skyline to read them as one"
    raise MidiError(f"{path}: which track is the melody? Choose {choice}: {_listing(score, pitched or score.parts)}.")


def _named(score: Score, track: int | str) -> Part:
    wanted = str(track).strip()
    if wanted.isascii() and wanted.isdigit():
        found = [part for part in score.parts if part.number == int(wanted)]
    else:
        found = [part for part in score.parts if part.name.casefold() == wanted.casefold()]
    if len(found) != 1:
        many = "several tracks are" if found else "no track is"
        raise MidiError(f"{score.path}: {many} {wanted!r}; there is: {_listing(score, score.parts)}.")
    if found[0].drums:
        raise MidiError(f"{score.path}: track {wanted} is drums (channel 10), which have no pitch: choose another.")
    return found[0]


def _listing(score: Score, parts: Sequence[Part]) -> str:
    texts = []
    for part in parts[:_LISTED]:
        low, high = min(n.pitch for n in part.notes), max(n.pitch for n in part.notes)
        kind = ", drums" if part.drums else "" if part.pitched else ", effects"
        texts.append(
            f"{part.number} {part.name or 'without name'!r} ({len(part.notes)} notes, {_pitch(low)} to {_pitch(high)}, "
            f"{_alone(part.notes, score.ticks_per_beat):.0%} one at a time{kind})"
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


def _other_metre(path: Path, bad: Sequence[tuple[Any, int]], clip_format: ClipFormat, *, regroup: bool) -> str:
    signature, bar = bad[0]
    half = clip_format.beats_per_bar * signature.unit == 8 * signature.beats and signature.unit in (2, 4)
    hint = "join its bars in pairs with --regroup" if half and not regroup else "choose a piece in 4/4 or 2/2"
    return (
        f"{path} is in {signature} from bar {bar} on; {clip_format.name} has bars of {clip_format.beats_per_bar} "
        f"quarter notes: {hint}."
    )


def _half_up(ticks: int, steps_per_beat: int, ticks_per_beat: int) -> int:
    """The nearest step, the later of two that are as near."""
    return (2 * ticks * steps_per_beat + ticks_per_beat) // (2 * ticks_per_beat)


def _section(score: Score, parts: Sequence[Part], stretch: Stretch, clip_format: ClipFormat, shift: int) -> _Section:
    per_beat, division = clip_format.steps_per_beat, score.ticks_per_beat
    bar = per_beat * clip_format.beats_per_bar
    origin = stretch.start - shift
    notes: list[Note] = []
    moved: list[float] = []
    early = chased = 0
    begin = stretch.start if not stretch.pick_up else 0
    for start, end, pitch in (note for part in parts for note in part.notes):
        if stretch.end is not None and start >= stretch.end:
            continue
        last = end if stretch.end is None else min(end, stretch.end)
        onset, off = (_half_up(tick - origin, per_beat, division) for tick in (start, last))
        if start < begin or onset < 0:
            # It sounds over the left edge: struck again there if half a step or more is left of it.
            if off <= 0:
                early += start >= begin
                continue
            onset = max(onset, 0)
            chased += 1
        else:
            moved.append(abs(float(Fraction((start - origin) * per_beat, division) - onset)))
        notes.append(Note(onset, pitch, max(off - onset, 1)))
    end_tick = max(part.end for part in parts)
    end_step = _half_up((end_tick if stretch.end is None else min(end_tick, stretch.end)) - origin, per_beat, division)
    last_note = max((note.end for note in notes), default=0)
    steps = max(-(-last_note // bar), end_step // bar, 1) * bar
    if steps > MAX_BARS * bar and notes:
        raise MidiError(
            f"{score.path} is {steps // bar} bars long; at most {MAX_BARS} are read, over an hour at 120 beats a "
            "minute: cut out the part with the melody in a sequencer."
        )
    remarks = []
    if stretch.pick_up:
        remarks.append(f"The pick-up of {float(stretch.pick_up):g} beats stands at the end of bar 1.")
    if chased:
        remarks.append(f"{count(chased, 'note')} held over the start of bar 1 struck again there.")
    if early:
        remarks.append(f"{count(early, 'note')} moved before bar 1 by the offset left out.")
    return _Section(stretch, tuple(sorted(notes)), steps, tuple(moved), tuple(remarks))


def _tempo(score: Score) -> float:
    micros = score.tempos[0][1] if score.tempos else DEFAULT_TEMPO
    tempo = 60e6 / max(micros, 1)
    return tempo if tempo < 10_000 else 60e6 / DEFAULT_TEMPO


def _tempo_remarks(score: Score) -> tuple[str, ...]:
    later = sum(micros != score.tempos[0][1] for _tick, micros in score.tempos)
    remarks = [f"The first tempo, {_tempo(score):g}, holds throughout: {count(later, 'tempo change')} left out."]
    return tuple(remarks) if later else ()
