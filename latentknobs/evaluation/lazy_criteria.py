"""
The verdict of a discovery without its evidence, for many edits.

The acceptance criteria are those of a discovery; only the order differs. An amount is measured when a criterion needs
it, innermost first, since the usable range ends before the first amount that fails: where both innermost amounts fail,
nothing beyond them is fitted, decoded or drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Protocol

from attrs import define, field

from latentknobs.core.evidence import AmountMetrics
from latentknobs.core.knob import Operator, Verdict
from latentknobs.core.method_specs import Fit
from latentknobs.evaluation.acceptance_criteria import (
    LEAST_MONOTONE,
    amount_criteria,
    equivariance_criterion,
    judge,
    reach,
    usable_range,
)
from latentknobs.evaluation.control_test import ControlTest, range_ends
from latentknobs.evaluation.evaluation_set import AmountBatch, EvaluationSet
from latentknobs.evaluation.knob_metrics import (
    EvaluationConfig,
    KnobMetrics,
    measure,
    turned_clips,
)

RANGED = ("leakage", "content", "equivariance")
"""The criteria at each amount, which find the usable range; loss counts with leakage."""
ALONE = ("effect", "monotone", *RANGED)
"""All criteria."""
_KINDS = {"leakage": ("leakage", "loss"), "content": ("content",)}


@define(eq=False)
class _LazyMetrics(Mapping[float, AmountMetrics]):
    """The metrics by amount, each computed when first read."""

    amounts: Sequence[float]
    compute: Callable[[float], AmountMetrics]
    _known: dict[float, AmountMetrics] = field(factory=dict, init=False)

    def __getitem__(self, amount: float) -> AmountMetrics:
        if amount not in self.amounts:
            raise KeyError(amount)
        if amount not in self._known:
            self._known[amount] = self.compute(amount)
        return self._known[amount]

    def __iter__(self) -> Iterator[float]:
        return iter(self.amounts)

    def __len__(self) -> int:
        return len(self.amounts)


class EditPairs(Protocol):
    """An edit's clips and fits, made when they are needed."""

    @property
    def amounts(self) -> tuple[float, ...]:
        """Amounts with enough training pairs, ascending."""

    def operator(self, fit: Fit, amounts: Sequence[float]) -> Operator:
        """
        What a fit gives, good at some of the amounts.

        Raises:
            NotFittedError: The fit cannot serve the edit.
        """

    def reached(self, split: str, amount: float, clips: int | None = None) -> bool:
        """Whether a split's evaluation set has a pair at an amount; nothing is encoded for the answer."""

    def evaluation_set(self, split: str, amounts: Iterable[float], clips: int | None = None) -> EvaluationSet:
        """The evaluation set of a split at some amounts, on the first ``clips`` of its clips."""


