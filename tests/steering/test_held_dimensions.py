"""Dimensions that an operator holds: nothing moves them, in whatever units, rounding or company."""

from __future__ import annotations

import numpy as np
import pytest
from attrs import evolve

from latentknobs.analysis.eigenspectrum import spectrum
from latentknobs.core.code_units import CodeUnits
from latentknobs.core.knob import Operator
from latentknobs.core.latent_structure import LatentStructure
from latentknobs.core.operator_codec import compact
from latentknobs.steering.apply import apply
from latentknobs.steering.interpolation import assign, one_way, two_way
from latentknobs.steering.matrix_powers import has_path

D = 6
HELD = np.asarray([False, True, False, False, True, False])
KINDS = ("shift", "affine", "group", "residual")


def operator_of(kind, *, projected=False):
    """An operator of random numbers that holds two dimensions."""
    rng = np.random.default_rng(4)
    affine = {
        "amounts": np.asarray([-1.0, 1.0, 2.0]),
        "matrices": np.eye(D) + 0.1 * rng.normal(size=(3, D, D)),
        "offsets": rng.normal(size=(3, D)),
    }
    network = {
        "scale": rng.uniform(0.5, 2.0, D),
        "input": rng.normal(size=(3, D)),
        "entry": rng.normal(size=(3, 3)),
        "hidden": rng.normal(size=(3, 3)),
        "hidden_bias": rng.normal(size=3),
        "output": rng.normal(size=(D, 3)),
    }
    half = np.diag(np.linspace(1.1, 1.3, D)) + np.triu(0.1 * rng.normal(size=(D, D)), 1)
    arrays = {
        "shift": {"direction": rng.normal(size=D)},
        "affine": affine,
        "group": {"step": np.ones(1), "matrix": half, "offset": affine["offsets"][0]},
        "residual": affine | network,
    }[kind]
    if projected:
        arrays["projection"] = np.linalg.qr(rng.normal(size=(D, 3)))[0]
    return Operator(kind, arrays).holding(HELD)


def codes():
    """Codes with every number that has a sign of its own."""
    z = np.random.default_rng(5).normal(size=(7, D)).astype(np.float32)
    z[0], z[1] = -0.0, 1e6
    return z


@pytest.mark.parametrize("kind", KINDS)
def test_held_dimensions_stay_the_same_to_the_bit(kind):
    """At every amount, between fitted ones too, with a projection, rounded, in other units and with other knobs."""
    z, plain = codes(), operator_of(kind)
    units = CodeUnits(np.arange(D) / 3.0, 10.0 ** np.arange(-3, 3))
    both = units.operator_inward(units.operator_outward(plain))
    for operator in (plain, operator_of(kind, projected=True), compact(plain, 16), compact(plain, 20), both):
        assert np.array_equal(operator.held, HELD)
        for amount in (-1.0, 0.0, 0.5, 1.0, 2.0) if kind != "group" or has_path(operator) else (-1.0, 0.0, 2.0):
            moved = apply(operator, z, amount)
            assert moved[:, HELD].tobytes() == z[:, HELD].tobytes()
    turned = z
    for other in KINDS:
        turned = apply(operator_of(other), turned, 1.0)
    assert turned[:, HELD].tobytes() == z[:, HELD].tobytes()
    assert (turned[:, ~HELD] != z[:, ~HELD]).all()


@pytest.mark.parametrize("kind", ["affine", "group", "residual"])
def test_what_is_held_is_read(kind):
    """Where a knob takes the latent may depend on the condition."""
    z, operator = codes(), operator_of(kind)
    other = np.where(HELD, z + 1, z).astype(np.float32)
    assert not np.allclose(apply(operator, z, 1.0)[2:, ~HELD], apply(operator, other, 1.0)[2:, ~HELD])


def test_an_operator_that_moves_what_it_holds_is_refused():
    """Numbers that contradict the mask are an error, not silently left out."""
    operator = operator_of("affine")
    offsets = operator.arrays["offsets"] + 1
    with pytest.raises(ValueError, match="'offsets' moves a dimension that 'held' says nothing moves"):
        evolve(operator, arrays={**operator.arrays, "offsets": offsets})
    with pytest.raises(ValueError, match="'held' is not 1"):
        evolve(operator, arrays={**operator.arrays, "held": np.full(D, 0.5)})


def test_modes_are_those_of_the_latent():
    """A condition adds no eigenvalue: the spectrum is that of the map at one condition."""
    operator = operator_of("group")
    modes = spectrum(operator, np.ones(D), 12)
    assert sum(mode.dimensions for mode in modes) == (~HELD).sum()
    assert not any(mode.right[HELD].any() or mode.left[HELD].any() for mode in modes)


BLOCKS = {"line": 2, "extra": 2, "rest": 2}
STRUCTURES = (LatentStructure(D, BLOCKS, condition="extra"), LatentStructure(D, BLOCKS, anchor="extra"))


@pytest.mark.parametrize("structure", STRUCTURES, ids=["condition", "anchor"])
def test_a_path_has_the_condition_or_anchor_of_its_nearer_end(structure):
    """The others go the way that they go without it; that switches at the middle."""
    a, b = np.random.default_rng(6).normal(size=(2, D)).astype(np.float32)
    kept = structure.kept
    way = one_way(a, b, 5, structure=structure)
    others = one_way(a[~kept], b[~kept], 5)
    assert np.array_equal(way[:, ~kept], others)
    assert [row.tobytes() for row in way[:, kept]] == [a[kept].tobytes()] * 2 + [b[kept].tobytes()] * 3
    assert np.array_equal(one_way(a, b, 5, [0], structure)[:, kept], np.tile(a[kept], (5, 1)))


@pytest.mark.parametrize("structure", STRUCTURES, ids=["condition", "anchor"])
def test_a_grid_has_the_condition_or_anchor_of_its_nearer_corner(structure):
    """Cells beyond the middle between the corners have that of the second."""
    a, b = np.random.default_rng(6).normal(size=(2, D)).astype(np.float32)
    kept = structure.kept
    grid = two_way(a, b, assign([0], [5], D), 3, structure=structure)
    second = np.add.outer(np.arange(3), np.arange(3)) >= 2
    for row, column in np.ndindex(3, 3):
        assert np.array_equal(grid[row, column, kept], (b if second[row, column] else a)[kept])
    assert np.array_equal(grid[0, 0], a)
    assert np.array_equal(grid[-1, -1], b)


def test_an_anchor_that_a_way_is_about_goes_straight():
    """Of a path along its dimensions, and of a grid's rows, in equal steps."""
    a, b = np.random.default_rng(6).normal(size=(2, D)).astype(np.float32)
    anchor = STRUCTURES[1].anchored
    steps = np.linspace(0, 1, 5)[:, None]
    straight = (1 - steps) * a[anchor] + steps * b[anchor]
    np.testing.assert_allclose(one_way(a, b, 5, [2, 3], STRUCTURES[1])[:, anchor], straight, rtol=1e-6)
    grid = two_way(a, b, assign([2, 3], [5], D), 5, structure=STRUCTURES[1])
    np.testing.assert_allclose(grid[:, 3, anchor], straight, rtol=1e-6)


@pytest.mark.parametrize(("condition", "anchor", "match"), [(None, "key", "no block"), ("rest", "rest", "kept anyway")])
def test_an_anchor_is_a_block_of_its_own(condition, anchor, match):
    """A name of no block is refused, and so is the condition's."""
    with pytest.raises(ValueError, match=match):
        LatentStructure(D, BLOCKS, condition=condition, anchor=anchor)
