"""
Augmentations: named edits of clips by an amount.

Anything with the attributes and the call of :class:`Augmentation` will do. Two base classes make one in
ten lines: :class:`NoteAugmentation` edits the list of notes of one clip, :class:`TokenAugmentation` the
token array of many clips at once. Both copy their input, treat amount 0 as the identity, and mask what an
amount cannot be applied to.

Each states what it needs of a clip format in ``needs``, or names one format in ``clip_format``, or both
(:mod:`latentknobs.core.format_capabilities`). One whose call, ``edit`` or ``edit_tokens`` has a parameter
named ``context`` is told of the piece as well.
"""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import cache
from typing import Any, ClassVar, Protocol, Self, cast, runtime_checkable

import numpy as np
from attrs import frozen
from numpy.random import Generator
from numpy.typing import NDArray

from latentknobs.core.arrays import Bools, ClipBatch
from latentknobs.core.capability import capability, takes
from latentknobs.core.clip import ClipFormat, Note, with_notes
from latentknobs.core.edit_context import EditContext, Reference, lone_contexts
from latentknobs.core.melody_format import MELODY
from latentknobs.errors import AmountError, ClipError, PluginError


@frozen(eq=False)
class Augmented:
    """
    What an augmentation gives back.

    Attributes:
        clips: int16 (N, *shape), the edited clips; where ``valid`` is False, anything.
        valid: bool (N,), False where the amount could not be applied to the clip.
    """

    clips: ClipBatch
    valid: Bools


@runtime_checkable
class Augmentation(Protocol):
    """
    A named edit of clips by an amount; amount 0 is the identity.

    Attributes:
        name: Unique name ("transpose").
        knob_name: Name of the knob it gives ("pitch").
        unit: Unit of the amount, for people ("semitones").
        amounts: The amounts, without 0, at which it is measured, ascending. Where all are positive and
            there are several, negative amounts are learned by swapping before and after. A single
            amount is an on/off edit.
        target: Name of the attribute that amount 1 moves by 1, or None.
        changes: Names of the attributes and comparisons that it is meant to change.
        preserves: Names of the attributes and comparisons that it leaves as they are.
        doc: One sentence.

    Besides, it has ``needs``, a tuple of what it needs of a clip format, or ``clip_format``, the name of the one
    format it edits.
    """

    @property
    def name(self) -> str: ...
    @property
    def knob_name(self) -> str: ...
    @property
    def unit(self) -> str: ...
    @property
    def amounts(self) -> tuple[float, ...]: ...
    @property
    def target(self) -> str | None: ...
    @property
    def changes(self) -> frozenset[str]: ...
    @property
    def preserves(self) -> frozenset[str]: ...
    @property
    def doc(self) -> str: ...

    def __call__(self, clips: ClipBatch, amount: float, rng: Generator) -> Augmented:
        """
        Edit clips (N, *shape) by ``amount``; the input stays as it is.

        Args:
            clips: int16 (N, *shape), valid clips.
            amount: In ``unit``; 0 gives the clips back.
            rng: The only source of chance it may use.

        With a fourth parameter named ``context`` it is given an :class:`EditContext` for each clip.
        """
        ...


class FormatAware(Protocol):
    """Optional: an augmentation that is told the format of the clips before it edits them."""

    def for_format(self, clip_format: ClipFormat) -> Augmentation:
        """The same edit of clips of this format."""
        ...


class Inexact(Protocol):
    """Optional: an augmentation that can also be done as far as a clip allows, as knobs are turned by rule."""

    def inexact(self) -> Augmentation:
        """The same edit, which masks only what it cannot edit at all."""
        ...


