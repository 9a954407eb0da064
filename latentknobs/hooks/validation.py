"""
What a plugin offers, wrapped so that each call is contained and its result checked.

Each public function takes an offer and its guard and returns the offer to hand out. Augmentations are missing: their
results can only be checked against a clip format, as :func:`latentknobs.core.plugin_guard.run_augmentation` does.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import numpy as np
from attrs import evolve, field, frozen
from numpy.typing import NDArray

from latentknobs.core.arrays import Bools, ClipBatch, Codes, Floats, Ints
from latentknobs.core.backend import BackendFactory, BackendSpec, Posterior, VAEBackend
from latentknobs.core.clip import ClipFormat
from latentknobs.core.corpus import SPLITS, Corpus, CorpusRequest, Song, requested_name
from latentknobs.core.drum_format import DRUMS, DRUMS_4BAR
from latentknobs.core.edit_context import Key
from latentknobs.core.executor_specs import ExecutorFactory
from latentknobs.core.frontend_specs import CommandSpec, FrontendSpec, RunningFrontend
from latentknobs.core.knob import Operator
from latentknobs.core.latent_structure import LatentStructure
from latentknobs.core.live_session import LiveSession
from latentknobs.core.melody_format import MELODY_FORMATS
from latentknobs.core.method_specs import Basis, BasisInput, Coordinates, Fit, FitInput, SelectInput, Selector
from latentknobs.core.metric_specs import LabelledCodes, Metric, MetricResult, Score, Traversals
from latentknobs.core.model_calls import DISCRETE_CODES
from latentknobs.core.plugin_guard import Guard, PluginFault, invalid_clips, kind_of
from latentknobs.errors import (
    BackendError,
    ClipError,
    CorpusError,
    LatentKnobsError,
    MissingExtraError,
    ModelError,
    NotFittedError,
    UsageError,
)

ORTHONORMAL = 1e-4
"""Tolerance of the products of columns: a basis may be computed in float32."""
WHOLE = 1e-5
"""Tolerance of an amount in whole steps: steps are stored in float32."""
CERTAIN = 1e-3
"""How far above 0 rounding may take the logarithm of a probability."""
FORMATS: Mapping[str, ClipFormat] = {**MELODY_FORMATS, **{one.name: one for one in (DRUMS, DRUMS_4BAR)}}
"""The clip formats known by name; clips of others are left to the model that reads them."""
TRIED = 8
"""Rows that a model computes twice when it is first used, to see whether it draws at random."""
REPEATS = 1e-4
"""How far the second result may be from the first, as a part of the largest number: rounding on an accelerator."""
_END: Final = object()
T = TypeVar("T")


def array_of(value: object, shape: tuple[int, ...], kinds: str, what: str = "") -> NDArray[Any]:
    """
    An array of a shape and of some kinds of dtype ("iuf").

    Raises:
        PluginFault: It is something else; ``what`` says of what it is a part ("as its mean").
    """
    if not isinstance(value, np.ndarray) or value.dtype.kind not in kinds or value.shape != shape:
        raise PluginFault(f"{kind_of(value)}{what}")
    return value


def finite(value: object, shape: tuple[int, ...], kinds: str = "f", what: str = "") -> NDArray[Any]:
    """
    The same with finite numbers.

    Raises:
        PluginFault: It is something else.
    """
    array = array_of(value, shape, kinds, what)
    if not np.isfinite(array).all():
        raise PluginFault(f"numbers that are not finite{what}")
    return array


# Attributes, comparisons, bases, selectors, fits, metrics and commands: frozen values with one function each.


def measured(offer: Any, guard: Guard) -> Any:
    """An attribute or a comparison."""

    @functools.wraps(offer.measure)  # its parameters say what it wants to be told
    def measure(*batches: ClipBatch, **told: ClipFormat) -> Floats:
        count = len(batches[0])
        if not count:  # so that no author need think of it
            return np.zeros(0)
        must = f"an array of {count} numbers, one per clip, NaN where undefined"
        work = partial(offer.measure, **told) if told else offer.measure
        return guard.call(work, *batches, must=must, check=partial(_measurements, count=count))

    return evolve(offer, measure=measure)


def _measurements(values: object, count: int) -> Floats:
    numbers: Floats = array_of(values, (count,), "biuf").astype(np.float64)
    if np.isinf(numbers).any():
        raise PluginFault("an infinite number")
    return numbers


def basis(offer: Basis, guard: Guard) -> Basis:
    """A basis."""

    def compute(statistics: BasisInput) -> Floats | Coordinates:
        size = statistics.latent_size
        must = f"an array of shape {(size, size)} with orthonormal columns, or Coordinates of such arrays"
        return guard.call(offer.compute, statistics, must=must, check=partial(_columns, size=size))

    return evolve(offer, compute=compute)


def _columns(result: object, size: int) -> Floats | Coordinates:
    square = (size, size)
    if isinstance(result, Coordinates):
        columns = finite(result.columns, square, "iuf", " as its columns").astype(np.float64)
        dual = finite(result.dual, square, "iuf", " as its dual").astype(np.float64)
        if not _is_identity(dual.T @ columns):
            raise PluginFault("Coordinates whose dual is not the inverse of its columns, transposed")
        return Coordinates(columns, dual)
    columns = finite(result, square, "iuf").astype(np.float64)
    if not _is_identity(columns.T @ columns):
        raise PluginFault("columns that are not orthonormal")
    return columns


def _is_identity(product: NDArray[Any]) -> bool:
    return bool(np.isfinite(product).all() and np.abs(product - np.eye(len(product))).max() < ORTHONORMAL)


def selector(offer: Selector, guard: Guard) -> Selector:
    """A selector."""

    def select(statistics: SelectInput) -> Ints:
        size = len(statistics.share)
        must = f"distinct whole numbers from 0 to {size - 1}: the dimensions, most important first"
        return guard.call(offer.select, statistics, must=must, check=partial(_dimensions, size=size))

    return evolve(offer, select=select)


def _dimensions(result: object, size: int) -> Ints:
    dims = np.asarray(result) if isinstance(result, list | tuple) else result
    if not isinstance(dims, np.ndarray) or dims.ndim != 1 or (dims.size and dims.dtype.kind not in "iu"):
        raise PluginFault(kind_of(result))
    if dims.size and not (dims.min() >= 0 and dims.max() < size):
        raise PluginFault(f"numbers from {dims.min()} to {dims.max()}")
    if len(np.unique(dims)) < len(dims):
        raise PluginFault("a dimension twice")
    return dims.astype(np.int64)


def fit(offer: Fit, guard: Guard) -> Fit:
    """A fit."""

    def run(statistics: FitInput) -> tuple[Operator, Mapping[str, Any]]:
        must = f"an Operator of kind {offer.kind!r} for {statistics.latent_size} dimensions and a dictionary of facts"
        check = partial(_fitted, kind=offer.kind, statistics=statistics)
        return guard.call(offer.fit, statistics, must=must, check=check, own=(NotFittedError,))

    return evolve(offer, fit=run)


def _fitted(result: object, kind: str, statistics: FitInput) -> tuple[Operator, Mapping[str, Any]]:
    if not isinstance(result, tuple) or len(result) != 2:
        raise PluginFault(kind_of(result))
    operator, facts = result
    if not isinstance(operator, Operator):
        raise PluginFault(f"{kind_of(operator)} as its operator")
    if operator.kind != kind:
        raise PluginFault(f"an operator of kind {operator.kind!r}")
    if operator.size != statistics.latent_size:
        raise PluginFault(f"an operator for {operator.size} dimensions")
    if fault := _amounts_fault(operator, statistics.amounts):
        raise PluginFault(f"an operator {fault}")
    if "projection" in operator.arrays:
        raise PluginFault("an operator with a projection, which holds in one kind of units only: limit its matrices")
    return operator, _facts(facts)


def _amounts_fault(operator: Operator, required: tuple[float, ...]) -> str:
    """Why an operator does not reach the run's amounts, "" if it does."""
    if operator.kind == "group":
        step = float(operator.arrays["step"][0])
        off = next((a for a in required if abs(a / step - round(a / step)) > WHOLE), None)
        return "" if off is None else f"of whole steps of {step:g}, of which the amount {off:g} is no multiple"
    amounts = operator.arrays.get("amounts")
    if amounts is None:
        return ""
    low, high = (float(np.float32(extreme(required))) for extreme in (min, max))
    if min(0, amounts[0]) > low or max(0, amounts[-1]) < high:
        return f"for amounts {amounts[0]:g} to {amounts[-1]:g}, where the run has {low:g} to {high:g}"
    return ""


