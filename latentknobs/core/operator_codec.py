"""
Operators in 16 bits: rounding them, and packing arrays without loss.

A map of codes is close to the identity, so its matrices are packed as their displacement from it, which keeps the
small numbers' digits. Packing loses nothing: what 16 bits do not hold exactly stays float32. :func:`compact` rounds
an operator so that 16 bits do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias, cast

import numpy as np
from attrs import evolve
from numpy.typing import NDArray

from latentknobs.core.knob import Operator

Packing: TypeAlias = Literal["float32", "float16", "identity+float16"]
PACKINGS: tuple[Packing, ...] = ("float16", "identity+float16", "float32")
"""How an array may be packed, in the order in which they are tried."""
DISPLACED = ("matrix", "matrices")
"""Arrays that :func:`compact` rounds as displacements from the identity."""
EXACT = ("amounts", "step", "projection")
"""Arrays that :func:`compact` leaves alone: amounts are looked up, and a projection must stay orthonormal."""
_LARGEST = float(np.finfo(np.float16).max)


def _identity(shape: tuple[int, ...]) -> NDArray[np.float32]:
    return np.eye(shape[-1], dtype=np.float32)


def _to_half(array: NDArray[np.float32]) -> NDArray[np.float16]:
    """Rounded to float16; beyond its range, the largest it has."""
    out: NDArray[np.float16] = np.clip(array, -_LARGEST, _LARGEST).astype("<f2")
    return out


def _to_displacement(array: NDArray[np.float32]) -> NDArray[np.float16]:
    return _to_half(array - _identity(array.shape))


def _from_half(half: NDArray[Any]) -> NDArray[np.float32]:
    return half.astype(np.float32)


def _from_displacement(half: NDArray[Any]) -> NDArray[np.float32]:
    out: NDArray[np.float32] = half.astype(np.float32) + _identity(half.shape)
    return out


_Encode: TypeAlias = Callable[[NDArray[np.float32]], NDArray[Any]]
_CODECS: Mapping[Packing, tuple[str, _Encode, Callable[[NDArray[Any]], NDArray[np.float32]]]] = {
    "float16": ("<f2", _to_half, _from_half),
    "identity+float16": ("<f2", _to_displacement, _from_displacement),
    "float32": ("<f4", lambda array: array.astype("<f4"), _from_half),
}


def pack_array(array: NDArray[np.float32]) -> tuple[Packing, bytes]:
    """
    A float32 array in as few bytes as hold it exactly: little-endian, in C order.

    Returns:
        How it is packed, and the bytes; :func:`unpack_array` gives back the same array to the bit.
    """
    array = np.ascontiguousarray(array, dtype=np.float32)
    square = array.ndim >= 2 and array.shape[-1] == array.shape[-2]
    for packing in PACKINGS:
        if packing == "identity+float16" and not square:
            continue
        _, encode, decode = _CODECS[packing]
        with np.errstate(invalid="ignore"):  # what is not finite is kept as float32
            packed = encode(array)
            exact = decode(packed).tobytes() == array.tobytes()
        if exact or packing == "float32":
            return packing, packed.tobytes()
    raise AssertionError("float32 holds every array")


def unpack_array(packing: str, data: bytes, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """
    The array that :func:`pack_array` packed, float32 of this shape.

    Raises:
        ValueError: No such packing, or the bytes do not fill the shape.
    """
    if packing not in _CODECS:
        raise ValueError(f"there is no packing {packing!r}; there is: {', '.join(PACKINGS)}.")
    dtype, _, decode = _CODECS[cast(Packing, packing)]
    return decode(np.frombuffer(data, dtype=dtype).reshape(shape))


def compact(operator: Operator) -> Operator:
    """The operator rounded so that :func:`pack_array` packs it in 16 bits, but for :data:`EXACT`; idempotent."""
    arrays = {}
    for name, array in operator.arrays.items():
        if name in EXACT:
            arrays[name] = array
        elif name in DISPLACED:
            arrays[name] = _from_displacement(_to_displacement(array))
        else:
            arrays[name] = _from_half(_to_half(array))
    return evolve(operator, arrays=arrays)
