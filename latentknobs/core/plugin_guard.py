"""Running a stranger's code: its errors become one sentence, its results are checked, its input stays as it is."""

from __future__ import annotations

import functools
import logging
import random
import sys
import traceback
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any, TypeVar

import attrs
import numpy as np
from attrs import frozen
from numpy.random import Generator
from numpy.typing import NDArray

from latentknobs.core.arrays import ClipBatch
from latentknobs.core.augmentation import Augmentation, Augmented
from latentknobs.core.clip import ClipFormat
from latentknobs.core.composition import CompositeAugmentation
from latentknobs.errors import AmountError, BackendError, LatentKnobsError, PluginError

T = TypeVar("T")
_log = logging.getLogger(__name__)
_movers: ContextVar[list[str] | None] = ContextVar("movers", default=None)


class PluginFault(Exception):  # noqa: N818 - a check's finding: the guard makes the error of it
    """Raised by a check: what a stranger's function gave back, in words that follow "gave back"."""


@frozen
class Guard:
    """
    Stands around the functions of one thing that a stranger offers.

    Attributes:
        what: The thing, for messages ("fit 'ridge'").
        owner: Whose it is ("plugin 'discovery' (built-in)"), "" = not known.
        path: The stranger's file: the line of it that raised is named.
        error: What is raised.
        often: It is called so often that a quarter of a millisecond would be felt: the global random generators are
            then not put back after it.
    """

    what: str
    owner: str = ""
    path: str | None = None
    error: type[LatentKnobsError] = PluginError
    often: bool = False

    def call(
        self,
        work: Callable[..., Any],
        *given: Any,
        must: str,
        check: Callable[[Any], T],
        own: tuple[type[Exception], ...] = (),
        part: str = "",
    ) -> T:
        """
        Call a stranger's function.

        Args:
            work: The function.
            given: Its arguments. Arrays, also those in our own values, are shown to it as read-only views:
                nothing is copied.
            must: What it must give back, in words that follow "it must give back".
            check: Takes what it gave back and returns it as it is handed on, or raises :class:`PluginFault`.
            own: Errors with which it speaks to people on purpose; they pass as they are.
            part: Which of the thing's functions this is, where it has several.

        Raises:
            LatentKnobsError: The guard's error: the function raises anything else, leaves the program, changes
                an array that it is given, or gives back something else than it must.
        """
        who = " of ".join(filter(None, [part, self.what, self.owner]))
        arrays: list[NDArray[Any]] = []
        shown = [_shown(value, arrays) for value in given]
        before = [_bits(array) for array in arrays]
        # The last two name who broke a promise already: this code only called what did.
        passing: tuple[type[Exception], ...] = (*own, PluginError, BackendError)
        try:
            with nullcontext() if self.often else global_random_state_kept(who):
                out = check(work(*shown))
        except PluginFault as fault:
            raise self.error(f"{who} gave back {fault}; it must give back {must}.") from None
        except passing:
            raise
        except (Exception, SystemExit) as error:
            clause = sentence_of(error, self.path)
            if isinstance(error, ValueError) and "read-only" in str(error):  # numpy has no class of its own for it
                raise self.error(f"{who} changes the arrays it is given ({clause}); it must work on a copy.") from error
            raise self.error(f"{who} failed: {clause}; it must give back {must}.") from error
        # A tensor that shares an array's memory writes through a read-only view.
        if before != [_bits(array) for array in arrays]:
            raise self.error(f"{who} changes the arrays it is given; it must work on a copy.")
        return out


@contextmanager
def global_random_state_kept(who: str) -> Iterator[None]:
    """
    Put the global generators of random and numpy back as they were; takes a quarter of a millisecond.

    A stranger who seeds or draws from them would otherwise change what others draw. The first time it is logged;
    inside :func:`global_random_state_watched` it is collected there.

    Args:
        who: Runs in here, for the message.
    """
    mine, numpys = random.getstate(), np.random.get_state()  # noqa: NPY002 - the state that must not move
    before = _bits_of(numpys)
    try:
        yield
    finally:
        if _bits_of(np.random.get_state()) != before or random.getstate() != mine:  # noqa: NPY002 - as above
            random.setstate(mine)
            np.random.set_state(numpys)  # noqa: NPY002 - as above
            movers = _movers.get()
            if movers is None:
                _tell_once(who)
            else:
                movers.append(who)


def _bits_of(state: Any) -> tuple[Any, ...]:
    """The state of numpy's generator as what can be compared."""
    name, key, *rest = state
    return (name, np.asarray(key).tobytes(), *rest)


@contextmanager
def global_random_state_watched() -> Iterator[list[str]]:
    """Collect who of those that are guarded in here moves a global random generator."""
    movers: list[str] = []
    token = _movers.set(movers)
    try:
        yield movers
    finally:
        _movers.reset(token)


@functools.lru_cache(maxsize=256)
def _tell_once(who: str) -> None:
    _log.warning("%s moves a global random generator; that was put back. It must use the chance it is given.", who)