def metric(offer: Metric, guard: Guard) -> Metric:
    """A metric."""

    def compute(data: LabelledCodes | Traversals) -> MetricResult:
        must = f"a MetricResult with a Score for each of {', '.join(data.names)}, NaN only with the reason"
        # A UsageError is its own sentence on data that cannot be measured.
        return guard.call(offer.compute, data, must=must, check=partial(_scores, names=data.names), own=(UsageError,))

    return evolve(offer, compute=compute)


def _scores(result: object, names: tuple[str, ...]) -> MetricResult:
    if not isinstance(result, MetricResult):
        raise PluginFault(kind_of(result))
    if not isinstance(result.parts, Mapping) or set(result.parts) != set(names):
        raise PluginFault(f"parts named {', '.join(map(str, result.parts)) or 'nothing'}")
    for name, score in {"the overall score": result.overall, **result.parts}.items():
        if not isinstance(score, Score) or not isinstance(score.why, str):
            raise PluginFault(f"{kind_of(score)} as {name}")
        numbers = (score.value, score.low, score.high)
        if not all(isinstance(number, int | float) and not math.isinf(number) for number in numbers):
            raise PluginFault(f"{numbers} as {name}")
        if math.isnan(score.value) and not score.why:
            raise PluginFault(f"no number as {name} and no reason")
    return evolve(result, facts=_facts(result.facts))


