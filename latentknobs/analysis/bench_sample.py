"""Clips and codes that a model is timed on: its own, of any format and without a corpus, the same for a seed."""

from __future__ import annotations

import numpy as np
from attrs import frozen

from latentknobs.core.arrays import ClipBatch, Codes
from latentknobs.core.backend import VAEBackend
from latentknobs.core.code_units import CodeUnits, prior_units
from latentknobs.core.model_calls import accepted
from latentknobs.errors import BackendError
from latentknobs.steering.prior_codes import drawn_codes

TRIES = 8
"""Draws until there are enough clips that the model accepts; after that they are repeated."""
STARTING = 64
"""Clips that units and conditions are read of, where the model declares no prior."""


@frozen(eq=False)
class BenchSample:
    """
    What a model is timed on.

    Attributes:
        clips: int16 (N, *shape), decoded from the prior; None for a decoder alone.
        codes: float32 (N, D): theirs, or drawn from the prior.
        distinct: How many of them are distinct.
    """

    clips: ClipBatch | None
    codes: Codes
    distinct: int

    @classmethod
    def draw(cls, model: VAEBackend, count: int, seed: int) -> BenchSample:
        """
        Draw codes from the prior, in the codes' own units where none is declared, and decode them.

        Args:
            model: The model.
            count: N.
            seed: Of the draws.

        Raises:
            BackendError: It accepts nothing that it decodes.
        """
        spec = model.spec
        if not spec.encodes:
            return cls(None, drawn_codes(spec, count, seed, prior_units(spec)), count)
        units, conditions = prior_units(spec), None
        if units is None or spec.condition is not None:
            codes = model.encode(_starting_clips(model, seed))
            units, conditions = units or CodeUnits.of_posterior(codes), codes.mean
        found: list[ClipBatch] = []
        for k in range(TRIES):
            # Each try has a seed of its own: the same codes would give the same clips.
            drawn = drawn_codes(spec, count, seed if k == 0 else (seed + k) % 2**32, units, conditions)
            clips = model.decode(drawn)
            found.append(clips[accepted(model, clips)])
            if sum(map(len, found)) >= count:
                break
        together = np.concatenate(found)[:count]
        if not len(together):
            raise BackendError(
                f"The model {spec.name} accepts none of {TRIES * count} clips that it decodes from its prior: let its "
                "accepts say yes to what it can encode."
            )
        clips = np.resize(together, (count, *together.shape[1:]))
        distinct = len(np.unique(clips.reshape(count, -1), axis=0))
        return cls(clips, np.asarray(model.encode(clips).mean, dtype=np.float32), distinct)


def _starting_clips(model: VAEBackend, seed: int) -> ClipBatch:
    """Clips that the model accepts: decoded from N(0, I) in its own numbers, random tokens repaired, and silence."""
    own, rng = model.spec.clip_format, np.random.default_rng([seed, 1])
    codes = rng.standard_normal((STARTING, model.spec.latent_size), dtype=np.float32)
    tokens = rng.integers(own.vocabulary, size=(STARTING, *own.shape)).astype(np.int16)
    clips = np.concatenate([model.decode(codes), own.repair(tokens), own.tokens(())[None]])
    taken: ClipBatch = clips[accepted(model, clips)]
    if not len(taken):
        raise BackendError(
            f"The model {model.spec.name} accepts no clip that it decodes, nor silence: let its accepts say yes to "
            "what it can encode."
        )
    return taken
