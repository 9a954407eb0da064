"""
Everything latentknobs raises on purpose, as one small tree.

A message says what is wrong, where, and what to do next, in one sentence or two. Front ends print
``str(error)`` and leave with ``error.exit_code``: 1 = the work failed, 2 = it was asked for wrongly.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any


class LatentKnobsError(Exception):
    """The root of the tree: catch it to catch everything that latentknobs raises on purpose."""

    exit_code = 1

    def __reduce__(self) -> tuple[Any, ...]:
        """For pickle, as from a worker: classes make their messages of other arguments."""
        return _again, (type(self), self.args, self.__dict__)


def _again(kind: type[LatentKnobsError], args: tuple[object, ...], facts: dict[str, object]) -> LatentKnobsError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(facts)
    return error


class UsageError(LatentKnobsError, ValueError):
    """Raised when a value or an option is not one that can be used."""

    exit_code = 2


class UnknownNameError(UsageError, LookupError):
    """
    Raised when nothing of that name exists.

    Args:
        kind: What was looked for ("knob", "model", "corpus", "augmentation", ...).
        name: The name asked for.
        known: The names that exist, offered in the message, the nearest one first.
        where: Where was looked, if that is not plain ("in registry.db").
    """

    def __init__(self, kind: str, name: str, known: Iterable[str], where: str = "") -> None:
        self.kind = kind
        self.name = name
        self.known = tuple(sorted(known))
        near = difflib.get_close_matches(name, self.known, n=1)
        place = f" {where}" if where else ""
        if near:
            hint = f"did you mean {near[0]!r}?"
        elif self.known:
            hint = f"there is: {', '.join(self.known)}."
        else:
            hint = "there is none yet."
        super().__init__(f"There is no {kind} named {name!r}{place}; {hint}")


class AmountError(UsageError):
    """Raised when an amount is not finite, off its knob's step, or outside its usable range."""


class ClipError(UsageError):
    """Raised when tokens or notes do not make clips of the format they are said to be of."""


class MidiError(LatentKnobsError, ValueError):
    """
    Raised when a MIDI file cannot be read as a melody.

    Attributes:
        options: What to add to the command line so that it can, () = nothing is known.
    """

    def __init__(self, message: str, options: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.options = tuple(options)


class OutputError(LatentKnobsError):
    """Raised when a result cannot be written (no such folder, no right to, a full disk)."""


class CorpusError(LatentKnobsError):
    """Raised when a corpus cannot give the clips it was asked for."""


class ModelError(LatentKnobsError, ValueError):
    """Raised when weights or a model card do not make a working model."""


class BackendError(LatentKnobsError):
    """Raised when a backend breaks its contract (wrong shape, codes that are not finite, ...)."""


class PluginError(LatentKnobsError):
    """Raised when a plugin breaks its contract, or two plugins offer the same name."""


class RegistryError(LatentKnobsError):
    """Raised when the registry cannot be opened, read or written."""


class ExecutorError(LatentKnobsError):
    """Raised when workers cannot be reached, differ from this program, or are lost again and again."""


class PackError(LatentKnobsError, ValueError):
    """Raised when a folder or zip is not the pack of knobs that it must be."""


class ProjectError(LatentKnobsError, ValueError):
    """Raised when a file is not the project that it must be, or its models are not here."""


class DiscoveryError(LatentKnobsError):
    """Raised when a discovery cannot give a result (too few valid pairs at every amount, ...)."""


class NotFittedError(LatentKnobsError):
    """Raised by a fit that cannot serve an edit, with the reason as a clause; a discovery notes it and goes on."""


class TrainingError(LatentKnobsError):
    """Raised when a training run cannot start, go on or be resumed."""


class MissingExtraError(LatentKnobsError, ImportError):
    """
    Raised when an optional part is used that is not installed.

    Args:
        what: What it was needed for ("A data frame of knobs").
        extra: The extra that brings it ("pandas").
    """

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs an extra that is not installed: pip install 'latentknobs[{extra}]'.")


@contextmanager
def needs_extra(what: str, extra: str) -> Iterator[None]:
    """
    Have imports within say which extra brings what they miss.

    Args:
        what: As of :class:`MissingExtraError`; ``extra`` too.

    Raises:
        MissingExtraError: A module of another package is missing.
    """
    try:
        yield
    except ImportError as error:
        if (error.name or "").split(".")[0] == "latentknobs":
            raise
        raise MissingExtraError(what, extra) from error
