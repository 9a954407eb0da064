"""Edits made of others: ``transpose:2|note-split:1`` does one and then the next, each at a factor times the amount."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
from attrs import frozen
from numpy.random import Generator

from latentknobs.core.arrays import ClipBatch, Ints
from latentknobs.core.augmentation import Augmentation, Augmented, takes_context
from latentknobs.core.format_capabilities import needs_of
from latentknobs.errors import AmountError, UnknownNameError, UsageError

NEXT, TIMES = "|", ":"
"""What stands between two parts of a composition, and between the name and the factor of one."""
HOW = f"write NAME{TIMES}FACTOR{NEXT}NAME{TIMES}FACTOR, as in transpose{TIMES}2{NEXT}note-split{TIMES}1."
SLACK = 1e-9
"""How far a product of an amount and a factor may be off by rounding."""


@frozen(eq=False)
class CompositionPart:
    """
    One edit of a composition.

    Attributes:
        augmentation: The edit.
        factor: Its amount for one unit of the composition's; finite, not 0.
    """

    augmentation: Augmentation
    factor: float

    def at(self, amount: float) -> float:
        """This part's amount at an amount of the composition; where one of its own is meant, exactly that."""
        wanted = amount * self.factor
        return next((own for own in self.augmentation.amounts if abs(own - wanted) <= SLACK), wanted)

    def serves(self, amount: float) -> bool:
        """Whether it is measured there; a negative amount takes negative amounts of its own, not swapped pairs."""
        own = self.augmentation.amounts
        return self.at(amount) in own and (amount > 0 or min(own) < 0)


@frozen(eq=False)
class CompositeAugmentation:
    """
    An augmentation that applies others from left to right; a clip that any part masks is masked.

    Its amounts are the whole numbers at which every part is measured. It changes what any part changes or targets and
    preserves what all parts preserve. Its target is that of its parts if they share one and their factors sum to 1, so
    that amount 1 moves it by 1; otherwise it has none.

    Attributes:
        parts: The parts, in order.

    Raises:
        UsageError: No part; a factor that is 0 or not finite; parts of several clip formats; no common amount.
    """

    parts: tuple[CompositionPart, ...]

    def __attrs_post_init__(self) -> None:
        if not self.parts:
            raise UsageError(f"A composition has at least one part; {HOW}")
        for part in self.parts:
            if not (math.isfinite(part.factor) and part.factor):
                raise UsageError(
                    f"The factor of {part.augmentation.name} in {self.name} is {part.factor:g}; "
                    "give a finite number other than 0."
                )
        formats = {name: part.augmentation.name for part in self.parts if (name := _format_name(part.augmentation))}
        if len(formats) > 1:
            listed = ", ".join(f"{name} edits {clip_format}" for clip_format, name in formats.items())
            raise UsageError(f"The parts of {self.name} edit different clip formats ({listed}); choose edits of one.")
        if not self.amounts:
            listed = "; ".join(
                f"{part.augmentation.name} has {', '.join(f'{a:g}' for a in part.augmentation.amounts)}"
                for part in self.parts
            )
            raise UsageError(
                f"There is no whole number n at which every part of {self.name} can do n times its factor "
                f"({listed}); choose other factors."
            )

    @property
    def name(self) -> str:
        """Its parts and factors, as :func:`compose` reads them."""
        return NEXT.join(f"{part.augmentation.name}{TIMES}{_number(part.factor)}" for part in self.parts)

    @property
    def knob_name(self) -> str:
        """The parts' knob names, each followed by its factor: pitch-2-rhythm-1, pitch-minus-2, tilt-0_5."""
        return "-".join(f"{part.augmentation.knob_name}-{_slug(part.factor)}" for part in self.parts)

    @property
    def unit(self) -> str:
        """What one unit is: times (2 semitones, 1 doublings)."""
        return f"times ({', '.join(_measure(part) for part in self.parts)})"

    @property
    def amounts(self) -> tuple[float, ...]:
        """The whole numbers at which every part is measured, ascending, without 0."""
        first = self.parts[0]
        candidates = {round(own / first.factor) for own in first.augmentation.amounts} - {0}
        return tuple(float(n) for n in sorted(candidates) if all(part.serves(n) for part in self.parts))

    @property
    def target(self) -> str | None:
        """See the class's text."""
        targets = {part.augmentation.target for part in self.parts}
        one = abs(sum(part.factor for part in self.parts) - 1) <= SLACK
        return targets.pop() if one and len(targets) == 1 else None

    @property
    def changes(self) -> frozenset[str]:
        """What any part changes or targets."""
        targets = frozenset(t for part in self.parts if (t := part.augmentation.target) is not None)
        return targets.union(*(part.augmentation.changes for part in self.parts))

    @property
    def preserves(self) -> frozenset[str]:
        """What every part preserves."""
        return frozenset.intersection(*(part.augmentation.preserves for part in self.parts)) - self.changes

    @property
    def reverses_order(self) -> bool:
        """Whether an odd number of parts reverse it."""
        return sum(bool(getattr(part.augmentation, "reverses_order", False)) for part in self.parts) % 2 == 1

    @property
    def needs(self) -> tuple[str, ...]:
        """What any part needs of a clip format."""
        return tuple(dict.fromkeys(name for part in self.parts for name in needs_of(part.augmentation)))

    @property
    def clip_format(self) -> str:
        """The format that a part names, "" where none does."""
        return next(filter(None, (_format_name(part.augmentation) for part in self.parts)), "")

    @property
    def doc(self) -> str:
        """One sentence."""
        steps = (f"{part.augmentation.name} by {_measure(part)}" for part in self.parts)
        return f"For each unit of the amount, {', then '.join(steps)}."

    def __call__(self, clips: ClipBatch, amount: float, rng: Generator) -> Augmented:
        """
        Edit a copy of the clips, part by part; amount 0 is the identity.

        Raises:
            AmountError: Not a finite number, or neither 0 nor the one amount of an on/off edit, or a part says so.
        """
        return self.through(lambda part, batch, by, _rows: part(batch, by, rng), clips, amount)

    def through(
        self, run: Callable[[Augmentation, ClipBatch, float, Ints], Augmented], clips: ClipBatch, amount: float
    ) -> Augmented:
        """
        Edit clips (N, *shape), each part run by ``run``, which may check its result.

        ``run`` is given the part, the clips that are left, its amount, and which of the N clips these are.

        Returns:
            The edited clips, the original where the mask is False.

        Raises:
            AmountError: As above.
        """
        own = self.amounts
        if not math.isfinite(amount):
            raise AmountError(f"{self.name} takes a number as its amount, not {amount}.")
        if len(own) == 1 and amount not in (0, own[0]):
            raise AmountError(f"{self.name} is an on/off edit: its amount is 0 or {own[0]:g}, not {amount:g}.")
        out, rows = clips.copy(), np.arange(len(clips))
        for part in self.parts if amount else ():
            edited = run(part.augmentation, out[rows], part.at(amount), rows)
            rows = rows[edited.valid]
            out[rows] = edited.clips[edited.valid]
        valid = np.zeros(len(clips), dtype=bool)
        valid[rows] = True
        out[~valid] = clips[~valid]
        return Augmented(out, valid)


