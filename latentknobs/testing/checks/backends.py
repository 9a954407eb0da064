"""
The promises of a model.

Types, shapes and ranges of its results are checked by the wrapper that models are handed out in; the checks here only
call what must be called for that, and look at the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice

import numpy as np
from attrs import frozen

from latentknobs.core.active_dimensions import is_active
from latentknobs.core.arrays import ClipBatch, Codes
from latentknobs.core.backend import LatentGradient, LatentWeights, Sampling, VAEBackend
from latentknobs.core.capability import capability
from latentknobs.core.code_units import CodeUnits, prior_units
from latentknobs.core.corpus import Corpus, CorpusRequest, Tally
from latentknobs.core.melody_format import MELODY
from latentknobs.core.model_calls import negative_elbo, same_condition
from latentknobs.core.plugin_guard import Guard, PluginFault
from latentknobs.errors import BackendError, PluginError
from latentknobs.hooks import validation
from latentknobs.testing.checks.check_fixtures import Check, LeftOut, need, sample_kit, untouched_random_state
from latentknobs.testing.units import drawn_scales, rescaled

CLOSE = 1e-5
"""How far results may differ with the other rows of a batch: the rounding of float32."""
SUMS = 1e-4
"""How far the probabilities of a step may be from summing to 1, and log-probabilities from one another."""
STEP = 5e-3
"""Step of the central differences that Jacobian products are compared with."""
SLOPE = 0.02
"""Tolerance of that, relative to their norm: differences of float32 over a finite step are rough."""
FEWEST = 4
NO_ENCODER = "it is a decoder alone."
MOSTLY = 0.99
"""Least share of tokens that codes within rounding decode alike; the others are ties."""


@frozen(eq=False)
class BackendFixtures:
    """
    What a model is checked with.

    Args:
        clips: int16 (N, *shape), clips that it accepts.
        codes: float32 (M, D), codes as a person may turn to.
    """

    _clips: ClipBatch
    _codes: Codes

    @property
    def clips(self) -> ClipBatch:
        """A copy of the clips, so that a model that writes into it does not affect the next check."""
        return self._clips.copy()

    @property
    def codes(self) -> Codes:
        """A copy of the codes."""
        return self._codes.copy()


def checked_model(model: object) -> VAEBackend:
    """
    A model in the wrapper that a plugin's models are handed out in.

    Raises:
        PluginError: It is no model.
    """
    try:
        return validation.model(model, Guard("model"))
    except PluginFault as fault:
        raise PluginError(f"A model must be a VAEBackend (spec, accepts, encode, decode, ...), not {fault}.") from None


def sample_clips(backend: VAEBackend, corpora: Mapping[str, Corpus] | None = None) -> ClipBatch:
    """
    Sample clips that the model accepts; of another format than ``melody-2bar``, from a corpus that has it.

    Raises:
        LeftOut: There are no samples of its clip format.
        PluginError: It accepts hardly any.
    """
    clip_format = backend.spec.clip_format
    corpus = next((one for one in (corpora or {}).values() if one.clip_format == clip_format.name), None)
    if clip_format.name == MELODY.name or corpus is None:
        samples = sample_kit(clip_format, {}, {}, clips=16).clips
    else:
        samples = np.concatenate([song.clips for song in islice(corpus.songs(CorpusRequest(clips=16)), 16)])[:16]
    accepted: ClipBatch = samples[backend.accepts(samples)]
    need(len(accepted) >= FEWEST, "the model accepts hardly any sample clip: override the fixture `clips`.")
    return accepted


def sample_codes(backend: VAEBackend, clips: ClipBatch) -> Codes:
    """Six codes drawn from the prior, under conditions of clips; where there is no prior, codes like the clips'."""
    drawn = np.random.default_rng(0).normal(size=(6, backend.spec.latent_size))
    codes = _units(backend, clips).outward(drawn)
    if backend.spec.condition is None:
        return codes
    return backend.spec.structure.with_condition(codes, np.resize(backend.encode(clips).mean, codes.shape))


def _units(backend: VAEBackend, clips: ClipBatch) -> CodeUnits:
    """The units of the model's prior, or of the codes of clips that stand for a corpus."""
    return prior_units(backend.spec) or CodeUnits.of_posterior(backend.encode(clips))


