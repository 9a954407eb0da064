"""What reading changed, in sentences."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence

from latentknobs.core.clip import ClipFormat
from latentknobs.core.meter import steps_per_bar
from latentknobs.core.piece import PieceStretch, format_for
from latentknobs.scores.timing import Timing
from latentknobs.scores.voice_extraction import Voice

_LISTED = 12


def voice_remarks(voice: Voice, stretches: Sequence[PieceStretch], clip_format: ClipFormat) -> list[str]:
    """How many notes the policy kept, dropped and cut, and in which bars."""
    if not voice.dropped and not voice.cut:
        return []
    total = len(voice.notes) + len(voice.dropped)
    remarks = [f"{len(voice.notes)} of {total} notes are read as the melody."]
    beside = "below or beside a higher one left as accompaniment"
    for onsets, what in ((voice.dropped, beside), (voice.cut, "cut by the next onset")):
        if onsets:
            numbers = sorted({bar_of(onset, stretches, clip_format) for onset in onsets})
            bars = f"bar{'s' if len(numbers) > 1 else ''} {ranges(numbers)}"
            remarks.append(f"{count(len(onsets), 'note')} {what} in {bars}.")
    return remarks


def bar_of(step: int, stretches: Sequence[PieceStretch], clip_format: ClipFormat) -> int:
    """The bar of a step, as people count in the file."""
    stretch = stretches[max(bisect.bisect_right(stretches, step, key=lambda one: one.start) - 1, 0)]
    return stretch.bar + int((step - stretch.start) / (stretch.signature.quarters * clip_format.steps_per_beat))


def timing_remarks(timing: Timing, clip_format: ClipFormat, *, quantize: bool) -> list[str]:
    """How onsets lay against the grid, if any was moved."""
    if not timing.mean:
        return []
    what = {
        "swing": "It swings",
        "triplets": "It has triplets",
        "mixed": "Some of it is played freely",
        "rubato": "It is played without a grid",
    }.get(timing.feel, "")
    kept = "they stay on it" if quantize else "and come back as they were where the melody keeps them"
    moved = (
        f"nsets were moved by {timing.mean:.2f} steps on average to the grid of {clip_format.steps_per_beat} steps a "
        f"beat, {timing.off:.0%} of them by a third of a sixteenth or more, {kept}."
    )
    return [f"{what}: o{moved}" if what else f"O{moved}"]


def end_remarks(voice: Voice, last: PieceStretch, formats: Sequence[ClipFormat]) -> list[str]:
    """Silence after the last note, and what fills the last clip of the ``last`` stretch."""
    bar = last.signature.quarters * formats[0].steps_per_beat
    silent = int((last.end - max(note.end for note in voice.notes)) / bar)
    chosen, missing = format_for(last, formats), 0
    if chosen is not None:
        missing = int(-last.steps % formats[chosen].steps // steps_per_bar(formats[chosen]))
    remarks = []
    if silent > 0:
        remarks.append(f"{count(silent, 'silent bar')} after the last note kept.")
    if missing:
        remarks.append(f"{count(missing, 'bar')} of silence fill{'s' if missing == 1 else ''} the last clip.")
    return remarks


def count(number: int, what: str) -> str:
    """1 note, 2 notes."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def ranges(numbers: Iterable[int]) -> str:
    """1, 2, 3, 7 as "1-3, 7"; what is more than a line is only counted."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    texts = [str(a) if a == b else f"{a}-{b}" for a, b in runs]
    more = f" and {len(texts) - _LISTED} more places" if len(texts) > _LISTED else ""
    return ", ".join(texts[:_LISTED]) + more
