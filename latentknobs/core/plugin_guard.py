"""Calls of plugin code: its exceptions become one sentence, and what it returns is checked."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, TypeVar

import numpy as np
from attrs import frozen
from numpy.random import Generator
from numpy.typing import NDArray

from latentknobs.core.arrays import ClipBatch, read_only
from latentknobs.core.augmentation import (
    Augmentation,
    Augmented,
    EditInContext,
    FormatAware,
    in_context,
    inexact,
    takes_context,
)
from latentknobs.core.capability import capability
from latentknobs.core.clip import ClipFormat
from latentknobs.core.composition import CompositeAugmentation
from latentknobs.core.containment.calls import LOCAL_PACKAGE, PluginOverdue, PluginStopped, time_limit
from latentknobs.core.containment.contain import Containment
from latentknobs.core.edit_context import EditContext, chosen, lone_contexts
from latentknobs.core.format_capabilities import from_melody_tokens, melody_tokens, working_format
from latentknobs.errors import AmountError, BackendError, LatentKnobsError, PluginError

T = TypeVar("T")
log = logging.getLogger(__name__)
_TOLD: set[tuple[str, str]] = set()
"""What has been said of plugins, which are called thousands of times."""


class PluginFault(Exception):  # noqa: N818 - a finding, of which the guard makes the error
    """Raised by a check: what a plugin's function returned, in words that follow "returned"."""


@frozen
class Guard:
    """
    Calls the functions of one offer of a plugin.

    Attributes:
        what: The offer, for messages ("fit 'ridge'").
        owner: Its plugin ("plugin 'swing' (plugins/swing.py)"), "" if unknown.
        path: The plugin's file; the line of it that raised is named.
        error: What is raised.
        plugin: The plugin's name, for a message about a call that hangs.
        contained: False for built-in plugins, which are called without containment.
        limited: Whether a call that takes too long is given up: not where long work is usual, as loading a model.
        whole: As for :class:`~latentknobs.core.containment.calls.PluginCall`.
    """

    what: str
    owner: str = ""
    path: str | None = None
    error: type[LatentKnobsError] = PluginError
    plugin: str = "NAME"
    contained: bool = True
    limited: bool = True
    whole: bool = True

    def call(
        self,
        function: Callable[..., Any],
        *args: Any,
        must: str,
        check: Callable[[Any], T],
        own: tuple[type[Exception], ...] = (),
        part: str = "",
    ) -> T:
        """
        Call a plugin's function and check its result.

        Args:
            function: The function.
            args: Its arguments; arrays are passed as read-only views.
            must: What it must return, in words that follow "it must return".
            check: Converts the result to the promised type, or raises :class:`PluginFault`.
            own: Errors that the function may raise on purpose; they pass unchanged.
            part: Which of the offer's functions this is, if it has several.

        Raises:
            LatentKnobsError: The guard's error: the function raised anything else, tried to end the program, took too
                long, wrote into an argument, or returned something else than it must.
            KeyboardInterrupt: Ctrl-C was pressed.
        """
        name = " of ".join(filter(None, [part, self.what, self.owner]))
        # The last two already name whoever is at fault.
        passing: tuple[type[Exception], ...] = (*own, PluginError, BackendError)
        call = Containment(name, self.plugin, limited=self.limited, whole=self.whole)
        try:
            with call if self.contained else nullcontext():
                return check(function(*(read_only(arg) if isinstance(arg, np.ndarray) else arg for arg in args)))
        except PluginFault as fault:
            raise self.error(f"{name} returned {fault}; it must return {must}.") from None
        except passing:
            raise
        except Exception as error:
            clause = sentence_of(error, self.path)
            if issubclass(type(error), ValueError) and "read-only" in clause:  # numpy has no class of its own for it
                raise self.error(
                    f"{name} writes into an array it is given ({clause}); it must work on a copy."
                ) from error
            if isinstance(error, ModuleNotFoundError):  # what the call must return is beside the point
                raise self.error(f"{name} failed: {clause}.") from error
            raise self.error(f"{name} failed: {clause}; it must return {must}.") from error
        finally:
            for change in call.changes:
                if (self.owner, change) not in _TOLD:
                    _TOLD.add((self.owner, change))
                    log.warning("%s %s; this was undone.", name, change)


def kind_of(value: object) -> str:
    """What a value is, for messages."""
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} of shape {value.shape}"
    name = type(value).__name__
    return "nothing" if value is None else f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


def sentence_of(error: BaseException, path: str | None = None) -> str:
    """
    An exception from a plugin's code as one clause for a message.

    Args:
        error: The exception; its class may be a plugin's, and raise anything where it is looked at.
        path: The plugin's file; the line of it that raised is named.
    """
    try:
        return " ".join(_clause_of(error, path).split())
    except BaseException:  # noqa: BLE001 - as above
        return "it raised an error that cannot be shown"