def _shown(value: Any, arrays: list[NDArray[Any]]) -> Any:
    """A value as a stranger may see it, its arrays read-only and its dictionaries apart; the arrays are collected."""
    if isinstance(value, np.ndarray):
        arrays.append(value)
        view = value.view()
        view.flags.writeable = False
        return view
    if isinstance(value, dict):
        return {key: _shown(one, arrays) for key, one in value.items()}
    if attrs.has(type(value)):
        facts = {f.alias: _shown(getattr(value, f.name), arrays) for f in attrs.fields(type(value)) if f.init}
        return attrs.evolve(value, **facts)
    return value


def _bits(array: NDArray[Any]) -> int:
    """A checksum of an array: it takes a quarter of a millisecond for a megabyte."""
    return zlib.crc32(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)


def kind_of(value: object) -> str:
    """What a value is, for messages."""
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} of shape {value.shape}"
    name = type(value).__name__
    return "nothing" if value is None else f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


def sentence_of(error: BaseException, path: str | None = None) -> str:
    """
    What an exception from a stranger's code says, as one clause for a message.

    Args:
        error: The exception.
        path: The stranger's file: the line of it that raised is named.
    """
    if isinstance(error, SyntaxError):
        return f"line {error.lineno}: {error.msg}"
    if isinstance(error, SystemExit):
        what = f"it calls sys.exit({'' if error.code is None else repr(error.code)}), which a plugin must not do"
    elif isinstance(error, ModuleNotFoundError) and error.name:
        what = f"it needs the module {error.name!r}, which is not installed"
    else:
        text = " ".join(str(error).split()).rstrip(".")
        what = f"it raised {type(error).__name__}{': ' if text else ''}{text}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if path and frame.filename == path]
    return f"line {lines[-1]}: {what}" if lines else what


def run_augmentation(
    augmentation: Augmentation, clips: ClipBatch, amount: float, rng: Generator, clip_format: ClipFormat
) -> Augmented:
    """
    Edit clips with an augmentation that anyone may have written.

    Args:
        augmentation: The edit.
        clips: int16 (N, *shape), valid clips; they stay as they are.
        amount: In the augmentation's unit.
        rng: Its only source of chance.
        clip_format: The clips' format.

    Returns:
        int16 (N, *shape) and bool (N,): valid clips of the format, and the original where the mask is False.

    Raises:
        AmountError: The augmentation says that it cannot do this amount.
        PluginError: It raises anything else, leaves the program, changes its input, or gives back what
            are not clips.
    """
    if isinstance(augmentation, CompositeAugmentation):  # the strangers are its parts: each has a guard of its own
        return augmentation.through(
            lambda part, given, by: run_augmentation(part, given, by, rng, clip_format), clips, amount
        )
    # An augmentation is handed out as the object that the plugin gave, so its class says where it comes from.
    path = getattr(sys.modules.get(type(augmentation).__module__), "__file__", None)

    def check(result: object) -> Augmented:
        return _augmented(result, clips, clip_format)

    return Guard(f"augmentation {augmentation.name!r} at amount {amount:g}", path or "", path).call(
        augmentation,
        clips,
        amount,
        rng,
        must="Augmented(clips, valid), a whole-number array of the shape it is given and one bool for each clip",
        check=check,
        own=(AmountError,),
    )


def _augmented(result: object, clips: ClipBatch, clip_format: ClipFormat) -> Augmented:
    if not isinstance(result, Augmented):
        raise PluginFault(kind_of(result))
    edited, valid = result.clips, result.valid
    if not isinstance(edited, np.ndarray) or edited.dtype.kind not in "iu" or edited.shape != clips.shape:
        raise PluginFault(f"{kind_of(edited)} as its clips")
    if not isinstance(valid, np.ndarray) or valid.dtype != np.bool_ or valid.shape != clips.shape[:1]:
        raise PluginFault(f"{kind_of(valid)} as its mask")
    if wrong := no_clips(edited[valid], clip_format):
        raise PluginFault(f"{wrong} as valid, and such a clip must be masked")
    valid = np.array(valid)
    chosen = valid.reshape(-1, *[1] * len(clip_format.shape))
    return Augmented(np.where(chosen, edited, clips).astype(np.int16), valid)


def no_clips(tokens: NDArray[Any], clip_format: ClipFormat) -> str:
    """
    Why whole numbers are no valid clips of a format, or nothing.

    Args:
        tokens: (N, *shape).
        clip_format: The format.
    """
    if tokens.size and (tokens.min() < 0 or tokens.max() >= clip_format.vocabulary):
        return (
            f"tokens {tokens.min()} to {tokens.max()} (those of {clip_format.name} are 0 to "
            f"{clip_format.vocabulary - 1})"
        )
    broken = int((~clip_format.valid(tokens.astype(np.int16, copy=False))).sum())
    return f"{broken} clips that break the rule of {clip_format.name}" if broken else ""