def _facts(facts: object) -> dict[str, Any]:
    """Facts in Python's own types, as the registry stores them."""
    if not isinstance(facts, Mapping):
        raise PluginFault(f"{kind_of(facts)} as its facts")
    for name in facts:
        if not isinstance(name, str):
            raise PluginFault(f"a fact whose name is {kind_of(name)}")
    return {name: _fact(name, value) for name, value in facts.items()}


def _fact(name: str, value: object) -> Any:
    if isinstance(value, list | tuple):
        return [_number(name, item) for item in value]
    return value if isinstance(value, str) else _number(name, value)


def _number(name: str, value: object) -> int | float | None:
    plain = value.item() if isinstance(value, np.generic) else value
    if plain is None or (isinstance(plain, int | float) and math.isfinite(plain)):
        return plain
    shown = plain if isinstance(plain, float) else kind_of(plain)
    raise PluginFault(f"the fact {name!r} with {shown}, where numbers, text and lists of numbers can be stored")


def command(offer: CommandSpec, guard: Guard) -> CommandSpec:
    """A command; it keeps its signature, which the command line reads."""

    @functools.wraps(offer.run)
    def run(*args: Any, **values: Any) -> Any:
        # It may raise our errors on purpose, and the command line has a sentence for what the system refuses.
        own = (LatentKnobsError, OSError)
        return guard.call(partial(offer.run, *args, **values), must="JSON data or nothing", check=_json, own=own)

    return evolve(offer, run=run)


def executor(offer: ExecutorFactory, guard: Guard) -> ExecutorFactory:
    """A place where work is done: it is opened and closed under guard; what runs there is not the plugin's."""
    own = (LatentKnobsError,)

    @contextmanager
    def opened(argument: str, workers: int | None) -> Iterator[Executor]:
        must = "a context manager that gives a concurrent.futures.Executor"
        manager = guard.call(offer.open, argument, workers, must=must, check=_manager, own=own)
        inside = guard.call(manager.__enter__, must=must, check=_executor, own=own)
        try:
            yield inside
        finally:
            guard.call(partial(manager.__exit__, None, None, None), must="nothing", check=lambda _: None, own=own)

    return evolve(offer, open=opened)


def _manager(result: object) -> AbstractContextManager[object]:
    if not isinstance(result, AbstractContextManager):
        raise PluginFault(kind_of(result))
    return result


def _executor(result: object) -> Executor:
    if not isinstance(result, Executor):
        raise PluginFault(kind_of(result))
    return result


