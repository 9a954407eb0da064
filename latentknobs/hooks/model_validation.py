"""Corpora and models with the guard around their methods; see :mod:`latentknobs.hooks.validation`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from attrs import evolve, frozen
from numpy.typing import NDArray

from latentknobs.core.arrays import Bools, ClipBatch, Codes
from latentknobs.core.backend import (
    BackendFactory,
    BackendSpec,
    LatentGradient,
    LatentWeights,
    Posterior,
    Sampling,
    VAEBackend,
)
from latentknobs.core.clip import ClipFormat
from latentknobs.core.corpus import SPLITS, Corpus, CorpusRequest, Song
from latentknobs.core.melody_format import MELODY
from latentknobs.core.plugin_guard import Guard, PluginFault, kind_of, no_clips
from latentknobs.errors import BackendError, ClipError, CorpusError, MissingExtraError, ModelError, UsageError

FORMATS: Mapping[str, ClipFormat] = {MELODY.name: MELODY}
"""The clip formats that are known by name; clips of others are left to the model that reads them."""
CERTAIN = 1e-3
"""How far above 0 rounding may take the logarithm of a probability."""
FEW = 8
"""Codes that are decoded twice to see that a model's decoding is deterministic."""
STEADY = (
    "the same clips for the same codes each time: put the network into evaluation mode (no dropout) and take the "
    "likeliest tokens instead of drawing them"
)
_END: Final = object()
T = TypeVar("T")


def corpus(offer: Any, guard: Guard) -> Corpus:
    """A corpus."""
    return GuardedCorpus(offer.name, offer.doc, offer.licence, offer.clip_format, offer.takes, offer, guard)


def backend(offer: BackendFactory, guard: Guard) -> BackendFactory:
    """A way to load models; the models are guarded too."""
    return evolve(offer, load=partial(_load, offer, guard), recognises=partial(_recognises, offer, guard))


def _extra(thing: Any, name: str) -> Any:
    """What a plugin's object has besides what is asked of it; private names are not looked up."""
    if name.startswith("_"):
        raise AttributeError(name)
    return getattr(thing, name)


@frozen
class GuardedCorpus:
    """A plugin's corpus, whose songs are checked one by one; what else it has is had from here too."""

    name: str
    doc: str
    licence: str
    clip_format: str
    takes: str
    _corpus: Any
    _guard: Guard

    def __getattr__(self, name: str) -> Any:
        return _extra(self._corpus, name)

    def songs(self, request: CorpusRequest, argument: str = "") -> Iterator[Song]:
        """
        The songs that the plugin's corpus gives, each with clips of its own memory.

        Raises:
            CorpusError: The corpus cannot give clips, in its own words.
            PluginError: It breaks its contract.
        """
        own = (CorpusError, MissingExtraError)
        must = f"Songs, each with a name of its own, one of the splits and int16 clips of {self.clip_format}"
        found = self._guard.call(self._corpus.songs, request, argument, must=must, check=_iterator, own=own)
        check = partial(_song, names=set(), clip_format=FORMATS.get(self.clip_format))
        while (song := self._guard.call(partial(next, found, _END), must=must, check=check, own=own)) is not None:
            yield song


def _iterator(found: object) -> Iterator[object]:
    if not isinstance(found, Iterable):
        raise PluginFault(kind_of(found))
    return iter(found)


def _song(song: object, names: set[str], clip_format: ClipFormat | None) -> Song | None:
    """A song that is one, None at the end of all; ``names`` are those that were given before."""
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
    clips = song.clips
    if not isinstance(clips, np.ndarray) or clips.dtype.kind not in "iu" or clips.ndim < 2 or not clips.size:
        raise PluginFault(f"song {song.name!r} with {kind_of(clips)} as its clips")
    if clip_format is None:
        wrong = "" if clips.min() >= 0 and clips.max() <= np.iinfo(np.int16).max else "tokens outside int16"
    elif clips.shape[1:] != clip_format.shape:
        wrong = f"clips of shape {clips.shape[1:]}, and {clip_format.name} has {clip_format.shape}"
    else:
        wrong = no_clips(clips, clip_format)
    if wrong:
        raise PluginFault(f"song {song.name!r} with {wrong}")
    # A copy: songs wait for one another, and a corpus may fill one array again for each.
    return evolve(song, clips=clips.astype(np.int16))


