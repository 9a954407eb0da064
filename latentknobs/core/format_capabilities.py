"""
What an augmentation, attribute or comparison may need of a clip format, by name, and which formats have it.

A format has a capability by what it is made of, so no format lists its own; what needs one states it as
``needs = ("monophonic",)``. Nothing stated in ``needs`` and no ``clip_format`` = any format will do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from latentknobs.core.arrays import Bools, ClipBatch
from latentknobs.core.capability import capability
from latentknobs.core.clip import ClipFormat, DrumFormat, with_notes
from latentknobs.core.melody_format import HOLD, MELODY, REST, MelodyFormat
from latentknobs.core.meter import signature_of, steps_per_bar
from latentknobs.core.time_signature import TimeSignature
from latentknobs.errors import ClipError, PluginError, UsageError


class MonophonicFormat(Protocol):
    """
    What a format of one voice of pitched notes has besides, whatever its tokens are.

    What needs "monophonic" is given its clips as melody tokens (:class:`~latentknobs.MelodyFormat`) by these two. An
    edited melody is made a clip again by ``tokens``, or by ``with_notes`` where clips hold more than notes
    (:class:`~latentknobs.core.clip.WithNotes`).
    """

    def onsets(self, clips: ClipBatch) -> Bools:
        """Where a note starts, bool (N, steps)."""
        ...

    def sounding(self, clips: ClipBatch) -> NDArray[np.int16]:
        """The MIDI pitch that sounds on each step, int16 (N, steps), -1 = silence."""
        ...


@frozen
class FormatCapability:
    """
    Something that a format may have.

    Attributes:
        doc: What it is, in words that follow "a format that has".
        test: Whether a format has it.
    """

    doc: str
    test: Callable[[ClipFormat], bool]


def _of_whole_quarters(signature: TimeSignature) -> bool:
    return not signature.compound and signature.quarters.denominator == 1


FORMAT_CAPABILITIES: Mapping[str, FormatCapability] = {
    "monophonic": FormatCapability(
        "one voice of MIDI pitches, with the functions onsets and sounding",
        lambda clip_format: capability(clip_format, MonophonicFormat) is not None,
    ),
    "drums": FormatCapability(
        "the voices of a drum kit, listed in drums",
        lambda clip_format: capability(clip_format, DrumFormat) is not None,
    ),
    "sixteenths": FormatCapability(
        "whole sixteenths: steps_per_beat is a multiple of 4",
        lambda clip_format: clip_format.steps_per_beat % 4 == 0,
    ),
    "thirds": FormatCapability(
        "beats of quarters, not dotted, with halves and thirds: steps_per_beat is a multiple of 6",
        lambda clip_format: clip_format.steps_per_beat % 6 == 0 and _of_whole_quarters(signature_of(clip_format)),
    ),
}
"""All that can be needed, by name; another is one line here."""


def needs_of(offer: object) -> tuple[str, ...]:
    """
    What an augmentation, attribute or comparison states in ``needs``; one that names its format may state nothing.

    Raises:
        PluginError: Something that no format can have; the message is a clause.
    """
    stated: object = getattr(offer, "needs", ())
    names = (stated,) if isinstance(stated, str) else tuple(stated) if isinstance(stated, Iterable) else (stated,)
    for name in names:
        if name not in FORMAT_CAPABILITIES:
            known = ", ".join(FORMAT_CAPABILITIES)
            raise PluginError(f"{getattr(offer, 'name', offer)!r} needs {name!r}; a format can have {known}")
    return names


def needs_text(offer: object) -> str:
    """What it needs, for people: "monophonic, sixteenths", "clips of drum-grid", "anything"."""
    name = getattr(offer, "clip_format", "")
    return ", ".join([*([f"clips of {name}"] if name else []), *needs_of(offer)]) or "anything"


def offered_by(clip_format: ClipFormat) -> tuple[str, ...]:
    """The capabilities that a format has."""
    return tuple(name for name, one in FORMAT_CAPABILITIES.items() if one.test(clip_format))


def serves(offer: object, clip_format: ClipFormat) -> bool:
    """Whether an augmentation, attribute or comparison can be used on a format's clips."""
    name = getattr(offer, "clip_format", "")
    return name in ("", clip_format.name) and set(needs_of(offer)) <= set(offered_by(clip_format))


