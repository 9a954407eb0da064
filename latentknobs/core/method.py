"""What a plugin offers as a method: bases, selectors and fits. Each is a name, a sentence and a pure function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from latentknobs.core.arrays import Bools, Codes, Floats, Ints
from latentknobs.core.knob import Kind, Operator
from latentknobs.core.seed import as_seed


@frozen(eq=False)
class BasisInput:
    """
    What a basis is computed from, on training songs.

    Attributes:
        latent_size: D.
        covariance: float64 (D, D) of the original codes.
    """

    latent_size: int
    covariance: Floats


@frozen
class Basis:
    """
    A way to choose an orthonormal basis of the latent space.

    Attributes:
        name: Unique name ("standard").
        doc: One sentence, with the source.
        compute: BasisInput to float64 (D, D), orthonormal columns.
    """

    name: str
    doc: str
    compute: Callable[[BasisInput], Floats]


@frozen(eq=False)
class CodeSample:
    """
    Codes of a sample of clips at every amount of an edit.

    Attributes:
        knots: (K,), 0 and the amounts the edit has of its own, ascending.
        codes: float32 (n, K, D), the code of each clip edited by each of these amounts.
        there: bool (n, K), where there is one.
        routes: For each amount, the (i, j) such that codes[:, i] to codes[:, j] is a pair of it. Where edits add up
            (editing by a and then by b is editing by a + b), these are all i, j with knots[j] - knots[i] = amount.
    """

    knots: tuple[float, ...]
    codes: Codes
    there: Bools
    routes: Mapping[float, tuple[tuple[int, int], ...]]


def _no_sample() -> CodeSample:
    return CodeSample((0.0,), np.zeros((0, 1, 1), np.float32), np.zeros((0, 1), np.bool_), {})


@frozen(eq=False)
class FitInput:
    """
    What a fit is computed from.

    Attributes:
        latent_size: D.
        amounts: (A,), ascending, without 0: only amounts with enough valid pairs.
        mean_change: float64 (A, D), mean of d = after - before on training songs.
        gram: float64 (A, D + 1, D + 1), sums of [1, z][1, z]' on training songs.
        cross: float64 (A, D + 1, D), sums of [1, z] z_after'.
        validation_gram: The same on validation songs.
        validation_cross: The same on validation songs.
        validation_square: float64 (A,), sums of ||z_after||^2 on validation songs.
        sample: Codes of a sample of training clips, for fits that need pairs themselves.
        validation_sample: The same on validation songs.
        seed: The only source of chance a fit may use.
        options: The fit's own options, from the run's parameters.
    """

    latent_size: int
    amounts: tuple[float, ...]
    mean_change: Floats
    gram: Floats
    cross: Floats
    validation_gram: Floats
    validation_cross: Floats
    validation_square: Floats
    sample: CodeSample = field(factory=_no_sample)
    validation_sample: CodeSample = field(factory=_no_sample)
    seed: int = field(default=0, converter=as_seed)
    options: Mapping[str, Any] = field(factory=dict)


@frozen
class Fit:
    """
    A way to fit a knob's operator to pairs of codes.

    Attributes:
        name: Unique name ("ridge").
        kind: The kind of operator it gives.
        doc: One sentence, with the source.
        fit: FitInput to the operator and what is worth keeping of the fitting (JSON). It may raise NotFittedError
            with a reason, where it cannot serve the edit: the discovery goes on without it.
    """

    name: str
    kind: Kind
    doc: str
    fit: Callable[[FitInput], tuple[Operator, Mapping[str, Any]]]


@frozen(eq=False)
class SelectInput:
    """
    What a selector chooses from; all arrays are in the coordinates that it is asked about.

    Attributes:
        mean_change: float64 (A, D), mean change at each amount, in code units.
        share: float64 (D,), share of the moved energy of each dimension in units of its spread, sums to 1.
        kept: Given dimensions, the part of the whole decoded effect that the knob keeps when it may move
            only these (1 = all of it); measured on validation clips, so it takes time.
        options: The selector's own options ("threshold", "keep").
    """

    mean_change: Floats
    share: Floats
    kept: Callable[[NDArray[np.int64]], float]
    options: Mapping[str, Any] = field(factory=dict)


@frozen
class Selector:
    """
    A rule that chooses the significant dimensions.

    Attributes:
        name: Unique name ("threshold", "effect").
        doc: One sentence, with the source.
        select: SelectInput to the dimensions, most important first.
    """

    name: str
    doc: str
    select: Callable[[SelectInput], Ints]
