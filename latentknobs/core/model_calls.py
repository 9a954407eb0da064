"""Checked calls of a model and of an edit: codes, decodings, and which clips a model can carry."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator

from latentknobs.core.arrays import Bools, ClipBatch, Codes, Floats
from latentknobs.core.augmentation import Augmentation, Augmented
from latentknobs.core.backend import BackendSpec, Posterior, VAEBackend
from latentknobs.core.corpus import Tally
from latentknobs.core.plugin_guard import run_augmentation
from latentknobs.errors import BackendError, UsageError

DECODER_ALONE = (
    "is a decoder alone: it makes clips of codes (latentknobs sample; decode in Python), and has no encoder that would "
    "give the code of a clip: load the whole checkpoint for that."
)

CHANGES_CONDITION = "changes the condition"
"""How pairs are tallied that an edit gives another condition."""
LIKELIHOOD_CHUNK = 256
"""Clips whose log-probabilities are held at a time."""
SAME_CONDITION = 1e-5
"""How far a condition may differ, as a part of the largest in that dimension: rounding with another batch."""
DISCRETE_CODES = (
    "discrete codes (a VQ-VAE) have no directions: give the encoder's continuous output before the quantization, "
    "flattened, and quantize inside decode"
)


def check_encodes(spec: BackendSpec) -> None:
    """
    See that a model has an encoder.

    Raises:
        UsageError: It is a decoder alone; says what can be done with it.
    """
    if not spec.encodes:
        raise UsageError(f"The model {spec.name} {DECODER_ALONE}")


def accepted(backend: VAEBackend, clips: ClipBatch) -> Bools:
    """
    Which clips (n, *shape) the model can carry, bool (n,).

    Raises:
        BackendError: It gives back anything else.
    """
    mask = np.asarray(backend.accepts(clips))
    if mask.dtype != np.bool_ or mask.shape != (len(clips),):
        raise BackendError(
            f"Model {backend.spec.name} gave {mask.dtype} of shape {mask.shape} as the mask of {len(clips)} clips; "
            f"it must give one bool for each."
        )
    return mask


def encode(backend: VAEBackend, clips: ClipBatch) -> Codes:
    """
    Codes of clips, float32 (n, D), equal clips encoded once.

    Raises:
        BackendError: The codes have another shape or are not finite.
    """
    return encode_posterior(backend, clips).mean


def encode_posterior(backend: VAEBackend, clips: ClipBatch) -> Posterior:
    """
    The posteriors of clips, float32 (n, D) each, equal clips encoded once.

    Raises:
        BackendError: The codes have another shape or are not finite.
    """
    size = backend.spec.latent_size
    if not len(clips):
        return Posterior(np.zeros((0, size), dtype=np.float32))
    _, first, back = np.unique(clips.reshape(len(clips), -1), axis=0, return_index=True, return_inverse=True)
    posterior = backend.encode(clips[first])
    mean = np.asarray(posterior.mean)
    if mean.shape != (len(first), size):
        raise BackendError(
            f"Model {backend.spec.name} gave codes of shape {mean.shape} for {len(first)} clips; "
            f"its spec says D = {size}."
        )
    if not np.isfinite(mean).all():
        raise BackendError(f"Model {backend.spec.name} gave codes that are not finite: check its weights for NaN.")
    rows = back.reshape(-1)
    if posterior.scale is None:
        return Posterior(mean.astype(np.float32)[rows])
    scale = np.where(backend.spec.structure.held, 0, posterior.scale).astype(np.float32)  # a condition is not drawn
    return Posterior(mean.astype(np.float32)[rows], scale[rows])


def negative_elbo(backend: VAEBackend, clips: ClipBatch, posterior: Posterior) -> Floats | None:
    """
    The negative evidence lower bound of clips at their mean codes, in nats, float64 (n,); the lower, the likelier.

    It is the teacher-forced cross-entropy of a clip given its posterior mean, and the divergence (KL) of its posterior
    from the standard normal prior; a condition has none. Nothing is drawn.

    Args:
        backend: The model.
        clips: int16 (n, *shape).
        posterior: Their posteriors, (n, D).

    Returns:
        None where the model declares no posterior, or no prior that is known.

    Raises:
        BackendError: Its log-probabilities have another shape.
    """
    spec = backend.spec
    if posterior.scale is None or spec.prior != "standard-normal":
        return None
    latent = spec.structure.latent
    mean, scale = (part[:, latent].astype(np.float64) for part in (posterior.mean, posterior.scale))
    nats: Floats = (0.5 * (mean**2 + scale**2 - 1.0) - np.log(scale)).sum(axis=1)
    for start in range(0, len(clips), LIKELIHOOD_CHUNK):
        part = slice(start, start + LIKELIHOOD_CHUNK)
        log_probs = np.asarray(backend.decode_log_probs(posterior.mean[part], clips[part]))
        if log_probs.shape != (shape := (*clips[part].shape, spec.clip_format.vocabulary)):
            raise BackendError(
                f"Model {spec.name} gave log-probabilities of shape {log_probs.shape}; they must have {shape}."
            )
        true = np.take_along_axis(log_probs, clips[part].astype(np.int64)[..., None], axis=-1)
        nats[part] -= true.reshape(len(true), -1).sum(axis=1, dtype=np.float64)
    return nats


def edited(
    backend: VAEBackend, augmentation: Augmentation, clips: ClipBatch, amount: float, rng: Generator, tally: Tally
) -> tuple[ClipBatch, Bools]:
    """The clips after the edit (n, *shape), and where there is one that the model carries, bool (n,)."""
    out = run_augmentation(augmentation, clips, amount, rng, backend.spec.clip_format)
    mask = carried(backend, augmentation, out, amount, tally)
    if backend.spec.condition is not None:
        both = encode(backend, clips[mask]), encode(backend, out.clips[mask])
        mask[mask] = same_condition(backend.spec, *both, amount, tally)
    return out.clips, mask


def same_condition(spec: BackendSpec, before: Codes, after: Codes, amount: float, tally: Tally) -> Bools:
    """Where codes (n, D) before and after an edit have one condition, bool (n,); the others are tallied."""
    held = spec.structure.held
    off = np.abs(after[:, held].astype(np.float64) - before[:, held])
    same: Bools = np.all(off <= SAME_CONDITION * np.abs(before[:, held]).max(axis=0, initial=0.0), axis=1)
    if spec.condition is not None:
        tally.add(f"{CHANGES_CONDITION} at {amount:+g}", int((~same).sum()))
    return same


def carried(backend: VAEBackend, augmentation: Augmentation, out: Augmented, amount: float, tally: Tally) -> Bools:
    """Where an edited clip is valid and the model can carry it, bool (n,); the others are tallied."""
    mask = out.valid.copy()
    if mask.any():
        mask[out.valid] = accepted(backend, out.clips[out.valid])
    tally.add(f"masked by {augmentation.name} at {amount:+g}", int((~out.valid).sum()))
    tally.add(f"not accepted by the model at {amount:+g}", int((out.valid & ~mask).sum()))
    return mask


def decode(backend: VAEBackend, z: Codes) -> ClipBatch:
    """
    Greedy decoding of codes (n, D), equal codes once.

    Raises:
        BackendError: The model gives back something other than a clip for each code.
    """
    shape = backend.spec.clip_format.shape
    if not len(z):
        return np.zeros((0, *shape), dtype=np.int16)
    _, first, back = np.unique(z, axis=0, return_index=True, return_inverse=True)
    clips = np.asarray(backend.decode(z[first]))
    if clips.shape != (len(first), *shape) or clips.dtype.kind not in "iu":
        raise BackendError(
            f"Model {backend.spec.name} decoded {len(first)} codes to {clips.dtype} of shape {clips.shape}; "
            f"{backend.spec.clip_format.name} needs whole numbers of shape {(len(first), *shape)}."
        )
    return clips[back.reshape(-1)]


def decode_means(backend: VAEBackend, means: Sequence[Codes], codes: Sequence[Codes]) -> list[ClipBatch]:
    """
    Greedy decoding of mean codes (D,), (*shape) each: baselines for clips that have codes (n, D), one array a mean.

    Of a conditional model each clip's is decoded under its own condition, (n, *shape).
    """
    if not means:
        return []
    if backend.spec.condition is not None:
        return [decode_mean(backend, mean, z) for mean, z in zip(means, codes, strict=True)]
    return list(decode(backend, np.stack(means)))  # together, as a step takes as long for one as for many


def decode_mean(backend: VAEBackend, mean: Codes, codes: Codes) -> ClipBatch:
    """
    Greedy decoding of a mean code (D,), (*shape): a baseline for clips that have these codes (n, D).

    Of a conditional model each clip's is decoded under its own condition, (n, *shape).
    """
    if backend.spec.condition is not None:
        return decode(backend, backend.spec.structure.with_condition(mean, codes))
    one: ClipBatch = decode(backend, mean[None])[0]
    return one
