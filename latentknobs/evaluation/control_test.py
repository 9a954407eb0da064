"""
The proof that an effect is the knob's own: the same clips moved as far in random directions.

An effect is the part of what the edit does to its target that a move does as well, from one end of the usable range
to the other; in a run without an edit, of what the amount asks of the attribute that names the knob. More than that is
not more effect, and neither is the same at both ends: a long random move can fill a clip with notes, or empty it, but
only the knob does the one or the other by as much as it is asked to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from attrs import frozen
from numpy.random import default_rng

from latentknobs.core.arrays import ClipBatch, Codes
from latentknobs.core.backend import VAEBackend
from latentknobs.core.experiment import Settings
from latentknobs.core.knob import Operator
from latentknobs.core.model_calls import decode
from latentknobs.discovery.pair_statistics import PairStatistics
from latentknobs.evaluation.acceptance_criteria import UsableRange, audible_range, effect_gate, usable_range
from latentknobs.evaluation.effect_size import asked_of
from latentknobs.evaluation.evaluation_set import AmountBatch
from latentknobs.evaluation.gain import gain_of, mean
from latentknobs.evaluation.knob_metrics import EvaluationConfig, KnobMetrics
from latentknobs.evaluation.random_controls import Whitening, rotated
from latentknobs.steering.apply import displacement

TOGETHER = 8
"""Controls decoded in one call of the model: fuller batches are faster."""


@frozen(eq=False)
class RangeEnds:
    """
    Clips at each end of a range, as many at each, and how far the knob moves them.

    Attributes:
        cases: One for each end.
        z: float32 (m, D), codes of all their clips, end after end.
        moved: float32 (m, D), the knob's displacement of each.
    """

    cases: tuple[AmountBatch, ...]
    z: Codes
    moved: Codes

    @classmethod
    def of(cls, operator: Operator, ends: Sequence[AmountBatch], clips: int) -> RangeEnds:
        """At most ``clips`` clips, shared evenly among the ends (at least one at each)."""
        each = max(min(clips // len(ends), *(len(case.rows) for case in ends)), 1)
        cases = tuple(case.first(each) for case in ends)
        moved = [displacement(operator, case.z_before, case.amount) for case in cases]
        return cls(cases, np.concatenate([case.z_before for case in cases]), np.concatenate(moved))

    def effect(self, turned: ClipBatch, yard: EvaluationConfig) -> tuple[float, float]:
        """
        What a move does, from the clips decoded after it (m, *shape).

        With a target: 1 - sum |change - change asked| / sum |change asked| over the clips, the change asked being the
        edit's (:func:`latentknobs.evaluation.effect_size.asked_of`; 1 = all of it, 0 = as good as nothing, less =
        worse than
        nothing), a clip that loses the attribute counting as not changed; without, the mean gain of accuracy against
        the edited clips. And the mean absolute change or gain.
        """
        target = yard.target_attribute
        parts = list(zip(self.cases, np.split(turned, len(self.cases)), strict=True))
        gains = np.concatenate([gain_of(case, clips, yard) for case, clips in parts])
        size = mean(np.abs(gains))
        if target is None:
            return mean(gains), size
        asked = np.concatenate([asked_of(target, case) for case in self.cases])
        there = np.isfinite(asked)
        whole = float(np.abs(asked[there]).sum())
        missed = float(np.abs(np.nan_to_num(gains[there]) - asked[there]).sum())
        return (1.0 - missed / whole if whole else 0.0), size


def control_effects(
    backend: VAEBackend,
    operator: Operator,
    ends: Sequence[AmountBatch],
    yard: EvaluationConfig,
    deltas: PairStatistics,
    settings: Settings,
) -> dict[str, Any]:
    """
    The knob's effect beside that of random controls of equal length, over the ends of its range.

    Returns:
        ``amounts``, the ends; ``effect``, see :meth:`Ends.effect`; ``p`` = (1 + controls at least as strong) /
        (1 + controls), and of the controls the largest and mean effect, and the mean absolute change of a clip
        beside the knob's.
    """
    clips = RangeEnds.of(operator, ends, settings.control_clips)
    own, size = clips.effect(decode(backend, clips.z + clips.moved), yard)
    effects, sizes = zip(*_controls(backend, clips, yard, deltas, settings), strict=True)
    return {
        "amounts": [case.amount for case in clips.cases],
        "clips": len(clips.z),
        "controls": settings.controls,
        "effect": own,
        "p": (1 + sum(e >= own for e in effects)) / (1 + settings.controls),
        "control_effect_mean": float(np.mean(effects)),
        "control_effect_max": float(np.max(effects)),
        "mean_absolute_change": size,
        "control_mean_absolute_change": float(np.mean(sizes)),
    }


def beyond_controls(
    backend: VAEBackend,
    operator: Operator,
    ends: Sequence[AmountBatch],
    yard: EvaluationConfig,
    deltas: PairStatistics,
    settings: Settings,
) -> bool:
    """
    Whether ``p`` of :func:`control_effects` is within its limit, without decoding more controls than that takes.

    The controls are the same ones in the same order: it stops when so many are as strong that p is over the limit.
    """
    clips = RangeEnds.of(operator, ends, settings.control_clips)
    own, _ = clips.effect(decode(backend, clips.z + clips.moved), yard)
    stronger = 0
    for effect, _ in _controls(backend, clips, yard, deltas, settings):
        stronger += effect >= own
        if not effect_gate({"controls": settings.controls, "p": (1 + stronger) / (1 + settings.controls)}).passed:
            return False
    return True


def proven_range(
    backend: VAEBackend,
    operator: Operator,
    measured: KnobMetrics,
    case: Callable[[float], AmountBatch],
    yard: EvaluationConfig,
    deltas: PairStatistics,
    settings: Settings,
) -> tuple[UsableRange, list[float]]:
    """
    The usable range and its ends, see :func:`ends_of`.

    The effect is a limit too: where it drowns among random moves even at the ends, no amount is usable.

    Args:
        backend: The model.
        operator: The knob's.
        measured: The measures on validation songs.
        case: An amount's case of the validation trial.
        yard: The yardstick.
        deltas: Their covariance of the codes.
        settings: How many controls, on how many clips.
    """
    usable = usable_range(measured, yard)
    ends = ends_of(measured, usable)
    compared = [measured.at[a].equivariance for a in ends]
    if (
        usable.meets
        and all(e is None or e.measurable for e in compared)
        and not beyond_controls(backend, operator, [case(a) for a in ends], yard, deltas, settings)
    ):
        usable = audible_range(measured)
        ends = ends_of(measured, usable)
    return usable, ends


def ends_of(measured: KnobMetrics, usable: UsableRange) -> list[float]:
    """The lowest and the highest usable amount, those that are not 0; where none is usable, of all measured."""
    inside = list(measured.within(usable.low, usable.high)) or list(measured.at)
    return sorted({min(inside[0], 0.0), max(inside[-1], 0.0)} - {0.0})


def _controls(
    backend: VAEBackend, clips: RangeEnds, yard: EvaluationConfig, deltas: PairStatistics, settings: Settings
) -> Iterator[tuple[float, float]]:
    """The effect of each control, the same for the same seed; both ends are turned by one rotation."""
    whitening = Whitening.of(deltas.covariance())
    rng = default_rng([yard.seed, 2])
    for start in range(0, settings.controls, TOGETHER):
        moves = [rotated(clips.moved, whitening, rng) for _ in range(min(TOGETHER, settings.controls - start))]
        turned = decode(backend, np.concatenate([clips.z + move for move in moves]))
        for decoded in np.split(turned, len(moves)):
            yield clips.effect(decoded, yard)
