"""
What was measured of a knob, as values; with their JSON form, which registries and exchange files store.

:func:`structure_evidence` reads that form strictly: nothing is converted, unknown keys are refused, numbers are finite.
:func:`latentknobs.core.evidence_upgrade.upgrade_evidence` first brings the form of earlier registries up to date.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from attrs import field, frozen

from latentknobs.core.edit_context import Reference
from latentknobs.core.latent_structure import BlockShare, LatentStructure
from latentknobs.core.strict_json import Plain, structure, unstructure

LEAST_ROOM = 0.05
"""Where ceiling - floor is under this, equivariance is not measurable."""

CriterionKind: TypeAlias = Literal[
    "effect", "validation", "monotone", "range", "room", "equivariance", "leakage", "loss", "content"
]
Measure: TypeAlias = Literal["tokens", "changes"]
"""What equivariance scores: the accuracy of tokens, or the F1 of the changes that the edit makes."""
AttributeRole: TypeAlias = Literal["target", "changes", "preserved", ""]
AT_MOST: frozenset[CriterionKind] = frozenset({"effect", "leakage", "loss"})
"""The criteria whose limit is the most that may be; that of the others is the least."""


@frozen
class Interval:
    """
    A value with its 95 % confidence interval.

    Attributes:
        value: The value on the songs as they are.
        low: 2.5 % quantile over resamplings; the value where there is only one song.
        high: 97.5 % quantile.
        error: Standard deviation over resamplings.
    """

    value: float
    low: float
    high: float
    error: float


@frozen
class Equivariance(Interval):
    """
    Does turning the knob give what editing the clip gives? See :mod:`latentknobs.evaluation.equivariance`.

    Attributes:
        accuracy: Score of the turned clips: their mean accuracy, or their F1 where changes are measured.
        floor: That of the better baseline.
        ceiling: That of decoding the edited clip's own code.
    """

    accuracy: float
    floor: float
    ceiling: float

    @property
    def measurable(self) -> bool:
        """Whether there is room between floor and ceiling."""
        return self.ceiling - self.floor >= LEAST_ROOM


@frozen
class Effect(Interval):
    """
    Mean change of an attribute of the decoded clips from amount 0.

    Attributes:
        spread: Standard deviation of the change over clips.
        clips: Clips on which the attribute is defined before and after.
    """

    spread: float
    clips: int


@frozen
class Leakage:
    """
    How far an attribute moves, in standard deviations over the corpus.

    Attributes:
        value: Absolute mean change from amount 0 over clips on which the attribute is defined before and after; 0
            where there are none.
        upper: Its 95 % upper bound.
        lost: Of the clips on which it is defined at amount 0, the share on which it no longer is.
    """

    value: float
    upper: float
    lost: float


@frozen(kw_only=True)
class AmountMetrics:
    """
    The metrics at one amount; ``effects`` and ``content`` hold every attribute and comparison, preserved or not.

    Attributes:
        amount: The amount.
        clips: Clips measured; without an edit, those of the attribute that is defined on most.
        equivariance: None in a run without an edit.
        effects: By attribute.
        leakage: By attribute, but for the knob's target and what else the edit changes.
        content: By comparison; None where it is defined on no clip.
    """

    amount: float
    clips: int
    equivariance: Equivariance | None = None
    effects: Mapping[str, Effect]
    leakage: Mapping[str, Leakage]
    content: Mapping[str, Interval | None]


@frozen
class Response:
    """
    How the target answers the amount: least squares of its change over the amount, 0 included.

    Attributes:
        slope: Change of the target for one unit of the amount, pooled. 1 = as much as asked.
        r2: Share of the variance of the changes that the pooled line explains, 0 to 1; 0 where nothing changes.
        r2_clips: The same share for each clip's own line, mean over clips.
        spearman: Spearman's correlation between amount and target of each clip, mean over clips.
        clips: Clips with at least three amounts, 0 included.
    """

    slope: Interval
    r2: Interval
    r2_clips: Interval
    spearman: Interval
    clips: int


@frozen(kw_only=True)
class SplitMetrics:
    """
    The metrics on the songs of one split.

    Attributes:
        amounts: Ascending; only amounts with clips.
        response: None where it is not measured.
        round_trip: For an on/off edit: accuracy of decoding T(T(z)) against decoding z.
    """

    amounts: tuple[AmountMetrics, ...]
    response: Response | None = None
    round_trip: float | None = None


@frozen(kw_only=True)
class ControlEffects:
    """
    The knob's effect beside that of random moves of equal length, over the ends of its range, on test songs.

    A control of an edit is decoded on as many of the clips as show that it does less than the knob, at least an eighth
    of them; what is told of the controls is over the clips that each was decoded on. ``p`` is that of all clips.

    Attributes:
        amounts: The ends.
        clips: Clips at both, on which the knob is decoded, and a control that does as much.
        controls: Number of random moves.
        effect: The knob's; see :meth:`latentknobs.evaluation.control_test.RangeEnds.effect`.
        p: (1 + controls at least as strong) / (1 + controls); for the best of many candidates, the chance that the best
            of as many random moves is as strong, if that is more.
        control_effect_mean: Over the controls.
        control_effect_max: The largest of the controls.
        mean_absolute_change: Of a clip, by the knob.
        control_mean_absolute_change: Of a clip, by the controls.
    """

    amounts: tuple[float, ...]
    clips: int
    controls: int
    effect: float
    p: float
    control_effect_mean: float
    control_effect_max: float
    mean_absolute_change: float
    control_mean_absolute_change: float


@frozen(kw_only=True)
class Criterion:
    """
    One acceptance criterion and whether it was met.

    Attributes:
        kind: What is judged. room = ceiling minus floor, without which equivariance cannot be measured.
        of: The attribute (leakage, loss) or comparison (content).
        amount: At which amount; None for those that judge the whole range.
        value: As measured, None where it could not be.
        low: Low end of its 95 % confidence interval, None where there is none; of room, the floor.
        high: High end, of leakage the 95 % upper bound; of room, the ceiling.
        limit: The limit.
        passed: Whether it holds.
    """

    kind: CriterionKind
    of: str | None = None
    amount: float | None = None
    value: float | None
    low: float | None = None
    high: float | None = None
    limit: float
    passed: bool

    @property
    def name(self) -> str:
        """For people ("leakage of mean-pitch at +12")."""
        return self.measure if self.amount is None else f"{self.measure} at {self.amount:+g}"

    @property
    def measure(self) -> str:
        """The name without the amount."""
        if self.of is not None:
            return f"{self.kind} {'by' if self.kind == 'content' else 'of'} {self.of}"
        return _NAMES.get(self.kind, self.kind)

    @property
    def judged(self) -> float | None:
        """What is held against the limit: of equivariance and leakage the worse end of the interval."""
        end = {"equivariance": self.low, "leakage": self.high}.get(self.kind)
        return self.value if end is None else end

    @property
    def shortfall(self) -> float | None:
        """By how much the limit is missed, 0 or less where it is met; None where nothing was measured."""
        if self.judged is None:
            return None
        return self.judged - self.limit if self.kind in AT_MOST else self.limit - self.judged


_NAMES: Mapping[CriterionKind, str] = {
    "effect": "effect beyond random controls (p)",
    "validation": "all limits at some amount on validation songs",
    "range": "usable range",
    "room": "ceiling minus floor",
}


@frozen(kw_only=True)
class SelectorChoice:
    """
    The dimensions that a selector chose, and how stable the choice is.

    Attributes:
        dims: The dimensions.
        kept: Part of the knob's effect that is left in them alone.
        size_low: Low end of the 95 % confidence interval of their number, bootstrapped over songs.
        size_high: High end.
        curve: By number of dimensions tried, the effect left; of selectors that decode.
        whole: The effect in all dimensions.
        overlap_across_amounts: By amount, Jaccard index with the largest dimensions at that amount.
        overlap: Jaccard index with the knob's selected dimensions.
        frequency: By dimension, the share of random halves of the songs on which it is chosen.
        stable: How many of ``dims`` are chosen on at least 9 of 10 halves.
    """

    dims: tuple[int, ...]
    kept: float
    size_low: int | None = None
    size_high: int | None = None
    curve: Mapping[str, float] | None = None
    whole: float | None = None
    overlap_across_amounts: Mapping[str, float] | None = None
    overlap: float | None = None
    frequency: Mapping[str, float]
    stable: int


@frozen(kw_only=True)
class BasisEnergy:
    """
    How few vectors of a basis hold the knob's move.

    Attributes:
        participation: Participation ratio of the moved energy.
        size: Vectors that hold nine tenths of it.
        left_out: Why the basis could not be made; the others are None then.
    """

    participation: float | None = None
    size: int | None = None
    left_out: str | None = None


@frozen(kw_only=True)
class BasisSelection:
    """
    What the selectors choose in another basis than the model's coordinates.

    Attributes:
        basis: Its name.
        selected: By selector.
        shares: Share of the moved energy of each basis vector.
        left_out: Why the basis could not be made; the others are None then.
    """

    basis: str
    selected: Mapping[str, SelectorChoice] | None = None
    shares: tuple[float, ...] | None = None
    left_out: str | None = None


@frozen(kw_only=True)
class FitComparison:
    """
    One fit of the knob's run, on validation songs.

    Attributes:
        fit: Its name.
        kind: Of its operator.
        verdict: Of its knob.
        low: Low end of the usable range.
        high: High end.
        equivariance: By amount.
        least: Least equivariance over the amounts.
        mean: Mean equivariance over the amounts.
        monotone: Spearman's correlation between amount and target, mean over clips.
        content: By comparison, at the worst amount.
    """

    fit: str
    kind: str
    verdict: str
    low: float
    high: float
    equivariance: Mapping[str, float]
    least: float | None
    mean: float | None
    monotone: float | None
    content: Mapping[str, float | None]


@frozen
class DirectionScore:
    """
    What a direction does to one attribute.

    Attributes:
        monotone: Mean over clips of Spearman between amount and attribute; 0 where no clip has it.
        effect: Change for one standard deviation of the code, in standard deviations over the corpus.
        clearness: See :mod:`latentknobs.discovery.direction_labeling`; 0 where monotone and effect do not agree.
    """

    monotone: float
    effect: float
    clearness: float


@frozen(kw_only=True)
class CandidateRecord:
    """
    A candidate direction of unsupervised discovery.

    Attributes:
        source: How it was found ("pca").
        rank: Its place among those of the source, from 0.
        attribute: The attribute that names it; with None the scores are None too.
        monotone: See :class:`DirectionScore`; on training songs.
        effect: The same.
        clearness: The same.
        on_validation: Clearness on validation songs.
        chosen: Whether it became the knob of that name.
    """

    source: str
    rank: int
    attribute: str | None
    monotone: float | None = None
    effect: float | None = None
    clearness: float | None = None
    on_validation: float | None = None
    chosen: bool


@frozen(kw_only=True)
class Evidence:
    """
    All that was measured of a knob. What a run does not measure is None or empty.

    Amounts that are keys are written with their sign ("+1").

    Attributes:
        version: Of the JSON form.
        fitted: Amounts that were fitted, A of them.
        training_pairs: By amount.
        declined: By fit that could not serve the edit, the reason.
        target: The attribute that amount 1 is to move by 1.
        not_fitted: By amount with too few training pairs, their number.
        mean_change: (A, D), mean move of the codes by the edit.
        mean_change_error: (A, D), its standard error.
        coherence: By amount, 0 to 1, how alike the moves of all clips are.
        covariance_diagonal: (D,), variance of the codes.
        code_centre: (D,), mean of the codes; empty in older registries.
        code_scale: (D,), one unit of each dimension (:mod:`latentknobs.core.code_units`); empty in older registries,
            whose models have a standard normal prior and units of about 1.
        adds_up: Whether edits by two amounts are the edit by their sum.
        relative_to: Where the knob was learned and judged in one key, what pieces are moved by
            (:mod:`latentknobs.core.one_key`).
        measure: What equivariance scores; decided on validation songs.
        active_dimensions: Dimensions in which the codes vary.
        validation_clips: Clips of validation songs.
        test_clips: Clips of test songs.
        fitting: What the fit tells of itself.
        selected: By selector, the dimensions it chose.
        shares: (D,), share of the moved energy of each dimension.
        blocks: Of a model whose code has blocks or steps, these, in order; else empty, as in older registries.
        latent_shape: Of a sequence of latents, its axes.
        bases: By basis.
        in_basis: The selection in another basis, where one was asked for.
        validation: Metrics on validation songs.
        test: Metrics on test songs; None where the usable range is empty.
        controls: The comparison with random controls.
        criteria: The acceptance criteria.
        range_criteria: Those that fail on validation songs, at every measured amount: they end the usable range.
        effects_at: The amounts at which the sizes of the knob's effects were measured, on validation songs where
            ``test`` is None.
        spreads: By attribute, standard deviation over the corpus.
        judged_at: The amount at which dimensions are selected.
        operator_precision: How far the operator is rounded; it is evaluated as it is stored.
        fits: All fits of the run.
        left_out: By criterion that does not apply, the reason.
        sources_left_out: By source of directions that could not be used, the reason.
        candidates: All candidate directions of the run.
        rank: Of the direction among those of its source.
        deviation: The move of the target for one standard deviation of the code.
        preserves: Attributes and comparisons that are to stay; None in older registries, where the edit stated them.
        changes: Those that the edit changes on purpose; None in older registries.
        related: By attribute that is not to stay, its correlation with the target.
        profile: By attribute.
    """

    version: Literal[2] = 2
    fitted: tuple[float, ...] = ()
    training_pairs: Mapping[str, int] = field(factory=dict)
    declined: Mapping[str, str] = field(factory=dict)
    target: str | None = None
    not_fitted: Mapping[str, int] = field(factory=dict)
    mean_change: tuple[tuple[float, ...], ...] = ()
    mean_change_error: tuple[tuple[float, ...], ...] = ()
    coherence: Mapping[str, float] = field(factory=dict)
    covariance_diagonal: tuple[float, ...] = ()
    code_centre: tuple[float, ...] = ()
    code_scale: tuple[float, ...] = ()
    adds_up: bool | None = None
    relative_to: Reference = ""
    measure: Measure = "tokens"
    active_dimensions: int | None = None
    validation_clips: int | None = None
    test_clips: int | None = None
    fitting: Mapping[str, Plain] = field(factory=dict)
    selected: Mapping[str, SelectorChoice] = field(factory=dict)
    shares: tuple[float, ...] = ()
    blocks: tuple[BlockShare, ...] = ()
    latent_shape: tuple[int, ...] = ()
    bases: Mapping[str, BasisEnergy] = field(factory=dict)
    in_basis: BasisSelection | None = None
    validation: SplitMetrics | None = None
    test: SplitMetrics | None = None
    controls: ControlEffects | None = None
    criteria: tuple[Criterion, ...] = ()
    range_criteria: tuple[Criterion, ...] = ()
    effects_at: tuple[float, ...] = ()
    spreads: Mapping[str, float] = field(factory=dict)
    judged_at: float | None = None
    operator_precision: Literal["16-bit", "20-bit", "mixed", "float32"] | None = None
    fits: tuple[FitComparison, ...] = ()
    left_out: Mapping[str, str] = field(factory=dict)
    sources_left_out: Mapping[str, str] = field(factory=dict)
    candidates: tuple[CandidateRecord, ...] = ()
    rank: int | None = None
    deviation: float | None = None
    preserves: tuple[str, ...] | None = None
    changes: tuple[str, ...] | None = None
    related: Mapping[str, float] = field(factory=dict)
    profile: Mapping[str, DirectionScore] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        LatentStructure.of_shares(self.blocks, self.latent_shape)  # what fits nothing is refused here

    @property
    def structure(self) -> LatentStructure:
        """The blocks or the shape of the code; a plain vector where there are none."""
        return LatentStructure.of_shares(self.blocks, self.latent_shape)

    @property
    def failed(self) -> list[Criterion]:
        """The criteria that were not met."""
        return [criterion for criterion in self.criteria if not criterion.passed]

    def role_of(self, attribute: str) -> AttributeRole:
        """What the edit says of an attribute: target, what it changes on purpose, what is preserved, or nothing."""
        if attribute == self.target:
            return "target"
        roles: Mapping[AttributeRole, tuple[str, ...] | None] = {"changes": self.changes, "preserved": self.preserves}
        return next((role for role, names in roles.items() if attribute in (names or ())), "")


def structure_evidence(data: Any) -> Evidence:
    """
    Evidence from its JSON form.

    Args:
        data: What ``json.loads`` gives.

    Raises:
        ValueError: The first value that is not evidence's, with its path.
    """
    return structure(data, Evidence, "evidence")


def unstructure_evidence(evidence: Evidence) -> dict[str, Any]:
    """
    The JSON form of evidence: new dicts and lists, keys in the order of the attributes.

    Raises:
        ValueError: A number is not finite.
    """
    data: dict[str, Any] = unstructure(evidence, "evidence")
    return data
