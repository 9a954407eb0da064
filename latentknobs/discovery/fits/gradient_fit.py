"""A shift fitted through the decoder: by the decoded clips, not by distances of codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from attrs import frozen
from numpy.random import default_rng

from latentknobs.core.arrays import ClipBatch, Codes, Floats
from latentknobs.core.backend import LatentGradient, VAEBackend
from latentknobs.core.capability import capability
from latentknobs.core.knob import Operator
from latentknobs.core.method_specs import CodeSample, Decoder, FitInput
from latentknobs.core.model_calls import decode
from latentknobs.discovery.fits.closed_form import shift_by_mean
from latentknobs.errors import NotFittedError

PAIRS, JUDGED = 512, 96
"""Training pairs, and validation pairs that choose the number of steps."""
STEPS, EVERY, BATCH = 40, 8, 48
RATE = 0.1
"""First step size, in mean standard deviations of a code dimension at the largest amount; it decays linearly to 0."""
DECAYS = (0.9, 0.999)


def decoder_of(backend: VAEBackend) -> Decoder | None:
    """The decoder as fits may use it; None where the model has no gradient."""
    model = capability(backend, LatentGradient)
    if model is None:
        return None

    def log_probability(z: Codes, clips: ClipBatch) -> Floats:
        logs = backend.decode_log_probs(z, clips)
        chosen = np.take_along_axis(logs, clips[..., None].astype(np.int64), axis=-1)
        out: Floats = chosen.reshape(len(z), -1).sum(axis=1, dtype=np.float64)
        return out

    def gradient(z: Codes, clips: ClipBatch) -> Codes:
        ones = np.zeros((*clips.shape, backend.spec.clip_format.vocabulary), dtype=np.float32)
        np.put_along_axis(ones, clips[..., None].astype(np.int64), 1.0, axis=-1)
        return model.vjp(z, clips, ones)

    return Decoder(lambda z: decode(backend, z), log_probability, gradient)


@frozen(eq=False)
class ShiftTargets:
    """
    Codes with an amount each, and the clips that the shifted codes should decode to.

    Attributes:
        z: float32 (n, D), codes before the edit.
        amounts: float64 (n,).
        clips: int16 (n, *shape), plain decodings of the codes after it.
    """

    z: Codes
    amounts: Floats
    clips: ClipBatch

    def some(self, rows: np.ndarray[Any, np.dtype[np.int64]]) -> ShiftTargets:
        """A subset of the rows."""
        return ShiftTargets(self.z[rows], self.amounts[rows], self.clips[rows])

    def moved(self, direction: Floats) -> Codes:
        """The codes after the shift, float32 (n, D)."""
        out: Codes = (self.z + self.amounts[:, None] * direction).astype(np.float32)
        return out


def shift_by_gradient(fit_input: FitInput) -> tuple[Operator, Mapping[str, Any]]:
    """
    The shift z + n v under which edited clips are likeliest: v of largest mean log P(clip edited by n | z + n v).

    By Adam (Kingma & Ba 2015) from the mean shift, on a sample of training pairs; the number of steps is the one of
    largest log-probability on validation pairs (training pairs where there are none). As the tokens of edited clips are
    not kept, what their codes decode to stands for them: the best that any move of codes can reach.
    Facts, in nats a clip on those pairs: ``log_probability``, ``mean_shift``, of the shift that it starts
    from, and ``unmoved``; and ``steps``.

    Raises:
        NotFittedError: The model has no gradient, or no sampled clip has a pair.
    """
    decoder = fit_input.decoder
    if decoder is None:
        raise NotFittedError("the model gives no gradient of its decoder (LatentGradient).")
    rng = default_rng([fit_input.seed, 9])
    train = _targets(fit_input.sample, fit_input.amounts, PAIRS, decoder, rng)
    validation = _targets(fit_input.validation_sample, fit_input.amounts, JUDGED, decoder, rng)
    if train is None:
        raise NotFittedError("no clip of the training sample has a pair.")
    validation = validation or train.some(np.arange(min(JUDGED, len(train.z))))

    def likely(direction: Floats) -> float:
        return float(decoder.log_probability(validation.moved(direction), validation.clips).mean())

    start = np.asarray(shift_by_mean(fit_input)[0].arrays["direction"], dtype=np.float64)
    unmoved, first = likely(np.zeros(fit_input.latent_size)), likely(start)
    best, score, taken = start, first, 0
    spread = float(train.z.std(axis=0)[~fit_input.held].mean()) / float(np.abs(train.amounts).max())
    current, mean, square = start.copy(), np.zeros_like(start), np.zeros_like(start)
    for step in range(1, STEPS + 1):
        batch = train.some(rng.choice(len(train.z), size=min(BATCH, len(train.z)), replace=False))
        gradient = decoder.gradient(batch.moved(current), batch.clips).astype(np.float64)
        ascent = np.where(fit_input.held, 0.0, (batch.amounts[:, None] * gradient).mean(axis=0))
        mean = DECAYS[0] * mean + (1 - DECAYS[0]) * ascent
        square = DECAYS[1] * square + (1 - DECAYS[1]) * ascent**2
        size = RATE * spread * (1 - (step - 1) / STEPS)
        current = current + size * (mean / (1 - DECAYS[0] ** step)) / (
            np.sqrt(square / (1 - DECAYS[1] ** step)) + 1e-12
        )
        if step % EVERY == 0 and (now := likely(current)) > score:
            best, score, taken = current.copy(), now, step
    facts = {"log_probability": score, "mean_shift": first, "unmoved": unmoved, "steps": taken}
    return Operator("shift", {"direction": best}), facts


def _targets(
    sample: CodeSample, amounts: tuple[float, ...], most: int, decoder: Decoder, rng: np.random.Generator
) -> ShiftTargets | None:
    """Pairs from or to the clips themselves, drawn from those of all amounts together; None where there are none."""
    if not len(sample.codes):
        return None
    zero = sample.knots.index(0.0)
    parts = []
    for a, amount in enumerate(amounts):
        for i, j in [pair for pair in sample.routes.get(amount, ()) if zero in pair][:1]:
            rows = np.flatnonzero(sample.paired(i, j))
            parts.append(np.stack([np.full(len(rows), a), rows, np.full(len(rows), i), np.full(len(rows), j)], axis=1))
    pairs = np.concatenate(parts) if parts else np.zeros((0, 4), dtype=np.int64)
    if not len(pairs):
        return None
    pairs = pairs[np.sort(rng.choice(len(pairs), size=min(most, len(pairs)), replace=False))]
    a, rows, i, j = pairs.T
    after = sample.codes[rows, j]
    return ShiftTargets(sample.codes[rows, i], np.asarray(amounts, dtype=np.float64)[a], decoder.plain(after))
