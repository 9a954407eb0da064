"""The promises of an augmentation."""

from __future__ import annotations

from contextlib import suppress

import numpy as np

from latentknobs.core.arrays import Bools, ClipBatch, Floats
from latentknobs.core.augmentation import Augmentation, in_context
from latentknobs.core.containment.contain import Containment
from latentknobs.core.edit_context import lone_contexts
from latentknobs.core.melody_format import HOLD, MELODY, MELODY_FORMATS, MelodyFormat
from latentknobs.core.meter import signature_of
from latentknobs.core.one_key import reference_of, transposed_clips, transposed_context
from latentknobs.errors import LatentKnobsError, PluginError
from latentknobs.testing.checks.check_fixtures import (
    Check,
    CheckFixtures,
    LeftOut,
    need,
    offer_check,
    shifted_random_state,
    untouched_random_state,
)

SAME = 1e-6
"""How far a preserved attribute or comparison may be off: rounding."""
UP = 3
"""Semitones by which pieces are moved where an edit depends on them through one pitch."""
LOWEST, HIGHEST = 40, 84
"""Pitches of clips that have room for that, edited too."""
TARGET_SHARE = 0.05
"""How far the target's mean change may be off, as a share of the amount."""


def _distance(kit: CheckFixtures, augmentation: Augmentation, name: str, amount: float) -> tuple[Floats, Bools]:
    out = kit.edit(augmentation, amount)
    return kit.distance(name, kit.clips[out.valid], out.clips[out.valid]), out.valid


def input_is_unchanged(augmentation: Augmentation, kit: CheckFixtures) -> None:
    """It edits a copy of its input array."""
    for amount in augmentation.amounts:
        clips = kit.everything
        edit = in_context(augmentation, lone_contexts(clips, kit.clip_format))
        with suppress(Exception), Containment(f"augmentation {augmentation.name!r}"):  # others report what it raises
            edit(clips, amount, np.random.default_rng(kit.seed))
        need(
            np.array_equal(clips, kit.everything),
            f"{augmentation.name!r} at amount {amount:g} changes the array it is given; it must work on a copy.",
        )


def grid_and_range_are_kept(augmentation: Augmentation, kit: CheckFixtures) -> None:
    """It returns an Augmented of the same shape, and the clips marked valid are valid clips of the format."""
    for amount in augmentation.amounts:
        kit.edit(augmentation, amount)


def same_seed_same_result(augmentation: Augmentation, kit: CheckFixtures) -> None:
    """All of its randomness comes from the generator that it is given."""
    for amount in augmentation.amounts:
        first = kit.edit(augmentation, amount)
        with shifted_random_state():
            second = kit.edit(augmentation, amount)
        need(
            np.array_equal(first.clips, second.clips) and np.array_equal(first.valid, second.valid),
            f"{augmentation.name!r} at amount {amount:g} gives another result for the same seed: "
            "draw only from the generator it is given.",
        )


def global_random_state_is_untouched(augmentation: Augmentation, kit: CheckFixtures) -> None:
    """It leaves random's and numpy's global generators alone."""
    for amount in augmentation.amounts:
        with untouched_random_state(f"{augmentation.name!r} at amount {amount:g}"):
            kit.edit(augmentation, amount)


def amount_0_is_the_identity(augmentation: Augmentation, kit: CheckFixtures) -> None:
    """Amount 0 returns every clip unchanged, and valid."""
    out = kit.edit(augmentation, 0.0)
    need(
        out.valid.all() and np.array_equal(out.clips, kit.clips),
        f"{augmentation.name!r} at amount 0 must return every clip unchanged.",
    )


def some_amount_changes_something(augmentation: Augmentation, kit: CheckFixtures) -> None:
    """At some amount some sample clip is valid and edited."""
    for amount in augmentation.amounts:
        out = kit.edit(augmentation, amount)
        if not np.array_equal(out.clips[out.valid], kit.clips[out.valid]):
            return
    raise PluginError(f"{augmentation.name!r} changes no sample clip at any of its amounts.")


def edge_clips_are_edited_or_masked(augmentation: Augmentation, kit: CheckFixtures) -> None:
    """Clips at the edges of the format give valid clips or are masked; an empty batch is fine."""
    for amount in augmentation.amounts:
        kit.edit(augmentation, amount, kit.clips[:0])
        for name, clip in kit.edges.items():
            try:
                kit.edit(augmentation, amount, clip[None])
            except LatentKnobsError as error:
                raise PluginError(f"{error} (The clip: {name}.)") from error


def preserved_attributes_hold(augmentation: Augmentation, kit: CheckFixtures) -> None:
    """Every attribute and comparison in ``preserves`` holds on every valid clip at every amount."""
    for amount in augmentation.amounts:
        for name in sorted(augmentation.preserves):
            distance, valid = _distance(kit, augmentation, name, amount)
            largest = float(distance[~np.isnan(distance)].max(initial=0.0))
            need(
                largest <= SAME,
                f"{augmentation.name!r} says that it preserves {name!r}; at amount {amount:g} it moves it "
                f"by up to {largest:.3g} on {int((distance > SAME).sum())} of {int(valid.sum())} clips.",
            )


