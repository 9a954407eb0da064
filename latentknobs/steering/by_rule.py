"""Edits by rule, for clips that no model carries: by the augmentations that the knobs were learned from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from attrs import evolve, frozen

from latentknobs.core.arrays import Bools, ClipBatch
from latentknobs.core.augmentation import Augmentation, Augmented, in_context
from latentknobs.core.clip import ClipFormat
from latentknobs.core.edit_context import EditContext, Key, contexts_of_notes
from latentknobs.core.format_capabilities import misfit
from latentknobs.core.piece import Cut
from latentknobs.core.plugin_guard import run_augmentation
from latentknobs.errors import AmountError

AmountedEdit: TypeAlias = tuple[Augmentation, float]
"""An edit and the amount by which it is to be done."""


@frozen(eq=False)
class RuleEdited:
    """
    Clips after edits by rule.

    Attributes:
        clips: int16 (N, *shape); the clip itself where it was not edited.
        edited: bool (N,), where every edit was done.
        reasons: For each clip why it was not edited, a sentence, "" where it was.
    """

    clips: ClipBatch
    edited: Bools
    reasons: tuple[str, ...]


RuleEditedCuts: TypeAlias = tuple[RuleEdited, ...]
"""Those of each format of a piece."""


@frozen
class RuleEdits:
    """
    What is done by rule.

    Attributes:
        edits: The edits with their amounts.
        reason: Why nothing can be done, a sentence; "" where it can.
    """

    edits: tuple[AmountedEdit, ...] = ()
    reason: str = ""


def edit_by_rule(
    clips: ClipBatch,
    clip_format: ClipFormat,
    edits: Sequence[AmountedEdit],
    contexts: Sequence[EditContext],
    seed: int = 0,
    exact: bool = False,
) -> RuleEdited:
    """
    Apply edits one after the other, on/off ones first and each by name, as far as a clip allows.

    Each clip is edited by all of them or stays as it is. One without notes has nothing to edit, and counts as edited.
    Chance depends on the seed, the edit and the clip's number in its piece alone.

    Args:
        clips: int16 (N, *shape), valid clips; of any part of the piece.
        clip_format: Their format.
        edits: The edits with their amounts; 0 leaves every clip as it is.
        contexts: Where each clip stands in the piece as it was before the edits.
        seed: Of the edits that draw.
        exact: Whether clips that an edit cannot do in full are left alone, as in pairs to learn from.

    Raises:
        PluginError: An edit fails, or gives no clips.
    """
    # As knobs are turned: see apply.turn.
    ordered = sorted((one for one in edits if one[1]), key=lambda one: (len(one[0].amounts) > 1, one[0].name))
    unfit = next(filter(None, (misfit(edit, clip_format, {}) for edit, _ in ordered)), "")
    out, reasons = clips.copy(), [unfit] * len(clips)
    for row, context in enumerate(contexts if not unfit else ()):
        if clip_format.notes(clips[row]):

            def apply(edit: Augmentation, clip: ClipBatch, amount: float, told: EditContext = context) -> Augmented:
                # Clips one by one, and a stream for each edit: what another clip or edit draws changes nothing here.
                rng = np.random.default_rng([seed, told.index, *edit.name.encode()])
                return run_augmentation(in_context(edit, (told,)), clip, amount, rng, clip_format, exact=exact)

            out[row], reasons[row] = _edited(clips[row : row + 1], ordered, apply)
    return RuleEdited(out, np.asarray([not reason for reason in reasons], dtype=bool), tuple(reasons))


def _edited(
    clip: ClipBatch, edits: Sequence[AmountedEdit], apply: Callable[[Augmentation, ClipBatch, float], Augmented]
) -> tuple[ClipBatch, str]:
    """One clip (1, *shape) after the edits, or the clip itself and why."""
    out = clip
    for edit, amount in edits:
        try:
            result = apply(edit, out, amount)
        except AmountError as error:
            return clip[0], str(error)
        if not result.valid[0]:
            return clip[0], f"{edit.name} by {amount:+g} does not fit its notes."
        out = result.clips
    return out[0], ""


def contexts_of_cuts(
    cuts: Sequence[Cut], seed: int = 0, key: Key | None = None, axis: int | None = None
) -> list[tuple[EditContext, ...]]:
    """
    For each cut the contexts of its clips.

    Args:
        cuts: All clips of a piece, format by format.
        seed: The piece's.
        key: Its key; None = estimated from the notes.
        axis: The pitch that stands for its first note; None = that note's.
    """
    order = sorted((int(start), c, k) for c, each in enumerate(cuts) for k, start in enumerate(each.starts))
    notes = [cuts[c].clip_format.notes(cuts[c].clips[k]) for _start, c, k in order]
    of_all = contexts_of_notes(notes, cuts[0].clip_format, seed, key)
    if axis is not None:
        of_all = tuple(one if one.first is None else evolve(one, first=evolve(one.first, pitch=axis)) for one in of_all)
    by_place = {(c, k): context for (_start, c, k), context in zip(order, of_all, strict=True)}
    return [tuple(by_place[c, k] for k in range(len(each.starts))) for c, each in enumerate(cuts)]


def edit_cuts(
    cuts: Sequence[Cut],
    rows: Sequence[Bools],
    edits: Sequence[RuleEdits],
    contexts: Sequence[Sequence[EditContext]],
    seed: int = 0,
) -> RuleEditedCuts:
    """
    Apply edits to some clips of a piece.

    Args:
        cuts: All its clips, format by format.
        rows: For each cut which of its clips, bool (N,).
        edits: For each cut what is done to them.
        contexts: Those of :func:`contexts_of_cuts`.
        seed: As for :func:`edit_by_rule`.

    Returns:
        For each cut all of its clips; those that are not in ``rows`` are not edited.
    """
    out = []
    for c, each in enumerate(cuts):
        clips, edited = each.clips.copy(), np.zeros(len(each.clips), dtype=bool)
        reasons = [edits[c].reason] * len(clips)
        chosen = np.flatnonzero(rows[c]) if not edits[c].reason else ()
        if len(chosen):
            own = [contexts[c][int(k)] for k in chosen]
            done = edit_by_rule(each.clips[chosen], each.clip_format, edits[c].edits, own, seed)
            clips[chosen], edited[chosen] = done.clips, done.edited
            for k, reason in zip(chosen, done.reasons, strict=True):
                reasons[k] = reason
        out.append(RuleEdited(clips, edited, tuple(reasons)))
    return tuple(out)


def unedited(cuts: Sequence[Cut], reason: str) -> RuleEditedCuts:
    """The same where no edit is possible, for the same reason everywhere."""
    return tuple(
        RuleEdited(each.clips.copy(), np.zeros(len(each.clips), dtype=bool), (reason,) * len(each.clips))
        for each in cuts
    )
