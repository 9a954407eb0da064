"""
Edits that depend on the piece through one pitch, and the key in which such an edit is one and the same for all pieces.

With T_k transposition of clip and piece by k semitones, such an edit f commutes with it: f(T_k x) = T_k f(x). So a
piece can be moved to where its key is C major or A minor ("key"), C major or C minor ("tonic"), either in the octave
where the first note is nearest to middle C, or to where its first note is E4, be edited there, and moved back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import cast

from attrs import evolve

from latentknobs.core.arrays import ClipBatch
from latentknobs.core.augmentation import Augmentation
from latentknobs.core.clip import ClipFormat, Note
from latentknobs.core.corpus import Song, Tally
from latentknobs.core.edit_context import CLASSES, MIDDLE_C, REFERENCES, EditContext, Key, Reference, contexts_of
from latentknobs.core.melody_format import HOLD, MelodyFormat
from latentknobs.errors import PluginError

FIRST_NOTE = 64
"""Where pieces are moved to by their first note: E4, in the middle of the piano's keys."""


def reference_of(augmentation: Augmentation) -> Reference:
    """
    What an edit is relative to, "" where it is the same everywhere or no single pitch says it.

    Raises:
        PluginError: It names something else.
    """
    reference = getattr(augmentation, "relative_to", "")
    if reference not in REFERENCES:
        raise PluginError(f"{augmentation.name!r} is relative to {reference!r}; it can be to key, tonic or first-note.")
    return cast(Reference, reference)


def semitones_above(reference: Reference, context: EditContext) -> int:
    """
    How far a piece lies above the one key.

    By its tonic: how far the tonic nearest to its first note lies above middle C. By its key, likewise that of the
    major key with the same scale.
    """
    if reference == "first-note" and context.first is not None:
        return context.first.pitch - FIRST_NOTE
    if reference in ("key", "tonic") and context.key is not None:
        return context.nearest(context.key.relative_major if reference == "key" else context.key.tonic) - MIDDLE_C
    return 0


def transposed_key(key: Key | None, by: int) -> Key | None:
    """A key, semitones higher."""
    return None if key is None else evolve(key, tonic=(key.tonic + by) % CLASSES)


def transposed_context(context: EditContext, by: int) -> EditContext:
    """The context of a clip of the piece, semitones higher."""
    first, span = context.first, context.pitch_range
    return evolve(
        context,
        key=transposed_key(context.key, by),
        first=None if first is None else Note(first.onset, first.pitch + by, first.length),
        pitch_range=None if span is None else (span[0] + by, span[1] + by),
    )


def transposed_clips(clips: ClipBatch, by: int) -> ClipBatch:
    """Melodies (N, steps), semitones higher, whether MIDI has such pitches or not."""
    out = clips.copy()
    out[clips < HOLD] += by
    return out


def in_one_key(
    songs: Iterable[Song], reference: Reference, clip_format: ClipFormat, tally: Tally | None = None
) -> Iterator[Song]:
    """
    Songs moved there; as they are without a reference or if they are no melodies.

    Args:
        songs: The songs.
        reference: What they are moved by.
        clip_format: Of their clips.
        tally: Counts the clips of songs that would leave MIDI's pitches, and are left out.
    """
    for song in songs:
        if not reference or not isinstance(clip_format, MelodyFormat):
            yield song
            continue
        context = contexts_of(song.clips, clip_format, key=song.key)[0]
        by, span = -semitones_above(reference, context), context.pitch_range or (0, 0)
        if span[0] + by >= 0 and span[1] + by < HOLD:
            yield evolve(song, clips=transposed_clips(song.clips, by), key=transposed_key(context.key, by))
        elif tally is not None:
            tally.add(f"outside MIDI by their {reference} in one key", len(song.clips))
