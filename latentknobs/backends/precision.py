"""
Precision of the products with a GRU's states, which are nearly all of the work.

Everything else is float32: between products, and what enters (z) or leaves a clip (code, logits) once.

    float32    exact
    bf16       states and weights rounded to 8 bits of mantissa
    int8       states, which lie in (-1, 1), quantized to multiples of 1/127; the weights of an output to multiples of
               1/127 of the largest of them. Integer sums are the same in every order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar, Protocol, TypeAlias

import torch
from torch import Tensor

from latentknobs.backends.devices import has_bfloat16, has_int8_products
from latentknobs.errors import UsageError

Product: TypeAlias = Callable[[Tensor], Tensor]
"""From an operand (N, in) to float32 (N, out), bias included."""
LEVELS = 127.0
USUAL_ROWS = 256
"""Number of rows that the weights' layout is optimized for; any number can be multiplied."""
FEW_ROWS, ROWS_STEP = 32, 16
"""Up to FEW_ROWS rows are computed as they are, more as a multiple of ROWS_STEP."""
BLOCKED_ROWS = 4
"""From this number of rows on, int8 weights in blocked layout are faster."""
ZERO = 128
"""Zero point: the byte for a level of 0."""


def enough(rows: int, min_rows: int = 1) -> int:
    """
    How many rows to compute where ``rows`` are needed; the rest is discarded.

    oneDNN compiles and keeps a kernel for each number of rows, which takes a millisecond and 1.5 MB (float32,
    measured): this keeps the numbers few.
    """
    return max(rows, min_rows) if rows <= FEW_ROWS else -(-rows // ROWS_STEP) * ROWS_STEP


class Precision(Protocol):
    """One way to multiply; weights are torch's, float32 (out, in), a GRU's gates in the order reset, update, new."""

    min_rows: ClassVar[int]
    """From this number of rows on, a row's sum runs in the same order whatever the number."""

    def operand(self, state: Tensor) -> Tensor:
        """States float32 (N, H), each in (-1, 1), as products take them."""
        ...

    def product(self, weight: Tensor, bias: Tensor) -> Product:
        """The product of a layer."""
        ...


class Float32:
    """Exact."""

    min_rows: ClassVar[int] = 2

    def operand(self, state: Tensor) -> Tensor:
        return state

    def product(self, weight: Tensor, bias: Tensor) -> Product:
        if _has_onednn(weight.device):
            return _blocked(weight, bias.clone())
        transposed, offset = weight.t().contiguous(), bias.clone()
        return lambda operand: torch.addmm(offset, operand, transposed)


class Bfloat16:
    """Sums are float32 inside a product, and their result is rounded."""

    min_rows: ClassVar[int] = 2

    def operand(self, state: Tensor) -> Tensor:
        return state.bfloat16()

    def product(self, weight: Tensor, bias: Tensor) -> Product:
        rounded, offset = weight.bfloat16(), bias.clone()
        if _has_onednn(weight.device) and has_bfloat16(weight.device):
            multiply = _blocked(rounded, None)
            return lambda operand: multiply(operand).float().add_(offset)
        transposed = rounded.t().contiguous()
        return lambda operand: torch.mm(operand, transposed).float().add_(offset)


def _has_onednn(device: torch.device) -> bool:
    return device.type == "cpu" and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call] # torch leaves it without types


def _blocked(weight: Tensor, bias: Tensor | None) -> Product:
    """
    A product with weights in oneDNN's blocked layout, which saves reordering them at each call.

    From 2 rows on, the sums of a row run in the same order whatever the number of rows (measured for float32 with
    every instruction set that oneDNN can be restricted to), so a clip's code does not depend on its batch. MKL's sums
    depend on it on AMD processors.
    """
    # Both are what torch.compile makes of a linear layer whose weights are frozen.
    blocked = torch.ops.mkldnn._reorder_linear_weight(weight, USUAL_ROWS)  # noqa: SLF001 - it has no other name
    linear = torch.ops.mkldnn._linear_pointwise  # noqa: SLF001 - nor has this

    def product(operand: Tensor) -> Tensor:
        result: Tensor = linear(operand, blocked, bias, "none", [], "")
        return result

    return product


class Int8:
    """
    Whole numbers; see the module's text.

    Few rows are multiplied as they are; more as unsigned bytes (zero point 128) by weights in oneDNN's blocked layout,
    with scale and bias in the same call. Both give the same bits.
    """

    min_rows: ClassVar[int] = 1

    def __init__(self) -> None:
        self._blocked = has_int8_products()

    def operand(self, state: Tensor) -> Tensor:
        levels = torch.mul(state, LEVELS).round_().to(torch.int8)
        return levels.view(torch.uint8) ^ ZERO if self._blocked and len(state) >= BLOCKED_ROWS else levels

    def product(self, weight: Tensor, bias: Tensor) -> Product:
        levels, scale = _quantized(weight)
        transposed, offset = levels.t(), bias.clone()

        def few(operand: Tensor) -> Tensor:
            levels = torch._int_mm(operand, transposed)  # noqa: SLF001 - torchao is built on it, and it has no other name
            return levels.float().mul_(scale).add_(offset)

        if not self._blocked:
            return few
        kernels = torch.ops.onednn  # what torch.compile makes of a quantized linear layer
        blocked, zeros = kernels.qlinear_prepack(levels, None), torch.zeros(len(weight), dtype=torch.int64)

        def many(operand: Tensor) -> Tensor:
            product: Tensor = kernels.qlinear_pointwise(
                operand, 1.0, ZERO, blocked, scale, zeros, offset, 1.0, 0, torch.float32, "none", [], ""
            )
            return product

        return lambda operand: many(operand) if operand.dtype == torch.uint8 else few(operand)


def _quantized(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Weights (out, in) as int8, and the scale of a product with an operand, (out,)."""
    step = weight.abs().amax(dim=1).clamp_min(torch.finfo(torch.float32).tiny) / LEVELS
    return (weight / step[:, None]).round().to(torch.int8), step / LEVELS


PRECISIONS: Mapping[str, type[Precision]] = {"float32": Float32, "bf16": Bfloat16, "int8": Int8}


def choose_precision(precision: str, device: torch.device) -> Precision:
    """
    The precision of that name.

    Raises:
        UsageError: No such precision, or this device does not support it.
    """
    if precision not in PRECISIONS:
        raise UsageError(f"The precision must be {', '.join(PRECISIONS)}; not {precision!r}.")
    if precision == "bf16" and not has_bfloat16(device):
        raise UsageError(f"This {device.type} device has no bfloat16: use the precision float32.")
    if precision == "int8" and device.type != "cpu":
        raise UsageError("int8 runs on the CPU only: use float32 or bf16 on cuda, or --device cpu.")
    return PRECISIONS[precision]()
