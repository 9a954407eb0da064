"""
Moves from matched pairs: clips of the corpus that are alike but for one attribute.

For each training clip, the nearest code of a clip whose attribute is higher, and whose unrelated attributes are the
same within a quarter of a standard deviation: matching, as observational studies use it (Rosenbaum & Rubin 1983). The
mean difference over the closest pairs is a direction in which what differs between single pairs cancels out.

How far to go along it is measured on decoded clips, at each amount by itself, because a decoder answers in steps. What
the move still does to unrelated attributes is taken out by Gauss-Newton steps over the directions of the other
attributes and the leading principal components of the codes, the Jacobian by finite differences of decoded clips.
"""

from __future__ import annotations

import numpy as np
from attrs import frozen
from numpy.random import default_rng

from latentknobs.core.arrays import Bools, Codes, Floats, Ints
from latentknobs.discovery.bases import principal
from latentknobs.discovery.candidate_moves import AMOUNTS, CandidateMove, MoveInput, shifts

SOURCE = "matched"
DIFFERS = (0.25, 2.0)
"""By how many standard deviations the attribute is higher in the other clip."""
ALIKE = 0.25
"""By how many the unrelated ones differ at most."""
CLOSEST = 0.4
"""Part of the pairs that is used, the closest ones."""
LEAST_PAIRS = 50
BLOCK = 512
"""Clips whose distances to all others are in memory at once."""
CLIPS = 192
"""Training clips that moves are measured on."""
FURTHEST = 12.0
"""Multiples of the mean difference beyond which nothing is tried."""
HALVINGS = 7
ROUNDS, PROBE, MOST_STEP, DAMPING = 3, 0.5, 1.5, 0.02
"""Gauss-Newton steps, the length of a finite difference, of a step, and the damping of the normal equations."""
COMPONENTS = 8
"""Principal components among the directions of correction."""


def matched_moves(given: MoveInput) -> tuple[list[CandidateMove], dict[str, str]]:
    """The moves, ranked as the attributes are, and a sentence on each attribute that has none."""
    directions, left_out = _directions(given)
    if not directions:
        return [], left_out
    rng = default_rng([given.seed, 12])
    chosen = np.sort(rng.permutation(len(given.codes))[:CLIPS])
    bench = _Bench(given, given.codes[chosen], given.values(given.codes[chosen]))
    found = []
    targets = given.targets()
    for rank, target in enumerate(targets, start=1):
        given.progress("learning matched moves", rank - 1, len(targets))
        name = given.attributes[target].name
        if target in directions:
            offsets = _offsets(bench, directions, target)
            if offsets is None:
                left_out[name] = f"Moves by {SOURCE} of {name} are left out: the pairs differ in no common direction."
            else:
                found.append(CandidateMove(SOURCE, rank, shifts(AMOUNTS, offsets), AMOUNTS))
    return found, left_out


def _directions(given: MoveInput) -> tuple[dict[int, Floats], dict[str, str]]:
    """The mean difference (D,) of the pairs of each target, by number."""
    values, out, left_out = given.values(given.codes).astype(np.float32), {}, {}
    pairs: dict[int, list[tuple[Ints, Ints, Floats]]] = {target: [] for target in given.targets()}
    square = (given.codes**2).sum(axis=1)
    for start in range(0, len(given.codes), BLOCK):
        block = slice(start, start + BLOCK)
        distance = square[block, None] + square - 2 * (given.codes[block] @ given.codes.T)
        alike = [_alike(column, column[block, None]) for column in values.T]
        for target, parts in pairs.items():
            change = values[:, target] - values[block, target, None]
            fits = (change >= DIFFERS[0]) & (change <= DIFFERS[1])
            for number in given.staying(target):
                fits &= alike[number]
            apart = np.where(fits, distance, np.float32(np.inf))
            nearest = apart.argmin(axis=1)
            rows = np.flatnonzero(fits.any(axis=1))
            parts.append((start + rows, nearest[rows], apart[rows, nearest[rows]]))
    for target, parts in pairs.items():
        before, after, distance = (np.concatenate(part) for part in zip(*parts, strict=True))
        if len(before) < LEAST_PAIRS:
            name = given.attributes[target].name
            left_out[name] = (
                f"Moves by {SOURCE} of {name} are left out: {len(before)} clips have one that differs in it alone, "
                f"{LEAST_PAIRS} are needed."
            )
            continue
        closest = np.argsort(distance, kind="stable")[: max(round(CLOSEST * len(before)), LEAST_PAIRS)]
        moves = given.codes[after[closest]].astype(np.float64) - given.codes[before[closest]]
        out[target] = np.where(given.held, 0.0, moves.mean(axis=0))
    return out, left_out


