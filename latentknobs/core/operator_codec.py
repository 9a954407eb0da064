"""
Operators in 16 bits: rounding the matrices of an operator, and packing arrays without loss.

A row of a matrix is whole numbers of 16 bits times a power of two of its own, which keeps more digits than float16
does. A map of codes is close to the identity, so square matrices are packed as their displacement from it. Packing
loses nothing: a matrix that these forms do not hold exactly stays float32. :func:`compact` rounds an operator so that
they do.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from attrs import evolve
from numpy.typing import NDArray

from latentknobs.core.knob import Operator

PACKING = "rows-16"
"""The name of this way of packing."""
AMOUNTS = "matrices"
"""The array with a matrix for each amount."""
ROUNDED = (AMOUNTS, "matrix", "input", "entry", "hidden", "output")
"""The arrays that :func:`compact` rounds: the large ones, and nothing that is looked up or must stay orthonormal."""
_BITS = 15
_FLOAT32, _ROWS, _DISPLACED = range(3)


def _encode(matrix: NDArray[np.float64]) -> tuple[NDArray[np.int8], NDArray[np.int16]]:
    """Exponents (n,) and whole numbers (n, k) of the rows of a matrix."""
    largest = np.abs(matrix).max(axis=1, initial=0.0)
    exponents = np.clip(np.frexp(largest)[1] - _BITS, -128, 127)
    # The largest may round up to the next power of two, which does not fit.
    exponents += np.round(np.ldexp(largest, -exponents)) >= 2**_BITS
    return exponents.astype(np.int8), np.round(np.ldexp(matrix, -exponents[:, None])).astype("<i2")


def _decode(exponents: NDArray[np.int8], whole: NDArray[np.int16], *, displaced: bool) -> NDArray[np.float32]:
    matrix = np.ldexp(whole.astype(np.float64), exponents.astype(np.int64)[:, None])
    return (matrix + np.eye(len(matrix)) if displaced else matrix).astype(np.float32)


def _rounded(matrix: NDArray[np.float32], *, displaced: bool) -> NDArray[np.float32]:
    for _ in range(3):  # 1 + a small displacement is rounded once more, which may change the row's power of two
        double = matrix.astype(np.float64)
        matrix = _decode(*_encode(double - np.eye(len(double)) if displaced else double), displaced=displaced)
    return matrix


def _matrices(array: NDArray[np.float32]) -> NDArray[np.float32]:
    """The array as matrices (m, n, k)."""
    shape = (1,) * (3 - array.ndim) + array.shape
    return array.reshape(-1, *shape[-2:]) if array.size else array.reshape(0, 0, 0)


def pack_array(array: NDArray[np.float32]) -> tuple[str, bytes]:
    """
    A float32 array in as few bytes as hold it exactly.

    Returns:
        The name of the packing, and the bytes; :func:`unpack_array` gives back the same array to the bit.
    """
    parts = []
    for matrix in _matrices(np.ascontiguousarray(array, dtype=np.float32)):
        kind, payload = _FLOAT32, matrix.astype("<f4").tobytes()
        for displaced in (False, True) if matrix.shape[0] == matrix.shape[1] else (False,):
            with np.errstate(invalid="ignore", over="ignore"):  # what is not finite stays float32
                double = matrix.astype(np.float64)
                exponents, whole = _encode(double - np.eye(len(double)) if displaced else double)
                exact = _decode(exponents, whole, displaced=displaced).tobytes() == matrix.tobytes()
            if exact:
                kind, payload = _DISPLACED if displaced else _ROWS, exponents.tobytes() + whole.tobytes()
                break
        parts.append(bytes([kind]) + payload)
    return PACKING, b"".join(parts)


def unpack_array(packing: str, data: bytes, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """
    The array that :func:`pack_array` packed, float32 of this shape.

    Raises:
        ValueError: No such packing, or the bytes do not fill the shape.
    """
    if packing != PACKING:
        raise ValueError(f"there is no packing {packing!r}; there is: {PACKING}.")
    out = _matrices(np.empty(shape, dtype=np.float32))
    count, rows, columns = out.shape
    size, start = rows * columns, 0
    for i in range(count):
        kind, start = data[start] if start < len(data) else -1, start + 1
        stop = start + (4 * size if kind == _FLOAT32 else rows + 2 * size)
        part = data[start:stop]
        displaced = kind == _DISPLACED
        if kind not in (_FLOAT32, _ROWS, _DISPLACED) or len(part) < stop - start or (displaced and rows != columns):
            raise ValueError(f"{len(data)} bytes are no packed array of shape {shape}.")
        if kind == _FLOAT32:
            out[i] = np.frombuffer(part, dtype="<f4").reshape(rows, columns)
        else:
            whole = np.frombuffer(part, dtype="<i2", offset=rows).reshape(rows, columns)
            out[i] = _decode(np.frombuffer(part, dtype=np.int8, count=rows), whole, displaced=displaced)
        start = stop
    if start != len(data):
        raise ValueError(f"{len(data)} bytes are no packed array of shape {shape}.")
    return out.reshape(shape)


def compact(operator: Operator, exact: Collection[int] = ()) -> Operator:
    """
    The operator with its large arrays rounded so that :func:`pack_array` packs them in 16 bits; idempotent.

    Args:
        operator: Any; one without large arrays stays as it is.
        exact: Places of amounts whose matrices stay as they are.
    """
    arrays = dict(operator.arrays)
    for name in ROUNDED:
        if name in arrays:
            displaced = name in (AMOUNTS, "matrix")
            matrices = [
                matrix if name == AMOUNTS and i in exact else _rounded(matrix, displaced=displaced)
                for i, matrix in enumerate(_matrices(arrays[name]))
            ]
            arrays[name] = np.stack(matrices).reshape(arrays[name].shape)
    return evolve(operator, arrays=arrays)
