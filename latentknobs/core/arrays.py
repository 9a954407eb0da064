"""Names of the array types that cross the project's borders, and the checks made there."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, TypeAlias

import attrs
import numpy as np
from numpy.typing import NDArray

ClipBatch: TypeAlias = NDArray[np.int16]
"""Tokens of N clips, int16 (N, *shape)."""
Codes: TypeAlias = NDArray[np.float32]
"""Codes of N clips, float32 (N, D)."""
Floats: TypeAlias = NDArray[np.float64]
"""Statistics, float64."""
Bools: TypeAlias = NDArray[np.bool_]
Ints: TypeAlias = NDArray[np.int64]


def frozen_array(array: Any, dtype: Any) -> NDArray[Any]:
    """A read-only array of this dtype: what a frozen value holds."""
    out = np.array(array, dtype=dtype, order="C", copy=True)
    out.setflags(write=False)
    return out


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """The array as plugins are given it: a view that cannot be written to."""
    view = array.view()
    view.flags.writeable = False
    return view


def make_read_only(value: Any) -> None:
    """Replace the arrays of a frozen attrs value, just made, by views that cannot be written to."""
    for attribute in attrs.fields(type(value)):
        array = getattr(value, attribute.name)
        if isinstance(array, np.ndarray):
            object.__setattr__(value, attribute.name, read_only(array))


def sha256_of_arrays(arrays: dict[str, NDArray[Any]], extra: bytes = b"") -> str:
    """
    SHA-256 over sorted (name, dtype, shape, bytes) of the arrays, then ``extra``, as hexadecimal.

    Little-endian bytes in C order, so the same arrays have the same hash on every machine.
    """
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.asarray(arrays[name])
        little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        digest.update(f"{name}\0{array.dtype.name}\0{array.shape}\0".encode())
        digest.update(little.tobytes())
    digest.update(extra)
    return digest.hexdigest()


def group_index(names: Sequence[str]) -> Ints:
    """The number of each name among the distinct ones in sorted order, 0 to k - 1, int64 (n,)."""
    return np.unique(np.asarray(names, dtype=str), return_inverse=True)[1].astype(np.int64)


def clip_digests(clips: ClipBatch) -> tuple[bytes, ...]:
    """16 bytes for each clip of (N, *shape): the same for the same tokens, on every machine."""
    return tuple(hashlib.blake2b(clip.astype("<i2").tobytes(), digest_size=16).digest() for clip in clips)
