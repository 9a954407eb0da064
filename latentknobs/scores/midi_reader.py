"""A MIDI file to a piece: tracks, meter, grid, one voice; everything that was changed is told as a remark."""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from attrs import evolve, frozen

from latentknobs.core.clip import ClipFormat, DrumFormat, Note, Piece
from latentknobs.core.melody_format import MELODY
from latentknobs.errors import MidiError, UsageError
from latentknobs.scores.drum_hits import choose_drums, hits, voices
from latentknobs.scores.import_warnings import count, end_remarks, grid_remarks, meter_remarks, ranges, voice_remarks
from latentknobs.scores.midi_file import DEFAULT_TEMPO, MidiPart, MidiScore, Signature, load, provenance_of
from latentknobs.scores.midi_splice import MidiOrigin, TickGrid
from latentknobs.scores.note_pairing import TickNote
from latentknobs.scores.time_signatures import SignatureSpan, stretches
from latentknobs.scores.track_selection import choose
from latentknobs.scores.voice_extraction import (
    LEGATO,
    POLICIES,
    Policy,
    Voice,
    highest_onset,
    monophony,
    overlap,
    skyline,
)

MAX_BARS = 2000
"""Longest melody that is read: over an hour of 4/4 at 120 quarter notes a minute, a thousand 2-bar clips."""
_MOST_HELD = 50_000  # notes held over changes of the time signature, each counted at each change
_STEADY = 8  # onsets from which on a constant lateness is told from chance
_EARLY = -0.25  # steps up to which a constant earliness is what it seems, rather than a delay of most of a step


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
    Read the melody of a MIDI file, or its drums where the format is one of drums.

    Times are taken in ticks, so tempo changes move nothing. Starts and ends are rounded to the grid separately, half
    up, and a note lasts at least one step. The first tick is a downbeat. Where the meter changes, the longest stretch
    in 4/4 or 2/2 with notes is read (:func:`read_pieces` gives all of them). The length is in whole bars: to the end
    of the last note, and silence after it as far as the track goes. What was changed is told in ``Piece.remarks``.

    Args:
        path: The file, MIDI format 0 or 1.
        clip_format: Gives the steps in a beat and the beats in a bar; one of drums (DrumFormat) also its voices, and
            all drums of the file are read, whatever ``policy`` says.
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
        MidiError: The file cannot be read as a melody: damaged, another meter, no notes, only drums, several tracks or
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
    What :func:`~latentknobs.scores.write_piece` was told to note down in the file; None for a file of another origin.

    Raises:
        MidiError: The file cannot be read as MIDI.
    """
    return next((made for text in load(Path(path)).texts if (made := provenance_of(text)) is not None), None)


@frozen(eq=False)
class _Section:
    """The notes of one stretch on the grid, before one voice is made of them."""

    stretch: SignatureSpan
    grid: TickGrid
    notes: tuple[Note, ...]
    played: tuple[TickNote, ...]  # what each note is in the file
    steps: int
    moved: tuple[float, ...]  # by how many steps each onset was moved
    remarks: tuple[str, ...]

    def source(self, score: MidiScore, line: Sequence[Note], kit: DrumFormat | None) -> MidiOrigin:
        """Where the notes of a line that was made of these come from."""
        found: dict[tuple[int, int], list[TickNote]] = {}
        voice_of = None if kit is None else voices(kit)
        for note, played in zip(self.notes, self.played, strict=True):
            key = note.onset, note.pitch if voice_of is None else voice_of[note.pitch]
            found.setdefault(key, []).append(played)
        own = []
        for note in line:
            alike = found[note.onset, note.pitch if kit is None else note.voice]
            own.append(tuple(alike) if kit is not None else (max(alike, key=lambda one: one.end),))
        return MidiOrigin(score, self.grid, tuple(line), tuple(own))


@frozen(eq=False)
class _Reading:
    score: MidiScore
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
        remarks: list[str] = []
        if isinstance(clip_format, DrumFormat):
            parts, drum_remarks = choose_drums(score, clip_format, clip_format.name, track)
            remarks.extend(drum_remarks)
        else:
            parts = choose(score, policy, track)
        good, bad = stretches(score.signatures, score.ticks_per_beat, clip_format, regroup=regroup)
        if not good:
            raise MidiError(_other_meter(score, bad, clip_format, regroup=regroup))
        if len(parts) > 1:
            remarks.append(f"Tracks {ranges(part.number for part in parts)} were read as one.")
        remarks.extend(meter_remarks(bad, clip_format))
        shift = round(offset * score.ticks_per_beat)
        end = max(part.end for part in parts)
        sections = [
            _section(score, stretch, notes, end, clip_format, shift)
            for stretch, notes in zip(good, _share_out(path, parts, good), strict=True)
        ]
        with_notes = tuple(section for section in sections if section.notes)
        if not with_notes:
            place = "after moving it by the offset" if offset else "in the bars that can be read"
            raise MidiError(f"{path} has no notes {place}: choose another offset or track.")
        return cls(score, clip_format, policy, with_notes, (*score.remarks, *remarks))

    def piece(self, section: _Section, others: Sequence[_Section] = ()) -> Piece:
        path = self.score.path
        bar = self.clip_format.steps_per_beat * self.clip_format.beats_per_bar
        bars = section.steps // bar
        first = section.stretch.bar
        remarks = list(self.remarks)
        name = path.stem
        if first > 1 or section.stretch.end is not None:
            which = f"Bars {first} to {first + bars - 1}" if bars > 1 else f"Only bar {first}"
            remarks.append(f"{which} of the file {'were' if bars > 1 else 'was'} read, told below from bar 1 on.")
        if others:
            starts = ranges(other.stretch.bar for other in others)
            remarks.append(f"Other stretches of the file, from bar {starts}, were left out: this one is the longest.")
        elif len(self.sections) > 1:
            name = f"{name}_b{first:02d}-{first + bars - 1:02d}"
        remarks.extend(section.remarks)
        voice = self._voice(section, bar)
        remarks.extend(voice_remarks(voice, bar))
        remarks.extend(grid_remarks(section.moved, self.clip_format))
        remarks.extend(end_remarks(voice, section.steps, self.clip_format))
        kit = self.clip_format if isinstance(self.clip_format, DrumFormat) else None
        source = section.source(self.score, voice.notes, kit)
        first_tick = min(one.start for own in source.played for one in own)
        tempo = _playable(self.score.tempo_at(first_tick))
        remarks.extend(_tempo_remarks(self.score, tempo))
        return Piece(voice.notes, section.steps, tempo, name, tuple(remarks), source)

    def _voice(self, section: _Section, bar: int) -> Voice:
        if isinstance(self.clip_format, DrumFormat):
            return Voice(hits(section.notes, self.clip_format), (), ())
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


def _other_meter(
    score: MidiScore, bad: Sequence[tuple[Signature, int]], clip_format: ClipFormat, *, regroup: bool
) -> str:
    signature, bar = bad[0]
    half = clip_format.beats_per_bar * signature.unit == 8 * signature.beats
    hint = "join its bars in pairs with --regroup" if half and not regroup else "choose a piece in 4/4 or 2/2"
    told = (
        f"{score.path} is in {signature} from bar {bar} on; {clip_format.name} has bars of {clip_format.beats_per_bar} "
        f"quarter notes: {hint}."
    )
    return " ".join([told, *score.conflicts])


def _share_out(path: Path, parts: Sequence[MidiPart], good: Sequence[SignatureSpan]) -> list[list[TickNote]]:
    """The notes that sound in each stretch."""
    left = _MOST_HELD
    ends = [math.inf if stretch.end is None else stretch.end for stretch in good]
    out: list[list[TickNote]] = [[] for _ in good]
    for note in (note for part in parts for note in part.notes):
        first = bisect.bisect_right(ends, note.start)
        for k in range(first, len(good)):
            if good[k].begin >= note.end and good[k].begin > note.start:
                break
            out[k].append(note)
            left -= k > first
        if left < 0:
            raise MidiError(f"{path} changes its time signature under thousands of held notes: cut out a part of it.")
    return out


def _section(
    score: MidiScore,
    stretch: SignatureSpan,
    ticks: Sequence[TickNote],
    end_tick: int,
    clip_format: ClipFormat,
    shift: int,
) -> _Section:
    per_beat, division = clip_format.steps_per_beat, score.ticks_per_beat
    bar = per_beat * clip_format.beats_per_bar
    grid = TickGrid(stretch.start - shift, division, per_beat, stretch.begin, stretch.end)
    late = _lateness([note.start for note in ticks if note.start >= stretch.begin], grid)
    grid = evolve(grid, origin=grid.origin + late)
    placed: list[tuple[Note, TickNote]] = []
    moved: list[float] = []
    early = chased = 0
    for played in ticks:
        last = played.end if stretch.end is None else min(played.end, stretch.end)
        onset, off = grid.step(played.start), grid.step(last)
        if played.start < stretch.begin or onset < 0:
            # It sounds over the left edge: struck again there if half a step or more is left of it.
            if off <= 0:
                early += played.start >= stretch.begin
                continue
            onset = max(onset, 0)
            chased += 1
        else:
            moved.append(abs((played.start - grid.origin) * per_beat / division - onset))
        placed.append((Note(onset, played.pitch, max(off - onset, 1)), played))
    placed.sort()
    end_step = grid.step(end_tick if stretch.end is None else min(end_tick, stretch.end))
    last_note = max((note.end for note, _played in placed), default=0)
    steps = max(-(-last_note // bar), end_step // bar, 1) * bar
    if steps > MAX_BARS * bar and placed:
        raise MidiError(
            f"{score.path} is {steps // bar} bars long; at most {MAX_BARS} are read, over an hour at 120 beats a "
            "minute: cut out the part with the melody in a sequencer."
        )
    remarks = []
    if late:
        share = abs(late) * per_beat / division
        remarks.append(
            f"Everything is {share:.2f} steps {'late' if late > 0 else 'early'} ({abs(late)} ticks), which was taken "
            "out and is put back in MIDI files."
        )
    if stretch.pick_up:
        beats = f"{float(stretch.pick_up):g} beat{'' if stretch.pick_up == 1 else 's'}"
        remarks.append(f"The pick-up of {beats} stands at the end of bar 1.")
    if chased:
        remarks.append(f"{count(chased, 'note')} held over the start of bar 1 struck again there.")
    if early:
        remarks.append(f"{count(early, 'note')} moved before bar 1 by the offset left out.")
    notes, own = tuple(note for note, _played in placed), tuple(played for _note, played in placed)
    return _Section(stretch, grid, notes, own, steps, tuple(moved), tuple(remarks))


def _lateness(starts: Sequence[int], grid: TickGrid) -> int:
    """
    Ticks by which all onsets are late against the grid, less than a step; 0 where they have nothing in common.

    What nine of ten onsets share to a tenth of a step is taken for the delay of an instrument or a driver.
    """
    if len(starts) < _STEADY:
        return 0
    step = grid.ticks_per_beat / grid.steps_per_beat
    places = np.array([start - grid.origin for start in starts]) / step
    centre = float(np.angle(np.exp(2j * np.pi * places).mean()) / (2 * np.pi))
    apart = (places - centre + 0.5) % 1 - 0.5
    late = centre + float(np.median(apart))
    if (np.abs(apart) > 0.1).mean() > 0.1 or abs(late) < 0.1:
        return 0
    if late < _EARLY:
        # Early or late? Melodies have more onsets on beats than beside them.
        early_beats, late_beats = (
            (np.round(places - shift) % grid.steps_per_beat == 0).sum() for shift in (late, late + 1)
        )
        late += late_beats > early_beats or (late_beats == early_beats and late < -0.3)
    return round(late * step)


def _playable(micros: int) -> float:
    tempo = 60e6 / micros
    return tempo if tempo < 10_000 else 60e6 / DEFAULT_TEMPO


def _tempo_remarks(score: MidiScore, tempo: float) -> tuple[str, ...]:
    others = sum(_playable(micros) != tempo for _tick, micros in score.tempos)
    told = f"The tempo at the first note, {tempo:g}, is heard throughout: {count(others, 'tempo change')} left out."
    return (f"{told[:-1]} of sound, and kept in MIDI files.",) if others else ()