def _given(backend: VAEBackend, kit: BackendFixtures) -> ClipBatch:
    """As many clips as there are codes, for teacher forcing."""
    return np.resize(kit.clips, (len(kit.codes), *backend.spec.clip_format.shape))


def _needs_an_encoder(backend: VAEBackend) -> None:
    if not backend.spec.encodes:
        raise LeftOut(NO_ENCODER)


def accepts_is_a_mask(backend: VAEBackend, kit: BackendFixtures) -> None:
    """Accepting gives one bool per clip, for an empty batch too."""
    for clips in (kit.clips, kit.clips[:0]):
        backend.accepts(clips)


def codes_are_finite(backend: VAEBackend, kit: BackendFixtures) -> None:
    """Codes are finite (N, D), and so are their scales if there are any; for an empty batch too."""
    if not backend.spec.encodes:
        try:
            backend.encode(kit.clips)
        except BackendError:
            raise LeftOut(NO_ENCODER) from None
        need(False, "its spec says that it has no encoder, and encode gives codes: raise BackendError.")
    for clips in (kit.clips, kit.clips[:0]):
        backend.encode(clips)


def codes_are_deterministic(backend: VAEBackend, kit: BackendFixtures) -> None:
    """The same clips have the same codes, to the bit."""
    _needs_an_encoder(backend)
    first, second = backend.encode(kit.clips).mean, backend.encode(kit.clips).mean
    need(np.array_equal(first, second), "encode returns other codes the second time; return the mean, not a sample.")


def codes_do_not_depend_on_the_batch(backend: VAEBackend, kit: BackendFixtures) -> None:
    """A clip has the same code alone as in a batch, within rounding."""
    _needs_an_encoder(backend)
    together = backend.encode(kit.clips).mean
    alone = np.concatenate([backend.encode(clip[None]).mean for clip in kit.clips])
    off = float(np.abs(alone - together).max())
    need(
        np.allclose(alone, together, rtol=CLOSE, atol=CLOSE * float(np.abs(together).max())),
        f"a clip's code alone differs by up to {off:.2g} from its code in a batch: is a layer left in training mode?",
    )


def the_input_is_not_changed(backend: VAEBackend, kit: BackendFixtures) -> None:
    """Encoding and decoding do not write into their input."""
    clips, codes = kit.clips, kit.codes
    if backend.spec.encodes:
        backend.encode(clips)
    backend.decode(codes)
    backend.decode_log_probs(codes)
    need(
        np.array_equal(clips, kit.clips) and np.array_equal(codes, kit.codes),
        "it changes the arrays it is given; it must work on a copy.",
    )


def global_random_state_is_untouched(backend: VAEBackend, kit: BackendFixtures) -> None:
    """Encoding and decoding leave random's and numpy's global generators alone."""
    with untouched_random_state(repr(backend.spec.name)):
        if backend.spec.encodes:
            backend.encode(kit.clips)
        backend.decode(kit.codes)
        backend.decode_log_probs(kit.codes)


def decoding_gives_valid_clips(backend: VAEBackend, kit: BackendFixtures) -> None:
    """Any code decodes to a valid clip of the format, the same one each time; an empty batch is fine."""
    clips = backend.decode(kit.codes)
    need(
        np.array_equal(backend.decode(kit.codes), clips),
        "decode returns other clips for the same codes the second time: put the network into evaluation mode (no "
        "dropout) and take the likeliest tokens instead of sampling them.",
    )
    backend.decode(kit.codes[:0])


def log_probabilities_sum_to_one(backend: VAEBackend, kit: BackendFixtures) -> None:
    """The probabilities of a step sum to 1, along the greedy path and teacher-forced."""
    for given in (None, _given(backend, kit)):
        log_probs = backend.decode_log_probs(kit.codes, given).astype(np.float64)
        off = float(np.abs(np.exp(log_probs).sum(axis=-1) - 1).max())
        need(off <= SUMS, f"the probabilities of a step sum to 1 within {off:.2g}; they must within {SUMS:g}.")


