"""
The verdict of a discovery without its evidence, for asking it many times.

The gates are those of a discovery, and so is what it takes of them; only the order is another. An amount is measured
when a gate looks at it, innermost first, since the usable range ends before the first amount that fails: where both
innermost amounts fail, nothing beyond them is fitted, decoded or drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from attrs import define, field

from latentknobs.core.knob import Operator, Verdict
from latentknobs.core.method_specs import Fit
from latentknobs.discovery.encoded_corpus import EncodedPairs
from latentknobs.evaluation.acceptance_criteria import (
    LEAST_MONOTONE,
    Criterion,
    amount_gates,
    equivariance_gate,
    judge,
    reach,
    usable_range,
)
from latentknobs.evaluation.control_test import beyond_controls, ends_of, proven_range
from latentknobs.evaluation.knob_metrics import AmountMetrics, EvaluationConfig, KnobMetrics, measure

RANGED = ("leakage", "content", "equivariance")
"""The gates at each amount, which find the usable range; a loss counts with leakage."""
ALONE = ("effect", "monotone", *RANGED)
"""All gates."""
_FAMILY = {"leakage": ("leakage", "loss"), "content": ("content",)}


@define(eq=False)
class _LazyMetrics(Mapping[float, AmountMetrics]):
    """The measures by amount, each taken when it is asked for."""

    amounts: Sequence[float]
    take: Callable[[float], AmountMetrics]
    _taken: dict[float, AmountMetrics] = field(factory=dict, init=False)

    def __getitem__(self, amount: float) -> AmountMetrics:
        if amount not in self.amounts:
            raise KeyError(amount)
        if amount not in self._taken:
            self._taken[amount] = self.take(amount)
        return self._taken[amount]

    def __iter__(self) -> Iterator[float]:
        return iter(self.amounts)

    def __len__(self) -> int:
        return len(self.amounts)


@define(eq=False)
class LazyEvaluation:
    """
    One fit before the gates.

    Attributes:
        pairing: The edit's pairs.
        fit: The fit. A shift may use the mean changes and the samples' targets, an affine fit each amount's moments
            by themselves: so do all closed ones.
        yard: The pairing's yardstick.
        clips: So many clips of each trial count, None = all.
    """

    pairing: EncodedPairs
    fit: Fit
    yard: EvaluationConfig
    clips: int | None = None
    _operators: dict[tuple[float, ...], Operator] = field(factory=dict, init=False)
    _at: dict[str, _LazyMetrics] = field(factory=dict, init=False)

    def operator(self, amounts: Sequence[float]) -> Operator:
        """
        The operator, good at these amounts.

        Raises:
            NotFittedError: The fit cannot serve the edit.
        """
        # A shift is one for all amounts; an affine map is fitted to each amount by itself.
        key = tuple(amounts) if self.fit.kind == "affine" else self.pairing.amounts
        if key not in self._operators:
            given = self.pairing.given(key, moments=self.fit.kind != "shift")
            self._operators[key] = self.fit.fit(given)[0]
        return self._operators[key]

    def at(self, split: str) -> Mapping[float, AmountMetrics]:
        """The measures on a split, by amount: those with clips, taken when they are asked for."""
        if split not in self._at:
            there = [a for a in self.pairing.amounts if self.pairing.reached(split, a, self.clips)]
            self._at[split] = _LazyMetrics(there, lambda a: self._measure(split, (a,)).at[a])
        return self._at[split]

    def _measure(self, split: str, amounts: Sequence[float]) -> KnobMetrics:
        trial = self.pairing.trial(split, amounts, self.clips)
        return measure(self.pairing.survey.backend, self.operator(amounts), trial, amounts, self.yard)

    def verdict(self) -> Verdict:
        """
        What a discovery says of this fit.

        Raises:
            NotFittedError: The fit cannot serve the edit.
        """
        survey = self.pairing.survey
        on_validation = KnobMetrics(self.at("validation"), None, None)
        usable = usable_range(on_validation, self.yard)
        if usable.low == usable.high:
            return "rejected"
        usable, ends = proven_range(
            survey.backend,
            self.operator(ends_of(on_validation, usable)),
            on_validation,
            lambda a: self.pairing.trial("validation", (a,), self.clips).cases[a],
            self.yard,
            survey.deltas,
            survey.settings,
        )
        inside = [a for a in self.pairing.amounts if usable.low <= a <= usable.high]
        on_test = self._measure("test", inside)
        # The effect costs most, so it comes last: with a p of 0 it is judged as if it had passed.
        there = set(ends) <= set(on_test.at)
        passed = {"controls": survey.settings.controls, "p": 0.0}
        found = judge(on_test, usable, self.yard, passed if inside and there else None).verdict
        if found in {"accepted", "provisional"} and not self._beyond(ends):
            return "rejected"
        return found

    def _beyond(self, ends: Sequence[float]) -> bool:
        """Whether the effect between these amounts is beyond the random controls, on test songs."""
        survey = self.pairing.survey
        cases = [self.pairing.trial("test", (a,), self.clips).cases[a] for a in ends]
        return beyond_controls(survey.backend, self.operator(ends), cases, self.yard, survey.deltas, survey.settings)

    def failed(self) -> frozenset[str]:
        """Which of :data:`RANGED` fail at both innermost amounts on validation songs: alone, these leave no range."""
        at = self.at("validation")
        inner = [*[a for a in at if a < 0][-1:], *[a for a in at if a > 0][:1]]
        return frozenset(gate for gate in RANGED if not any(self._holds(gate, at[a]) for a in inner))

    def alone(self, gate: str) -> bool:
        """
        Whether the fit would be accepted if this gate were the only one.

        Leakage, content and equivariance find the usable range on validation songs by themselves, and must hold in it
        on test songs; effect and monotone, which find none, are judged over all amounts.

        Args:
            gate: One of :data:`ALONE`.

        Raises:
            NotFittedError: The fit cannot serve the edit.
        """
        on_test = self.at("test")
        if gate == "effect":
            ends = sorted({min([*on_test, 0.0]), max([*on_test, 0.0])} - {0.0})
            return bool(ends) and self._beyond(ends)
        if gate == "monotone":
            score = self._measure("test", self.pairing.amounts).monotone
            return score is not None and score >= LEAST_MONOTONE
        on_validation = self.at("validation")
        low, high = reach(on_validation, lambda a: self._holds(gate, on_validation[a]))
        inside = sorted((a for a in on_test if low <= a <= high), key=abs)
        if low == high or not inside:
            return False
        # As in a verdict: leakage counts at the ends, and where equivariance cannot be measured it is not asked.
        if gate == "equivariance":
            compared = {a: on_test[a].equivariance for a in inside}
            asked = [a for a, x in compared.items() if x is not None and x.measurable]
            return bool(asked) and all(self._holds(gate, on_test[a]) for a in asked)
        outermost = {min(inside), max(inside)}
        return all(self._holds(gate, on_test[a], end=a in outermost) for a in inside)

    def _holds(self, gate: str, x: AmountMetrics, *, end: bool = True) -> bool:
        if gate == "equivariance":
            return equivariance_gate(x).passed
        return all(
            g.passed
            for g in amount_gates(x, self.yard)
            if _family(g) in _FAMILY[gate] and (end or _family(g) != "leakage")
        )


def _family(gate: Criterion) -> str:
    return gate.name.split()[0]
