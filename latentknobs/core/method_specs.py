"""What a plugin offers as a method: bases, selectors and fits. Each is a name, a sentence and a pure function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from attrs import Factory, field, frozen, validators
from numpy.typing import NDArray

from latentknobs.core.arrays import Bools, ClipBatch, Codes, Floats, Ints, make_read_only
from latentknobs.core.backend import CAPABILITIES
from latentknobs.core.knob import Kind, Operator
from latentknobs.core.seed import as_seed


@frozen(eq=False)
class Coordinates:
    """
    A basis of the latent space and its dual: a move d has the coordinates dual' d and is columns times them.

    The basis is orthonormal in the metric dual dual' (the identity for an orthonormal basis of model coordinates, the
    inverse covariance for a whitening). Setting some coordinates of a move to 0 is the orthogonal projection in it.

    Attributes:
        columns: float64 (D, D), the basis vectors B in model coordinates.
        dual: float64 (D, D), the columns of inv(B)': dual' B is the identity.
    """

    columns: Floats
    dual: Floats

    @classmethod
    def of(cls, basis: Floats | Coordinates) -> Coordinates:
        """The columns and dual of a basis: orthonormal columns are their own dual."""
        return basis if isinstance(basis, Coordinates) else cls(basis, basis)

    def of_moves(self, moves: NDArray[Any]) -> Floats:
        """Coordinates, float64 (..., D), of moves (..., D) of codes."""
        out: Floats = moves @ self.dual
        return out

    def limited(self, moves: NDArray[Any], dims: NDArray[np.int64]) -> Floats:
        """Moves (..., D) within the span of the basis vectors ``dims``: their other coordinates become 0."""
        out: Floats = (moves @ self.dual[:, dims]) @ self.columns[:, dims].T
        return out

    def of_covariance(self, covariance: Floats) -> Floats:
        """The covariance, float64 (D, D), of coordinates of codes that have this covariance."""
        out: Floats = self.dual.T @ covariance @ self.dual
        return out


@frozen(eq=False)
class BasisInput:
    """
    What a basis is computed from, on training songs; codes are in code units (:mod:`latentknobs.core.code_units`).

    Attributes:
        latent_size: D.
        covariance: float64 (D, D) of the original codes.
        differences: float64 (A, D, D), mean of d d' at each amount, d = after - before of a sample of clips.
        weights: The matrices through which z enters the decoder, name to float32 (rows, D); none for a basis
            that does not need "LatentWeights".
        fisher: float64 (D, D), Fisher metric of the decoder, mean over a sample of codes, in nats for each squared
            unit of code; zeros for a basis that does not need "LatentGradient".
    """

    latent_size: int
    covariance: Floats
    differences: Floats = field(
        default=Factory(lambda self: np.zeros((0, self.latent_size, self.latent_size)), takes_self=True)
    )
    weights: Mapping[str, NDArray[np.float32]] = field(factory=dict)
    fisher: Floats = field(
        default=Factory(lambda self: np.zeros((self.latent_size, self.latent_size)), takes_self=True)
    )

    def __attrs_post_init__(self) -> None:
        make_read_only(self)


@frozen
class Basis:
    """
    A way to choose a basis of the latent space.

    Attributes:
        name: Unique name ("standard").
        doc: One sentence, with the source.
        compute: BasisInput to float64 (D, D) with orthonormal columns, or, for a basis that is orthonormal in
            another metric, to Coordinates.
        needs: Names of the optional capabilities (:data:`latentknobs.core.backend.CAPABILITIES`) that it uses; for a
            model without them it is left out, with a message.
    """

    name: str
    doc: str
    compute: Callable[[BasisInput], Floats | Coordinates]
    needs: tuple[str, ...] = field(default=(), validator=validators.deep_iterable(validators.in_(CAPABILITIES)))


@frozen(eq=False)
class CodeSample:
    """
    Codes of a sample of clips at every amount of an edit.

    Attributes:
        knots: (K,), 0 and the amounts the edit has of its own, ascending.
        codes: float32 (n, K, D), the code of each clip edited by each of these amounts.
        mask: bool (n, K), where the edited clip has a code.
        routes: For each amount, the (i, j) such that codes[:, i] to codes[:, j] is a pair of it. Where edits add up
            (editing by a and then by b is editing by a + b), these are all i, j with knots[j] - knots[i] = amount.
        target: float64 (n,), the attribute that the edit targets, of each clip before the edit; NaN where it is not
            defined, or where the edit names none.
        exact: bool (n, K), where the amount applied to the clip just so; False where the edit learns from clips to
            which it applies in part. Default: wherever there is a code.
    """

    knots: tuple[float, ...]
    codes: Codes
    mask: Bools
    routes: Mapping[float, tuple[tuple[int, int], ...]]
    target: Floats = field()
    exact: Bools = field()

    @target.default
    def _undefined(self) -> Floats:
        return np.full(len(self.codes), np.nan)

    @exact.default
    def _wherever(self) -> Bools:
        return self.mask

    def paired(self, start: int, end: int) -> Bools:
        """
        The clips that have a pair from one knot to another, bool (n,).

        Back from an amount only those to which it applied just so: of others it is not known what they were.
        """
        both: Bools = self.mask[:, start] & self.mask[:, end]
        if self.knots[end] < self.knots[start]:
            both &= self.exact[:, start] & self.exact[:, end]
        return both

    def __attrs_post_init__(self) -> None:
        make_read_only(self)


def _no_sample() -> CodeSample:
    return CodeSample((0.0,), np.zeros((0, 1, 1), np.float32), np.zeros((0, 1), np.bool_), {})


@frozen(eq=False)
class Decoder:
    """
    The model's decoder, as fits use it.

    Attributes:
        plain: Codes (n, D) to the clips they decode to, int16 (n, *shape).
        log_probability: Codes (n, D) and clips to the log-probability of each, teacher-forced, nats, float64 (n,).
        gradient: The same to its derivative by the codes, float32 (n, D).
    """

    plain: Callable[[Codes], ClipBatch]
    log_probability: Callable[[Codes, ClipBatch], Floats]
    gradient: Callable[[Codes, ClipBatch], Codes]


@frozen(eq=False)
class FitInput:
    """
    What a fit is computed from; codes are in code units (:mod:`latentknobs.core.code_units`).

    Attributes:
        latent_size: D.
        amounts: (A,), ascending, without 0: only amounts with enough valid pairs.
        mean_change: float64 (A, D), mean of d = after - before on training songs.
        gram: float64 (A, D + 1, D + 1), sums of ``[1, z][1, z]'`` on training songs.
        cross: float64 (A, D + 1, D), sums of [1, z] z_after'.
        validation_gram: The same on validation songs.
        validation_cross: The same on validation songs.
        validation_square: float64 (A,), sums of ||z_after||^2 on validation songs.
        sample: Codes of a sample of training clips, for fits that need pairs themselves.
        validation_sample: The same on validation songs.
        seed: The only source of randomness a fit may use.
        options: The fit's own options, from the run's parameters.
        decoder: The model's decoder, for fits that need "LatentGradient"; None where the model has no gradient.
        target: Name of the attribute that the edit targets, None where it names none.
        held: bool (D,), the dimensions of a condition: an operator may read them, and what it says of where they go
            is not used.
        recombined: Gives a sample of further training pairs, made of the training clips; None = none can be made.
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
    decoder: Decoder | None = None
    target: str | None = None
    held: Bools = field(default=Factory(lambda self: np.zeros(self.latent_size, dtype=bool), takes_self=True))
    recombined: Callable[[], CodeSample] | None = None

    def __attrs_post_init__(self) -> None:
        make_read_only(self)


