"""
Augmentations: named edits of clips by an amount.

Anything with the attributes and the call of :class:`Augmentation` will do. Two base classes make one in
ten lines: :class:`NoteAugmentation` edits the list of notes of one clip, :class:`TokenAugmentation` the
token array of many clips at once. Both copy their input, treat amount 0 as the identity, and mask what an
amount cannot be applied to.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
from attrs import frozen
from numpy.random import Generator
from numpy.typing import NDArray

from latentknobs.core.arrays import Bools, ClipBatch
from latentknobs.core.clip import ClipFormat, Note
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
        clip_format: Name of the clip format it edits.
        doc: One sentence.
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
    def clip_format(self) -> str: ...
    @property
    def doc(self) -> str: ...

    def __call__(self, clips: ClipBatch, amount: float, rng: Generator) -> Augmented:
        """
        Edit clips (N, *shape) by ``amount``; the input stays as it is.

        Args:
            clips: int16 (N, *shape), valid clips.
            amount: In ``unit``; 0 gives the clips back.
            rng: The only source of chance it may use.
        """
        ...


class _Base(ABC):
    name: ClassVar[str]
    knob_name: ClassVar[str]
    unit: ClassVar[str] = ""
    amounts: ClassVar[tuple[float, ...]] = (1.0,)
    target: ClassVar[str | None] = None
    changes: ClassVar[frozenset[str]] = frozenset()
    preserves: ClassVar[frozenset[str]] = frozenset()
    clip_format: ClassVar[str] = MELODY.name
    format: ClassVar[ClipFormat] = MELODY
    """The clip format itself, for ``tokens`` and ``notes``."""

    def __init_subclass__(cls) -> None:
        # Plugins of hook API 1 may still use the name that ``preserves`` had before.
        if "keeps" in vars(cls) and "preserves" not in vars(cls):
            cls.preserves = vars(cls)["keeps"]

    @property
    def doc(self) -> str:
        """The first sentence of the class's docstring."""
        return " ".join((type(self).__doc__ or "").split()).split(". ")[0].rstrip(".") + "."

    def __call__(self, clips: ClipBatch, amount: float, rng: Generator) -> Augmented:
        """
        Edit a copy of the clips; amount 0 is the identity.

        Raises:
            AmountError: Not a finite number, or neither 0 nor the one amount of an on/off edit.
        """
        if amount == 0:
            return Augmented(clips.copy(), np.ones(len(clips), dtype=bool))
        if not math.isfinite(amount):
            raise AmountError(f"{self.name} takes a number as its amount, not {amount}.")
        if len(self.amounts) == 1 and amount != self.amounts[0]:
            raise AmountError(f"{self.name} is an on/off edit: its amount is 0 or {self.amounts[0]:g}, not {amount:g}.")
        return self._edit(clips.copy(), float(amount), rng)

    @abstractmethod
    def _edit(self, clips: ClipBatch, amount: float, rng: Generator) -> Augmented: ...


class NoteAugmentation(_Base):
    """Base class of an edit of one clip's list of notes; override :meth:`edit`."""

    @abstractmethod
    def edit(self, notes: tuple[Note, ...], amount: float, rng: Generator) -> Iterable[Note] | None:
        """
        The notes after the edit, or None where the amount cannot be applied to this clip.

        Notes that leave the format (a pitch outside 0 to 127, past the end, two at a time) mask the clip:
        raise nothing, wrap nothing.
        """

    def _edit(self, clips: ClipBatch, amount: float, rng: Generator) -> Augmented:
        valid = np.zeros(len(clips), dtype=bool)
        for i, clip in enumerate(clips):
            try:
                notes = self.edit(self.format.notes(clip), amount, rng)
                if notes is not None:
                    clips[i] = self.format.tokens(notes)
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
        """The edited array, int16 (N, *shape), and where it holds, bool (N,). ``clips`` is a copy."""

    def _edit(self, clips: ClipBatch, amount: float, rng: Generator) -> Augmented:
        edited, valid = self.edit_tokens(clips, amount, rng)
        return Augmented(edited, valid)


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
