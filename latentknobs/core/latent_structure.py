"""
The structure of a code: named blocks, one of which may be the decoder's condition, or the axes of a sequence.

A condition (chords, a style) is no latent. The encoder puts a clip's own condition into the dimensions of that block
and the decoder reads it there, so that it travels with the code. Nothing moves it: no knob, control or path.

An anchor (a place on the keyboard) is latent, but says where the music lies and not what it is. Half-way between two
keys is a third one: so paths have the anchor of their nearer end, unless it is what they move, and variations keep it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from attrs import field, frozen

from latentknobs.core.arrays import Bools, Codes, Floats, Ints

NAME = r"[a-z0-9][a-z0-9_-]{0,199}"
"""What a block's name looks like; a knob's looks alike."""


def _whole(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and int(value) > 0


def _axes(shape: Any) -> tuple[Any, ...]:
    """As a tuple; one number stands for one axis."""
    return tuple(shape) if isinstance(shape, Iterable) else (shape,)


@frozen
class BlockShare:
    """
    A block of the code, or a step of a sequence, with what a knob moves of it.

    Attributes:
        name: The block's, "[3]" of a step.
        size: How many dimensions.
        share: Of the moved energy, 0 to 1; None of the condition, which nothing moves.
    """

    name: str
    size: int
    share: float | None

    def __str__(self) -> str:
        return f"{self.name} {'held' if self.share is None else format(self.share, '.0%')}"


@frozen
class LatentStructure:
    """
    See the module's text.

    Attributes:
        size: D.
        blocks: Name to size, in the order of the dimensions; sizes add up to D. Empty = none.
        condition: The block that is the condition, None = there is none.
        shape: Axes of a sequence of latents, whose codes are flattened in C order (the last index runs fastest);
            () = a plain vector. Either blocks or a shape.
        anchor: The block that is the anchor, None = there is none.

    Raises:
        ValueError: A clause on what does not fit.
    """

    size: int
    blocks: Mapping[str, int] = field(factory=dict)
    condition: str | None = None
    shape: tuple[int, ...] = field(default=(), converter=_axes)
    anchor: str | None = None

    def __attrs_post_init__(self) -> None:
        if fault := self._fault():
            raise ValueError(fault)

    def _fault(self) -> str:
        blocks: object = self.blocks  # a plugin need not keep to types
        if not isinstance(blocks, Mapping):
            return f"has the blocks {blocks!r}: give a dict of names and sizes, in order"
        if self.shape and self.blocks:
            return "has blocks and a latent_shape: give one of them"
        for name, size in self.blocks.items():
            if not isinstance(name, str) or not re.fullmatch(NAME, name):
                return f"has a block named {name!r}: use lower-case letters, digits, - and _"
            if not _whole(size):
                return f"has a block {name!r} of size {size!r}: give a whole number above 0"
        if self.blocks and (total := sum(self.blocks.values())) != self.size:
            return f"has blocks of {total} dimensions together, and codes of {self.size}: give each its size, in order"
        if self.condition is not None and self.condition not in self.blocks:
            listed = ", ".join(self.blocks) or "none"
            return f"has the condition {self.condition!r}, which is no block ({listed}): name one of its blocks"
        if self.condition is not None and len(self.blocks) < 2:
            return f"has no block besides its condition {self.condition!r}: give the latent a block too"
        if self.anchor is not None and self.anchor not in self.blocks:
            listed = ", ".join(self.blocks) or "none"
            return f"has the anchor {self.anchor!r}, which is no block ({listed}): name one of its blocks"
        if self.anchor is not None and self.anchor == self.condition:
            return (
                f"has the block {self.anchor!r} as condition and anchor: a condition is kept anyway, so name no anchor"
            )
        if self.shape and not all(map(_whole, self.shape)):
            return f"has the latent_shape {self.shape}: give whole numbers above 0"
        if self.shape and (total := math.prod(self.shape)) != self.size:
            return f"has the latent_shape {self.shape} of {total} numbers, and codes of {self.size}: correct it"
        return ""

    @classmethod
    def stated(cls, blocks: Any, condition: str | None, shape: Any) -> LatentStructure:
        """The structure that these state by themselves, of as many dimensions as they have together; 0 where none."""
        axes = _axes(shape)
        sizes = [int(size) for size in blocks.values() if _whole(size)] if isinstance(blocks, Mapping) else []
        size = sum(sizes) if sizes else math.prod(map(int, filter(_whole, axes))) if axes else 0
        return cls(size, blocks, condition, axes)

    @classmethod
    def of_shares(cls, blocks: Sequence[BlockShare], shape: Sequence[int] = ()) -> LatentStructure:
        """The structure of which these are the parts; a plain vector of size 0 where there are none."""
        size = sum(block.size for block in blocks)
        if shape:
            return cls(size, shape=tuple(shape))
        condition = next((block.name for block in blocks if block.share is None), None)
        return cls(size, {block.name: block.size for block in blocks}, condition)

    @property
    def parts(self) -> dict[str, slice]:
        """Where each block lies, or each step (the first index) of a sequence, by name; {} of a plain vector."""
        step = self.size // self.shape[0] if self.shape else 0
        sizes = self.blocks or {f"[{k}]": step for k in range(self.shape[0] if self.shape else 0)}
        ends = np.cumsum([0, *sizes.values()]).tolist()
        return {name: slice(ends[k], ends[k + 1]) for k, name in enumerate(sizes)}

    def part_of(self, dim: int) -> str | None:
        """The block or step of a dimension, None of a plain vector."""
        return next((name for name, at in self.parts.items() if at.start <= dim < at.stop), None)

    def name_of(self, dim: int) -> str:
        """A dimension for people: "pitch[12]", "[3, 5]" of a sequence, "7" of a plain vector."""
        if self.shape:
            return str([int(k) for k in np.unravel_index(dim, self.shape)])
        block = self.part_of(dim)
        return str(dim) if block is None else f"{block}[{dim - self.parts[block].start}]"

    @property
    def held(self) -> Bools:
        """Which dimensions are the condition, bool (D,)."""
        return self._of(self.condition)

    @property
    def anchored(self) -> Bools:
        """Which dimensions are the anchor, bool (D,)."""
        return self._of(self.anchor)

    @property
    def kept(self) -> Bools:
        """Which dimensions variations keep, bool (D,)."""
        out: Bools = self.held | self.anchored
        return out

    def _of(self, block: str | None) -> Bools:
        out = np.zeros(self.size, dtype=bool)
        if block is not None:
            out[self.parts[block]] = True
        return out

    @property
    def latent(self) -> Ints:
        """The dimensions that are latent, ascending: all but the condition's."""
        return np.flatnonzero(~self.held)

    def with_condition(self, codes: Codes, of: Codes) -> Codes:
        """Codes (..., D), float32, with the condition of others (..., D)."""
        out: Codes = np.where(self.held, of, codes).astype(np.float32, copy=False)
        return out

    def shares(self, shares: Floats) -> tuple[BlockShare, ...]:
        """Each part with the sum of its dimensions' shares (D,)."""
        return tuple(
            BlockShare(name, at.stop - at.start, None if name == self.condition else float(shares[at].sum()))
            for name, at in self.parts.items()
        )
