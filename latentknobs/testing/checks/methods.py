"""The promises of a basis and of a selector, on statistics of made-up codes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from attrs import evolve

from latentknobs.core.arrays import Ints
from latentknobs.core.method_specs import Basis, BasisInput, Coordinates, SelectInput, Selector
from latentknobs.testing.checks.check_fixtures import Check, CheckFixtures, need, offer_check, untouched_random_state

SIZES = (1, 3, 24)
"""Latent sizes to try; the largest has dimensions that hardly vary, as trained models have."""
BLOCKS = 40


def sample_basis_input(size: int, seed: int = 0) -> BasisInput:
    """
    Statistics of codes whose last third hardly varies, moved mostly along one direction.

    Args:
        size: D.
        seed: The same seed gives the same numbers.
    """
    rng = np.random.default_rng(seed)
    spread = np.where(np.arange(size) < max(1, 2 * size // 3), 1.0, 1e-3)
    codes = rng.normal(size=(400, size)) * spread
    direction = rng.normal(size=size) * spread
    moves = np.stack([n * direction + 0.1 * rng.normal(size=(400, size)) * spread for n in (1.0, 2.0)])
    scores = rng.normal(size=(2 * size, size))
    return BasisInput(
        latent_size=size,
        covariance=np.atleast_2d(np.cov(codes, rowvar=False)),
        differences=np.einsum("and,ane->ade", moves, moves) / moves.shape[1],
        weights={"first": rng.normal(size=(2 * size, size)).astype(np.float32)},
        fisher=scores.T @ scores / len(scores),
    )


def sample_select_input(size: int, seed: int = 0) -> SelectInput:
    """
    Statistics of an edit that moves the first dimensions most; a third of the dimensions is not active.

    Args:
        size: D.
        seed: The same seed gives the same numbers.
    """
    rng = np.random.default_rng(seed)
    active = np.arange(size) < max(1, 2 * size // 3)
    direction = np.where(active, 2.0 ** -np.arange(size), 0.0)
    share = direction**2 / (direction**2).sum()
    counts = np.full(BLOCKS, 10.0)
    sums = counts[:, None] * direction + np.sqrt(counts)[:, None] * 0.05 * rng.normal(size=(BLOCKS, size)) * active

    def kept(dims: Ints) -> float:
        return float(share[dims].sum())

    return SelectInput(
        mean_change=np.stack([direction, 2 * direction]),
        share=share,
        kept=kept,
        options={"threshold": 0.1, "keep": 0.9, "energy": 0.9, "alpha": 0.05, "flips": 200, "minimum": 0.2},
        active=active,
        spread=np.where(active, 1.0, 1e-3),
        counts=counts,
        sums=sums,
        seed=seed,
    )


def columns_of_every_size(basis: Basis, kit: CheckFixtures) -> None:
    """It gives orthonormal columns, or columns with their dual, for models of one dimension and of many."""
    for size in SIZES:
        basis.compute(sample_basis_input(size, kit.seed))


def same_statistics_same_columns(basis: Basis, kit: CheckFixtures) -> None:
    """The same input gives the same columns, and chance has no part in it."""
    statistics = sample_basis_input(SIZES[-1], kit.seed)
    with untouched_random_state(repr(basis.name)):
        first, second = (Coordinates.of(basis.compute(statistics)).columns for _ in range(2))
    need(np.array_equal(first, second), f"{basis.name!r} gives other columns the second time.")


def a_model_without_the_capability_is_served(basis: Basis, kit: CheckFixtures) -> None:
    """It reads only what it says that it needs: weights and the Fisher metric are empty where it names neither."""
    statistics = sample_basis_input(SIZES[-1], kit.seed)
    size = statistics.latent_size
    without = evolve(
        statistics,
        weights=statistics.weights if "LatentWeights" in basis.needs else {},
        fisher=statistics.fisher if "LatentGradient" in basis.needs else np.zeros((size, size)),
    )
    first, second = (Coordinates.of(basis.compute(one)).columns for one in (statistics, without))
    need(
        np.array_equal(first, second),
        f"{basis.name!r} reads the model's weights or its Fisher metric and does not say so: name it in `needs`.",
    )


BASIS_CHECKS: tuple[Check, ...] = (
    offer_check("bases"),
    columns_of_every_size,
    same_statistics_same_columns,
    a_model_without_the_capability_is_served,
)


def dimensions_of_every_size(selector: Selector, kit: CheckFixtures) -> None:
    """It gives distinct dimensions that there are, for models of one dimension and of many."""
    for size in SIZES:
        selector.select(sample_select_input(size, kit.seed))


def only_active_dimensions(selector: Selector, kit: CheckFixtures) -> None:
    """It chooses no dimension that is not active."""
    statistics = sample_select_input(SIZES[-1], kit.seed)
    idle = [int(d) for d in selector.select(statistics) if not statistics.active[d]]
    need(not idle, f"{selector.name!r} chooses dimensions that are not active: {idle}; leave them out.")


def same_statistics_same_dimensions(selector: Selector, kit: CheckFixtures) -> None:
    """The same input and seed give the same dimensions, and all of its chance comes from the seed."""
    statistics = sample_select_input(SIZES[-1], kit.seed)
    with untouched_random_state(repr(selector.name)):
        first, second = selector.select(statistics), selector.select(statistics)
    need(np.array_equal(first, second), f"{selector.name!r} chooses other dimensions the second time.")


def names_of_dimensions_do_not_matter(selector: Selector, kit: CheckFixtures) -> None:
    """With the dimensions in reverse order it chooses the same ones."""
    statistics = sample_select_input(SIZES[-1], kit.seed)
    last = len(statistics.share) - 1

    def turned(kept: Callable[[Ints], float]) -> Callable[[Ints], float]:
        return lambda dims: kept(last - np.asarray(dims))

    reverse = evolve(
        statistics,
        mean_change=statistics.mean_change[:, ::-1],
        share=statistics.share[::-1],
        kept=turned(statistics.kept),
        active=statistics.active[::-1],
        spread=statistics.spread[::-1],
        sums=statistics.sums[:, ::-1],
    )
    first, second = set(selector.select(statistics).tolist()), {last - d for d in selector.select(reverse).tolist()}
    need(
        first == second,
        f"{selector.name!r} chooses {sorted(first)}, and with the dimensions in reverse order {sorted(second)}: "
        "choose by what is measured.",
    )


SELECTOR_CHECKS: tuple[Check, ...] = (
    offer_check("selectors"),
    dimensions_of_every_size,
    only_active_dimensions,
    same_statistics_same_dimensions,
    names_of_dimensions_do_not_matter,
)
