"""
What was measured of a knob, as values; with their JSON form, which registries and exchange files store.

:func:`structure_evidence` reads that form strictly: nothing is converted, unknown keys are refused, numbers are finite.
:func:`upgrade_evidence` first brings the form of earlier registries, which had no version, up to date.
"""

from __future__ import annotations

import functools
import math
import operator
import re
import reprlib
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeAlias, cast, get_args, get_origin

from attrs import field, frozen, has

if TYPE_CHECKING:
    from cattrs import Converter

CURRENT_VERSION = 1
"""Of the JSON form."""
MOST_DEPTH = 12
"""Lists and objects within one another; what is measured has 6."""
MOST_VALUES = 2_000_000
"""Values of one knob's evidence, keys included; a model of 512 dimensions has some 50,000."""
MOST_CHARACTERS = 10_000
"""Characters of one text or key."""
LEAST_ROOM = 0.05
"""Where ceiling - floor is under this, equivariance is not measurable."""

CriterionKind: TypeAlias = Literal[
    "effect", "validation", "monotone", "range", "equivariance", "leakage", "loss", "content"
]
Fact: TypeAlias = bool | int | float | str | tuple[float | None, ...] | None
"""What a fit may tell of itself."""


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
        accuracy: Mean accuracy of the turned clips.
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
    The metrics at one amount; ``leakage`` and ``content`` hold every attribute and comparison, preserved or not.

    Attributes:
        amount: The amount.
        clips: Clips measured; without an edit, those of the attribute that is defined on most.
        equivariance: None in a run without an edit.
        effects: By attribute.
        leakage: By attribute.
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

    Attributes:
        amounts: The ends.
        clips: Clips at both.
        controls: Number of random moves.
        effect: The knob's; see :meth:`latentknobs.evaluation.control_test.RangeEnds.effect`.
        p: (1 + controls at least as strong) / (1 + controls).
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
        kind: What is judged.
        of: The attribute (leakage, loss) or comparison (content).
        amount: At which amount; None for those that judge the whole range.
        value: As measured, None where it could not be.
        limit: The limit.
        passed: Whether it holds.
    """

    kind: CriterionKind
    of: str | None = None
    amount: float | None = None
    value: float | None
    limit: float
    passed: bool

    @property
    def name(self) -> str:
        """For people ("leakage of mean-pitch at +12")."""
        if self.amount is None:
            return _WHOLE_RANGE.get(self.kind, self.kind)
        what = "" if self.of is None else f" {'by' if self.kind == 'content' else 'of'} {self.of}"
        return f"{self.kind}{what} at {self.amount:+g}"


_WHOLE_RANGE: Mapping[CriterionKind, str] = {
    "effect": "effect beyond random controls (p)",
    "validation": "all limits at some amount on validation songs",
    "range": "usable range",
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
        adds_up: Whether edits by two amounts are the edit by their sum.
        active_dimensions: Dimensions in which the codes vary.
        validation_clips: Clips of validation songs.
        test_clips: Clips of test songs.
        fitting: What the fit tells of itself.
        selected: By selector, the dimensions it chose.
        shares: (D,), share of the moved energy of each dimension.
        bases: By basis.
        in_basis: The selection in another basis, where one was asked for.
        validation: Metrics on validation songs.
        test: Metrics on test songs; None where the usable range is empty.
        controls: The comparison with random controls.
        criteria: The acceptance criteria.
        spreads: By attribute, standard deviation over the corpus.
        judged_at: The amount at which dimensions are selected.
        fits: All fits of the run.
        left_out: By criterion that does not apply, the reason.
        sources_left_out: By source of directions that could not be used, the reason.
        candidates: All candidate directions of the run.
        rank: Of the direction among those of its source.
        deviation: The move of the target for one standard deviation of the code.
        preserves: Attributes and comparisons that are to stay; None where the edit states them.
        related: By attribute that is not to stay, its correlation with the target.
        profile: By attribute.
    """

    version: int = CURRENT_VERSION
    fitted: tuple[float, ...] = ()
    training_pairs: Mapping[str, int] = field(factory=dict)
    declined: Mapping[str, str] = field(factory=dict)
    target: str | None = None
    not_fitted: Mapping[str, int] = field(factory=dict)
    mean_change: tuple[tuple[float, ...], ...] = ()
    mean_change_error: tuple[tuple[float, ...], ...] = ()
    coherence: Mapping[str, float] = field(factory=dict)
    covariance_diagonal: tuple[float, ...] = ()
    adds_up: bool | None = None
    active_dimensions: int | None = None
    validation_clips: int | None = None
    test_clips: int | None = None
    fitting: Mapping[str, Fact] = field(factory=dict)
    selected: Mapping[str, SelectorChoice] = field(factory=dict)
    shares: tuple[float, ...] = ()
    bases: Mapping[str, BasisEnergy] = field(factory=dict)
    in_basis: BasisSelection | None = None
    validation: SplitMetrics | None = None
    test: SplitMetrics | None = None
    controls: ControlEffects | None = None
    criteria: tuple[Criterion, ...] = ()
    spreads: Mapping[str, float] = field(factory=dict)
    judged_at: float | None = None
    fits: tuple[FitComparison, ...] = ()
    left_out: Mapping[str, str] = field(factory=dict)
    sources_left_out: Mapping[str, str] = field(factory=dict)
    candidates: tuple[CandidateRecord, ...] = ()
    rank: int | None = None
    deviation: float | None = None
    preserves: tuple[str, ...] | None = None
    related: Mapping[str, float] = field(factory=dict)
    profile: Mapping[str, DirectionScore] = field(factory=dict)

    @property
    def failed(self) -> list[Criterion]:
        """The criteria that were not met."""
        return [criterion for criterion in self.criteria if not criterion.passed]


