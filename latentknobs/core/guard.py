"""Running a stranger's code: its errors become one sentence, its results are checked."""

from __future__ import annotations

import traceback
from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from latentknobs.core.arrays import ClipBatch, Floats
from latentknobs.core.augmentation import Augmentation, Augmented
from latentknobs.core.clip import ClipFormat
from latentknobs.errors import AmountError, PluginError


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
        text = " ".join(str(error).split())
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
    who = f"augmentation {augmentation.name!r} at amount {amount:g}"
    given = clips.copy()
    try:
        result = augmentation(given, amount, rng)
    except AmountError:
        raise
    except (Exception, SystemExit) as error:
        raise PluginError(f"{who} failed: {sentence_of(error)}.") from error
    if not np.array_equal(given, clips):
        raise PluginError(f"{who} changes the clips it is given; it must edit a copy.")
    fault = _fault(result, clips, clip_format)
    if fault:
        raise PluginError(f"{who} {fault}.")
    valid = np.array(result.valid)
    chosen = valid.reshape(-1, *[1] * len(clip_format.shape))
    return Augmented(np.where(chosen, result.clips, clips).astype(np.int16), valid)


def run_measure(what: str, measure: Callable[..., Floats], *batches: ClipBatch) -> Floats:
    """
    Measure clips with an attribute or comparison that anyone may have written.

    Args:
        what: What measures, for messages ("attribute 'mean-pitch'").
        measure: Its function.
        batches: One batch (N, *shape) for each argument of it; they stay as they are.

    Returns:
        float64 (N,), NaN where the number is not defined.

    Raises:
        PluginError: It raises anything, leaves the program, changes its input, or gives back anything but
            one number for each clip.
    """
    given = [batch.copy() for batch in batches]
    try:
        values = measure(*given)
    except (Exception, SystemExit) as error:
        raise PluginError(f"{what} failed: {sentence_of(error)}.") from error
    if not all(map(np.array_equal, given, batches)):
        raise PluginError(f"{what} changes the clips it is given; it must only measure them.")
    count = len(batches[0])
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "biuf" or values.shape != (count,):
        raise PluginError(
            f"{what} gave back {_kind(values)}; it must be an array of {count} numbers, one for each clip."
        )
    numbers: Floats = values.astype(np.float64)
    if np.isinf(numbers).any():
        raise PluginError(f"{what} gave back an infinite number; where it is not defined it must be NaN.")
    return numbers


def _fault(result: object, clips: ClipBatch, clip_format: ClipFormat) -> str:
    """What is wrong with an augmentation's result, or nothing."""
    if not isinstance(result, Augmented):
        return f"gave back {_kind(result)}; it must give back Augmented(clips, valid)"
    edited, valid = result.clips, result.valid
    if not isinstance(edited, np.ndarray) or not np.issubdtype(edited.dtype, np.integer):
        return f"gave back clips as {_kind(edited)}; they must be an array of int16"
    if edited.shape != clips.shape:
        return f"gave back clips of shape {edited.shape} for clips of shape {clips.shape}; it must keep the shape"
    if not isinstance(valid, np.ndarray) or valid.dtype != np.bool_ or valid.shape != clips.shape[:1]:
        return f"gave back {_kind(valid)} as its mask; it must be an array of bool, one for each of {len(clips)} clips"
    kept = edited[valid]
    if kept.size and (kept.min() < 0 or kept.max() >= clip_format.vocabulary):
        return (
            f"gave back tokens {kept.min()} to {kept.max()} as valid; {clip_format.name} has 0 to "
            f"{clip_format.vocabulary - 1}, and a clip that leaves them must be masked"
        )
    broken = int((~clip_format.valid(kept.astype(np.int16))).sum())
    if broken:
        return f"gave back {broken} clips as valid that break the rule of {clip_format.name}"
    return ""


def _kind(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} of shape {value.shape}"
    return "nothing" if value is None else f"a {type(value).__name__}"