def frontend(offer: FrontendSpec, guard: Guard) -> FrontendSpec:
    """A front end; the errors of the package and of the system that it raises are its own."""
    own = (LatentKnobsError, OSError)
    serve, start, widget, check = offer.serve, offer.start, offer.widget, offer.check

    def served(arguments: list[str]) -> int:
        return guard.call(run, arguments, must="an exit code", check=_exit_code, own=own)

    def run(arguments: list[str]) -> object:
        try:
            return None if serve is None else serve(arguments)
        except SystemExit as end:  # its own options are read by argparse, maybe
            return end.code if isinstance(end.code, int) else int(bool(end.code))

    def started(session: LiveSession, arguments: list[str]) -> RunningFrontend:
        return guard.call(begin, session, arguments, must="a running front end", check=_running, own=own)

    def begin(session: LiveSession, arguments: list[str]) -> object:
        try:
            return None if start is None else start(session, arguments)
        except SystemExit as end:  # argparse has told of it; --help too
            raise UsageError(f"{offer.name} was not started.") from end

    def checked(arguments: list[str]) -> None:
        end = guard.call(ending, arguments, must="nothing", check=lambda end: end, own=own)
        if end is not None:
            raise end

    def ending(arguments: list[str]) -> SystemExit | None:
        try:
            if check is not None:
                check(arguments)
        except SystemExit as end:  # as argparse ends
            return end
        return None

    def shown(session: object, **options: Any) -> Any:
        make = partial(cast("Callable[..., Any]", widget), session, **options)
        return guard.call(make, must="a widget", check=_something, own=own)

    return evolve(
        offer,
        serve=serve and served,
        start=start and started,
        widget=widget and shown,
        check=check and checked,
    )


def _something(result: object) -> object:
    if result is None:
        raise PluginFault(kind_of(result))
    return result


def _running(result: object) -> RunningFrontend:
    if not isinstance(getattr(result, "where", None), str) or not callable(getattr(result, "stop", None)):
        raise PluginFault(kind_of(result))
    return cast("RunningFrontend", result)


def _exit_code(result: object) -> int:
    if not isinstance(result, int | None):
        raise PluginFault(kind_of(result))
    return result or 0


