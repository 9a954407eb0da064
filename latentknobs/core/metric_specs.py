"""Metrics of disentanglement and control: their inputs and results. Each is a name, a sentence and a function."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

import numpy as np
from attrs import field, frozen

from latentknobs.core.arrays import Floats, Ints, make_read_only
from latentknobs.core.seed import as_seed
from latentknobs.errors import UsageError

Needs: TypeAlias = Literal["codes", "traversals"]
NEEDS: tuple[Needs, ...] = ("codes", "traversals")
BINS = 20
"""Bins of equal width, as Locatello et al. (2019) count; see docs/reference/metrics.md."""
RESAMPLES = 200


def _floats(values: Any) -> Floats:
    return np.asarray(values, dtype=np.float64)


def _groups(values: Any) -> Ints | None:
    return None if values is None else np.asarray(values, dtype=np.int64)


def _texts(values: Any) -> tuple[str, ...]:
    return tuple(str(value) for value in values)


def _truths(values: Any) -> tuple[bool, ...]:
    return tuple(bool(value) for value in values)


def _check_drawing(groups: Ints | None, rows: int, resamples: int) -> None:
    if groups is not None and groups.shape != (rows,):
        raise UsageError(f"The groups have shape {groups.shape}; give one number for each of the {rows} rows.")
    if resamples < 0:
        raise UsageError(f"There cannot be {resamples} resamplings: give 0 for no interval, or a few hundred.")


def _check_names(names: tuple[str, ...], count: int, what: str) -> None:
    if len(names) != count or len(set(names)) != count:
        raise UsageError(f"There must be {count} different names of {what}, not {', '.join(names) or 'none'}.")


@frozen(eq=False)
class LabelledCodes:
    """
    Codes and the factors that they are read against.

    Attributes:
        codes: float64 (N, D), finite, in code units (:mod:`latentknobs.core.code_units`) where a metric is of active
            dimensions only: draws from the posterior or its means, as the caller says where it reports.
        factors: float64 (N, F), true factors or measured attributes; NaN where one is not defined, and then the row
            does not count for that factor.
        names: The factors' names.
        discrete: Whether each factor is a class label; the others are numbers.
        groups: int64 (N,), the song of each row, which resampling and splits keep whole; None = rows stand alone.
        seed: The only source of randomness.
        resamples: Resamplings of the interval; 0 = no interval.
        bins: Bins of each dimension and of each continuous factor, where a metric counts.
        binning: "width" (between least and largest value) or "quantile" (as many rows in each).
        options: A metric's own options; docs/reference/metrics.md has their names.

    Raises:
        UsageError: Shapes that do not belong together, codes that are not finite, a setting out of its range.
    """

    codes: Floats = field(converter=_floats)
    factors: Floats = field(converter=_floats)
    names: tuple[str, ...] = field(converter=_texts)
    discrete: tuple[bool, ...] = field(converter=_truths)
    groups: Ints | None = field(default=None, converter=_groups)
    seed: int = field(default=0, converter=as_seed)
    resamples: int = RESAMPLES
    bins: int = BINS
    binning: Literal["width", "quantile"] = "width"
    options: Mapping[str, Any] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        if self.codes.ndim != 2 or not self.codes.size:
            raise UsageError(f"Codes must be an array (N, D) with rows in it, not of shape {self.codes.shape}.")
        if self.factors.ndim != 2 or len(self.factors) != len(self.codes) or not self.factors.size:
            raise UsageError(f"Factors must be an array ({len(self.codes)}, F), not of shape {self.factors.shape}.")
        if not np.isfinite(self.codes).all():
            raise UsageError("Some codes are not finite: leave their rows out.")
        if np.isinf(self.factors).any():
            raise UsageError("Some factors are infinite: NaN says that a factor is not defined on a row.")
        _check_names(self.names, self.factors.shape[1], "factors")
        if len(self.discrete) != len(self.names):
            raise UsageError(f"Say of each of the {len(self.names)} factors whether it is discrete.")
        _check_drawing(self.groups, len(self.codes), self.resamples)
        if self.bins < 2 or self.binning not in ("width", "quantile"):
            raise UsageError(f"Binning must be 'width' or 'quantile' with 2 bins or more, not {self.binning}.")
        make_read_only(self)


@frozen(eq=False)
class Traversals:
    """
    Attributes measured on clips that were decoded while one control after another was turned.

    Attributes:
        controls: float64 (K, S), the values that each of K controls takes, ascending.
        values: float64 (K, A, n, S), attribute a of clip i decoded with control k at its step s and all else as it
            was; NaN where the attribute is not defined.
        names: The controls' names.
        attributes: The attributes' names.
        targets: For each control, the name of the attribute that it is meant to move.
        spread: float64 (A,), the attributes' standard deviations over the corpus.
        groups: int64 (n,), the song of each clip, which resampling keeps whole; None = clips stand alone.
        seed: The only source of randomness.
        resamples: Resamplings of the interval; 0 = no interval.
        options: A metric's own options; docs/reference/metrics.md has their names.

    Raises:
        UsageError: Shapes that do not belong together, controls that do not ascend, an unknown target.
    """

    controls: Floats = field(converter=_floats)
    values: Floats = field(converter=_floats)
    names: tuple[str, ...] = field(converter=_texts)
    attributes: tuple[str, ...] = field(converter=_texts)
    targets: tuple[str, ...] = field(converter=_texts)
    spread: Floats = field(converter=_floats)
    groups: Ints | None = field(default=None, converter=_groups)
    seed: int = field(default=0, converter=as_seed)
    resamples: int = RESAMPLES
    options: Mapping[str, Any] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        if self.values.ndim != 4 or not self.values.size or np.isinf(self.values).any():
            raise UsageError(
                f"Values must be finite or NaN, (controls, attributes, clips, steps), not {self.values.shape}."
            )
        count, attributes, clips, steps = self.values.shape
        _check_names(self.names, count, "controls")
        _check_names(self.attributes, attributes, "attributes")
        if self.controls.shape != (count, steps) or not np.isfinite(self.controls).all():
            raise UsageError(f"Controls must be finite numbers of shape {(count, steps)}, not {self.controls.shape}.")
        if steps < 2 or (np.diff(self.controls, axis=1) <= 0).any():
            raise UsageError("A control needs at least two values, which ascend.")
        if len(self.targets) != count or not set(self.targets) <= set(self.attributes):
            raise UsageError(f"Name for each of the {count} controls one of the attributes as its target.")
        if self.spread.shape != (attributes,) or not np.isfinite(self.spread).all() or (self.spread <= 0).any():
            raise UsageError("Each attribute needs its standard deviation over the corpus, above 0.")
        _check_drawing(self.groups, clips, self.resamples)
        make_read_only(self)


def _none(value: float) -> float | None:
    return None if math.isnan(value) else value


@frozen
class Score:
    """
    One number of a metric.

    Attributes:
        value: NaN where it is not defined.
        low: Lower end of the 95 % confidence interval; NaN if there is none.
        high: Upper end.
        why: Why there is no value, or what was left out of it; "" otherwise.
    """

    value: float
    low: float = math.nan
    high: float = math.nan
    why: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For JSON; None where there is no number."""
        return {"value": _none(self.value), "low": _none(self.low), "high": _none(self.high), "why": self.why}


@frozen
class MetricResult:
    """
    A metric's result.

    Attributes:
        overall: The metric.
        parts: The same for each factor (for each control, of traversals), by name.
        rows: N, rows of codes or clips of traversals.
        seed: The seed it was computed with.
        resamples: Resamplings of the intervals.
        facts: Further results by name: numbers, text and lists of numbers (None where undefined).
    """

    overall: Score
    parts: Mapping[str, Score]
    rows: int
    seed: int
    resamples: int
    facts: Mapping[str, Any] = field(factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        parts = {name: part.as_dict() for name, part in self.parts.items()}
        counts = {"rows": self.rows, "seed": self.seed, "resamples": self.resamples}
        return {"overall": self.overall.as_dict(), "parts": parts, **counts, "facts": dict(self.facts)}


@frozen
class Metric:
    """
    A measure of how codes relate to factors, or of what turning a control does.

    Attributes:
        name: Unique name ("mig").
        doc: One sentence, with the source.
        needs: "codes" (LabelledCodes) or "traversals" (Traversals).
        compute: That to the result; it raises a UsageError for data that cannot be measured at all, and gives NaN with
            a reason for a single undefined value.
    """

    name: str
    doc: str
    needs: Needs
    compute: Callable[[Any], MetricResult]