def _clause_of(error: BaseException, path: str | None) -> str:
    if isinstance(error, PluginStopped):
        cause = error.__cause__
        if cause is None or str(error):
            return str(error)
        error = cause
    if isinstance(error, SyntaxError) and error.lineno:
        return f"line {error.lineno}: {error.msg}"
    if isinstance(error, PluginOverdue):
        clause = (
            f"it took more than {time_limit():g} s and was given up (LATENTKNOBS_PLUGIN_TIMEOUT=SECONDS allows more)"
        )
    elif isinstance(error, SystemExit):
        clause = f"it calls sys.exit({'' if error.code is None else repr(error.code)}), which a plugin must not do"
    elif isinstance(error, ModuleNotFoundError) and error.name:
        own = "a file of your own must lie in a folder of sys.path"
        clause = f"it needs the module {error.name!r}, which is not installed ({own})"
    else:
        text = text_of(error).rstrip(".")
        clause = f"it raised {type(error).__name__}{': ' if text else ''}{text}"
    file = path and os.path.abspath(path)  # a frame has the path by which the file was loaded  # noqa: PTH100 - of text
    frames = traceback.extract_tb(error.__traceback__) if file else ()
    lines = [frame.lineno for frame in frames if os.path.abspath(frame.filename) == file]  # noqa: PTH100 - the same
    return f"line {lines[-1]}: {clause}" if lines else clause


def text_of(error: BaseException) -> str:
    """An exception's own words on one line; its class may be a plugin's, and raise anything instead."""
    try:
        return " ".join(str(error).split())
    except BaseException:  # noqa: BLE001 - as above
        return "an error that cannot be shown"


def plugin_sentence(error: BaseException) -> str | None:
    """What the code of a local plugin raised outside of any call that is guarded, in a sentence; None if none did."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    if not frames or not frames[-1].f_globals.get("__name__", "").startswith(f"{LOCAL_PACKAGE}."):
        return None
    path = frames[-1].f_code.co_filename
    return f"The plugin {path} failed: {sentence_of(error, path)}."


def run_augmentation(
    augmentation: Augmentation,
    clips: ClipBatch,
    amount: float,
    rng: Generator,
    clip_format: ClipFormat,
    *,
    exact: bool = True,
) -> Augmented:
    """
    Edit clips with any augmentation, and check the result.

    Args:
        augmentation: The edit.
        clips: int16 (N, *shape), valid clips.
        amount: In the augmentation's unit.
        rng: Its only source of randomness.
        clip_format: The clips' format.
        exact: Whether clips to which the amount does not apply just so are masked; False = as far as each allows.

    Returns:
        int16 (N, *shape) and bool (N,): valid clips of the format, the original where the mask is False.

    Raises:
        AmountError: The augmentation cannot apply this amount.
        PluginError: It raised anything else, called sys.exit, or returned what are no clips.
    """
    contexts: tuple[EditContext, ...] = ()
    if isinstance(augmentation, EditInContext):
        contexts = augmentation.contexts
        augmentation = augmentation.augmentation
    if isinstance(augmentation, CompositeAugmentation):  # each part is checked, so that the one at fault is named
        return augmentation.through(
            lambda part, batch, by, rows: run_augmentation(
                in_context(part, chosen(contexts, rows)), batch, by, rng, clip_format, exact=exact
            ),
            clips,
            amount,
        )
    form = working_format(augmentation, clip_format)
    told = (contexts or lone_contexts(clips, clip_format),) if takes_context(augmentation) else ()
    given = clips if form is clip_format else melody_tokens(clips, clip_format)
    # Augmentations are handed out as the objects that the plugin made; their class tells the file.
    module = type(augmentation).__module__
    path = getattr(sys.modules.get(module), "__file__", None)
    guard = Guard(
        f"augmentation {augmentation.name!r} at amount {amount:g}",
        path or "",
        path,
        plugin=module.removeprefix(f"{LOCAL_PACKAGE}."),
        contained=not module.startswith("latentknobs."),
    )

    def check(result: object) -> Augmented:
        out = _augmented(result, given, form)
        if form is clip_format:
            return out
        return Augmented(*from_melody_tokens(out.clips, out.valid, clips, clip_format))

    def in_format(batch: ClipBatch, *rest: Any) -> Augmented:
        edit = aware.for_format(form) if (aware := capability(augmentation, FormatAware)) else augmentation
        return (edit if exact else inexact(edit))(batch, *rest)

    return guard.call(
        in_format,
        given,
        amount,
        rng,
        *told,
        must="Augmented(clips, valid): integers of the input's shape and one bool per clip",
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
    if fault := invalid_clips(edited[valid], clip_format):
        raise PluginFault(f"{fault} marked as valid; such clips must be masked")
    chosen = valid.reshape(-1, *[1] * len(clip_format.shape))
    return Augmented(np.where(chosen, edited, clips).astype(np.int16), valid.copy())


def invalid_clips(tokens: NDArray[Any], clip_format: ClipFormat) -> str:
    """
    Why integers are not valid clips of a format, "" if they are.

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
    return f"{broken} clips that break the rules of {clip_format.name}" if broken else ""