def _json(result: object) -> object:
    try:
        json.dumps(result, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise PluginFault(f"{kind_of(result)}, which JSON cannot carry ({error})") from error
    return result


# Corpora and models: objects, in wrappers that pass on whatever else they have.


def corpus(offer: Any, guard: Guard) -> Corpus:
    """A corpus."""
    return GuardedCorpus(offer.name, offer.doc, offer.licence, offer.clip_format, offer.takes, offer, guard)


def _public(wrapped: Any, name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(name)
    return getattr(wrapped, name)


@frozen
class GuardedCorpus:
    """A plugin's corpus, whose songs are checked one by one."""

    name: str
    doc: str
    licence: str
    clip_format: str
    takes: str
    _corpus: Any
    _guard: Guard

    def __getattr__(self, name: str) -> Any:
        return _public(self._corpus, name)

    def songs(self, request: CorpusRequest, argument: str = "") -> Iterator[Song]:
        """
        The corpus's songs; the clips of each are a copy.

        Raises:
            CorpusError: The corpus cannot give clips, in its own words.
            PluginError: It breaks its contract.
        """
        own = (CorpusError, MissingExtraError)
        wanted = requested_name(self, request)
        must = f"Songs, each with a unique name, a split and int16 clips of {wanted}"
        songs = self._guard.call(self._corpus.songs, request, argument, must=must, check=_iterator, own=own)
        check = partial(_song, names=set(), clip_format=FORMATS.get(wanted))
        while (song := self._guard.call(next, songs, _END, must=must, check=check, own=own)) is not None:
            yield song


def _iterator(result: object) -> Iterator[object]:
    if not isinstance(result, Iterable):
        raise PluginFault(kind_of(result))
    return iter(result)


def _song(song: object, names: set[str], clip_format: ClipFormat | None) -> Song | None:
    """A valid song, None at the end; ``names`` are those of the songs before."""
    if song is _END:
        return None
    if not isinstance(song, Song):
        raise PluginFault(f"{kind_of(song)} as a song")
    if not isinstance(song.name, str) or not song.name:
        raise PluginFault(f"a song with {song.name!r} as its name")
    if song.name in names:
        raise PluginFault(f"two songs named {song.name!r}")
    names.add(song.name)
    if song.split not in SPLITS:
        raise PluginFault(f"song {song.name!r} in the split {song.split!r}, which is none of {', '.join(SPLITS)}")
    if song.key is not None and not isinstance(song.key, Key):
        raise PluginFault(f"song {song.name!r} with {kind_of(song.key)} as its key")
    clips = song.clips
    if not isinstance(clips, np.ndarray) or clips.dtype.kind not in "iu" or clips.ndim < 2 or not clips.size:
        raise PluginFault(f"song {song.name!r} with {kind_of(clips)} as its clips")
    if clip_format is None:
        fault = "" if clips.min() >= 0 and clips.max() <= np.iinfo(np.int16).max else "tokens outside int16"
    elif clips.shape[1:] != clip_format.shape:
        fault = f"clips of shape {clips.shape[1:]}; those of {clip_format.name} have {clip_format.shape}"
    else:
        fault = invalid_clips(clips, clip_format)
    if fault:
        raise PluginFault(f"song {song.name!r} with {fault}")
    # A copy: songs are queued, and a corpus may reuse one array for all of them.
    return evolve(song, clips=clips.astype(np.int16))


def backend(offer: BackendFactory, guard: Guard) -> BackendFactory:
    """A way to load models; the models are wrapped too."""

    def load(location: str, device: str, **options: str) -> VAEBackend:
        own = (ModelError, UsageError, MissingExtraError)
        work = partial(offer.load, **options) if options else offer.load
        return guard.call(
            work, location, device, must="a model (VAEBackend)", check=partial(model, guard=guard), own=own
        )

    def recognises(path: Path) -> bool:
        return guard.call(offer.recognises, path, must="True or False", check=_truth, part="recognises")

    return evolve(offer, load=load, recognises=recognises)


def _truth(result: object) -> bool:
    if not isinstance(result, bool | np.bool_):
        raise PluginFault(kind_of(result))
    return bool(result)


def model(result: object, guard: Guard) -> VAEBackend:
    """
    A model.

    Args:
        result: What a backend loaded.
        guard: The backend's.

    Raises:
        PluginFault: It is no model.
    """
    if isinstance(result, type):
        raise PluginFault(f"the class {result.__name__} instead of an instance")
    if not isinstance(result, VAEBackend):
        raise PluginFault(kind_of(result))
    if not isinstance(result.spec, BackendSpec) or not isinstance(result.spec.clip_format, ClipFormat):
        raise PluginFault("a model whose spec is not a BackendSpec with a ClipFormat")
    return GuardedModel(result.spec, result, evolve(guard, what=f"model {result.spec.name!r}", error=BackendError))


_OPTIONAL = frozenset({"latent_weights", "jvp", "vjp", "decode_sampled"})


@frozen(eq=False)
class GuardedModel:
    """A plugin's model, whose results are checked; those of its optional capabilities too."""

    spec: BackendSpec
    _model: Any
    _guard: Guard
    _tried: set[str] = field(factory=set, init=False)

    def __getattr__(self, name: str) -> Any:
        value = _public(self._model, name)
        return getattr(self, f"_{name}") if name in _OPTIONAL else value

    def accepts(self, clips: ClipBatch) -> Bools:
        """See :class:`~latentknobs.core.backend.VAEBackend`."""
        must = f"an array of {len(clips)} bools, one per clip"
        return self._call("accepts", clips, must=must, check=partial(array_of, shape=(len(clips),), kinds="b"))

    def encode(self, clips: ClipBatch) -> Posterior:
        """See :class:`~latentknobs.core.backend.VAEBackend`."""
        shape = (len(clips), self.spec.latent_size)
        must = f"a Posterior with finite float32 of shape {shape}"
        check = partial(_posterior, shape=shape, structure=self.spec.structure)
        posterior = self._call("encode", clips, must=must, check=check)
        must = "the posterior mean, the same each time, and not a draw"
        self._check_repeats("encode", clips, must, lambda result: result.mean)
        return posterior

    def decode(self, z: Codes) -> ClipBatch:
        """See :class:`~latentknobs.core.backend.VAEBackend`."""
        clips = self._clips("decode", z)
        must = "the likeliest tokens, the same each time: no dropout, no sampling"
        self._check_repeats("decode", z, must, np.asarray)
        return clips

    def _check_repeats(self, name: str, rows: NDArray[Any], must: str, numbers: Callable[[Any], Any]) -> None:
        """Once for each model: the same few rows again must give the same, within rounding."""
        if name in self._tried or not len(rows):
            return
        self._tried.add(name)
        few = rows[:TRIED]
        first = self._call(name, few, must=must, check=numbers)

        def same(result: Any) -> None:
            off = np.abs(numbers(result).astype(np.float64) - first).reshape(len(few), -1).max(axis=1)
            if count := int((off > REPEATS * np.abs(first).max()).sum()):
                raise PluginFault(f"something else for {count} of {len(few)} rows the second time")

        self._call(name, few, must=must, check=same)

    def decode_log_probs(self, z: Codes, given: ClipBatch | None = None) -> NDArray[np.float32]:
        """See :class:`~latentknobs.core.backend.VAEBackend`."""
        shape = self._token_shape(z)
        must = f"log-probabilities, float32 of shape {shape}"
        return self._call("decode_log_probs", z, given, must=must, check=partial(_log_probs, shape=shape))

    def _latent_weights(self) -> dict[str, NDArray[np.float32]]:
        size = self.spec.latent_size
        must = f"a dictionary of finite float32 arrays of shape (rows, {size})"
        return self._call("latent_weights", must=must, check=partial(_weights, size=size))

    def _jvp(self, z: Codes, given: ClipBatch, vectors: Codes) -> NDArray[np.float32]:
        return self._floats("jvp", self._token_shape(z), z, given, vectors)

    def _vjp(self, z: Codes, given: ClipBatch, vectors: NDArray[np.float32]) -> Codes:
        return self._floats("vjp", (len(z), self.spec.latent_size), z, given, vectors)

    def _decode_sampled(self, z: Codes, temperature: float, seed: int) -> ClipBatch:
        return self._clips("decode_sampled", z, temperature, seed)

    def _token_shape(self, z: Codes) -> tuple[int, ...]:
        clip_format = self.spec.clip_format
        return (len(z), *clip_format.shape, clip_format.vocabulary)

    def _floats(self, name: str, shape: tuple[int, ...], *args: Any) -> NDArray[np.float32]:
        return self._call(name, *args, must=f"finite float32 of shape {shape}", check=partial(_float32, shape=shape))

    def _clips(self, name: str, z: Codes, *args: Any) -> ClipBatch:
        clip_format = self.spec.clip_format
        shape = (len(z), *clip_format.shape)
        must = f"valid clips of {clip_format.name}, int16 of shape {shape}"
        return self._call(name, z, *args, must=must, check=partial(_valid_clips, shape=shape, clip_format=clip_format))

    def _call(self, name: str, *args: Any, must: str, check: Callable[[Any], T]) -> T:
        # A ClipError is its own sentence on an input that is not of its format.
        return self._guard.call(getattr(self._model, name), *args, must=must, check=check, own=(ClipError,), part=name)


def _float32(result: object, shape: tuple[int, ...], what: str = "") -> NDArray[np.float32]:
    return finite(result, shape, what=what).astype(np.float32, copy=False)


def _posterior(result: object, shape: tuple[int, int], structure: LatentStructure) -> Posterior:
    if not isinstance(result, Posterior):
        raise PluginFault(kind_of(result))
    if isinstance(result.mean, np.ndarray) and result.mean.dtype.kind in "iu":
        raise PluginFault(f"{result.mean.dtype.name} as its mean ({DISCRETE_CODES})")
    mean = _float32(result.mean, shape, " as its mean")
    scale = result.scale
    if isinstance(scale, np.ndarray) and scale.shape == shape and structure.held.any():
        scale = np.where(structure.held, np.ones_like(scale), scale)  # not read there, whatever it is
    scale = None if scale is None else _float32(scale, shape, " as its scale")
    if scale is not None and (scale[:, structure.latent] <= 0).any():
        raise PluginFault("a scale that is not above 0")
    return Posterior(mean, scale)


def _valid_clips(result: object, shape: tuple[int, ...], clip_format: ClipFormat) -> ClipBatch:
    clips = array_of(result, shape, "iu")
    if fault := invalid_clips(clips, clip_format):
        raise PluginFault(fault)
    return clips.astype(np.int16, copy=False)


def _log_probs(result: object, shape: tuple[int, ...]) -> NDArray[np.float32]:
    numbers = array_of(result, shape, "f")
    # The maximum is NaN if any number is: one pass finds NaN and probabilities above 1.
    if numbers.size and not numbers.max() <= CERTAIN:
        raise PluginFault(f"numbers up to {numbers.max():g}")
    return numbers.astype(np.float32, copy=False)


def _weights(result: object, size: int) -> dict[str, NDArray[np.float32]]:
    if not isinstance(result, dict):
        raise PluginFault(kind_of(result))
    rows = {name: len(array) if isinstance(array, np.ndarray) and array.ndim else 0 for name, array in result.items()}
    return {name: _float32(array, (rows[name], size), f" as its {name!r}") for name, array in result.items()}
