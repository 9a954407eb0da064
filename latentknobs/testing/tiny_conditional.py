"""
The tiny model under a condition: a code of three blocks, pitch, style and rhythm, of which style is the condition.

Style says whether a clip's second beat has one onset at most ([1, 0]) or more ([0, 1]). In the second style the mean
pitch counts one and a half times, so transposing by n semitones moves dimension 0 by n / 12 or by n / 8: what a knob
has to do depends on the condition. Edits of pitch keep it; splitting notes may change it.
"""

from __future__ import annotations

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from latentknobs.core.arrays import Bools, ClipBatch, Codes, sha256_of_arrays
from latentknobs.core.backend import BackendFactory, BackendSpec, Posterior
from latentknobs.core.melody_format import MELODY
from latentknobs.hooks import hookimpl
from latentknobs.testing.tiny import ACTIVITY, BEAT, BEATS, LATENT_SIZE, SCALE, TinyBackend

LATENTKNOBS_API = 1
BLOCKS = {"pitch": BEATS, "style": 2, "rhythm": BEATS}
STRETCH = 1.5
"""How many times the mean pitch counts in the second style."""
_PITCH, _STYLE, _RHYTHM = slice(0, BEATS), slice(BEATS, BEATS + 2), slice(BEATS + 2, 2 * BEATS + 2)


def _spec() -> BackendSpec:
    return BackendSpec(
        name="tiny-conditional",
        clip_format=MELODY,
        latent_size=sum(BLOCKS.values()),
        model_id=sha256_of_arrays({"stretch": np.full(1, STRETCH)}, b"tiny conditional 1"),
        training={"corpus": "none: made by hand"},
        prior="standard-normal",
        blocks=BLOCKS,
        condition="style",
    )


@frozen(eq=False)
class TinyConditionalBackend:
    """The model; it reconstructs what :class:`~latentknobs.testing.tiny.TinyBackend` does."""

    spec: BackendSpec = field(factory=_spec)
    _tiny: TinyBackend = field(factory=TinyBackend)

    def accepts(self, clips: ClipBatch) -> Bools:
        """Every valid clip, bool (N,)."""
        return self._tiny.accepts(clips)

    def encode(self, clips: ClipBatch) -> Posterior:
        """The codes of clips (N, 32), their style among them."""
        plain = self._tiny.encode(clips).mean
        busy = MELODY.onsets(clips)[:, BEAT : 2 * BEAT].sum(axis=1) > 1
        z = np.empty((len(clips), self.spec.latent_size), dtype=np.float32)
        z[:, _PITCH], z[:, _RHYTHM] = plain[:, :BEATS], plain[:, ACTIVITY : ACTIVITY + BEATS]
        z[:, _STYLE] = np.stack([~busy, busy], axis=1)
        z[:, 0] *= np.where(busy, STRETCH, 1.0)
        scale = np.full_like(z, SCALE)
        scale[:, _STYLE] = 0.0
        return Posterior(z, scale)

    def decode(self, z: Codes) -> ClipBatch:
        """Greedy decoding of codes (N, 18), in the style that they say."""
        return self._tiny.decode(self._plain(z))

    def decode_log_probs(self, z: Codes, given: ClipBatch | None = None) -> NDArray[np.float32]:
        """Log-probabilities, float32 (N, 32, 130)."""
        return self._tiny.decode_log_probs(self._plain(z), given)

    def _plain(self, z: Codes) -> Codes:
        out = np.zeros((len(z), LATENT_SIZE), dtype=np.float32)
        out[:, :BEATS], out[:, ACTIVITY : ACTIVITY + BEATS] = z[:, _PITCH], z[:, _RHYTHM]
        out[:, 0] /= 1.0 + (STRETCH - 1.0) * np.clip(z[:, _STYLE][:, 1], 0.0, 1.0)
        return out


TINY_CONDITIONAL = BackendFactory(
    name="tiny-conditional",
    doc="A conditional model made by hand, for tests.",
    load=lambda _location, _device: TinyConditionalBackend(),
    shipped={"tiny-conditional": ""},
)
"""What a plugin of tests offers under ``register_backends``."""


@hookimpl
def register_backends() -> list[BackendFactory]:
    """The model: this module is a plugin, which tests register."""
    return [TINY_CONDITIONAL]