def likelihoods_are_finite(backend: VAEBackend, kit: BackendFixtures) -> None:
    """A clip that it accepts has a finite likelihood, if it has a posterior and a declared prior."""
    _needs_an_encoder(backend)
    nats = negative_elbo(backend, kit.clips, backend.encode(kit.clips))
    if nats is None:
        raise LeftOut("it has no standard deviations, or no declared prior.")
    need(
        bool(np.isfinite(nats).all()),
        f"{int((~np.isfinite(nats)).sum())} of {len(nats)} clips that it accepts have a token that its decoder cannot "
        "produce: leave such clips out in accepts.",
    )


def decoding_takes_the_most_likely_token(backend: VAEBackend, kit: BackendFixtures) -> None:
    """Greedy decoding is the argmax of the greedy path's log-probabilities, repaired, except for near ties."""
    log_probs = backend.decode_log_probs(kit.codes)
    first, second = np.moveaxis(-np.sort(-log_probs, axis=-1)[..., :2], -1, 0)
    clear = (first - second > CLOSE).reshape(len(kit.codes), -1).all(axis=1)
    wanted = backend.spec.clip_format.repair(log_probs.argmax(axis=-1).astype(np.int16))
    need(
        np.array_equal(backend.decode(kit.codes)[clear], wanted[clear]),
        "decode is not the most likely token of decode_log_probs at each step, repaired.",
    )


def latent_weights_are_all(backend: VAEBackend, kit: BackendFixtures) -> None:
    """Matrices through which z enters, if it has any: the same each time, and all of them."""
    model = capability(backend, LatentWeights)
    if model is None:
        raise LeftOut("it does not give the matrices through which z enters its decoder.")
    weights, again = model.latent_weights(), model.latent_weights()
    need(weights, "latent_weights names no matrix.")
    for name, matrix in weights.items():
        need(np.array_equal(matrix, again[name]), f"latent_weights returns another {name!r} the second time.")
    # A direction of z in the null space of all matrices must change no probability; most models have none.
    _, sizes, right = np.linalg.svd(np.concatenate(list(weights.values())).astype(np.float64))
    null = right[int((sizes > 1e-6 * sizes[0]).sum()) :].sum(axis=0)
    given = _given(backend, kit)
    moved = (kit.codes + null * _units(backend, kit.clips).scale.mean()).astype(np.float32)
    need(
        np.allclose(
            backend.decode_log_probs(moved, given), backend.decode_log_probs(kit.codes, given), rtol=1e-7, atol=SUMS
        ),
        "z enters the decoder other than through the matrices of latent_weights: name them all.",
    )


def jacobian_products_are_slopes(backend: VAEBackend, kit: BackendFixtures) -> None:
    """J v, if it gives it, is the slope along v; u J agrees with it; probabilities still sum to 1."""
    model = capability(backend, LatentGradient)
    if model is None:
        raise LeftOut("it gives no Jacobian products.")
    codes, given = kit.codes, _given(backend, kit)
    rng = np.random.default_rng(1)
    v = (rng.normal(size=codes.shape) * _units(backend, kit.clips).scale).astype(np.float32)
    log_probs = backend.decode_log_probs(codes, given)
    u = rng.normal(size=log_probs.shape).astype(np.float32)
    along, back = model.jvp(codes, given, v), model.vjp(codes, given, u)

    step = np.float32(STEP)
    # A token that the model cannot produce has minus infinity at every code: no slope.
    possible = np.isfinite(log_probs)
    ahead, behind = (
        np.where(possible, backend.decode_log_probs(codes + sign * step * v, given), 0) for sign in (1, -1)
    )
    need(not along[~possible].any(), "jvp is not 0 at tokens that the model cannot produce.")
    slope = (ahead.astype(np.float64) - behind) / (2 * STEP)
    off = float(np.linalg.norm(slope - along) / np.linalg.norm(slope))
    need(off <= SLOPE, f"jvp differs from finite differences by {off:.2g} of their norm.")
    products = (u * along.astype(np.float64)).reshape(len(codes), -1).sum(axis=1)
    need(
        np.allclose((back.astype(np.float64) * v).sum(axis=1), products, rtol=1e-3, atol=1e-3),
        "vjp does not agree with jvp: u (J v) and (u J) v differ.",
    )
    change = (np.exp(log_probs.astype(np.float64)) * along).sum(axis=-1)
    need(
        np.allclose(change, 0, atol=1e-3 * max(1.0, float(np.abs(along).max()))),
        "along jvp the probabilities of a step no longer sum to 1.",
    )
    model.jvp(codes[:0], given[:0], v[:0])
    model.vjp(codes[:0], given[:0], u[:0])


