"""
Random controls: is an effect the knob's own, or does any move of the same length have it?

The effect of a move is the part of the edit's change of the target that the move makes too, over both ends of the
usable range. Moving further than the edit is not more effect, nor is the same change at both ends: a long random move
can fill a clip with notes or empty it, but only the knob does either by as much as its amount says.

In a run without an edit an amount says what the knob itself does, and no other move does just that. The effect is then
the mean change of the attribute in the amount's sense, over the amount: more is more. And the knob is one of many
candidates, the best of which stand out by chance: it must stand out among the best of as many random moves.

A control of an edit is decoded on few clips at first, and on further ones only while it could still do as much as the
knob. No clip gives it more than all of the edit's change, so whether it does is known as surely as from all clips.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from attrs import frozen
from numpy.random import default_rng
from scipy.stats import t as students_t

from latentknobs.core.arrays import ClipBatch, Codes, Floats, Ints
from latentknobs.core.attribute import Attribute
from latentknobs.core.backend import VAEBackend
from latentknobs.core.evidence import ControlEffects
from latentknobs.core.experiment import Settings
from latentknobs.core.knob import Operator
from latentknobs.core.model_calls import decode
from latentknobs.evaluation.acceptance_criteria import UsableRange, audible_range, effect_criterion, usable_range
from latentknobs.evaluation.effect_size import finite_mean, gain, intended_change
from latentknobs.evaluation.equivariance import accuracy
from latentknobs.evaluation.evaluation_set import AmountBatch
from latentknobs.evaluation.knob_metrics import EvaluationConfig, KnobMetrics
from latentknobs.evaluation.random_controls import Whitening, rotated
from latentknobs.steering.apply import displacement

TOGETHER = 512
"""Clips decoded in one call of the model: fuller batches are faster."""
FIRST = 8
"""One of so many clips is decoded first, then twice as many each time."""
SURE, FEWEST = 5.0, 24
"""An effect that lies so many standard deviations beyond at least so many controls is not reached by 100."""


@frozen(eq=False)
class RangeEnds:
    """
    Clips at each end of a range, as many at each, and how far the knob moves them.

    Attributes:
        batches: One for each end.
        z: float32 (m, D), codes of all their clips, end after end.
        moves: float32 (m, D), the knob's displacement of each.
    """

    batches: tuple[AmountBatch, ...]
    z: Codes
    moves: Codes

    @classmethod
    def of(cls, operator: Operator, ends: Sequence[AmountBatch], clips: int) -> RangeEnds:
        """At most ``clips`` clips, shared evenly among the ends (at least one at each)."""
        each = max(min(clips // len(ends), *(len(batch.rows) for batch in ends)), 1)
        batches = tuple(batch.first(each) for batch in ends)
        moves = [displacement(operator, batch.z_before, batch.amount) for batch in batches]
        return cls(batches, np.concatenate([batch.z_before for batch in batches]), np.concatenate(moves))

    @property
    def each(self) -> int:
        """Clips at each end."""
        return len(self.z) // len(self.batches)

    def rows(self, start: int, stop: int) -> Ints:
        """Where clips ``start`` to ``stop`` of every end stand among all of them."""
        ends = np.arange(len(self.batches))[:, None]
        return (ends * self.each + np.arange(start, stop)).reshape(-1)

    def first(self, each: int) -> RangeEnds:
        """The first clips of every end."""
        rows = self.rows(0, each)
        return RangeEnds(tuple(batch.first(each) for batch in self.batches), self.z[rows], self.moves[rows])

    def effect(self, turned: ClipBatch, target: Attribute | None) -> tuple[float, float]:
        """
        What a move does, from the clips decoded after it (m, *shape).

        With a target: 1 - sum |change - intended change| / sum |intended change| over the clips (see
        :func:`latentknobs.evaluation.effect_size.intended_change`; 1 = all of it, 0 = as good as no move, less = worse
        than no move), a clip that loses the attribute counting as not changed; without an edit, the mean change over
        the amount; without a target, the mean gain of accuracy against the edited clips. And the mean absolute change
        or gain.
        """
        gains = self._gains(turned, target)
        size = finite_mean(np.abs(gains))
        if target is None:
            return finite_mean(gains), size
        if not self._edited:
            amounts = np.concatenate([np.full(len(batch.rows), batch.amount) for batch in self.batches])
            return float((np.where(np.isfinite(gains), gains, 0.0) / amounts).mean()), size
        intended = self._intended(target)
        return _part_made(np.abs(np.nan_to_num(gains) - intended), intended), size

    def most(self, turned: ClipBatch, target: Attribute | None, each: int) -> float:
        """
        The largest effect of a move that decodes to ``turned`` on the first clips of every end, ``each`` of them.

        On the others it can make all of the edit's change. Without an edit nothing is known of them: infinite.
        """
        if not self._edited:
            return np.inf
        rows, some = self.rows(0, each), self.first(each)
        gains = some._gains(turned, target)  # noqa: SLF001 - of the same class
        if target is None:
            best = [1.0 - accuracy(batch.plain, batch.edit[0]) for batch in self.batches]
            every = np.concatenate(best)
            every[rows] = gains
            return finite_mean(every)
        intended = self._intended(target)
        missed = np.zeros(len(intended))
        missed[rows] = np.abs(np.nan_to_num(gains) - intended[rows])
        return _part_made(missed, intended)

    @property
    def _edited(self) -> bool:
        return self.batches[0].after is not None

    def _gains(self, turned: ClipBatch, target: Attribute | None) -> Floats:
        parts = zip(self.batches, np.split(turned, len(self.batches)), strict=True)
        return np.concatenate([gain(target, batch, clips) for batch, clips in parts])

    def _intended(self, target: Attribute) -> Floats:
        return np.concatenate([intended_change(target, batch) for batch in self.batches])


def _part_made(missed: Floats, intended: Floats) -> float:
    """1 - what is missed of the intended changes over all of them, each (m,); 0 where none is intended."""
    known = np.isfinite(intended)
    total = float(np.abs(intended[known]).sum())
    return 1.0 - float(missed[known].sum()) / total if total else 0.0


@frozen(eq=False)
class ControlTest:
    """
    Compares a knob's effect with that of random moves of equal length.

    Attributes:
        backend: The model.
        config: Of the run's metrics; its seed draws the controls.
        whitening: Of the codes.
        controls: Number of random moves.
        clips: Clips, over both ends of a range, that they are decoded on.
        candidates: Of how many moves the knob is the best.
    """

    backend: VAEBackend
    config: EvaluationConfig
    whitening: Whitening
    controls: int
    clips: int
    candidates: int = 1

    @classmethod
    def of(
        cls,
        backend: VAEBackend,
        config: EvaluationConfig,
        covariance: Floats,
        settings: Settings,
        scale: Floats | None = None,
        candidates: int = 1,
    ) -> ControlTest:
        """With the covariance of training songs' codes and their units' ``scale``, as :meth:`Whitening.of` has them."""
        whitening = Whitening.of(covariance, scale=scale)
        return cls(backend, config, whitening, settings.controls, settings.control_clips, candidates)

    def compare(self, operator: Operator, ends: Sequence[AmountBatch]) -> ControlEffects:
        """The knob's effect beside that of the controls, over the ends of its range."""
        clips = RangeEnds.of(operator, ends, self.clips)
        own, size = self._knob_effect(clips)
        effects, sizes = zip(*self._controls(clips, own), strict=True)
        return ControlEffects(
            amounts=tuple(batch.amount for batch in clips.batches),
            clips=len(clips.z),
            controls=self.controls,
            effect=own,
            p=self._p(own, effects),
            control_effect_mean=float(np.mean(effects)),
            control_effect_max=float(np.max(effects)),
            mean_absolute_change=size,
            control_mean_absolute_change=float(np.mean(sizes)),
        )

    def passed(self, operator: Operator, ends: Sequence[AmountBatch]) -> bool:
        """
        Whether ``p`` of :meth:`compare` is within its limit, without decoding more controls than that takes.

        The controls are the same ones in the same order: it stops as soon as p exceeds the limit, or the effect lies so
        far beyond theirs that it is sure not to.
        """
        clips = RangeEnds.of(operator, ends, self.clips)
        own, _ = self._knob_effect(clips)
        effects: list[float] = []
        for effect, _ in self._controls(clips, own):
            effects.append(effect)
            if not effect_criterion(self.controls, self._rank(own, effects)).passed:
                return False
            if len(effects) >= FEWEST and own > float(np.mean(effects)) + SURE * float(np.std(effects, ddof=1)):
                break
        return effect_criterion(self.controls, self._p(own, effects)).passed

    def usable_range(
        self, operator: Operator, metrics: KnobMetrics, batch: Callable[[float], AmountBatch]
    ) -> tuple[UsableRange, list[float]]:
        """
        The usable range and its ends, see :func:`range_ends`.

        The effect is a limit too: where it is not beyond random moves even at the ends, no amount is usable.

        Args:
            operator: The knob's.
            metrics: The metrics on validation songs.
            batch: An amount's batch of the validation set.
        """
        usable = usable_range(metrics, self.config)
        ends = range_ends(metrics, usable)
        compared = [metrics.at[a].equivariance for a in ends]
        if (
            usable.meets
            and all(e is None or e.measurable for e in compared)
            and not self.passed(operator, [batch(a) for a in ends])
        ):
            usable = audible_range(metrics, self.config)
            ends = range_ends(metrics, usable)
        return usable, ends

    def _knob_effect(self, clips: RangeEnds) -> tuple[float, float]:
        return clips.effect(decode(self.backend, clips.z + clips.moves), self.config.target_attribute)

    def _rank(self, own: float, effects: Sequence[float]) -> float:
        """The part of the moves, the knob among them, that do at least as much."""
        return (1 + sum(effect >= own for effect in effects)) / (1 + self.controls)

    def _p(self, own: float, effects: Sequence[float]) -> float:
        """
        The p-value: that part, or, for the best of many candidates, the chance below if it is more.

        It is the chance that the best of as many random moves does as much, by Student's distribution of one more
        draw: an effect is a mean over clips, and so nearly normal.
        """
        rank = self._rank(own, effects)
        if self.candidates == 1 or len(effects) < 2:
            return rank
        spread = float(np.std(effects, ddof=1)) * np.sqrt(1 + 1 / len(effects))
        beyond = own - float(np.mean(effects))
        one = float(students_t.sf(beyond / spread, len(effects) - 1)) if spread else float(beyond <= 0)
        return max(rank, 1.0 - (1.0 - one) ** self.candidates)

    def _controls(self, clips: RangeEnds, own: float) -> Iterator[tuple[float, float]]:
        """
        The effect and size of each control, the same for the same seed; one rotation turns both ends.

        They are of the clips that a control is decoded on: of all where its effect is at least ``own``.
        """
        rng = default_rng([self.config.seed, 2])
        first = max(clips.each // FIRST, 1) if clips.batches[0].after is not None else clips.each
        together = max(TOGETHER // (first * len(clips.batches)), 1)
        for start in range(0, self.controls, together):
            moves = [rotated(clips.moves, self.whitening, rng) for _ in range(min(together, self.controls - start))]
            yield from self._effects(clips, np.stack(moves), own, first)

    def _effects(self, clips: RangeEnds, moves: Codes, own: float, first: int) -> Iterator[tuple[float, float]]:
        """The same of moves (c, m, D), decoded on ``first`` clips of each end and on more while they may reach own."""
        target = self.config.target_attribute
        effects: dict[int, tuple[float, float]] = {}
        decoded = np.zeros((*moves.shape[:2], *clips.batches[0].before.shape[1:]), dtype=np.int16)
        left, done, each = np.arange(len(moves)), 0, first
        while len(left):
            new, rows, some = clips.rows(done, each), clips.rows(0, each), clips.first(each)
            codes = clips.z[new] + moves[np.ix_(left, new)]
            turned = decode(self.backend, codes.reshape(-1, codes.shape[-1]))
            decoded[np.ix_(left, new)] = turned.reshape(len(left), len(new), *turned.shape[1:])
            effects |= {k: some.effect(decoded[k, rows], target) for k in left.tolist()}
            reaching = [each < clips.each and clips.most(decoded[k, rows], target, each) >= own for k in left]
            left, done, each = left[reaching], each, min(2 * each, clips.each)
        return iter([effects[k] for k in range(len(moves))])


def range_ends(metrics: KnobMetrics, usable: UsableRange) -> list[float]:
    """The lowest and the highest usable amount, those that are not 0; where none is usable, of all measured."""
    inside = list(metrics.within(usable.low, usable.high)) or list(metrics.at)
    return sorted({min(inside[0], 0.0), max(inside[-1], 0.0)} - {0.0})
