"""The promises of an attribute and of a comparison."""

from __future__ import annotations

import numpy as np

from latentknobs.core.attribute import Attribute, Comparison
from latentknobs.testing.checks.check_fixtures import Check, CheckFixtures, is_offer, need, undisturbed_chance

CLOSE = 1e-9
"""How far a clip's number may differ with the clips beside it: sums in another order."""


def is_an_attribute(attribute: Attribute, _kit: CheckFixtures) -> None:
    """It has everything that register_attributes asks for."""
    is_offer("attributes", attribute)


def one_number_for_each_clip(attribute: Attribute, kit: CheckFixtures) -> None:
    """It measures sample clips, clips at the edges of the format, and none at all."""
    for clips in (kit.clips, kit.everything, kit.clips[:0]):
        attribute.measure(clips)


def clips_are_measured_one_by_one(attribute: Attribute, kit: CheckFixtures) -> None:
    """A clip has the same number each time, whatever clips stand beside it, and chance has no part in it."""
    clips = kit.everything
    with undisturbed_chance(repr(attribute.name)):
        together = attribute.measure(clips)
    alone = np.concatenate([attribute.measure(clip[None]) for clip in clips])
    need(
        np.allclose(alone, together, rtol=CLOSE, atol=CLOSE, equal_nan=True),
        f"{attribute.name!r} gives a clip another number when other clips stand beside it, or the second time.",
    )


def it_tells_clips_apart(attribute: Attribute, kit: CheckFixtures) -> None:
    """Not every sample clip has the same number, and some have one."""
    values = attribute.measure(kit.clips)
    need(
        np.unique(values[~np.isnan(values)]).size > 1,
        f"{attribute.name!r} has no two numbers on {len(kit.clips)} sample clips, so no knob can move it.",
    )


ATTRIBUTE_CHECKS: tuple[Check, ...] = (
    is_an_attribute,
    one_number_for_each_clip,
    clips_are_measured_one_by_one,
    it_tells_clips_apart,
)


def is_a_comparison(comparison: Comparison, _kit: CheckFixtures) -> None:
    """It has everything that register_comparisons asks for."""
    is_offer("comparisons", comparison)


def one_number_for_each_pair(comparison: Comparison, kit: CheckFixtures) -> None:
    """It compares sample clips, clips at the edges of the format, and none at all."""
    for clips in (kit.clips, kit.everything, kit.clips[:0]):
        comparison.measure(clips, clips[::-1])


def pairs_are_compared_one_by_one(comparison: Comparison, kit: CheckFixtures) -> None:
    """A pair has the same number each time, whatever pairs stand beside it, and chance has no part in it."""
    first, second = kit.everything, kit.everything[::-1]
    with undisturbed_chance(repr(comparison.name)):
        together = comparison.measure(first, second)
    alone = np.concatenate([comparison.measure(a[None], b[None]) for a, b in zip(first, second, strict=True)])
    need(
        np.allclose(alone, together, rtol=CLOSE, atol=CLOSE, equal_nan=True),
        f"{comparison.name!r} gives a pair another number when other pairs stand beside it, or the second time.",
    )


def a_clip_agrees_with_itself(comparison: Comparison, kit: CheckFixtures) -> None:
    """It is 1 for a clip and itself, where it is defined, and not for every two clips."""
    same = comparison.measure(kit.everything, kit.everything)
    need(
        np.allclose(same[~np.isnan(same)], 1.0, atol=CLOSE),
        f"{comparison.name!r} must be 1 for a clip and itself; it is {np.nanmin(same, initial=1.0):.3g} for one.",
    )
    need(
        not np.allclose(comparison.measure(kit.clips, kit.clips[::-1]), 1.0, atol=CLOSE),
        f"{comparison.name!r} is 1 for every two sample clips, so no knob can fail it.",
    )


COMPARISON_CHECKS: tuple[Check, ...] = (
    is_a_comparison,
    one_number_for_each_pair,
    pairs_are_compared_one_by_one,
    a_clip_agrees_with_itself,
)