def sampled_clips_are_valid(backend: VAEBackend, kit: BackendFixtures) -> None:
    """Sampled clips, if any, are valid, the same for the same seed, and greedy ones near temperature 0."""
    model = capability(backend, Sampling)
    if model is None:
        raise LeftOut("it samples no tokens.")
    first, again, other = (model.decode_sampled(kit.codes, 1.0, seed) for seed in (3, 3, 4))
    need(np.array_equal(again, first), "decode_sampled returns other clips for the same seed.")
    need(not np.array_equal(other, first), "decode_sampled returns the same clips for another seed.")
    cold = model.decode_sampled(kit.codes, 1e-6, 3)
    need(np.array_equal(cold, backend.decode(kit.codes)), "decode_sampled near temperature 0 differs from decode.")


def the_condition_travels_with_the_code(backend: VAEBackend, kit: BackendFixtures) -> None:
    """A condition, if its spec names one, is the clip's own whatever else is encoded, and the decoder reads it."""
    spec = backend.spec
    if spec.condition is None:
        raise LeftOut("its spec names no condition.")
    codes, backwards = backend.encode(kit.clips).mean, backend.encode(kit.clips[::-1]).mean[::-1]
    need(
        same_condition(spec, codes, backwards, 0.0, Tally()).all(),
        f"a clip's condition {spec.condition} depends on the rest of its batch: read it of the clip alone.",
    )
    held = codes[:, spec.structure.held]
    need(
        len(np.unique(held, axis=0)) > 1,
        f"the condition {spec.condition} is the same for all of {len(codes)} clips: let encode put each clip's own in "
        "its block, or bind a fixed condition in the model and name none.",
    )
    exchanged = spec.structure.with_condition(codes, np.roll(codes, 1, axis=0))
    backend.decode(exchanged)
    other = (exchanged != codes).any(axis=1)
    one, two = (backend.decode_log_probs(z, kit.clips)[other] for z in (codes, exchanged))
    need(
        not other.any() or not np.array_equal(one, two),
        f"decoding is the same whatever the condition {spec.condition}: read it in decode, or name no condition.",
    )


def units_do_not_matter(backend: VAEBackend, kit: BackendFixtures) -> None:
    """Behind z -> a z + b, a from 1e-3 to 1e3 in each dimension, the same dimensions are active and clips come back."""
    _needs_an_encoder(backend)
    posterior = backend.encode(kit.clips)
    units = CodeUnits.of_posterior(posterior)
    scales = drawn_scales(backend.spec.latent_size, 1, together=False)
    other = rescaled(backend, scales, units)
    again = other.encode(kit.clips)
    active, same = (
        is_active(inner.inward(one.mean).var(axis=0, dtype=np.float64))
        for inner, one in ((units, posterior), (CodeUnits.of_posterior(again), again))
    )
    need(np.array_equal(active, same), "other dimensions are active when its codes are rescaled.")
    first, second = backend.decode(posterior.mean), other.decode(again.mean)
    share = float((first == second).mean())
    need(share >= MOSTLY, f"codes that differ by rounding alone decode to {1 - share:.1%} other tokens.")


BACKEND_CHECKS: tuple[Check, ...] = (
    accepts_is_a_mask,
    codes_are_finite,
    codes_are_deterministic,
    codes_do_not_depend_on_the_batch,
    the_input_is_not_changed,
    global_random_state_is_untouched,
    decoding_gives_valid_clips,
    log_probabilities_sum_to_one,
    likelihoods_are_finite,
    decoding_takes_the_most_likely_token,
    latent_weights_are_all,
    jacobian_products_are_slopes,
    sampled_clips_are_valid,
    the_condition_travels_with_the_code,
    units_do_not_matter,
)