def _recognises(offer: BackendFactory, guard: Guard, path: Path) -> bool:
    return guard.call(offer.recognises, path, must="True or False", check=_truth, part="recognises")


def _truth(found: object) -> bool:
    if not isinstance(found, bool | np.bool_):
        raise PluginFault(kind_of(found))
    return bool(found)


def _load(offer: BackendFactory, guard: Guard, location: str, device: str, **asked: str) -> VAEBackend:
    own = (ModelError, UsageError, MissingExtraError)
    load = partial(offer.load, **asked) if asked else offer.load
    found = guard.call(load, location, device, must="a model (VAEBackend)", check=_model, own=own)
    own_guard = evolve(guard, what=f"model {found.spec.name!r}", error=BackendError, often=True)
    return GuardedModel(found.spec, found, own_guard)


def _model(found: object) -> VAEBackend:
    if isinstance(found, type):
        raise PluginFault(f"the class {found.__name__} and no object of it")
    if not isinstance(found, VAEBackend):
        raise PluginFault(kind_of(found))
    if not isinstance(found.spec, BackendSpec) or not isinstance(found.spec.clip_format, ClipFormat):
        raise PluginFault("a model whose spec is not a BackendSpec with a ClipFormat")
    return found


@frozen(eq=False, slots=False)
class GuardedModel:
    """A plugin's model, whose answers are checked; what else it has is had from here too."""

    spec: BackendSpec
    _model: Any
    _guard: Guard

    def __attrs_post_init__(self) -> None:
        # Optional capabilities are asked for by isinstance: this has those that the model has. They are looked up
        # on the object, since from Python 3.12 on isinstance does not ask __getattr__.
        if isinstance(self._model, LatentWeights):
            self.__dict__["latent_weights"] = self._latent_weights
        if isinstance(self._model, LatentGradient):
            self.__dict__["jvp"] = self._jvp
            self.__dict__["vjp"] = self._vjp
        if isinstance(self._model, Sampling):
            self.__dict__["decode_sampled"] = self._decode_sampled

    def __getattr__(self, name: str) -> Any:
        return _extra(self._model, name)

    def accepts(self, clips: ClipBatch) -> Bools:
        """See :class:`~latentknobs.core.backend.VAEBackend`."""
        must = f"an array of {len(clips)} bools, one for each clip"
        return self._call("accepts", clips, must=must, check=partial(_mask, count=len(clips)))

    def encode(self, clips: ClipBatch) -> Posterior:
        """See :class:`~latentknobs.core.backend.VAEBackend`."""
        shape = (len(clips), self.spec.latent_size)
        must = f"a Posterior with finite float32 of shape {shape}"
        return self._call("encode", clips, must=must, check=partial(_posterior, shape=shape))

    def decode(self, z: Codes) -> ClipBatch:
        """See :class:`~latentknobs.core.backend.VAEBackend`."""
        clips = self._decoded("decode", z)
        if len(z) and "_steady" not in self.__dict__:
            # The first time alone: everything that is measured stands on it, and it costs a decoding of a few codes.
            once, again = (self._decoded("decode", z[:FEW]) for _ in range(2))
            self._guard.call(partial(_same, once, again), must=STEADY, check=_steady, part="decode")
            self.__dict__["_steady"] = True
        return clips

    def decode_log_probs(self, z: Codes, given: ClipBatch | None = None) -> NDArray[np.float32]:
        """See :class:`~latentknobs.core.backend.VAEBackend`."""
        check = partial(_log_probs, shape=self._steps(z))
        must = f"logarithms of probabilities, float32 of shape {self._steps(z)}"
        return self._call("decode_log_probs", z, given, must=must, check=check)

    def _decode_sampled(self, z: Codes, temperature: float, seed: int) -> ClipBatch:
        return self._decoded("decode_sampled", z, temperature, seed)

    def _latent_weights(self) -> dict[str, NDArray[np.float32]]:
        size = self.spec.latent_size
        must = f"a dictionary of finite float32 arrays of shape (rows, {size})"
        return self._call("latent_weights", must=must, check=partial(_weights, size=size))

    def _jvp(self, z: Codes, given: ClipBatch, vectors: Codes) -> NDArray[np.float32]:
        return self._numbers("jvp", self._steps(z), z, given, vectors)

    def _vjp(self, z: Codes, given: ClipBatch, vectors: NDArray[np.float32]) -> Codes:
        return self._numbers("vjp", (len(z), self.spec.latent_size), z, given, vectors)

    def _decoded(self, name: str, z: Codes, *how: Any) -> ClipBatch:
        form = self.spec.clip_format
        must = f"valid clips of {form.name}, int16 of shape {(len(z), *form.shape)}"
        return self._call(name, z, *how, must=must, check=partial(_clips, count=len(z), form=form))

    def _numbers(self, name: str, shape: tuple[int, ...], *given: Any) -> NDArray[np.float32]:
        must = f"finite float32 of shape {shape}"
        return self._call(name, *given, must=must, check=partial(_finite, shape=shape))

    def _steps(self, z: Codes) -> tuple[int, ...]:
        form = self.spec.clip_format
        return (len(z), *form.shape, form.vocabulary)

    def _call(self, name: str, *given: Any, must: str, check: Callable[[Any], T]) -> T:
        # ClipError: what it was given are no clips of its format, which it may say itself.
        return self._guard.call(getattr(self._model, name), *given, must=must, check=check, own=(ClipError,), part=name)