@define(eq=False)
class LazyEvaluation:
    """
    One fit judged by the acceptance criteria.

    Attributes:
        pairs: The edit's pairs.
        fit: The fit.
        control_test: The comparison with random controls; its config is that of all metrics.
        clips: Only the first so many clips of each evaluation set count, None = all.
    """

    pairs: EditPairs
    fit: Fit
    control_test: ControlTest
    clips: int | None = None
    _at: dict[str, _LazyMetrics] = field(factory=dict, init=False)

    @property
    def config(self) -> EvaluationConfig:
        """Of the metrics."""
        return self.control_test.config

    def at(self, split: str) -> Mapping[float, AmountMetrics]:
        """The metrics on a split, by amount with clips; each is computed when first read."""
        if split not in self._at:
            reached = [a for a in self.pairs.amounts if self.pairs.reached(split, a, self.clips)]
            self._at[split] = _LazyMetrics(reached, lambda a: self._measure(split, (a,)).at[a])
        return self._at[split]

    def _measure(self, split: str, amounts: Sequence[float]) -> KnobMetrics:
        backend, evaluation_set = self.control_test.backend, self.pairs.evaluation_set(split, amounts, self.clips)
        fitted = tuple(amounts)
        if self.config.measure == "changes":  # for which the knob is also turned the other way
            fitted = tuple(a for a in self.pairs.amounts if a in amounts or -a in amounts)
        operator = self.pairs.operator(self.fit, fitted)
        turned = turned_clips(backend, operator, evaluation_set, amounts)
        return measure(backend, operator, evaluation_set, self.config, turned)

    def _batch(self, split: str, amount: float) -> AmountBatch:
        return self.pairs.evaluation_set(split, (amount,), self.clips).batches[amount]

    def verdict(self) -> Verdict:
        """
        What a discovery says of this fit.

        Raises:
            NotFittedError: The fit cannot serve the edit.
        """
        on_validation = KnobMetrics(self.at("validation"), None, None)
        usable = usable_range(on_validation, self.config)
        if usable.low == usable.high:
            return "rejected"
        operator = self.pairs.operator(self.fit, range_ends(on_validation, usable))
        usable, ends = self.control_test.usable_range(operator, on_validation, partial(self._batch, "validation"))
        inside = [a for a in self.pairs.amounts if usable.low <= a <= usable.high]
        on_test = self._measure("test", inside)
        # The control test costs most, so it comes last: with a p of 0 the knob is judged as if it had passed.
        p = 0.0 if inside and set(ends) <= set(on_test.at) else None
        verdict = judge(on_test, usable, self.config, self.control_test.controls, p).verdict
        if verdict in {"accepted", "provisional"} and not self._beyond_controls(ends):
            return "rejected"
        return verdict

    def _beyond_controls(self, ends: Sequence[float]) -> bool:
        """Whether the effect between these amounts is beyond the random controls, on test songs."""
        operator = self.pairs.operator(self.fit, ends)
        return self.control_test.passed(operator, [self._batch("test", a) for a in ends])

    def failed(self) -> frozenset[str]:
        """Which of :data:`RANGED` fail at both innermost amounts on validation songs: alone, these leave no range."""
        at = self.at("validation")
        inner = [*[a for a in at if a < 0][-1:], *[a for a in at if a > 0][:1]]
        return frozenset(name for name in RANGED if not any(self._holds(name, at[a]) for a in inner))

    def alone(self, criterion: str) -> bool:
        """
        Whether the fit would be accepted if this criterion were the only one.

        Leakage, content and equivariance find the usable range on validation songs by themselves, and must hold in it
        on test songs; effect and monotone, which find none, are judged over all amounts.

        Args:
            criterion: One of :data:`ALONE`.

        Raises:
            NotFittedError: The fit cannot serve the edit.
        """
        on_test = self.at("test")
        if criterion == "effect":
            ends = sorted({min([*on_test, 0.0]), max([*on_test, 0.0])} - {0.0})
            return bool(ends) and self._beyond_controls(ends)
        if criterion == "monotone":
            score = self._measure("test", self.pairs.amounts).monotone
            return score is not None and score >= LEAST_MONOTONE
        on_validation = self.at("validation")
        low, high = reach(on_validation, lambda a: self._holds(criterion, on_validation[a]))
        inside = sorted((a for a in on_test if low <= a <= high), key=abs)
        if low == high or not inside:
            return False
        # As in a verdict: leakage counts at the ends, and equivariance only where it can be measured.
        if criterion == "equivariance":
            compared = {a: on_test[a].equivariance for a in inside}
            measurable = [a for a, x in compared.items() if x is not None and x.measurable]
            return bool(measurable) and all(self._holds(criterion, on_test[a]) for a in measurable)
        outermost = {min(inside), max(inside)}
        return all(self._holds(criterion, on_test[a], end=a in outermost) for a in inside)

    def _holds(self, criterion: str, x: AmountMetrics, *, end: bool = True) -> bool:
        if criterion == "equivariance":
            return equivariance_criterion(x, self.config.measure).passed
        return all(
            c.passed
            for c in amount_criteria(x, self.config)
            if c.kind in _KINDS[criterion] and (end or c.kind != "leakage")
        )
