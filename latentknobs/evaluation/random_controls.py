"""
Random controls: moves of the same length as a knob's, in directions drawn at random.

Each clip's displacement is whitened by the covariance of the codes over the active dimensions, turned by a random
rotation (Haar; Mezzadri 2007), and brought back, so every clip moves as far as the knob moves it in Mahalanobis
distance. For a shift, which moves all clips alike, this is a random direction.
"""

from __future__ import annotations

import numpy as np
from attrs import frozen
from numpy.random import Generator

from latentknobs.core.active_dimensions import active_dimensions
from latentknobs.core.arrays import Codes, Floats


@frozen(eq=False)
class Whitening:
    """
    The coordinates in which the codes' covariance is the identity, over a set of dimensions.

    Attributes:
        dims: int64 (k,), the dimensions.
        root: float64 (k, k), a root of their covariance: R R' (lower triangular, from Cholesky's factorisation).
    """

    dims: np.ndarray
    root: Floats

    @classmethod
    def of(cls, covariance: Floats, among: np.ndarray | None = None, scale: Floats | None = None) -> Whitening:
        """
        Whitening over the active dimensions, or those of them in ``among``.

        Args:
            covariance: float64 (D, D), in code units.
            among: int64, dimensions.
            scale: (D,), the length of these units in the coordinates of displacements; None = 1.
        """
        active = active_dimensions(covariance)
        if among is not None:
            active = np.intersect1d(active, among)
        part = covariance[np.ix_(active, active)]
        jitter = 1e-6 * max(float(np.trace(part)) / max(len(active), 1), 1e-12)
        root = np.linalg.cholesky(part + jitter * np.eye(len(active))).astype(np.float64)
        return cls(active, root if scale is None else scale[active, None] * root)

    def whiten(self, d: Codes) -> Floats:
        """Displacements (n, D) to whitened ones (n, k)."""
        return np.linalg.solve(self.root, d[:, self.dims].astype(np.float64).T).T.astype(np.float64)

    def colour(self, w: Floats, latent_size: int) -> Codes:
        """Whitened displacements (n, k) back to (n, D), 0 elsewhere."""
        out = np.zeros((len(w), latent_size), dtype=np.float32)
        out[:, self.dims] = (w @ self.root.T).astype(np.float32)
        return out


def rotation(size: int, rng: Generator) -> Floats:
    """A random orthogonal matrix (size, size), uniform by the Haar measure."""
    q, r = np.linalg.qr(rng.standard_normal((size, size)))
    out: Floats = q * np.sign(np.diag(r))
    return out


def rotated(d: Codes, whitening: Whitening, rng: Generator) -> Codes:
    """The displacements d (n, D) turned by one random rotation of the whitened space."""
    w = whitening.whiten(d)
    return whitening.colour(w @ rotation(w.shape[1], rng).T, d.shape[1])


def direction(length: float, whitening: Whitening, latent_size: int, rng: Generator) -> Codes:
    """One random displacement (D,) of this Mahalanobis length inside the whitening's dimensions."""
    w = rng.standard_normal(len(whitening.dims))
    norm = np.linalg.norm(w)
    unit = w / norm if norm else w
    out: Codes = whitening.colour((length * unit)[None], latent_size)[0]
    return out