class _Base(ABC):
    name: ClassVar[str]
    knob_name: ClassVar[str]
    unit: ClassVar[str] = ""
    amounts: ClassVar[tuple[float, ...]] = (1.0,)
    target: ClassVar[str | None] = None
    changes: ClassVar[frozenset[str]] = frozenset()
    preserves: ClassVar[frozenset[str]] = frozenset()
    needs: ClassVar[tuple[str, ...]] = ("monophonic",)
    relative_to: ClassVar[Reference] = ""
    """
    The pitch through which alone the edit depends on the piece, "" = none does.

    "first-note" is the first note's, "key" the tonic of the major key with the piece's scale, "tonic" the tonic of its
    own key, either in the octave nearest to the first note.
    Transposing clip and piece then transposes the result, so that a knob can be learned in one key.
    """
    reverses_order: ClassVar[bool] = False
    """Whether time runs backwards, so that the last clip of a piece comes first."""
    clip_format: ClassVar[str] = ""
    """Name of the one format it edits, "" = every format that has what it needs."""
    format: ClassVar[ClipFormat] = MELODY
    """The format of the clips it is given: a melody's with the same steps where it needs "monophonic"."""
    exact: ClassVar[bool] = True
    """
    Whether a clip to which the amount does not apply just so is masked, as knobs are learned from exact pairs.

    Where it is False a knob is turned by rule: then ``edit`` may go as far as the clip allows, or leave it as it is.
    """
    learns_in_part: ClassVar[bool] = False
    """
    Whether knobs are learned from clips to which the amount applies only in part as well.

    For edits that few clips take just so, such as one of every note. Knobs are judged on exact pairs nevertheless.
    """

    def __init_subclass__(cls) -> None:
        # Plugins of hook API 1 may still use the name that ``preserves`` had before.
        if "keeps" in vars(cls) and "preserves" not in vars(cls):
            cls.preserves = vars(cls)["keeps"]
        # One that names its format need not say what it needs of it.
        if "clip_format" in vars(cls) and "needs" not in vars(cls):
            cls.needs = ()

    def for_format(self, clip_format: ClipFormat) -> Self:
        """The same edit, whose ``format`` is this one."""
        return self if self.format is clip_format else self._with(format=clip_format)

    def inexact(self) -> Self:
        """The same edit, whose ``exact`` is False."""
        return self._with(exact=False)

    def _with(self, **facts: Any) -> Self:
        bound = copy.copy(self)
        for name, value in facts.items():
            object.__setattr__(bound, name, value)  # of a frozen class too
        return bound

    @property
    def doc(self) -> str:
        """The first sentence of the class's docstring."""
        return " ".join((type(self).__doc__ or "").split()).split(". ")[0].rstrip(".") + "."

    def __call__(
        self, clips: ClipBatch, amount: float, rng: Generator, context: Sequence[EditContext] = ()
    ) -> Augmented:
        """
        Edit a copy of the clips; amount 0 is the identity. Without a context each clip is a piece of its own.

        Raises:
            AmountError: Not a finite number, or neither 0 nor the one amount of an on/off edit.
        """
        if amount == 0:
            return Augmented(clips.copy(), np.ones(len(clips), dtype=bool))
        if not math.isfinite(amount):
            raise AmountError(f"{self.name} takes a number as its amount, not {amount}.")
        if len(self.amounts) == 1 and amount != self.amounts[0]:
            raise AmountError(f"{self.name} is an on/off edit: its amount is 0 or {self.amounts[0]:g}, not {amount:g}.")
        if takes_context(self) and not context:
            context = lone_contexts(clips, self.format)
        return self._edit(clips.copy(), float(amount), rng, context)

    @abstractmethod
    def _edit(self, clips: ClipBatch, amount: float, rng: Generator, context: Sequence[EditContext]) -> Augmented: ...


class NoteAugmentation(_Base):
    """Base class of an edit of one clip's list of notes; override :meth:`edit`."""

    @abstractmethod
    def edit(self, notes: tuple[Note, ...], amount: float, rng: Generator) -> Iterable[Note] | None:
        """
        The notes after the edit, or None where the amount cannot be applied to this clip.

        Notes that leave the format (a pitch outside 0 to 127, past the end, two at a time) mask the clip: raise
        nothing, wrap nothing. With a fourth parameter named ``context`` it is given the clip's :class:`EditContext`.
        """

    def _edit(self, clips: ClipBatch, amount: float, rng: Generator, context: Sequence[EditContext]) -> Augmented:
        valid = np.zeros(len(clips), dtype=bool)
        edit: Callable[..., Iterable[Note] | None] = self.edit
        for i, clip in enumerate(clips):
            told = (context[i],) if takes_context(self) else ()
            try:
                notes = edit(self.format.notes(clip), amount, rng, *told)
                if notes is not None:
                    clips[i] = with_notes(self.format, clip, notes)
                    valid[i] = True
            except AmountError:  # no clip can be edited by it, and the sentence says why
                raise
            except (ClipError, ValueError):  # a Note out of range: the amount does not fit this clip
                continue
        return Augmented(clips, valid)