def structure_evidence(data: Any) -> Evidence:
    """
    Evidence from its JSON form.

    Args:
        data: What ``json.loads`` gives.

    Raises:
        ValueError: The first value that is not evidence's, with its path.
    """
    from cattrs import BaseValidationError

    _check_bounds(data)
    if isinstance(data, dict) and data.get("version") != CURRENT_VERSION:
        raise ValueError(f"evidence.version: expected {CURRENT_VERSION}, got {reprlib.repr(data.get('version'))}")
    try:
        return _converter().structure(data, Evidence)
    except (BaseValidationError, ValueError, KeyError) as error:
        path, reason = next(_reasons(error, "evidence"))
        raise ValueError(f"{path}: {reason}") from error


def unstructure_evidence(evidence: Evidence) -> dict[str, Any]:
    """
    The JSON form of evidence: new dicts and lists, keys in the order of the attributes.

    Raises:
        ValueError: A number is not finite.
    """
    data: dict[str, Any] = _converter().unstructure(evidence)
    _check_bounds(data)
    return data


def upgrade_evidence(data: Any) -> Any:
    """The current form of a registry's or exchange file's evidence; what has a version, or is none, stays as it is."""
    if not isinstance(data, dict) or "version" in data:
        return data
    data = {"version": CURRENT_VERSION, **data}
    if "keeps" in data:
        data["preserves"] = data.pop("keeps")
    if "gates" in data:
        gates, amounts = data.pop("gates"), data.get("fitted")
        by_text = {f"{a:+g}": a for a in amounts if _is_number(a)} if isinstance(amounts, list) else {}
        data["criteria"] = [_upgraded(gate, by_text) for gate in gates] if isinstance(gates, list) else gates
    return data


_NAMES = re.compile(r"(?P<kind>\w+)(?: (?:of|by) (?P<of>.+))? at (?P<amount>\S+)")


def _upgraded(gate: Any, amounts: Mapping[str, float]) -> Any:
    """A criterion that was stored with its name alone."""
    if not isinstance(gate, dict) or not isinstance(gate.get("gate"), str):
        return gate
    rest = {key: value for key, value in gate.items() if key != "gate"}
    name = gate["gate"]
    kinds = {text: kind for kind, text in _WHOLE_RANGE.items()}
    match = _NAMES.fullmatch(name)
    if name in kinds or match is None:
        return {"kind": kinds.get(name, name), "of": None, "amount": None, **rest}
    amount = amounts.get(match["amount"])
    if amount is None:
        try:
            amount = float(match["amount"])
        except ValueError:
            return gate
    return {"kind": match["kind"], "of": match["of"], "amount": amount, **rest}


def _check_bounds(data: Any) -> None:
    """Refuse what is nested too deeply, too large or not finite, before anything walks it by recursion."""
    waiting: list[tuple[Any, Any, int]] = [(data, None, 0)]
    count = 0
    while waiting:
        value, place, depth = waiting.pop()
        if isinstance(value, str) and len(value) > MOST_CHARACTERS:
            raise ValueError(f"{_path(place)}: expected at most {MOST_CHARACTERS:,} characters, got {len(value):,}")
        if not isinstance(value, dict | list):
            continue
        count += len(value)
        if count > MOST_VALUES:
            raise ValueError(f"evidence: expected at most {MOST_VALUES:,} values")
        if depth == MOST_DEPTH:
            raise ValueError(f"{_path(place)}: expected at most {MOST_DEPTH} levels of nesting")
        if isinstance(value, dict):
            waiting += [(key, (place, "a key"), depth) for key in value]
        for key, one in value.items() if isinstance(value, dict) else enumerate(value):
            if type(one) is not float:
                waiting.append((one, (place, key), depth + 1))
            elif not math.isfinite(one):
                raise ValueError(f"{_path((place, key))}: expected a finite number, got {one}")


