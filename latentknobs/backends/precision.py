"""
In which numbers the products with a GRU's states are computed: nearly all of the work is in them.

Between products everything is float32, and so is what enters once a clip (z) or leaves it (code, logits).

    float32    as the network is written
    bf16       states and weights rounded to 8 bits of mantissa
    int8       states, which lie in (-1, 1), as whole 127ths; the weights of an output as whole 127ths of the largest of
               them. Whole numbers add up the same in every order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar, Protocol, TypeAlias

import torch
from torch import Tensor

from latentknobs.backends.devices import has_bfloat16, has_byte_products
from latentknobs.errors import UsageError

Product: TypeAlias = Callable[[Tensor], Tensor]
"""From an operand (N, in) to float32 (N, out), bias included."""
LEVELS = 127.0
USUAL_ROWS = 256
"""For how many rows weights are laid out; any number can be multiplied."""
FEW_ROWS, ROWS_STEP = 32, 16
"""Up to so many rows are computed as they are, more of them as a multiple of this."""
BLOCKED_ROWS = 4
"""Rows from which on blocked int8 weights are the faster ones."""
ZERO = 128
"""The byte that stands for a level of 0."""


def enough(rows: int, fewest: int = 1) -> int:
    """
    How many rows to compute where ``rows`` are asked for, the rest being thrown away.

    oneDNN writes a program for each number of rows, which takes a millisecond and 1.5 MB (float32, measured) and is
    kept: so there are not too many numbers.
    """
    return max(rows, fewest) if rows <= FEW_ROWS else -(-rows // ROWS_STEP) * ROWS_STEP


class Precision(Protocol):
    """One way to multiply; weights are torch's, float32 (out, in), a GRU's gates in the order reset, update, new."""

    fewest: ClassVar[int]
    """Rows from which on the sums of a product run in the same order however many there are."""

    def operand(self, state: Tensor) -> Tensor:
        """States float32 (N, H), each in (-1, 1), as products take them."""
        ...

    def product(self, weight: Tensor, bias: Tensor) -> Product:
        """The product of a layer."""
        ...


class Float32:
    """As the network is written."""

    fewest: ClassVar[int] = 2

    def operand(self, state: Tensor) -> Tensor:
        return state

    def product(self, weight: Tensor, bias: Tensor) -> Product:
        if _has_onednn(weight.device):
            return _blocked(weight, bias.clone())
        laid, own = weight.t().contiguous(), bias.clone()
        return lambda operand: torch.addmm(own, operand, laid)


class Bfloat16:
    """See the module's text; sums are float32 inside a product, and their result is rounded."""

    fewest: ClassVar[int] = 2

    def operand(self, state: Tensor) -> Tensor:
        return state.bfloat16()

    def product(self, weight: Tensor, bias: Tensor) -> Product:
        rounded, own = weight.bfloat16(), bias.clone()
        if _has_onednn(weight.device) and has_bfloat16(weight.device):
            laid = _blocked(rounded, None)
            return lambda operand: laid(operand).float().add_(own)
        plain = rounded.t().contiguous()
        return lambda operand: torch.mm(operand, plain).float().add_(own)


def _has_onednn(device: torch.device) -> bool:
    return device.type == "cpu" and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call] # torch leaves it without types


def _blocked(weight: Tensor, bias: Tensor | None) -> Product:
    """
    A product with weights kept as oneDNN reads them, instead of having them brought into that order at each call.

    The sums of a row run in the same order however many rows there are, from 2 on (measured for float32 with every
    instruction set that oneDNN can be told to use), so that a clip's code does not depend on its company. MKL's sums
    depend on it where the processor is AMD's.
    """
    # Both are what torch.compile makes of a linear layer whose weights are frozen.
    laid = torch.ops.mkldnn._reorder_linear_weight(weight, USUAL_ROWS)  # noqa: SLF001 - it has no other name
    linear = torch.ops.mkldnn._linear_pointwise  # noqa: SLF001 - nor has this

    def product(operand: Tensor) -> Tensor:
        found: Tensor = linear(operand, laid, bias, "none", [], "")
        return found

    return product


class Int8:
    """
    See the module's text.

    Few rows are multiplied as they are; more of them as bytes from 1 to 255 by weights that lie as oneDNN reads them,
    with scale and bias in the same call. Both give the same to the bit.
    """

    fewest: ClassVar[int] = 1

    def __init__(self) -> None:
        self._blocked = has_byte_products()

    def operand(self, state: Tensor) -> Tensor:
        levels = torch.mul(state, LEVELS).round_().to(torch.int8)
        return levels.view(torch.uint8) ^ ZERO if self._blocked and len(state) >= BLOCKED_ROWS else levels

    def product(self, weight: Tensor, bias: Tensor) -> Product:
        levels, scale = _in_levels(weight)
        laid, own = levels.t(), bias.clone()

        def few(operand: Tensor) -> Tensor:
            levels = torch._int_mm(operand, laid)  # noqa: SLF001 - torchao is built on it, and it has no other name
            return levels.float().mul_(scale).add_(own)

        if not self._blocked:
            return few
        kernels = torch.ops.onednn  # what torch.compile makes of a quantised linear layer
        blocked, zeros = kernels.qlinear_prepack(levels, None), torch.zeros(len(weight), dtype=torch.int64)

        def many(operand: Tensor) -> Tensor:
            product: Tensor = kernels.qlinear_pointwise(
                operand, 1.0, ZERO, blocked, scale, zeros, own, 1.0, 0, torch.float32, "none", [], ""
            )
            return product

        return lambda operand: many(operand) if operand.dtype == torch.uint8 else few(operand)


def _in_levels(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Weights (out, in) as int8, and what one unit of a product with an operand is worth, (out,)."""
    step = weight.abs().amax(dim=1).clamp_min(torch.finfo(torch.float32).tiny) / LEVELS
    return (weight / step[:, None]).round().to(torch.int8), step / LEVELS


ARITHMETICS: Mapping[str, type[Precision]] = {"float32": Float32, "bf16": Bfloat16, "int8": Int8}


def choose_arithmetic(precision: str, device: torch.device) -> Precision:
    """
    The arithmetic of that name.

    Raises:
        UsageError: There is none, or this device does not compute in it.
    """
    if precision not in ARITHMETICS:
        raise UsageError(f"The precision must be {', '.join(ARITHMETICS)}; not {precision!r}.")
    if precision == "bf16" and not has_bfloat16(device):
        raise UsageError(f"This {device.type} device multiplies no bfloat16: use the precision float32.")
    if precision == "int8" and device.type != "cpu":
        raise UsageError("The precision int8 is for processors: use float32 or bf16 on cuda, or --device cpu.")
    return ARITHMETICS[precision]()
