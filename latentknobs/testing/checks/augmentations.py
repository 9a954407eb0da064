"""The promises of an augmentation."""

from __future__ import annotations

from contextlib import suppress

import numpy as np

from latentknobs.core.arrays import Bools, ClipBatch, Floats
from latentknobs.core.augmentation import Augmentation
from latentknobs.errors import LatentKnobsError, PluginError
from latentknobs.testing.checks.check_fixtures import (
    Check,
    CheckFixtures,
    is_offer,
    need,
    other_chance,
    undisturbed_chance,
)

SAME = 1e-6
"""How far a kept attribute or comparison may be off: rounding, no more."""
TARGET_SHARE = 0.05
"""How far the target's mean change may be off, as a share of the amount."""


def _kept(kit: CheckFixtures, augmentation: Augmentation, name: str, amount: float) -> tuple[Floats, Bools]:
    out = kit.edit(augmentation, amount)
    return kit.distance(name, kit.clips[out.valid], out.clips[out.valid]), out.valid


def is_an_offer(augmentation: Augmentation, _kit: CheckFixtures) -> None:
    """It has everything that register_augmentations asks for."""
    is_offer("augmentations", augmentation)


def input_is_unchanged(augmentation: Augmentation, kit: CheckFixtures) -> None:
    """It edits a copy: the array that it is given stays as it is."""
    for amount in augmentation.amounts:
        given = kit.everything
        before = given.copy()
        with suppress(Exception, SystemExit):  # what it raises is for the other checks to tell
            augmentation(given, amount, np.random.default_rng(kit.seed))
        need(
            np.array_equal(given, before),
            f"{augmentation.name!r} at amount {amount:g} changes the array it is given; it must work on a copy.",
        )


def grid_and_range_are_kept(augmentation: Augmentation, kit: CheckFixtures) -> None:
    """It gives back an Augmented of the same shape, and what it marks as valid are clips of the format."""
    for amount in augmentation.amounts:
        kit.edit(augmentation, amount)


def same_seed_same_result(augmentation: Augmentation, kit: CheckFixtures) -> None:
    """All of its chance comes from the generator that it is given."""
    for amount in augmentation.amounts:
        first = kit.edit(augmentation, amount)
        with other_chance():
            second = kit.edit(augmentation, amount)
        if not (np.array_equal(first.clips, second.clips) and np.array_equal(first.valid, second.valid)):
            raise PluginError(
                f"{augmentation.name!r} at amount {amount:g} gives another result for the same seed: "
                "draw only from the generator it is given."
            )


def global_random_state_is_untouched(augmentation: Augmentation, kit: CheckFixtures) -> None:
    """It leaves random's and numpy's global generators alone."""
    for amount in augmentation.amounts:
        with undisturbed_chance(f"{augmentation.name!r} at amount {amount:g}"):
            kit.edit(augmentation, amount)


def amount_0_is_the_identity(augmentation: Augmentation, kit: CheckFixtures) -> None:
    """Amount 0 gives every clip back, valid."""
    out = kit.edit(augmentation, 0.0)
    if not (out.valid.all() and np.array_equal(out.clips, kit.clips)):
        raise PluginError(f"{augmentation.name!r} at amount 0 must give every clip back as it is.")


def some_amount_changes_something(augmentation: Augmentation, kit: CheckFixtures) -> None:
    """At some amount some sample clip is valid and not what it was."""
    for amount in augmentation.amounts:
        out = kit.edit(augmentation, amount)
        if not np.array_equal(out.clips[out.valid], kit.clips[out.valid]):
            return
    raise PluginError(f"{augmentation.name!r} changes no sample clip at any of its amounts.")


def edge_clips_are_edited_or_masked(augmentation: Augmentation, kit: CheckFixtures) -> None:
    """Clips at the edges of the format give valid clips or are masked, each alone and none at all too."""
    empty = kit.clips[:0]
    for amount in augmentation.amounts:
        kit.edit(augmentation, amount, empty)
        for name, clip in kit.edges.items():
            try:
                kit.edit(augmentation, amount, clip[None])
            except LatentKnobsError as error:
                raise PluginError(f"{error} (The clip: {name}.)") from error