def _alike(one: Floats, other: Floats) -> Bools:
    """Where two values of an attribute are about the same, or both undefined."""
    return (np.abs(one - other) <= ALIKE) | (np.isnan(one) & np.isnan(other))


@frozen(eq=False)
class _Bench:
    """Clips that moves are measured on: what is given, their codes (n, D), and their attributes (n, A)."""

    given: MoveInput
    codes: Codes
    values: Floats

    def changes(self, offset: Floats) -> Floats:
        """Mean change of every attribute (A,) where the codes are shifted, over the clips that keep it."""
        moved = self.given.values((self.codes + offset).astype(np.float32)) - self.values
        known = np.isfinite(moved)
        out: Floats = np.where(known, moved, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        return out


def _offsets(bench: _Bench, directions: dict[int, Floats], target: int) -> Floats | None:
    """The offset at each amount, (A, D); None where the direction does not move its attribute by as much."""
    given = bench.given
    numbers = [target, *(other for other in directions if other != target)]
    components = principal(given.covariance)
    spread = np.sqrt(np.maximum(components[0][:COMPONENTS], 0.0))
    length = float(np.linalg.norm(directions[target]))
    basis = np.concatenate([[directions[n] for n in numbers], (components[1][:, :COMPONENTS] * spread).T])
    basis *= length / np.maximum(np.linalg.norm(basis, axis=1, keepdims=True), 1e-12)
    out = []
    for amount in AMOUNTS:
        far = _how_far(bench, basis[0], target, amount)
        if far is None:
            return None
        weights = np.zeros(len(basis))
        weights[0] = far
        out.append(_corrected(bench, basis, weights, target, amount) @ basis)
    return np.stack(out)


def _how_far(bench: _Bench, direction: Floats, target: int, amount: float) -> float | None:
    """By how much of the direction the attribute changes by the amount, None where it does not."""
    side, low, high = float(np.sign(amount)), 0.0, FURTHEST
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if side * bench.changes(side * middle * direction)[target] < abs(amount):
            low = middle
        else:
            high = middle
    return None if high == FURTHEST else side * high


def _corrected(bench: _Bench, basis: Floats, weights: Floats, target: int, amount: float) -> Floats:
    """The weights (B,) with the least that any attribute moves that should stay."""
    rows = [target, *bench.given.staying(target)]
    goal = np.zeros(len(rows))
    goal[0] = amount
    best, least = weights, np.inf
    for turn in range(ROUNDS + 1):
        at = bench.changes(weights @ basis)[rows]
        worst = float(np.abs(at - goal).max())
        if worst < least:
            best, least = weights, worst
        if turn < ROUNDS:
            probes = [bench.changes((weights + PROBE * one) @ basis)[rows] for one in np.eye(len(basis))]
            jacobian = (np.stack(probes, axis=1) - at[:, None]) / PROBE
            damped = jacobian @ jacobian.T + DAMPING * np.eye(len(rows))
            step = -jacobian.T @ np.linalg.solve(damped, at - goal)
            weights = weights + step * min(1.0, MOST_STEP / max(float(np.linalg.norm(step)), 1e-12))
    return best