def misfit(offer: object, clip_format: ClipFormat, known: Mapping[str, object]) -> str:
    """
    Why an offer cannot be used on a format's clips, one sentence; "" where it can.

    Args:
        offer: The augmentation, attribute or comparison.
        clip_format: The format.
        known: Offers of the same kind by name, of which the sentence lists those that fit; empty = not known.
    """
    if serves(offer, clip_format):
        return ""
    has = ", ".join(offered_by(clip_format)) or "none of what can be needed"
    fitting = ", ".join(name for name, one in known.items() if serves(one, clip_format))
    advice = f"; what fits is {fitting}" if fitting else "; no plugin offers one that fits: write one" if known else ""
    return f"{getattr(offer, 'name', offer)} needs {needs_text(offer)}, and {clip_format.name} offers {has}{advice}."


def check_serves(offer: object, clip_format: ClipFormat, known: Mapping[str, object]) -> None:
    """
    See that an offer can be used on a format's clips.

    Raises:
        UsageError: It cannot; the message is that of :func:`misfit`.
    """
    if sentence := misfit(offer, clip_format, known):
        raise UsageError(sentence)


# What needs "monophonic" sees melody tokens, whatever the format's own are.


def working_format(offer: object, clip_format: ClipFormat) -> ClipFormat:
    """The format of the clips that an offer is given: a melody's on the same grid if it needs "monophonic"."""
    if "monophonic" not in needs_of(offer) or isinstance(clip_format, MelodyFormat):
        return clip_format
    signature = signature_of(clip_format)
    bars = clip_format.steps / steps_per_bar(clip_format)
    return MelodyFormat(signature, bars, clip_format.steps_per_beat, clip_format.name)


def melody_tokens(clips: ClipBatch, clip_format: ClipFormat) -> ClipBatch:
    """
    Clips (N, *shape) of a monophonic format as melody tokens, int16 (N, steps); those of a melody format as they are.

    Raises:
        PluginError: The format's ``onsets`` or ``sounding`` fails, or is no array of that shape.
    """
    if isinstance(clip_format, MelodyFormat):
        return clips
    views = capability(clip_format, MonophonicFormat)
    assert views is not None  # only what serves the format is used on it
    try:
        onsets, sounding = np.asarray(views.onsets(clips)), np.asarray(views.sounding(clips))
    except Exception as error:
        raise PluginError(f"The format {clip_format.name} cannot read its clips: {error!r}.") from error
    shape = (len(clips), clip_format.steps)
    if onsets.shape != shape or sounding.shape != shape:
        raise PluginError(
            f"The format {clip_format.name} gives onsets of shape {onsets.shape} and sounding of shape "
            f"{sounding.shape} for {len(clips)} clips; both must have {shape}."
        )
    return np.where(onsets, sounding, np.where(sounding >= 0, HOLD, REST)).astype(np.int16)


def from_melody_tokens(
    tokens: ClipBatch, valid: Bools, clips: ClipBatch, clip_format: ClipFormat
) -> tuple[ClipBatch, Bools]:
    """
    The clips of a format that melody tokens (N, steps) stand for.

    Args:
        tokens: The melodies.
        valid: Which of them count, bool (N,).
        clips: What they were before, (N, *shape): what stands in place of the others, and around the notes.
        clip_format: The format.

    Returns:
        The clips, and which of them the format can carry.

    Raises:
        PluginError: The format's ``tokens`` or ``with_notes`` fails with anything else than a ClipError.
    """
    out, carried = clips.copy(), valid.copy()
    for i in np.flatnonzero(valid):
        try:
            out[i] = with_notes(clip_format, clips[i], MELODY.notes(tokens[i]))
        except ClipError:  # what the melody became does not fit this format
            carried[i] = False
        except Exception as error:
            raise PluginError(f"The format {clip_format.name} cannot make a clip of notes: {error!r}.") from error
    return out, carried
