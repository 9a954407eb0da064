"""Packing of operators loses nothing, and rounded operators take no more bits a number than asked."""

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from latentknobs.core.knob import Operator
from latentknobs.core.operator_codec import ROUNDED, compact, pack_array, unpack_array

FLOATS = st.floats(width=32)
SHAPES = array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=5)


def _moves(seed, size, scale):
    rng = np.random.default_rng(seed)
    spread = 10.0 ** rng.uniform(scale, 0, (2, size, 1))
    return Operator(
        "affine",
        {
            "amounts": [0.1, 0.3],
            "matrices": np.eye(size) + spread * rng.standard_normal((2, size, size)),
            "offsets": rng.standard_normal((2, size)),
        },
    )


@given(arrays(np.float32, SHAPES, elements=FLOATS))
def test_packing_loses_nothing(array):
    """What is unpacked is the packed array to the bit, numbers that are not finite included."""
    back = unpack_array(*pack_array(array), array.shape)

    assert back.shape == array.shape
    assert back.tobytes() == array.tobytes()


@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(-30, 0), st.sampled_from([8, 16, 20]))
def test_a_compact_operator_takes_as_many_bits_as_asked(seed, size, scale, bits):
    """However small the displacements are, rounded matrices fit in so many bits, and rounding again does nothing."""
    operator = compact(_moves(seed, size, scale), bits)
    most = (bits * size * size + 7) // 8 + size + 1

    for name in set(operator.arrays) & set(ROUNDED):
        array = operator.arrays[name]
        assert len(zlib.decompress(pack_array(array)[1])) <= len(array) * most
        assert np.array_equal(unpack_array(*pack_array(array), array.shape), array)
    assert compact(operator, bits).sha256 == operator.sha256


@pytest.mark.parametrize("bits", [8, 16, 20])
def test_rounding_keeps_a_row_within_its_last_bit(bits):
    """No number moves by more than the row's largest displacement over 2^(bits - 1); amounts and offsets stay."""
    full = _moves(1, 16, -3)
    rounded = compact(full, bits)
    error = np.abs(rounded.arrays["matrices"] - full.arrays["matrices"]).max(axis=2)

    assert (error <= np.abs(full.arrays["matrices"] - np.eye(16)).max(axis=2) / 2 ** (bits - 1) + 2**-24).all()
    for name in ("amounts", "offsets"):
        assert np.array_equal(rounded.arrays[name], full.arrays[name])


def test_the_matrices_of_some_amounts_may_stay_exact():
    """An amount with 32 bits keeps its matrix to the bit."""
    full = _moves(2, 8, -1)
    rounded = compact(full, (16, 32))

    assert np.array_equal(rounded.arrays["matrices"][1], full.arrays["matrices"][1])
    assert not np.array_equal(rounded.arrays["matrices"][0], full.arrays["matrices"][0])


@pytest.mark.parametrize(
    ("packing", "data"),
    [
        ("gzip", b"\0" * 9),
        ("rows-zlib", b""),
        ("rows-zlib", zlib.compress(b"\0" * 10)),
        ("rows-zlib", zlib.compress(b"\7" * 9)),
        ("rows-zlib", zlib.compress(bytes(10**6))),
    ],
)
def test_bytes_that_are_no_packed_array_are_refused(packing, data):
    """Another packing, too few or too many bytes, and an unknown kind of matrix are refused in a sentence."""
    with pytest.raises(ValueError, match=r"no packing|no packed array"):
        unpack_array(packing, data, (2,))