class TokenAugmentation(_Base):
    """Base class of an edit of many clips' token array at once; override :meth:`edit_tokens`."""

    @abstractmethod
    def edit_tokens(self, clips: ClipBatch, amount: float, rng: Generator) -> tuple[NDArray[np.int16], Bools]:
        """
        The edited array, int16 (N, *shape), and where it holds, bool (N,). ``clips`` is a copy.

        One that needs "monophonic" is given melody tokens, whatever the format's own are. With a fourth parameter
        named ``context`` it is given a tuple of N :class:`EditContext`.
        """

    def _edit(self, clips: ClipBatch, amount: float, rng: Generator, context: Sequence[EditContext]) -> Augmented:
        edit: Callable[..., tuple[NDArray[np.int16], Bools]] = self.edit_tokens
        edited, valid = edit(clips, amount, rng, *((tuple(context),) if takes_context(self) else ()))
        return Augmented(edited, valid)


def inexact(augmentation: Augmentation) -> Augmentation:
    """The edit as far as each clip allows, where it can be done so; else the edit itself."""
    able = capability(augmentation, Inexact)
    return augmentation if able is None else able.inexact()


def takes_context(augmentation: Augmentation) -> bool:
    """Whether an augmentation has a parameter named ``context``, which says that it is to be told of the piece."""
    cls: Hashable = type(augmentation)
    return _names_context(cls)


@cache
def _names_context(cls: Any) -> bool:
    # The call of the two bases always has it; what the author wrote decides.
    name = "edit" if issubclass(cls, NoteAugmentation) else "edit_tokens" if issubclass(cls, TokenAugmentation) else ""
    return takes(getattr(cls, name or "__call__"), "context")


@frozen(eq=False)
class EditInContext:
    """
    An augmentation together with the contexts of the clips that it is about to edit, used in its place.

    Attributes:
        augmentation: The augmentation, whose name, amounts and so on are its own.
        contexts: One for each clip.
    """

    augmentation: Augmentation
    contexts: tuple[EditContext, ...]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.augmentation, name)

    def __call__(self, clips: ClipBatch, amount: float, rng: Generator) -> Augmented:
        """Edit the clips, int16 (N, *shape), that the contexts are of."""
        call: Callable[..., Augmented] = self.augmentation
        return call(clips, amount, rng, *((self.contexts,) if takes_context(self.augmentation) else ()))


def in_context(augmentation: Augmentation, contexts: Sequence[EditContext]) -> Augmentation:
    """The augmentation for clips of these contexts; the augmentation itself where none are known."""
    # It has the attributes of the augmentation by passing them on, which type checkers do not follow.
    return cast(Augmentation, EditInContext(augmentation, tuple(contexts))) if contexts else augmentation


def signed_amounts(augmentation: Augmentation) -> tuple[tuple[float, ...], bool]:
    """
    The amounts a knob of this edit may have, ascending without 0, and whether negative ones are swapped pairs.

    An edit with negative amounts of its own has just its amounts; one with several positive amounts gets
    the same ones negated, by swapping; an on/off edit keeps its one amount.

    Raises:
        PluginError: It has no amount besides 0.
    """
    amounts = tuple(sorted(float(a) for a in augmentation.amounts if a))
    if not amounts:
        raise PluginError(f"augmentation {augmentation.name!r} names no amount besides 0; it needs at least one.")
    if amounts[0] < 0 or len(amounts) == 1:
        return amounts, False
    return (*(-a for a in reversed(amounts)), *amounts), True
