"""The drum channel of a MIDI file as the hits of a format's drum kit."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve

from latentknobs.core.clip import DrumFormat, Note
from latentknobs.errors import MidiError
from latentknobs.scores.import_warnings import count, ranges
from latentknobs.scores.midi_file import MidiPart, MidiScore
from latentknobs.scores.track_selection import TrackChoiceError, named


def choose_drums(
    score: MidiScore, kit: DrumFormat, kit_name: str, track: int | str | None
) -> tuple[tuple[MidiPart, ...], tuple[str, ...]]:
    """
    The tracks to read as one kit, with the hits that it has a voice for, and remarks on the others.

    How long a drum's note is written says nothing: each hit ends a tick after its start.

    Args:
        score: The file.
        kit: The voices.
        kit_name: The format, for messages.
        track: Number or name of the track that is wanted, on any channel; None = all drums.

    Raises:
        MidiError: There is no such track, there are no drums, or none that the kit has a voice for.
    """
    try:
        parts = tuple(part for part in score.parts if part.drums) if track is None else (named(score, track),)
    except TrackChoiceError as error:  # the melody that it would take is none
        raise MidiError(str(error)) from None
    if not parts:
        raise MidiError(
            f"{score.path} has no drums (channel 10), and {kit_name} is drums: choose another file, or name the track "
            "that holds them with --track."
        )
    known = voices(kit)
    with_hits = []
    for part in parts:
        hits = tuple(note._replace(end=note.start + 1) for note in part.notes if note.pitch in known)
        with_hits.append(evolve(part, notes=hits))
    unknown = sorted(note.pitch for part in parts for note in part.notes if note.pitch not in known)
    if not any(part.notes for part in with_hits):
        raise MidiError(
            f"{score.path} has only drums that {kit_name} has no voice for (General MIDI {ranges(set(unknown))}): "
            "choose another file or track."
        )
    if not unknown:
        return tuple(with_hits), ()
    remark = f"{count(len(unknown), 'hit')} of drums without a voice left out (General MIDI {ranges(set(unknown))})."
    return tuple(with_hits), (remark,)


def hits(notes: Sequence[Note], kit: DrumFormat) -> tuple[Note, ...]:
    """The notes of the drum channel as hits of the kit's voices, one at a time for each, by onset."""
    known = voices(kit)
    struck = {(note.onset, known[note.pitch]) for note in notes}
    return tuple(Note(onset, kit.drums[voice].numbers[0], 1, voice) for onset, voice in sorted(struck))


def voices(kit: DrumFormat) -> dict[int, int]:
    """The voice of each drum of General MIDI; of two that claim one the first."""
    out: dict[int, int] = {}
    for voice, drum in enumerate(kit.drums):
        for number in drum.numbers:
            out.setdefault(number, voice)
    return out
