"""A MIDI file to a piece: track, time signatures, grid, one voice; everything that was changed is told as a remark."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Unpack

import numpy as np
from attrs import frozen

from latentknobs.core.clip import ClipFormat, DrumFormat, Note
from latentknobs.core.melody_format import MELODY
from latentknobs.core.meter import signature_of
from latentknobs.core.piece import Piece, PieceStretch, format_for
from latentknobs.core.time_signature import TimeSignature
from latentknobs.errors import MidiError
from latentknobs.scores.drum_hits import choose_drums, hits, voices
from latentknobs.scores.import_warnings import count, end_remarks, ranges, timing_remarks, voice_remarks
from latentknobs.scores.midi_file import DEFAULT_TEMPO, MidiPart, MidiScore, Signature, load, provenance_of
from latentknobs.scores.midi_splice import MidiOrigin, TickAxis, TickGrid
from latentknobs.scores.note_pairing import TickNote
from latentknobs.scores.reading import Reading, ReadingOptions
from latentknobs.scores.time_signatures import SignatureSpan, selected, spans_of
from latentknobs.scores.timing import lateness, timing
from latentknobs.scores.track_selection import NEARLY, choose, monophonic_share
from latentknobs.scores.voice_extraction import LEGATO, Voice, highest_onset, monophony, overlap, skyline

MAX_BARS = 2000
"""Longest melody that is read, in bars of 4/4: over an hour at 120 quarter notes a minute."""
_BAR_QUARTERS = 4


def read_piece(
    path: Path | str,
    *,
    clip_format: ClipFormat = MELODY,
    others: Sequence[ClipFormat] = (),
    **options: Unpack[ReadingOptions],
) -> Piece:
    """
    Read the melody of a MIDI file, or its drums where the format is one of drums.

    Times are taken in ticks, so tempo changes move nothing. Starts and ends are rounded to the grid separately, half
    up, and a note lasts at least one step; several notes that share a step, one after the other, are read as the
    longest, and follow it when the piece is written. The first tick is a downbeat. Each time signature of the file is a
    stretch of the piece. The length is in whole bars: to the end of the last note, and silence after it as far as the
    track goes. What was changed is told in ``Piece.remarks``.

    Args:
        path: The file, MIDI format 0 or 1.
        clip_format: Gives the steps in a beat; one of drums (DrumFormat) also its voices, and all drums of the file
            are read, whatever the policy says.
        others: Further formats on its grid that the piece will be cut with, of which remarks then tell too.
        options: policy, track, offset, bars, time_signature and quantize of
            :class:`~latentknobs.scores.reading.Reading`.

    Raises:
        MidiError: The file cannot be read as a melody: damaged, no notes, only drums, several tracks or voices and no
            choice among them, played without a grid, longer than MAX_BARS.
        UsageError: An option cannot be used.
    """
    reading = Reading(**options)
    return read_score(load(Path(path)), clip_format, reading, others)


def read_score(score: MidiScore, clip_format: ClipFormat, reading: Reading, others: Sequence[ClipFormat] = ()) -> Piece:
    """Read the melody of a file that is loaded, or raise what :func:`read_piece` does."""
    return _PieceReader(score, clip_format, reading, (clip_format, *others)).piece()


def read_provenance(path: Path | str) -> dict[str, Any] | None:
    """
    What :func:`~latentknobs.scores.write_piece` was told to note down in the file; None for a file of another origin.

    Raises:
        MidiError: The file cannot be read as MIDI.
    """
    return next((made for text in load(Path(path)).texts if (made := provenance_of(text)) is not None), None)


@frozen(eq=False)
class _Placed:
    """A note on the grid, and what it is in the file: by start, what shares its step one after the other."""

    note: Note
    played: tuple[TickNote, ...]


@frozen(eq=False)
class _PieceReader:
    score: MidiScore
    clip_format: ClipFormat
    reading: Reading
    formats: tuple[ClipFormat, ...]

    def piece(self) -> Piece:
        score, reading = self.score, self.reading
        remarks = list(score.remarks)
        kit = self.clip_format if isinstance(self.clip_format, DrumFormat) else None
        if kit is not None:
            parts, drum_remarks = choose_drums(score, kit, self.clip_format.name, reading.track)
            remarks.extend(drum_remarks)
        else:
            parts = choose(score, reading.policy, reading.track)
        remarks.extend(self._choice_remarks(parts, drums=kit is not None))
        spans = self._spans()
        axis = _axis(spans, score.ticks_per_beat, self.clip_format.steps_per_beat)
        ticks = sorted(note for part in parts for note in part.notes)
        late = self._lateness([note.start for note in ticks], axis)
        axis = axis.late_by(late)
        placed, cut_off = self._placed(ticks, axis, fold=kit is None and self._one_line(parts))
        if not placed:
            raise MidiError(f"{score.path} has no notes {self._where()}: choose others, or another track.")
        stretches = self._stretches(spans, axis, placed, max(part.end for part in parts))
        steps = stretches[-1].end
        voice = self._voice([one.note for one in placed], steps, stretches)
        played = _played(placed, voice.notes, kit)
        remarks.extend(self._range_remarks(spans, stretches, late))
        remarks.extend(self._meter_remarks(stretches))
        if cut_off:
            remarks.append(f"{count(cut_off, 'note')} held into the first bar begin there.")
        remarks.extend(voice_remarks(voice, stretches, self.clip_format))
        remarks.extend(self._timing_remarks(played, axis))
        remarks.extend(end_remarks(voice, stretches[-1], self.formats))
        first_tick = min(one.start for own in played for one in own)
        tempo = _playable(score.tempo_at(first_tick))
        remarks.extend(_tempo_remarks(score, tempo))
        source = MidiOrigin(
            score, axis.late_by(-late) if reading.quantize else axis, voice.notes, played, reading.quantize
        )
        name = score.path.stem
        if reading.bars:
            name = f"{name}_b{reading.bars.replace(' ', '')}"
        return Piece(voice.notes, steps, tempo, name, tuple(remarks), source, stretches)

    def _spans(self) -> tuple[SignatureSpan, ...]:
        score, reading = self.score, self.reading
        signatures: Sequence[Signature] = score.signatures
        if reading.time_signature:
            stated = TimeSignature.parse(reading.time_signature)
            signatures = (Signature(0, stated.beats, stated.unit),)
        spans = spans_of(signatures, score.ticks_per_beat, round(reading.offset * score.ticks_per_beat))
        if reading.bars:
            spans = selected(spans, reading.bars, score.ticks_per_beat)
            if not spans:
                raise MidiError(f"{score.path} has no bars {reading.bars}: choose others.")
        return spans

    def _one_line(self, parts: Sequence[MidiPart]) -> bool:
        """Whether notes that share a step, one after the other, are of one line and not of several voices."""
        return len(parts) == 1 and monophonic_share(parts[0].notes, self.score.ticks_per_beat) >= NEARLY

    def _lateness(self, starts: Sequence[int], axis: TickAxis) -> int:
        grid = axis.grids[0]
        places = np.array([axis.at_tick(start).place(start) for start in starts])
        return round(
            lateness(places, self.clip_format.steps_per_beat) * grid.ticks_per_beat / self.clip_format.steps_per_beat
        )

    def _placed(self, ticks: Iterable[TickNote], axis: TickAxis, *, fold: bool) -> tuple[list[_Placed], int]:
        """The notes of the piece's bars on the grid, by onset, and how many are held into the first of them."""
        by_onset: dict[int, list[tuple[int, TickNote]]] = {}
        last_step = None if axis.stop is None else axis.step(axis.stop)
        held = 0
        for one in ticks:
            onset, off = axis.step(one.start), axis.step(one.end)
            if last_step is not None:
                if onset >= last_step:
                    continue
                off = min(off, last_step)
            if onset < 0:
                if off <= 0 or one.end <= axis.begin:
                    continue
                onset, held = 0, held + 1  # struck again there, as it sounds over the left edge
            by_onset.setdefault(onset, []).append((max(off, onset + 1), one))
        tolerance = self.score.ticks_per_beat // 16 if fold else None
        return [placed for onset in sorted(by_onset) for placed in _folded(onset, by_onset[onset], tolerance)], held

    def _stretches(
        self, spans: Sequence[SignatureSpan], axis: TickAxis, placed: Sequence[_Placed], end_tick: int
    ) -> tuple[PieceStretch, ...]:
        """The piece's stretches: to the end of the bar of its last note, and silent bars as far as its tracks go."""
        last_note, last_tick = max(one.note.end for one in placed), axis.step(end_tick)
        per_beat = self.clip_format.steps_per_beat
        out: list[PieceStretch] = []
        for span, grid in zip(spans, axis.grids, strict=True):
            whole = None if span.end is None else _steps(span, self.score.ticks_per_beat, per_beat)
            bar = span.signature.quarters * per_beat
            sounding, silent = (
                math.ceil(part * bar)
                for part in (math.ceil((last_note - grid.first) / bar), math.floor((last_tick - grid.first) / bar))
            )
            steps = max(sounding, silent, 0 if out else math.ceil(bar))
            steps = steps if whole is None else min(steps, whole)
            if steps <= 0:
                break
            if grid.first + steps > MAX_BARS * _BAR_QUARTERS * per_beat:
                raise MidiError(
                    f"{self.score.path} is longer than {MAX_BARS} bars of 4/4, over an hour at 120 beats a minute: "
                    "choose a part of it with --bars 1-64.",
                    options=("--bars", "1-64"),
                )
            out.append(PieceStretch(grid.first, steps, span.signature, span.bar))
            if steps != whole:
                break
        return tuple(out)

    def _voice(self, notes: Sequence[Note], steps: int, stretches: Sequence[PieceStretch]) -> Voice:
        if isinstance(self.clip_format, DrumFormat):
            return Voice(hits(notes, self.clip_format), (), ())
        policy = self.reading.policy
        if policy == "skyline":
            return skyline(notes, steps)
        if policy != "highest-onset":
            step = overlap(notes, LEGATO if policy == "auto" else 0)
            share = monophony(notes, steps)
            if step is not None and policy == "auto" and share >= NEARLY:
                return skyline(notes, steps)
            if step is not None:
                where = _place(step, stretches, self.clip_format)
                raise MidiError(
                    f"{self.score.path}: several notes sound at once, first {where} "
                    f"({share:.0%} of it is one note at a time): choose the highest line with --policy skyline, or "
                    "--policy highest-onset.",
                    options=("--policy", "skyline"),
                )
        return highest_onset(notes)

    def _timing_remarks(self, played: Sequence[Sequence[TickNote]], axis: TickAxis) -> list[str]:
        starts = [own[0].start for own in played if own[0].start >= axis.begin]
        places = np.array([axis.at_tick(start).place(start) for start in starts])
        found = timing(places, self.clip_format.steps_per_beat)
        if found.feel == "rubato" and not self.reading.quantize:
            raise MidiError(
                f"{self.score.path} was played without a grid: {found.off:.0%} of its onsets lie a third of a "
                "sixteenth or more beside it. Quantize it in a sequencer (its beat detection first), choose "
                "steady bars with --bars, or have every note moved to the nearest sixteenth with --quantize.",
                options=("--quantize",),
            )
        return timing_remarks(found, self.clip_format, quantize=self.reading.quantize)

    def _choice_remarks(self, parts: Sequence[MidiPart], *, drums: bool) -> list[str]:
        if len(parts) > 1:
            return [f"Tracks {ranges(part.number for part in parts)} were read as one."]
        if drums or len(self.score.parts) == 1 or self.reading.track is not None:
            return []
        part = parts[0]
        named = f"{part.number}, {part.name[:60]!r}," if part.name else f"{part.number}"
        others = len(self.score.parts) - 1
        return [f"Track {named} was taken as the melody; --track chooses another of {others} more."]

    def _range_remarks(
        self, spans: Sequence[SignatureSpan], stretches: Sequence[PieceStretch], late: int
    ) -> Iterable[str]:
        if late and not self.reading.quantize:
            share = abs(late) * self.clip_format.steps_per_beat / self.score.ticks_per_beat
            yield (
                f"Everything is {share:.2f} steps {'late' if late > 0 else 'early'} ({abs(late)} ticks), which was "
                "taken out and is put back in MIDI files."
            )
        if spans[0].pick_up and stretches[0].bar == 1:
            quarters = float(spans[0].pick_up)
            notes = "note" if quarters == 1 else "notes"
            yield f"The first bar is a pick-up of {quarters:g} quarter {notes}, after silence."

    def _meter_remarks(self, stretches: Sequence[PieceStretch]) -> Iterable[str]:
        taken = ((one, format_for(one, self.formats)) for one in stretches)
        pairs = {(one.signature, signature_of(self.formats[k])) for one, k in taken if k is not None}
        for name, own in sorted((str(one), str(own)) for one, own in pairs if own.quarters > one.quarters):
            yield f"Bars of {name} are taken together as bars of {own}."

    def _where(self) -> str:
        if self.reading.bars:
            return f"in bars {self.reading.bars}"
        return "in the bars that can be read"