def declared_changes_happen(augmentation: Augmentation, kit: CheckFixtures) -> None:
    """Every attribute and comparison in ``changes`` moves on some clip at some amount."""
    for name in sorted(augmentation.changes):
        need(
            any((_distance(kit, augmentation, name, amount)[0] > SAME).any() for amount in augmentation.amounts),
            f"{augmentation.name!r} says that it changes {name!r}; on the sample clips it never does.",
        )


def target_moves_by_the_amount(augmentation: Augmentation, kit: CheckFixtures) -> None:
    """The mean change of the target over the valid clips is the amount, within 5 %."""
    if augmentation.target is None:
        return
    other = kit.clip_format.name in MELODY_FORMATS and kit.clip_format != MELODY
    if other or signature_of(kit.clip_format).compound:
        raise LeftOut(f"Clips of {MELODY.name} decide this: in others a target may move by more or less.")
    need(
        augmentation.target in kit.attributes,
        f"The target of {augmentation.name!r} is {augmentation.target!r}, which is no attribute of clips of "
        f"{kit.clip_format.name}.",
    )
    measure = kit.attributes[augmentation.target].measure
    for amount in augmentation.amounts:
        out = kit.edit(augmentation, amount)
        change = measure(out.clips[out.valid]) - measure(kit.clips[out.valid])
        change = change[np.isfinite(change)]
        mean = change.mean() if change.size else amount
        need(
            abs(mean - amount) <= TARGET_SHARE * abs(amount),
            f"{augmentation.name!r} at amount {amount:g} moves its target {augmentation.target!r} by "
            f"{mean:.3g} on average; one unit of the amount must move it by 1.",
        )


def the_valid_mask_is_honest(augmentation: Augmentation, kit: CheckFixtures) -> None:
    """
    A clip marked valid was edited, whatever other clips are in the batch.

    If it has a target, that of a valid clip may neither stay nor move the other way: clips that an amount cannot be
    applied to are masked, never clamped or wrapped. If it draws at random, the batch may change what is drawn for a
    clip.
    """
    clips = kit.everything
    for amount in augmentation.amounts:
        out = kit.edit(augmentation, amount, clips)
        _target_moved(augmentation, kit, amount, clips[out.valid], out.clips[out.valid])
        other = kit.edit(augmentation, amount, clips, kit.seed + 1)
        if not (np.array_equal(out.clips, other.clips) and np.array_equal(out.valid, other.valid)):
            continue
        reverse = kit.edit(augmentation, amount, clips[::-1])
        alone = kit.edit(augmentation, amount, clips[-1:])
        need(
            np.array_equal(reverse.valid[::-1], out.valid)
            and np.array_equal(reverse.clips[::-1], out.clips)
            and np.array_equal(alone.valid, out.valid[-1:])
            and np.array_equal(alone.clips, out.clips[-1:]),
            f"{augmentation.name!r} at amount {amount:g} edits or masks a clip differently with other clips in the "
            "batch: edit each clip by itself.",
        )


def _target_moved(
    augmentation: Augmentation, kit: CheckFixtures, amount: float, before: ClipBatch, after: ClipBatch
) -> None:
    if augmentation.target is None or augmentation.target not in kit.attributes:  # another check reports that
        return
    measure = kit.attributes[augmentation.target].measure
    first, second = measure(before), measure(after)
    stuck = ~np.isnan(first) & ~((second - first) * np.sign(amount) > SAME)
    need(
        not stuck.any(),
        f"{augmentation.name!r} at amount {amount:g} marks {int(stuck.sum())} clips as valid whose target "
        f"{augmentation.target!r} did not move that way: mask clips that the amount cannot be applied to.",
    )


def it_moves_with_its_reference(augmentation: Augmentation, kit: CheckFixtures) -> None:
    """Of an edit with ``relative_to``: transposing clip and piece transposes the result, and nothing else."""
    reference = reference_of(augmentation)
    if not reference or not isinstance(kit.clip_format, MelodyFormat):
        return
    inside = ((kit.clips >= HOLD) | ((kit.clips >= LOWEST) & (kit.clips <= HIGHEST))).all(axis=-1)
    clips = kit.clips[inside]
    contexts = lone_contexts(clips, kit.clip_format)
    for amount in augmentation.amounts:
        low, high = (
            kit.edit(
                in_context(augmentation, [transposed_context(context, by) for context in contexts]),
                amount,
                transposed_clips(clips, by),
            )
            for by in (0, UP)
        )
        both = low.valid & high.valid
        need(
            np.array_equal(low.valid, high.valid)
            and np.array_equal(transposed_clips(low.clips[both], UP), high.clips[both]),
            f"{augmentation.name!r} at amount {amount:g} is relative to {reference!r}, yet edits a piece that is "
            f"{UP} semitones higher in another way: it must depend on its piece through that pitch alone.",
        )


CHECKS: tuple[Check, ...] = (
    offer_check("augmentations"),
    input_is_unchanged,
    grid_and_range_are_kept,
    same_seed_same_result,
    global_random_state_is_untouched,
    amount_0_is_the_identity,
    some_amount_changes_something,
    edge_clips_are_edited_or_masked,
    the_valid_mask_is_honest,
    preserved_attributes_hold,
    declared_changes_happen,
    target_moves_by_the_amount,
    it_moves_with_its_reference,
)
"""Every check, in the order in which an author wants to hear of a fault."""