def parts_of(augmentation: Augmentation) -> tuple[Augmentation, ...]:
    """The parts of a composition, or the augmentation itself."""
    if isinstance(augmentation, CompositeAugmentation):
        return tuple(part.augmentation for part in augmentation.parts)
    return (augmentation,)


def wants_context(augmentation: Augmentation) -> bool:
    """Whether an augmentation, or a part of it, is to be told of the piece."""
    return any(takes_context(part) for part in parts_of(augmentation))


def is_composition(text: str) -> bool:
    """Whether a text is meant as a composition; the name of an augmentation has neither sign."""
    return NEXT in text or TIMES in text


def compose(text: str, known: Mapping[str, Augmentation]) -> CompositeAugmentation:
    """
    The composition that a text says.

    Args:
        text: NAME:FACTOR|NAME:FACTOR, applied from left to right; a factor that is left out is 1.
        known: The augmentations, by name.

    Raises:
        UnknownNameError: No augmentation of that name.
        UsageError: It is not of that form, or its parts do not fit together (:class:`CompositeAugmentation`).
    """
    parts = []
    for number, piece in enumerate(text.split(NEXT), 1):
        name, times, factor = (word.strip() for word in piece.partition(TIMES))
        if not name or (times and not factor):
            what = "factor" if name else "name"
            raise UsageError(f"Part {number} of the composition {text!r} has no {what}; {HOW}")
        if name not in known:
            raise UnknownNameError("augmentation", name, known, f"(part {number} of {text!r})")
        try:
            parts.append(CompositionPart(known[name], float(factor) if times else 1.0))
        except ValueError:
            raise UsageError(
                f"The factor {factor!r} of {name} in the composition {text!r} is not a number; {HOW}"
            ) from None
    return CompositeAugmentation(tuple(parts))


def _format_name(augmentation: Augmentation) -> str:
    name: str = getattr(augmentation, "clip_format", "")
    return name


def _number(value: float) -> str:
    """A number as people write it, that reads back as the same one."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def _slug(factor: float) -> str:
    """A factor as it stands in a knob's name, which has neither points nor signs."""
    return ("minus-" if factor < 0 else "") + _number(abs(factor)).replace(".", "_").replace("+", "")


def _measure(part: CompositionPart) -> str:
    return f"{_number(part.factor)} {part.augmentation.unit or part.augmentation.name}"