def _axis(spans: Sequence[SignatureSpan], ticks_per_beat: int, steps_per_beat: int) -> TickAxis:
    grids = []
    first = 0
    for span in spans:
        grids.append(TickGrid(span.start, ticks_per_beat, steps_per_beat, first))
        if span.end is not None:
            first += _steps(span, ticks_per_beat, steps_per_beat)
    return TickAxis(tuple(grids), max(spans[0].start, 0), spans[-1].end)


def _steps(span: SignatureSpan, ticks_per_beat: int, steps_per_beat: int) -> int:
    assert span.end is not None
    return max(-(-(span.end - span.start) * steps_per_beat // ticks_per_beat), 1)


def _folded(onset: int, notes: Sequence[tuple[int, TickNote]], tolerance: int | None) -> Iterable[_Placed]:
    """The notes that start on a step: those that follow each other within ``tolerance`` ticks as one."""
    chains: list[list[tuple[int, TickNote]]] = []
    for off, one in notes:
        for chain in chains:
            before = chain[-1][1]
            in_turn = before.end <= one.start + (tolerance or 0) and before.start < one.start
            if tolerance is not None and in_turn and (before.channel, before.track) == (one.channel, one.track):
                chain.append((off, one))
                break
        else:
            chains.append([(off, one)])
    for chain in chains:
        longest = max((one for _off, one in chain), key=lambda one: one.end - one.start)
        end = max(off for off, _one in chain)
        yield _Placed(Note(onset, longest.pitch, end - onset), tuple(one for _off, one in chain))


def _played(
    placed: Sequence[_Placed], line: Sequence[Note], kit: DrumFormat | None
) -> tuple[tuple[TickNote, ...], ...]:
    """What each note of a line that was made of these is in the file."""
    found: dict[tuple[int, int], list[_Placed]] = {}
    voice_of = None if kit is None else voices(kit)
    for one in placed:
        key = one.note.onset, one.note.pitch if voice_of is None else voice_of[one.note.pitch]
        found.setdefault(key, []).append(one)
    out = []
    for note in line:
        alike = found[note.onset, note.pitch if kit is None else note.voice]
        if kit is None:
            out.append(max(alike, key=lambda one: one.note.end).played)
        else:
            out.append(tuple(tick for one in alike for tick in one.played))
    return tuple(out)


def _place(step: int, stretches: Sequence[PieceStretch], clip_format: ClipFormat) -> str:
    stretch = max((one for one in stretches if one.start <= step), key=lambda one: one.start)
    bars, within = divmod(step - stretch.start, stretch.signature.quarters * clip_format.steps_per_beat)
    return f"in bar {stretch.bar + int(bars)} on beat {float(within / clip_format.steps_per_beat) + 1:g}"


def _playable(micros: int) -> float:
    tempo = 60e6 / micros
    return tempo if tempo < 10_000 else 60e6 / DEFAULT_TEMPO


def _tempo_remarks(score: MidiScore, tempo: float) -> tuple[str, ...]:
    others = sum(_playable(micros) != tempo for _tick, micros in score.tempos)
    return (f"The tempo at the first note is {tempo:g}; {count(others, 'other tempo')} kept.",) if others else ()
