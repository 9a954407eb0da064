"""
What a plugin offers, with the guard around its functions: every offer is handed out like this, built-ins too.

Each function here takes an offer and its guard and returns the offer to hand out; those of corpora and of models,
which are objects, are in :mod:`latentknobs.hooks.model_validation`. Augmentations are in neither: what they give back
can only be checked with a clip format at hand, and :func:`latentknobs.core.plugin_guard.run_augmentation` is given one.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from attrs import evolve
from numpy.typing import NDArray

from latentknobs.core.arrays import ClipBatch, Floats, Ints
from latentknobs.core.frontend_specs import CommandSpec
from latentknobs.core.knob import ARRAYS, Operator
from latentknobs.core.method_specs import Basis, BasisInput, Coordinates, Fit, FitInput, SelectInput, Selector
from latentknobs.core.metric_specs import LabelledCodes, Metric, MetricResult, Score, Traversals
from latentknobs.core.plugin_guard import Guard, PluginFault, kind_of
from latentknobs.errors import LatentKnobsError, NotFittedError, UsageError

ORTHONORMAL = 1e-4
"""How far products of columns may be off from the identity: a basis computed in float32 is one."""
WHOLE = 1e-5
"""How far an amount may be from a whole number of steps: steps are kept in float32."""


def measured(offer: Any, guard: Guard) -> Any:
    """An attribute or a comparison."""
    return evolve(offer, measure=partial(_measure, offer.measure, evolve(guard, often=True)))


def _measure(measure: Any, guard: Guard, *batches: ClipBatch) -> Floats:
    count = len(batches[0])
    must = f"an array of {count} numbers, one for each clip, NaN where it is not defined"
    return guard.call(measure, *batches, must=must, check=partial(_numbers, count=count))


def _numbers(values: object, count: int) -> Floats:
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "biuf" or values.shape != (count,):
        raise PluginFault(kind_of(values))
    numbers: Floats = values.astype(np.float64)
    if np.isinf(numbers).any():
        raise PluginFault("an infinite number")
    return numbers


def basis(offer: Basis, guard: Guard) -> Basis:
    """A basis."""
    return evolve(offer, compute=partial(_compute, offer, guard))


def _compute(offer: Basis, guard: Guard, given: BasisInput) -> Floats | Coordinates:
    size = given.latent_size
    must = f"an array of numbers of shape {(size, size)} with orthonormal columns, or Coordinates of such arrays"
    return guard.call(offer.compute, given, must=must, check=partial(_basis, size=size))


def _basis(found: object, size: int) -> Floats | Coordinates:
    if isinstance(found, Coordinates):
        columns, dual = _square(found.columns, size, " as its columns"), _square(found.dual, size, " as its dual")
        if not _identity(dual.T @ columns):
            raise PluginFault("Coordinates whose dual is not the inverse of its columns, transposed")
        return Coordinates(columns, dual)
    columns = _square(found, size)
    if not _orthonormal(columns):
        raise PluginFault("columns that are not orthonormal")
    return columns


def _square(found: object, size: int, what: str = "") -> Floats:
    if not isinstance(found, np.ndarray) or found.dtype.kind not in "iuf" or found.shape != (size, size):
        raise PluginFault(f"{kind_of(found)}{what}")
    numbers: Floats = found.astype(np.float64)
    if not np.isfinite(numbers).all():
        raise PluginFault(f"numbers that are not finite{what}")
    return numbers


def _identity(product: NDArray[Any]) -> bool:
    # Written so that NaN is refused as well.
    return bool(np.isfinite(product).all() and np.abs(product - np.eye(len(product))).max() < ORTHONORMAL)


def _orthonormal(columns: NDArray[Any]) -> bool:
    return _identity(columns.T @ columns)


def selector(offer: Selector, guard: Guard) -> Selector:
    """A selector."""
    return evolve(offer, select=partial(_select, offer, guard))


def _select(offer: Selector, guard: Guard, given: SelectInput) -> Ints:
    size = len(given.share)
    must = f"distinct whole numbers from 0 to {size - 1}, the dimensions, most important first"
    return guard.call(offer.select, given, must=must, check=partial(_dimensions, size=size))


def _dimensions(found: object, size: int) -> Ints:
    dims = np.asarray(found) if isinstance(found, list | tuple) else found
    if not isinstance(dims, np.ndarray) or dims.ndim != 1 or (dims.size and dims.dtype.kind not in "iu"):
        raise PluginFault(kind_of(found))
    if dims.size and not (dims.min() >= 0 and dims.max() < size):
        raise PluginFault(f"numbers from {dims.min()} to {dims.max()}")
    if len(np.unique(dims)) < len(dims):
        raise PluginFault("a dimension twice")
    return dims.astype(np.int64)


def fit(offer: Fit, guard: Guard) -> Fit:
    """A fit."""
    return evolve(offer, fit=partial(_fit, offer, guard))


def _fit(offer: Fit, guard: Guard, given: FitInput) -> tuple[Operator, Mapping[str, Any]]:
    must = f"an Operator of kind {offer.kind!r} for {given.latent_size} dimensions and a dictionary of plain facts"
    check = partial(_fitted, kind=offer.kind, given=given)
    return guard.call(offer.fit, given, must=must, check=check, own=(NotFittedError,))


def _fitted(found: object, kind: str, given: FitInput) -> tuple[Operator, Mapping[str, Any]]:
    if not isinstance(found, tuple) or len(found) != 2:
        raise PluginFault(kind_of(found))
    operator, facts = found
    if not isinstance(operator, Operator):
        raise PluginFault(f"{kind_of(operator)} as its operator")
    if operator.kind != kind:
        raise PluginFault(f"an operator of kind {operator.kind!r}")
    if wrong := _no_operator(operator, given):
        raise PluginFault(f"an operator {wrong}")
    if not isinstance(facts, Mapping):
        raise PluginFault(f"{kind_of(facts)} as what is worth keeping")
    return operator, {_key(name): _fact(name, value) for name, value in facts.items()}


def _no_operator(operator: Operator, given: FitInput) -> str:
    """What is wrong with the arrays of an operator, or nothing."""
    wanted = {**ARRAYS[operator.kind], "projection": "DR"}
    for name in sorted((wanted.keys() ^ operator.arrays.keys()) - {"projection"}):
        return f"without an array {name!r}" if name in wanted else f"with an array {name!r}, which its kind has not"
    lengths = {"D": given.latent_size, "1": 1}
    for name, array in operator.arrays.items():
        for letter, length in zip(wanted[name], array.shape, strict=False):
            lengths.setdefault(letter, length)
        shape = tuple(lengths.get(letter, letter) for letter in wanted[name])
        if array.shape != shape:
            return f"whose {name!r} has shape {array.shape} instead of {shape}"
    if "projection" in operator.arrays and not _orthonormal(operator.arrays["projection"]):
        return "whose 'projection' has columns that are not orthonormal"
    if "scale" in operator.arrays and not operator.arrays["scale"].all():
        return "whose 'scale' has a 0, by which codes are divided"
    if operator.kind == "group":
        return _no_steps(float(operator.arrays["step"][0]), given.amounts)
    if "amounts" in operator.arrays:
        return _no_amounts(operator.arrays["amounts"], np.asarray(given.amounts, dtype=np.float32))
    return ""


def _no_amounts(amounts: NDArray[np.float32], asked: NDArray[np.float32]) -> str:
    if not amounts.size or not amounts.all() or (np.diff(amounts) <= 0).any():
        return f"whose amounts are not ascending without 0: {amounts.tolist()}"
    if min(0, amounts[0]) > asked.min() or max(0, amounts[-1]) < asked.max():
        return f"for amounts {amounts[0]:g} to {amounts[-1]:g}, where {asked.min():g} to {asked.max():g} are asked for"
    return ""


def _no_steps(step: float, asked: tuple[float, ...]) -> str:
    if step <= 0:
        return f"whose 'step' is {step:g}, which is not above 0"
    off = next((a for a in asked if abs(a / step - round(a / step)) > WHOLE), None)
    return "" if off is None else f"of whole steps of {step:g}, of which the amount {off:g} is no multiple"


def _key(name: object) -> str:
    if not isinstance(name, str):
        raise PluginFault(f"a fact whose name is {kind_of(name)}")
    return name


def _fact(name: str, value: object) -> Any:
    """A fact in Python's own types, as the registry keeps it."""
    if isinstance(value, list | tuple):
        return [_number(name, one) for one in value]
    return value if isinstance(value, str) else _number(name, value)