def _path(place: Any) -> str:
    keys = []
    while place is not None:
        place, key = place
        keys.append(f"[{key}]" if isinstance(key, int) else f".{str(key)[:80]}")
    return "evidence" + "".join(reversed(keys))


def _reasons(error: BaseException, path: str) -> Iterator[tuple[str, str]]:
    """What cattrs found wrong, with the path of each."""
    from cattrs import AttributeValidationNote, ForbiddenExtraKeysError, IterableValidationNote

    if isinstance(error, ExceptionGroup):
        for inner in error.exceptions:
            place = path
            for note in getattr(inner, "__notes__", ()):
                if isinstance(note, AttributeValidationNote):
                    place = f"{path}.{note.name}"
                elif isinstance(note, IterableValidationNote):
                    place = f"{path}[{note.index}]" if isinstance(note.index, int) else f"{path}.{note.index}"
            yield from _reasons(inner, place)
    elif isinstance(error, ForbiddenExtraKeysError):
        yield path, f"unknown key {reprlib.repr(min(error.extra_fields))}"
    elif isinstance(error, KeyError):
        yield path, "missing"
    else:
        yield path, str(error)


@functools.cache
def _converter() -> Converter:
    """
    Made at first use: cattrs takes as long to import as the rest of core.

    cattrs converts leniently ("1" to 1, true to 1, a text to a list of characters); every leaf and container here says
    what it takes instead.
    """
    from cattrs import Converter
    from cattrs.cols import homogenous_tuple_structure_factory, mapping_structure_factory
    from cattrs.gen import make_dict_structure_fn

    converter = Converter(forbid_extra_keys=True)
    containers: tuple[tuple[Callable[[Any], bool], Callable[..., Any], type, str], ...] = (
        (has, make_dict_structure_fn, dict, "an object"),
        (functools.partial(_is_generic, tuple), homogenous_tuple_structure_factory, list, "a list"),
        (functools.partial(_is_generic, Mapping), mapping_structure_factory, dict, "an object"),
    )
    for is_one, make, form, what in containers:
        converter.register_structure_hook_factory(is_one, functools.partial(_strict, make, form, what))
    leaves: tuple[tuple[type, str], ...] = ((int, "a whole number"), (bool, "true or false"), (str, "a text"))
    for kind, what in leaves:
        converter.register_structure_hook(kind, functools.partial(_leaf, kind, what))
    converter.register_structure_hook(float, lambda value, _: _number(value))
    converter.register_structure_hook_func(functools.partial(operator.eq, CriterionKind), _criterion_kind)
    converter.register_structure_hook_func(functools.partial(operator.eq, Fact), _fact)
    # One call for a row of numbers: there are many thousands.
    converter.register_structure_hook_func(functools.partial(operator.eq, tuple[float, ...]), _numbers)
    for row in (tuple[float, ...], tuple[int, ...]):
        converter.register_unstructure_hook_func(functools.partial(operator.eq, row), list)
    return converter


def _is_generic(origin: Any, kind: Any) -> bool:
    return get_origin(kind) is origin


def _strict(make: Callable[..., Any], form: type, what: str, cls: Any, converter: Converter) -> Any:
    structure = make(cls, converter)
    return lambda value, t=cls: structure(value, t) if type(value) is form else _refuse(what, value)


def _leaf(kind: type, what: str, value: Any, _: Any) -> Any:
    return value if type(value) is kind else _refuse(what, value)


def _criterion_kind(value: Any, _: Any) -> CriterionKind:
    kinds = get_args(CriterionKind)
    return cast(CriterionKind, value) if value in kinds else _refuse(f"one of {', '.join(kinds)}", value)


def _is_number(value: Any) -> bool:
    return type(value) is float or (type(value) is int and abs(value) < 1e300)


def _number(value: Any) -> float:
    return float(value if _is_number(value) else _refuse("a number", value))


def _numbers(values: Any, _: Any) -> tuple[float, ...]:
    if type(values) is not list or not all(map(_is_number, values)):
        _refuse("a list of numbers", values)
    return tuple(map(float, values))


def _fact(value: Any, _: Any) -> Fact:
    if isinstance(value, list) and all(one is None or _is_number(one) for one in value):
        return tuple(value)
    if value is None or isinstance(value, bool | str) or _is_number(value):
        return cast(Fact, value)
    return _refuse("a number, a text, true, false, null or a list of numbers", value)


def _refuse(what: str, value: Any) -> NoReturn:
    raise ValueError(f"expected {what}, got {reprlib.repr(value)}")
