"""The promises of an attribute and of a comparison."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from latentknobs.core.arrays import ClipBatch
from latentknobs.core.attribute import Attribute, Comparison
from latentknobs.testing.checks.check_fixtures import Check, CheckFixtures, need, offer_check, untouched_random_state

CLOSE = 1e-9
"""How far a clip's value may differ with the other clips of the batch: sums in another order."""
Measure: TypeAlias = Attribute | Comparison


def _arguments(measure: Measure, clips: ClipBatch) -> tuple[ClipBatch, ...]:
    """The clips, and for a comparison the same in reverse order beside them."""
    return (clips, clips[::-1]) if isinstance(measure, Comparison) else (clips,)


def one_number_per_clip(measure: Measure, kit: CheckFixtures) -> None:
    """It measures sample clips, clips at the edges of the format, and an empty batch."""
    for clips in (kit.clips, kit.everything, kit.clips[:0]):
        measure.measure(*_arguments(measure, clips))


def independent_of_the_batch(measure: Measure, kit: CheckFixtures) -> None:
    """A clip has the same value each time, whatever other clips are in the batch."""
    batches = _arguments(measure, kit.everything)
    with untouched_random_state(repr(measure.name)):
        together = measure.measure(*batches)
    alone = np.concatenate([measure.measure(*(clip[None] for clip in clips)) for clips in zip(*batches, strict=True)])
    need(
        np.allclose(alone, together, rtol=CLOSE, atol=CLOSE, equal_nan=True),
        f"{measure.name!r} gives a clip another value the second time, or with other clips in the batch.",
    )


def distinguishes_clips(attribute: Attribute, kit: CheckFixtures) -> None:
    """Not all sample clips have the same value."""
    values = attribute.measure(kit.clips)
    need(
        np.unique(values[~np.isnan(values)]).size > 1,
        f"{attribute.name!r} has no two values on {len(kit.clips)} sample clips, so no knob can move it.",
    )


def a_clip_agrees_with_itself(comparison: Comparison, kit: CheckFixtures) -> None:
    """It is 1 for a clip and itself, where defined, and not for every two clips."""
    same = comparison.measure(kit.everything, kit.everything)
    need(
        np.allclose(same[~np.isnan(same)], 1.0, atol=CLOSE),
        f"{comparison.name!r} must be 1 for a clip and itself; it is {np.nanmin(same, initial=1.0):.3g} for one.",
    )
    need(
        not np.allclose(comparison.measure(kit.clips, kit.clips[::-1]), 1.0, atol=CLOSE),
        f"{comparison.name!r} is 1 for every two sample clips, so no knob can fail it.",
    )


ATTRIBUTE_CHECKS: tuple[Check, ...] = (
    offer_check("attributes"),
    one_number_per_clip,
    independent_of_the_batch,
    distinguishes_clips,
)
COMPARISON_CHECKS: tuple[Check, ...] = (
    offer_check("comparisons"),
    one_number_per_clip,
    independent_of_the_batch,
    a_clip_agrees_with_itself,
)