def _same(once: ClipBatch, again: ClipBatch) -> int:
    """How many clips differ."""
    return int((once != again).reshape(len(once), -1).any(axis=1).sum())


def _steady(different: object) -> None:
    if different:
        raise PluginFault(f"other clips for {different} of the same codes when it was asked again")


def _mask(found: object, count: int) -> Bools:
    if not isinstance(found, np.ndarray) or found.dtype != np.bool_ or found.shape != (count,):
        raise PluginFault(kind_of(found))
    return found


def _posterior(found: object, shape: tuple[int, int]) -> Posterior:
    if not isinstance(found, Posterior):
        raise PluginFault(kind_of(found))
    mean = _finite(found.mean, shape, "mean")
    scale = None if found.scale is None else _finite(found.scale, shape, "scale")
    if scale is not None and (scale <= 0).any():
        raise PluginFault("a scale that is not above 0")
    return Posterior(mean, scale)


def _finite(found: object, shape: tuple[int, ...], name: str = "") -> NDArray[np.float32]:
    numbers = _floats(found, shape, name)
    if not np.isfinite(numbers).all():
        raise PluginFault(f"numbers that are not finite{f' as its {name}' if name else ''}")
    return numbers


def _floats(found: object, shape: tuple[int, ...], name: str = "") -> NDArray[np.float32]:
    if not isinstance(found, np.ndarray) or found.dtype.kind != "f" or found.shape != shape:
        raise PluginFault(f"{kind_of(found)}{f' as its {name}' if name else ''}")
    return found.astype(np.float32, copy=False)


def _clips(found: object, count: int, form: ClipFormat) -> ClipBatch:
    if not isinstance(found, np.ndarray) or found.dtype.kind not in "iu" or found.shape != (count, *form.shape):
        raise PluginFault(kind_of(found))
    if wrong := no_clips(found, form):
        raise PluginFault(wrong)
    return found.astype(np.int16, copy=False)


def _log_probs(found: object, shape: tuple[int, ...]) -> NDArray[np.float32]:
    numbers = _floats(found, shape)
    # The largest of numbers with a NaN among them is NaN: one look finds it, and probabilities above 1 as well.
    if numbers.size and not numbers.max() <= CERTAIN:
        raise PluginFault(f"numbers up to {numbers.max():g}")
    return numbers


def _weights(found: object, size: int) -> dict[str, NDArray[np.float32]]:
    if not isinstance(found, dict):
        raise PluginFault(kind_of(found))
    rows = {name: array.shape[:1] if isinstance(array, np.ndarray) else () for name, array in found.items()}
    return {name: _finite(array, (*rows[name], size), repr(name)) for name, array in found.items()}
