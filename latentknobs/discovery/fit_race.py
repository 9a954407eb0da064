"""
The fits that a discovery makes and measures in full, where none is asked for by name.

Each is turned on a few validation clips at a few amounts, and what is clearly worse than the best is left behind. Those
that are trained come last, and are not made where the others leave nothing to gain. Test songs have no part in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from attrs import define, evolve, field, frozen

from latentknobs.core.code_units import CodeUnits
from latentknobs.core.corpus import Progress
from latentknobs.core.evidence import Equivariance
from latentknobs.core.knob import Operator
from latentknobs.core.method_specs import Fit
from latentknobs.discovery.evaluation_context import EvaluationContext
from latentknobs.errors import DiscoveryError, NotFittedError
from latentknobs.evaluation.equivariance import nearest
from latentknobs.evaluation.evaluation_set import EvaluationSet
from latentknobs.evaluation.knob_metrics import equivariances

RACE_CLIPS = 64
"""Validation clips at each amount."""
ERRORS = 2.0
"""A fit is left behind where it is worse by more than so many standard errors of each."""


@frozen(eq=False)
class FittedOperator:
    """
    What a fit gave.

    Attributes:
        fit: The fit.
        operator: Takes codes in the model's own units.
        facts: What it says of itself.
    """

    fit: Fit
    operator: Operator
    facts: Mapping[str, Any]


@frozen
class FitScore:
    """Equivariance over some amounts and its standard error, both means; 0 where it is measurable at none."""

    value: float
    error: float

    @classmethod
    def of(cls, measured: Sequence[Equivariance]) -> FitScore:
        """Of equivariance at each amount."""
        if not measured:
            return cls(0.0, 0.0)
        return cls(float(np.mean([e.value for e in measured])), float(np.mean([e.error for e in measured])))


@define(eq=False)
class FitRace:
    """
    See the module's text.

    Attributes:
        context: The run's.
        units: Of the codes that fits learn from.
        progress: Told of the work.
        declined: By fit that could not serve the edit, was not made or was left behind, the reason.
        behind: The fits that were left behind.
    """

    context: EvaluationContext
    units: CodeUnits
    progress: Progress
    declined: dict[str, str] = field(factory=dict)
    behind: list[FittedOperator] = field(factory=list)

    def made(self) -> list[FittedOperator]:
        """
        The fits to measure in full, simpler ones first.

        Raises:
            DiscoveryError: None of several can serve the edit.
        """
        if self.context.experiment.settings.fits:
            out = [fitted for fit in self._chosen() if (fitted := self._fitted(fit)) is not None]
        else:
            out = self._raced()
        if self.declined and not out:
            reasons = " ".join(f"{name}: {reason}" for name, reason in self.declined.items())
            raise DiscoveryError(f"No fit can serve {self.context.experiment.edit.name}. {reasons}")
        return out

    def _chosen(self) -> Iterator[Fit]:
        """The fits of the settings; of none those that are no baselines."""
        experiment = self.context.experiment
        fits = [fit for fit in experiment.methods.fits if experiment.settings.makes(fit)]
        for done, fit in enumerate(fits):
            self.progress(f"fitting {experiment.edit.knob_name}", done, len(fits))
            yield fit

    def _fitted(self, fit: Fit) -> FittedOperator | None:
        """What a fit gives, in the model's units; None where it cannot serve the edit."""
        try:
            operator, facts = fit.fit(self.context.fit_input)
        except NotFittedError as reason:
            self.declined[fit.name] = str(reason)
            return None
        operator = operator if fit.own_units else self.units.operator_outward(operator)
        return FittedOperator(fit, operator.holding(self.context.experiment.held), facts)

    def _raced(self) -> list[FittedOperator]:
        ran: list[tuple[FittedOperator, FitScore]] = []
        few = _few(self.context.chosen_on, self.context.fit_input.amounts)
        for fit in sorted(self._chosen(), key=lambda fit: fit.trained):
            best = max(ran, key=lambda one: one[1].value, default=None)
            if fit.trained and best is not None and best[1].value + best[1].error >= 1.0:
                self.declined[fit.name] = f"not made: {_reached(best, few)}, which leaves nothing to gain."
            elif (fitted := self._fitted(fit)) is not None:
                ran.append((fitted, FitScore.of(score_on(self.context, fitted.operator, few))))
        if not ran:
            return []
        names = [fit.name for fit in self.context.experiment.methods.fits]
        best = max(ran, key=lambda one: one[1].value)
        least = best[1].value - ERRORS * best[1].error
        out = []
        for fitted, score in sorted(ran, key=lambda one: names.index(one[0].fit.name)):
            if score.value + ERRORS * score.error >= least:
                out.append(fitted)
            else:
                self.behind.append(fitted)
                self.declined[fitted.fit.name] = (
                    f"left behind with an equivariance of {score.value:.2f}: {_reached(best, few)}."
                )
        return out

    def called_back(self) -> list[FittedOperator]:
        """The fits that were left behind, to be measured after all."""
        for fitted in self.behind:
            del self.declined[fitted.fit.name]
        return self.behind


def score_on(context: EvaluationContext, operator: Operator, clips: EvaluationSet) -> list[Equivariance]:
    """Equivariance on validation clips at each amount of theirs at which it is measurable."""
    measured = equivariances(context.experiment.backend, operator, clips, context.config)
    return [e for e in measured.values() if e.measurable]


def _few(clips: EvaluationSet, amounts: Sequence[float]) -> EvaluationSet:
    """The first of the clips at the amounts nearest to 0 and farthest from it."""
    reached = [a for a in amounts if a in clips.batches and len(clips.batches[a].rows)]
    chosen = sorted({*nearest(reached), *reached[:1], *reached[-1:]})
    return evolve(clips, batches={a: clips.batches[a].first(RACE_CLIPS) for a in chosen})


def _reached(best: tuple[FittedOperator, FitScore], few: EvaluationSet) -> str:
    at = ", ".join(f"{a:+g}" for a in few.batches)
    return f"{best[0].fit.name} has {best[1].value:.2f} on {RACE_CLIPS} validation clips at {at}"
