"""A 3/4 format, a corpus and a model made by hand; the augmentations and attributes are the built-in ones."""

import hashlib

import numpy as np

from latentknobs import BackendFactory, BackendSpec, MelodyFormat, Note, Posterior, Song, hookimpl, split_of

LATENTKNOBS_API = 1
WALTZ = MelodyFormat("3/4", name="waltz-2bar")


class Waltzes:
    """Six quarters each."""

    name, doc, licence, clip_format, takes = "waltzes", "Waltzes made by a program.", "Free.", WALTZ.name, ""

    def songs(self, request, argument=""):
        for i in range(request.clips or 100):
            rng = np.random.default_rng([request.seed, i])
            low, high = request.pitch_range
            pitches = np.clip(rng.integers(50, 70, 6), low, high)
            clip = WALTZ.tokens(Note(4 * beat, int(pitch), 4) for beat, pitch in enumerate(pitches))
            yield Song(name := f"waltzes/{request.seed}/{i}", clip[None], split_of(name))


class Beats:
    """The code is the pitch on each beat."""

    spec = BackendSpec("waltz", WALTZ, 6, hashlib.sha256(b"waltz").hexdigest())

    def accepts(self, clips):
        return WALTZ.valid(clips) & WALTZ.onsets(clips).any(axis=1)

    def encode(self, clips):
        sounding = WALTZ.sounding(clips)[:, ::4]
        return Posterior(np.where(sounding < 0, 0, (sounding - 60) / 12).astype(np.float32))

    def decode(self, z):
        return WALTZ.repair(self.decode_log_probs(z).argmax(axis=-1).astype(np.int16))

    def decode_log_probs(self, z, given=None):
        far = np.arange(128) - 60 - 12 * np.asarray(z, dtype=np.float64)[:, :, None]
        logits = np.full((len(z), 24, 130), -20.0)
        logits[:, ::4, :128] = -(far**2)
        logits[:, np.arange(24) % 4 > 0, 128] = 0
        top = logits.max(axis=-1, keepdims=True)
        return (logits - top - np.log(np.exp(logits - top).sum(axis=-1, keepdims=True))).astype(np.float32)


@hookimpl
def register_backends():
    """The model."""
    return [BackendFactory("waltz", "Waltz by hand.", lambda location, device: Beats(), {"waltz": ""})]


@hookimpl
def register_corpora():
    """The corpus."""
    return [Waltzes()]
