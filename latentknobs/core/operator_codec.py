"""
Operators in 8 to 20 bits: rounding the matrices of an operator, and packing arrays without loss.

A row of a matrix is whole numbers of 8, 16 or 20 bits times a power of two of its own, which keeps more digits than
float16 does. A map of codes is close to the identity, so square matrices are packed as their displacement from it.
Packing loses nothing: a matrix that these forms do not hold exactly stays float32. All of it is compressed by zlib,
which saves a twentieth, of 8 bits a fifth. :func:`compact` rounds an operator so that they do.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np
from attrs import evolve
from numpy.typing import NDArray

from latentknobs.core.knob import Operator

Bits: TypeAlias = Literal[8, 16, 20, 32]
"""Bits for each number of a matrix; with 32 it is not rounded."""
PACKING = "rows-zlib"
"""The name of this way of packing."""
AMOUNTS = "matrices"
"""The array with a matrix for each amount."""
NETWORK = ("input", "entry", "hidden", "blocks", "output")
"""The weights of a network, which needs fewer bits than a map: its errors are far larger than theirs."""
ROUNDED = (AMOUNTS, "matrix", *NETWORK)
"""The arrays that :func:`compact` rounds: the large ones, and nothing that is looked up or must stay orthonormal."""
_FLOAT32 = 0
_FORMS: tuple[tuple[Literal[8, 16, 20], bool], ...] = (
    (16, False),
    (16, True),
    (20, False),
    (20, True),
    (8, False),
    (8, True),
)
"""Bits, and whether the displacement is packed; a matrix begins with its form's place here, from 1."""


def _encode(matrix: NDArray[np.float64], bits: int) -> tuple[NDArray[np.int8], NDArray[np.int32]]:
    """Exponents (n,) and whole numbers (n, k) of the rows of a matrix."""
    largest = np.abs(matrix).max(axis=1, initial=0.0)
    exponents = np.clip(np.frexp(largest)[1] - (bits - 1), -128, 127)
    # The largest may round up to the next power of two, which does not fit.
    exponents += np.round(np.ldexp(largest, -exponents)) >= 2 ** (bits - 1)
    return exponents.astype(np.int8), np.round(np.ldexp(matrix, -exponents[:, None])).astype(np.int32)


def _decode(exponents: NDArray[np.int8], whole: NDArray[np.int32], *, displaced: bool) -> NDArray[np.float32]:
    matrix = np.ldexp(whole.astype(np.float64), exponents.astype(np.int64)[:, None])
    return (matrix + np.eye(len(matrix)) if displaced else matrix).astype(np.float32)


def _rounded(matrix: NDArray[np.float32], bits: Bits, *, displaced: bool) -> NDArray[np.float32]:
    if bits == 32:
        return matrix
    for _ in range(3):  # 1 + a small displacement is rounded once more, which may change the row's power of two
        double = matrix.astype(np.float64)
        matrix = _decode(*_encode(double - np.eye(len(double)) if displaced else double, bits), displaced=displaced)
    return matrix


def _size(form: int, rows: int, columns: int) -> int:
    """Bytes of a packed matrix."""
    size = rows * columns
    if form == _FLOAT32:
        return 4 * size
    bits = _FORMS[form - 1][0]
    return rows + (bits * size + 7) // 8


def _to_bytes(exponents: NDArray[np.int8], whole: NDArray[np.int32], bits: int) -> bytes:
    """Exponents, the upper 16 bits of each number (8 where it has no more), and of 20 the lower 4, two to a byte."""
    if bits == 8:
        return exponents.tobytes() + whole.astype(np.int8).tobytes()
    upper = (whole >> (bits - 16)).astype("<i2").tobytes()
    if bits == 16:
        return exponents.tobytes() + upper
    lower = np.append(whole.ravel() & 15, [0] * (whole.size % 2)).astype(np.uint8)
    return exponents.tobytes() + upper + (lower[::2] << 4 | lower[1::2]).tobytes()


def _from_bytes(data: bytes, rows: int, columns: int, bits: int) -> tuple[NDArray[np.int8], NDArray[np.int32]]:
    size = rows * columns
    exponents = np.frombuffer(data, dtype=np.int8, count=rows)
    if bits == 8:
        return exponents, np.frombuffer(data, dtype=np.int8, offset=rows).astype(np.int32).reshape(rows, columns)
    whole = np.frombuffer(data, dtype="<i2", count=size, offset=rows).astype(np.int32)
    if bits == 20:
        pairs = np.frombuffer(data, dtype=np.uint8, offset=rows + 2 * size)
        whole = whole << 4 | np.stack([pairs >> 4, pairs & 15], axis=1).ravel()[:size]
    return exponents, whole.reshape(rows, columns)


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
        form, payload = _FLOAT32, matrix.astype("<f4").tobytes()
        square = matrix.shape[0] == matrix.shape[1]
        double = matrix.astype(np.float64)
        for place, (bits, displaced) in sorted(enumerate(_FORMS, start=1), key=lambda form: form[1]):
            if displaced and not square:
                continue
            with np.errstate(invalid="ignore", over="ignore"):  # what is not finite stays float32
                exponents, whole = _encode(double - np.eye(len(double)) if displaced else double, bits)
                exact = _decode(exponents, whole, displaced=displaced).tobytes() == matrix.tobytes()
            if exact:
                form, payload = place, _to_bytes(exponents, whole, bits)
                break
        parts.append(bytes([form]) + payload)
    return PACKING, zlib.compress(b"".join(parts), 9)


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
    wrong_size = f"{len(data)} bytes are no packed array of shape {shape}."
    try:
        # No more is inflated than the shape can need.
        data = zlib.decompressobj().decompress(data, count * (_size(_FLOAT32, rows, columns) + rows + 1) + 1)
    except zlib.error as error:
        raise ValueError(wrong_size) from error
    start = 0
    for i in range(count):
        form = data[start] if start < len(data) else -1
        wrong = not _FLOAT32 <= form <= len(_FORMS)
        start, stop = start + 1, start + 1 + (0 if wrong else _size(form, rows, columns))
        part = data[start:stop]
        bits, displaced = _FORMS[form - 1] if not wrong and form else (32, False)
        if wrong or len(part) < stop - start or (displaced and rows != columns):
            raise ValueError(wrong_size)
        if form == _FLOAT32:
            out[i] = np.frombuffer(part, dtype="<f4").reshape(rows, columns)
        else:
            out[i] = _decode(*_from_bytes(part, rows, columns, bits), displaced=displaced)
        start = stop
    if start != len(data):
        raise ValueError(wrong_size)
    return out.reshape(shape)


def compact(operator: Operator, bits: Bits | Sequence[Bits], names: Sequence[str] = ROUNDED) -> Operator:
    """
    The operator with its large arrays rounded so that :func:`pack_array` packs them in so many bits; idempotent.

    Args:
        operator: Any; one without large arrays stays as it is.
        bits: For all matrices, or of an affine operator for each amount's.
        names: The arrays to round, of :data:`ROUNDED`.
    """
    arrays = dict(operator.arrays)
    for name in names:
        if name in arrays:
            displaced = name in (AMOUNTS, "matrix")
            matrices = _matrices(arrays[name])
            each = (bits,) * len(matrices) if isinstance(bits, int) else bits
            rounded = [_rounded(m, b, displaced=displaced) for m, b in zip(matrices, each, strict=True)]
            arrays[name] = np.stack(rounded).reshape(arrays[name].shape)
    return evolve(operator, arrays=arrays)
