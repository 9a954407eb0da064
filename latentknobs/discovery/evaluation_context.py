"""What all knobs of a run are evaluated with, in one value."""

from __future__ import annotations

from attrs import Factory, field, frozen

from latentknobs.core.code_units import CodeUnits
from latentknobs.core.experiment import Experiment
from latentknobs.core.method_specs import FitInput
from latentknobs.discovery.coordinate_systems import CoordinateSystems
from latentknobs.discovery.pair_statistics import PairStatistics
from latentknobs.evaluation.evaluation_set import EvaluationSet
from latentknobs.evaluation.knob_metrics import EvaluationConfig


@frozen(eq=False)
class EvaluationContext:
    """
    See the module's text.

    Attributes:
        experiment: The run's.
        fit_input: What the knobs were fitted from, in ``units``; its amounts are those that are measured.
        statistics: Of the amounts of ``fit_input`` and no others, in ``units``.
        config: Of the metrics.
        validation: The evaluation set of validation songs.
        test: That of test songs.
        coordinates: The coordinate systems in which dimensions are counted, of codes in ``units``.
        in_part: Of an edit that learns in part, the validation clips edited as far as each allows, at the edit's own
            amounts: what the choice of fit rests on.
        units: Of the codes; operators and evaluation sets are in the model's own.
    """

    experiment: Experiment
    fit_input: FitInput
    statistics: PairStatistics
    config: EvaluationConfig
    validation: EvaluationSet
    test: EvaluationSet
    coordinates: CoordinateSystems
    in_part: EvaluationSet | None = None
    units: CodeUnits = field(default=Factory(lambda self: CodeUnits.none(self.experiment.latent_size), takes_self=True))

    @property
    def chosen_on(self) -> EvaluationSet:
        """The validation clips that the choice of fit rests on."""
        return self.validation if self.in_part is None else self.in_part
