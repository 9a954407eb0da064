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

from latentknobs.backends.devices import has_bfloat16
from latentknobs.errors import UsageError

Product: TypeAlias = Callable[[Tensor], Tensor]
"""From an operand (N, in) to float32 (N, out), bias included."""
Recurrent: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""
From the reset and update gates so far (N, 2H), on top of which their part is added, and an operand (N, H) to the new
gate's part of the state with its bias (N, H).
"""
LEVELS = 127.0


class Arithmetic(Protocol):
    """One way to multiply; weights are torch's, float32 (out, in), a GRU's gates in the order reset, update, new."""

    fewest: ClassVar[int]
    """Rows from which on the sums of a product run in the same order however many there are."""

    def operand(self, state: Tensor) -> Tensor:
        """States float32 (N, H), each in (-1, 1), as products take them."""
        ...

    def product(self, weight: Tensor, bias: Tensor) -> Product:
        """The product of a layer."""
        ...

    def recurrent(self, weight: Tensor, bias: Tensor) -> Recurrent:
        """The state's part of a GRU's gates; of the bias (3H,) only the new gate's is used."""
        ...


class Float32:
    """
    As the network is written.

    Weights lie (in, out) and contiguous: then the sums of a product run in the same order for any number of rows from
    2 on (measured with MKL), and a clip's code does not depend on its company.
    """

    fewest: ClassVar[int] = 2

    def operand(self, state: Tensor) -> Tensor:
        return state

    def product(self, weight: Tensor, bias: Tensor) -> Product:
        laid, own = weight.t().contiguous(), bias.clone()
        return lambda operand: torch.addmm(own, operand, laid)

    def recurrent(self, weight: Tensor, bias: Tensor) -> Recurrent:
        hidden = weight.shape[1]
        both_weight, new_weight = (part.t().contiguous() for part in (weight[: 2 * hidden], weight[2 * hidden :]))
        own = bias[2 * hidden :].clone()

        def into(both: Tensor, operand: Tensor) -> Tensor:
            both.addmm_(operand, both_weight)
            return torch.addmm(own, operand, new_weight)

        return into


class Bfloat16:
    """See the module's text; sums are float32 inside a product, and their result is rounded."""

    fewest: ClassVar[int] = 2

    def operand(self, state: Tensor) -> Tensor:
        return state.bfloat16()

    def product(self, weight: Tensor, bias: Tensor) -> Product:
        laid, own = weight.bfloat16().t().contiguous(), bias.clone()
        return lambda operand: torch.add(own, torch.mm(operand, laid))

    def recurrent(self, weight: Tensor, bias: Tensor) -> Recurrent:
        hidden = weight.shape[1]
        laid, own = weight.bfloat16().t().contiguous(), bias[2 * hidden :].clone()

        def into(both: Tensor, operand: Tensor) -> Tensor:
            gates = torch.mm(operand, laid)
            both.add_(gates[:, : 2 * hidden])
            return torch.add(own, gates[:, 2 * hidden :])

        return into


class Int8:
    """See the module's text."""

    fewest: ClassVar[int] = 1

    def operand(self, state: Tensor) -> Tensor:
        return torch.mul(state, LEVELS).round_().to(torch.int8)

    def product(self, weight: Tensor, bias: Tensor) -> Product:
        (laid, scale), own = _in_levels(weight), bias.clone()
        return lambda operand: torch.addcmul(own, _times(operand, laid), scale)

    def recurrent(self, weight: Tensor, bias: Tensor) -> Recurrent:
        hidden = weight.shape[1]
        (laid, scale), own = _in_levels(weight), bias[2 * hidden :].clone()
        both_scale, new_scale = scale[: 2 * hidden].clone(), scale[2 * hidden :].clone()

        def into(both: Tensor, operand: Tensor) -> Tensor:
            gates = _times(operand, laid)
            both.addcmul_(gates[:, : 2 * hidden], both_scale)
            return torch.addcmul(own, gates[:, 2 * hidden :], new_scale)

        return into


def _times(a: Tensor, b: Tensor) -> Tensor:
    """The product of int8 matrices, int32."""
    return torch._int_mm(a, b)  # noqa: SLF001 - torch has no public name for it; torchao is built on this one


def _in_levels(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Weights (out, in) as int8 (in, out), and what one unit of a product with an operand is worth, (out,)."""
    step = weight.abs().amax(dim=1).clamp_min(torch.finfo(torch.float32).tiny) / LEVELS
    return (weight / step[:, None]).round().to(torch.int8).t(), step / LEVELS


ARITHMETICS: Mapping[str, type[Arithmetic]] = {"float32": Float32, "bf16": Bfloat16, "int8": Int8}


def choose_arithmetic(precision: str, device: torch.device) -> Arithmetic:
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