@frozen
class Fit:
    """
    A way to fit a knob's operator to pairs of codes.

    Attributes:
        name: Unique name ("ridge").
        kind: The kind of operator it gives.
        doc: One sentence, with the source.
        fit: FitInput to the operator, which takes codes in code units too, and facts worth storing (JSON). If it
            cannot serve the edit it may raise NotFittedError with a reason: the discovery goes on without it.
        own_units: Whether the operator takes the model's own codes instead: it was not fitted, but exists.
        trained: Whether it is trained step by step: it is made where the others leave something to gain.
        baseline: Whether it is there for comparison only: it is made where it or all fits are asked for.
    """

    name: str
    kind: Kind
    doc: str
    fit: Callable[[FitInput], tuple[Operator, Mapping[str, Any]]]
    own_units: bool = False
    trained: bool = False
    baseline: bool = False


@frozen(eq=False)
class SelectInput:
    """
    What a selector chooses from; all arrays are in the coordinates that it chooses in, in code units.

    Attributes:
        mean_change: float64 (A, D), mean change at each amount.
        share: float64 (D,), share of the moved energy of each dimension in units of its spread, sums to 1; 0 where
            the dimension is not active.
        kept: Dimensions to the part of the whole decoded effect that the knob keeps if it moves only within their
            span (1 = all of it); measured on validation clips, so it is slow.
        options: The selector's own options ("threshold", "keep", ...), from the run's settings.
        at: Index of the amount that the shares and the two fields below are of.
        active: bool (D,), the active dimensions (:mod:`latentknobs.core.active_dimensions`): no other may be chosen.
        spread: float64 (D,), standard deviation of each dimension over the codes.
        counts: float64 (K,), training pairs in each of K blocks of whole songs; K = 0 if unknown.
        sums: float64 (K, D), sums of d = after - before over the pairs of each block.
        seed: The only source of randomness a selector may use.
    """

    mean_change: Floats
    share: Floats
    kept: Callable[[NDArray[np.int64]], float]
    options: Mapping[str, Any] = field(factory=dict)
    at: int = -1
    active: Bools = field(default=Factory(lambda self: np.ones(len(self.share), np.bool_), takes_self=True))
    spread: Floats = field(default=Factory(lambda self: np.ones(len(self.share)), takes_self=True))
    counts: Floats = field(factory=lambda: np.zeros(0))
    sums: Floats = field(default=Factory(lambda self: np.zeros((0, len(self.share))), takes_self=True))
    seed: int = field(default=0, converter=as_seed)

    def __attrs_post_init__(self) -> None:
        make_read_only(self)


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