def declared_keeps_hold(augmentation: Augmentation, kit: CheckFixtures) -> None:
    """Every attribute and comparison in ``preserves`` stays as it is, on every valid clip at every amount."""
    for amount in augmentation.amounts:
        for name in sorted(augmentation.preserves):
            off, valid = _kept(kit, augmentation, name, amount)
            worst = float(off[~np.isnan(off)].max(initial=0.0))
            if worst > SAME:
                count = int((off > SAME).sum())
                raise PluginError(
                    f"{augmentation.name!r} says that it keeps {name!r}; at amount {amount:g} it moves it "
                    f"by up to {worst:.3g} on {count} of {int(valid.sum())} clips."
                )


def declared_changes_happen(augmentation: Augmentation, kit: CheckFixtures) -> None:
    """Every attribute and comparison in ``changes`` moves on some clip at some amount."""
    for name in sorted(augmentation.changes):
        if not any((_kept(kit, augmentation, name, amount)[0] > SAME).any() for amount in augmentation.amounts):
            raise PluginError(
                f"{augmentation.name!r} says that it changes {name!r}; on the sample clips it never does."
            )


def target_moves_by_the_amount(augmentation: Augmentation, kit: CheckFixtures) -> None:
    """The mean change of the target over the valid clips is the amount, within 5 %."""
    if augmentation.target is None:
        return
    if augmentation.target not in kit.attributes:
        raise PluginError(f"the target of {augmentation.name!r} is {augmentation.target!r}, which is no attribute.")
    measure = kit.attributes[augmentation.target].measure
    for amount in augmentation.amounts:
        out = kit.edit(augmentation, amount)
        change = measure(out.clips[out.valid]) - measure(kit.clips[out.valid])
        change = change[np.isfinite(change)]
        if change.size and abs(change.mean() - amount) > TARGET_SHARE * abs(amount):
            raise PluginError(
                f"{augmentation.name!r} at amount {amount:g} moves its target {augmentation.target!r} by "
                f"{change.mean():.3g} on average; one unit of the amount must move it by 1."
            )


def the_valid_mask_is_honest(augmentation: Augmentation, kit: CheckFixtures) -> None:
    """
    A clip that it marks as valid was edited, and whether it is does not depend on the clips beside it.

    Where it has a target, no valid clip's target may stay where it is or go the other way: what cannot be done to a
    clip is masked, never clamped or wrapped. Where it leaves something to chance, the clips beside a clip may change
    what is drawn for it.
    """
    clips = kit.everything
    for amount in augmentation.amounts:
        out = kit.edit(augmentation, amount, clips)
        _target_moved(augmentation, kit, amount, clips[out.valid], out.clips[out.valid])
        other = kit.edit(augmentation, amount, clips, kit.seed + 1)
        if not (np.array_equal(out.clips, other.clips) and np.array_equal(out.valid, other.valid)):
            continue
        turned = kit.edit(augmentation, amount, clips[::-1])
        alone = kit.edit(augmentation, amount, clips[-1:])
        need(
            np.array_equal(turned.valid[::-1], out.valid)
            and np.array_equal(turned.clips[::-1], out.clips)
            and np.array_equal(alone.valid, out.valid[-1:])
            and np.array_equal(alone.clips, out.clips[-1:]),
            f"{augmentation.name!r} at amount {amount:g} does something else to a clip, or masks it otherwise, when "
            "other clips stand beside it: edit each clip for itself.",
        )


def _target_moved(
    augmentation: Augmentation, kit: CheckFixtures, amount: float, before: ClipBatch, after: ClipBatch
) -> None:
    if augmentation.target is None or augmentation.target not in kit.attributes:  # another check tells of that
        return
    measure = kit.attributes[augmentation.target].measure
    first, second = measure(before), measure(after)
    stuck = ~np.isnan(first) & ~((second - first) * np.sign(amount) > SAME)
    need(
        not stuck.any(),
        f"{augmentation.name!r} at amount {amount:g} says of {int(stuck.sum())} clips that they were edited whose "
        f"target {augmentation.target!r} did not go that way: mask what the amount cannot be applied to.",
    )


CHECKS: tuple[Check, ...] = (
    is_an_offer,
    input_is_unchanged,
    grid_and_range_are_kept,
    same_seed_same_result,
    global_random_state_is_untouched,
    amount_0_is_the_identity,
    some_amount_changes_something,
    edge_clips_are_edited_or_masked,
    the_valid_mask_is_honest,
    declared_keeps_hold,
    declared_changes_happen,
    target_moves_by_the_amount,
)
"""Every check, in the order in which an author wants to hear of a fault."""
