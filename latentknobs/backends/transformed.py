"""A model whose codes are an affine map of another's: the same model in other coordinates."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from latentknobs.core.arrays import Bools, ClipBatch, Codes, Floats
from latentknobs.core.backend import BackendSpec, LatentGradient, LatentWeights, Posterior, Sampling, VAEBackend
from latentknobs.core.code_units import CodeUnits


@frozen(eq=False)
class TransformedBackend:
    """
    A model with the codes forth z + offset of another model's codes z, and its capabilities.

    Posterior covariances stay diagonal: of one that is turned, the diagonal is kept.

    Attributes:
        model: The other model.
        spec: What this one is.
        forth: float64 (D, D).
        back: float64 (D, D), its inverse.
        offset: float64 (D,).
    """

    model: VAEBackend
    spec: BackendSpec
    forth: Floats = field(repr=False)
    back: Floats = field(repr=False)
    offset: Floats = field(repr=False)

    @classmethod
    def in_units(cls, model: VAEBackend, units: CodeUnits) -> TransformedBackend:
        """A model with codes in these units, still of the same name."""
        return cls(model, model.spec, np.diag(1.0 / units.scale), np.diag(units.scale), -units.centre / units.scale)

    def __getattr__(self, name: str) -> Any:
        # Capabilities are those of the other model, looked up when they are asked for.
        changed = {
            "jvp": self._jvp,
            "vjp": self._vjp,
            "latent_weights": self._latent_weights,
            "decode_sampled": self._decode_sampled,
        }
        if name in changed and hasattr(self.model, name):
            return changed[name]
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def accepts(self, clips: ClipBatch) -> Bools:
        """As the other model."""
        return self.model.accepts(clips)

    def encode(self, clips: ClipBatch) -> Posterior:
        """The other model's posteriors, mapped."""
        posterior = self.model.encode(clips)
        mean = (posterior.mean @ self.forth.T + self.offset).astype(np.float32)
        if posterior.scale is None:
            return Posterior(mean)
        variance = posterior.scale.astype(np.float64) ** 2 @ (self.forth**2).T
        return Posterior(mean, np.sqrt(variance).astype(np.float32))

    def decode(self, z: Codes) -> ClipBatch:
        """As the other model the codes that are mapped to these."""
        return self.model.decode(self._inner(z))

    def decode_log_probs(self, z: Codes, given: ClipBatch | None = None) -> NDArray[np.float32]:
        """As the other model for the codes that are mapped to these."""
        return self.model.decode_log_probs(self._inner(z), given)

    def _inner(self, z: Codes) -> Codes:
        return ((np.asarray(z) - self.offset) @ self.back.T).astype(np.float32)

    def _jvp(self, z: Codes, given: ClipBatch, vectors: Codes) -> NDArray[np.float32]:
        moved = (vectors @ self.back.T).astype(np.float32)
        return cast(LatentGradient, self.model).jvp(self._inner(z), given, moved)

    def _vjp(self, z: Codes, given: ClipBatch, vectors: NDArray[np.float32]) -> Codes:
        out: Codes = (cast(LatentGradient, self.model).vjp(self._inner(z), given, vectors) @ self.back).astype(
            np.float32
        )
        return out

    def _latent_weights(self) -> dict[str, NDArray[np.float32]]:
        weights = cast(LatentWeights, self.model).latent_weights()
        return {name: (matrix @ self.back).astype(np.float32) for name, matrix in weights.items()}

    def _decode_sampled(self, z: Codes, temperature: float, seed: int) -> ClipBatch:
        return cast(Sampling, self.model).decode_sampled(self._inner(z), temperature, seed)