def _number(name: str, value: object) -> int | float | None:
    plain = value.item() if isinstance(value, np.generic) else value
    if plain is None or (isinstance(plain, int | float) and math.isfinite(plain)):
        return plain
    shown = plain if isinstance(plain, float) else kind_of(plain)
    raise PluginFault(f"the fact {name!r} with {shown}, where numbers, words and lists of numbers can be kept")


def metric(offer: Metric, guard: Guard) -> Metric:
    """A metric."""
    return evolve(offer, compute=partial(_score, offer, guard))


def _score(offer: Metric, guard: Guard, given: LabelledCodes | Traversals) -> MetricResult:
    must = f"a MetricResult with a Score for each of {', '.join(given.names)}, NaN only with the reason"
    # It may say itself that the data cannot be measured.
    return guard.call(offer.compute, given, must=must, check=partial(_scored, given=given), own=(UsageError,))


def _scored(found: object, given: LabelledCodes | Traversals) -> MetricResult:
    if not isinstance(found, MetricResult):
        raise PluginFault(kind_of(found))
    if not isinstance(found.parts, Mapping) or set(found.parts) != set(given.names):
        raise PluginFault(f"parts named {', '.join(map(str, found.parts)) or 'nothing'}")
    for name, part in {"the overall score": found.overall, **found.parts}.items():
        if not isinstance(part, Score) or not isinstance(part.why, str):
            raise PluginFault(f"{kind_of(part)} as {name}")
        numbers = (part.value, part.low, part.high)
        if not all(isinstance(number, int | float) and not math.isinf(number) for number in numbers):
            raise PluginFault(f"{numbers} as {name}")
        if math.isnan(part.value) and not part.why:
            raise PluginFault(f"no number as {name} and no reason")
    if not isinstance(found.facts, Mapping):
        raise PluginFault(f"{kind_of(found.facts)} as its facts")
    facts = {_key(name): _fact(name, value) for name, value in found.facts.items()}
    return evolve(found, facts=facts)


def command(offer: CommandSpec, guard: Guard) -> CommandSpec:
    """A command; it keeps its signature, which the command line reads."""

    @functools.wraps(offer.run)
    def run(*args: Any, **values: Any) -> Any:
        # It may speak to people in our errors, and what the system refuses has a sentence of the command line's.
        own = (LatentKnobsError, OSError)
        work = partial(offer.run, *args, **values)
        return guard.call(work, must="what JSON can carry, or nothing", check=_json, own=own)

    return evolve(offer, run=run)


def _json(found: object) -> object:
    try:
        json.dumps(found, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise PluginFault(f"{kind_of(found)} that JSON cannot carry ({error})") from error
    return found
