"""What reading changed, in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from latentknobs.core.clip import ClipFormat
from latentknobs.scores.midi_file import Signature
from latentknobs.scores.voice_extraction import Voice

OFF_GRID = 0.33
"""Steps by which an onset is moved when it counts as off the grid: triplets and swung eighths move by a third."""
_LISTED = 12


def meter_remarks(bad: Sequence[tuple[Signature, int]], clip_format: ClipFormat) -> list[str]:
    """Which meters were left out; ``bad`` holds each signature with its first bar."""
    if not bad:
        return []
    places = ", ".join(f"{signature} from bar {bar}" for signature, bar in bad[:_LISTED])
    more = f" and {len(bad) - _LISTED} more" if len(bad) > _LISTED else ""
    quarters = clip_format.beats_per_bar
    return [f"What is in another meter was left out ({places}{more}): only bars of {quarters} quarter notes are read."]


def voice_remarks(voice: Voice, bar: int) -> list[str]:
    """How many notes the policy kept, dropped and cut, and in which bars of ``bar`` steps."""
    if not voice.dropped and not voice.cut:
        return []
    total = len(voice.notes) + len(voice.dropped)
    remarks = [f"{len(voice.notes)} of {total} notes kept as one voice."]
    for onsets, what in ((voice.dropped, "below or beside a higher one dropped"), (voice.cut, "cut by the next onset")):
        if onsets:
            numbers = sorted({onset // bar + 1 for onset in onsets})
            bars = f"bar{'s' if len(numbers) > 1 else ''} {ranges(numbers)}"
            remarks.append(f"{count(len(onsets), 'note')} {what} in {bars}.")
    return remarks


def grid_remarks(moved: Sequence[float], clip_format: ClipFormat) -> list[str]:
    """By how many steps onsets were moved, if any was."""
    if not any(moved):
        return []
    mean = sum(moved) / len(moved)
    share = sum(m >= OFF_GRID for m in moved) / len(moved)
    hint = " Swing or triplets? This grid has none." if share > 0.1 else ""
    text = (
        f"Onsets were moved by {mean:.2f} steps on average to the grid of {clip_format.steps_per_beat} steps a beat, "
        f"{share:.0%} of them by a third of a step or more.{hint}"
    )
    return [text]


def end_remarks(voice: Voice, steps: int, clip_format: ClipFormat) -> list[str]:
    """Silence after the last note, and what fills the last clip."""
    bar = clip_format.steps_per_beat * clip_format.beats_per_bar
    silent = (steps - max(note.end for note in voice.notes)) // bar
    missing = -steps % clip_format.steps // bar
    remarks = []
    if silent:
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
