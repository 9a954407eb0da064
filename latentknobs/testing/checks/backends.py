"""The promises of a model of ``melody-2bar`` clips."""

from __future__ import annotations

import re

import numpy as np
from attrs import frozen

from latentknobs.core.arrays import ClipBatch, Codes
from latentknobs.core.backend import LatentGradient, LatentWeights, Sampling, VAEBackend
from latentknobs.core.melody_format import MELODY
from latentknobs.testing.checks.check_fixtures import Check, LeftOut, melody_kit, need, undisturbed_chance

CLOSE = 1e-5
"""How far results may differ with the make-up of a batch: the rounding of float32."""
SUMS = 1e-4
"""How far the probabilities of a step may be from adding up to 1, and log-probabilities from one another."""
STEP = 5e-3
"""Step of the central differences that Jacobian products are held against."""
SLOPE = 0.02
"""How far, as a share of their length, they may be off: differences of float32 over a finite step are rough."""
FEWEST = 4


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
        """A copy of the clips: what a model writes into one is not seen by the next check."""
        return self._clips.copy()

    @property
    def codes(self) -> Codes:
        """A copy of the codes."""
        return self._codes.copy()


def sample_clips(backend: VAEBackend) -> ClipBatch:
    """
    Sample clips that the model accepts.

    Raises:
        LeftOut: Its clip format is another one.
        PluginError: It accepts hardly any.
    """
    name = backend.spec.clip_format.name
    if name != MELODY.name:
        raise LeftOut(f"it reads clips of {name}, of which there are no samples here: override the fixture `clips`.")
    samples = melody_kit({}, {}, clips=16).clips
    accepted: ClipBatch = samples[backend.accepts(samples)]
    need(len(accepted) >= FEWEST, "the model accepts hardly any sample clip: override the fixture `clips`.")
    return accepted


def sample_codes(backend: VAEBackend) -> Codes:
    """Six codes drawn from the prior."""
    return np.random.default_rng(0).normal(size=(6, backend.spec.latent_size)).astype(np.float32)


def _given(backend: VAEBackend, kit: BackendFixtures) -> ClipBatch:
    """As many clips as there are codes, for teacher forcing."""
    return np.resize(kit.clips, (len(kit.codes), *backend.spec.clip_format.shape))


def _need_floats(found: object, shape: tuple[int, ...], what: str) -> None:
    good = isinstance(found, np.ndarray) and found.dtype == np.float32 and found.shape == shape
    shown = f"{found.dtype} of shape {found.shape}" if isinstance(found, np.ndarray) else type(found).__name__
    need(good, f"{what} must be float32 of shape {shape}, not {shown}.")
    need(np.isfinite(found).all(), f"{what} must be finite numbers.")  # type: ignore[call-overload] # an array, by now


def is_a_backend(backend: VAEBackend, _kit: BackendFixtures) -> None:
    """It has the attributes and methods of a VAEBackend, a name, and a SHA-256 as its identity."""
    need(isinstance(backend, VAEBackend), "it lacks one of spec, accepts, encode, decode and decode_log_probs.")
    need(
        re.fullmatch(r"[0-9a-f]{64}", backend.spec.model_id) and backend.spec.name,
        "its spec must have a name, and a SHA-256 in hexadecimal as its model_id.",
    )


def accepts_is_a_mask(backend: VAEBackend, kit: BackendFixtures) -> None:
    """Accepting gives one bool a clip, for no clips too."""
    for clips in (kit.clips, kit.clips[:0]):
        mask = backend.accepts(clips)
        need(
            isinstance(mask, np.ndarray) and mask.dtype == np.bool_ and mask.shape == (len(clips),),
            f"accepts must give one bool for each of {len(clips)} clips.",
        )


def codes_are_finite(backend: VAEBackend, kit: BackendFixtures) -> None:
    """Codes are finite float32 (N, D), their scale too where there is one, for no clips too."""
    for clips in (kit.clips, kit.clips[:0]):
        posterior = backend.encode(clips)
        shape = (len(clips), backend.spec.latent_size)
        _need_floats(posterior.mean, shape, "the mean of encode")
        if posterior.scale is not None:
            _need_floats(posterior.scale, shape, "the scale of encode")
            need((posterior.scale >= 0).all(), "the scale of encode must not be negative.")


def codes_are_deterministic(backend: VAEBackend, kit: BackendFixtures) -> None:
    """The same clips have the same codes, to the bit."""
    first, second = backend.encode(kit.clips).mean, backend.encode(kit.clips).mean
    need(np.array_equal(first, second), "encode gives other codes the second time; give the mean, not a draw.")


def codes_do_not_depend_on_the_batch(backend: VAEBackend, kit: BackendFixtures) -> None:
    """A clip has the same code alone as among others, but for rounding."""
    together = backend.encode(kit.clips).mean
    alone = np.concatenate([backend.encode(clip[None]).mean for clip in kit.clips])
    off = float(np.abs(alone - together).max())
    need(
        np.allclose(alone, together, rtol=CLOSE, atol=CLOSE),
        f"a clip's code alone differs by up to {off:.2g} from its code among others: is something left in train mode?",
    )


def the_input_is_not_changed(backend: VAEBackend, kit: BackendFixtures) -> None:
    """Encoding and decoding leave their input as it is."""
    clips, codes = kit.clips, kit.codes
    backend.encode(clips)
    backend.decode(codes)
    backend.decode_log_probs(codes)
    need(
        np.array_equal(clips, kit.clips) and np.array_equal(codes, kit.codes),
        "it changes the arrays it is given; it must work on a copy.",
    )


def global_random_state_is_untouched(backend: VAEBackend, kit: BackendFixtures) -> None:
    """Encoding and decoding leave random's and numpy's global generators alone."""
    with undisturbed_chance(repr(backend.spec.name)):
        backend.encode(kit.clips)
        backend.decode(kit.codes)
        backend.decode_log_probs(kit.codes)


def decoding_gives_valid_clips(backend: VAEBackend, kit: BackendFixtures) -> None:
    """Any code decodes to a valid clip of the format, the same one each time; no codes give no clips."""
    form = backend.spec.clip_format
    clips = backend.decode(kit.codes)
    need(
        clips.dtype == np.int16 and clips.shape == (len(kit.codes), *form.shape),
        f"decode must give int16 of shape {(len(kit.codes), *form.shape)}, not {clips.dtype} of {clips.shape}.",
    )
    need(
        clips.min() >= 0 and clips.max() < form.vocabulary and form.valid(clips).all(),
        f"decode gives what are no clips of {form.name}: put them through the format's repair.",
    )
    need(np.array_equal(backend.decode(kit.codes), clips), "decode gives other clips the second time.")
    need(backend.decode(kit.codes[:0]).shape == (0, *form.shape), "decode of no codes must give no clips.")


def log_probabilities_sum_to_one(backend: VAEBackend, kit: BackendFixtures) -> None:
    """Log-probabilities are float32 (N, *shape, V) and sum to 1, along the greedy path and teacher-forced."""
    form = backend.spec.clip_format
    shape = (len(kit.codes), *form.shape, form.vocabulary)
    for given in (None, _given(backend, kit)):
        found = backend.decode_log_probs(kit.codes, given)
        need(
            found.dtype == np.float32 and found.shape == shape,
            f"decode_log_probs must give float32 of shape {shape}, not {found.dtype} of {found.shape}.",
        )
        off = float(np.abs(np.exp(found.astype(np.float64)).sum(axis=-1) - 1).max())
        need(off <= SUMS, f"the probabilities of a step add up to 1 but for {off:.2g}; they must to {SUMS:g}.")


def decoding_takes_the_most_likely_token(backend: VAEBackend, kit: BackendFixtures) -> None:
    """Greedy decoding is the argmax of the greedy path's log-probabilities, repaired, but for near ties."""
    log_probs = backend.decode_log_probs(kit.codes)
    first, second = np.moveaxis(-np.sort(-log_probs, axis=-1)[..., :2], -1, 0)
    clear = (first - second > CLOSE).reshape(len(kit.codes), -1).all(axis=1)
    wanted = backend.spec.clip_format.repair(log_probs.argmax(axis=-1).astype(np.int16))
    need(
        np.array_equal(backend.decode(kit.codes)[clear], wanted[clear]),
        "decode is not the most likely token of decode_log_probs at each step, repaired.",
    )


def latent_weights_are_all(backend: VAEBackend, kit: BackendFixtures) -> None:
    """Matrices through which z enters, if it names any: finite float32 (rows, D), the same each time, and all."""
    if not isinstance(backend, LatentWeights):
        raise LeftOut("it does not name the matrices through which z enters its decoder.")
    weights, again = backend.latent_weights(), backend.latent_weights()
    need(weights, "latent_weights names no matrix.")
    for name, matrix in weights.items():
        _need_floats(matrix, (*matrix.shape[:1], backend.spec.latent_size), f"the matrix {name!r} of latent_weights")
        need(np.array_equal(matrix, again[name]), f"latent_weights gives another {name!r} the second time.")
    # Where they leave a direction of z out, no probability hears it; most models leave out none.
    _, sizes, right = np.linalg.svd(np.concatenate(list(weights.values())).astype(np.float64))
    unheard = right[int((sizes > 1e-6 * sizes[0]).sum()) :].sum(axis=0)
    given = _given(backend, kit)
    moved = (kit.codes + unheard).astype(np.float32)
    need(
        np.allclose(
            backend.decode_log_probs(moved, given), backend.decode_log_probs(kit.codes, given), rtol=1e-7, atol=SUMS
        ),
        "z enters the decoder by another way as well than the matrices of latent_weights: name them all.",
    )


def jacobian_products_are_slopes(backend: VAEBackend, kit: BackendFixtures) -> None:
    """J v, if it gives it, is the slope along v; u J agrees with it; probabilities go on summing to 1."""
    if not isinstance(backend, LatentGradient):
        raise LeftOut("it gives no Jacobian products.")
    codes, given = kit.codes, _given(backend, kit)
    rng = np.random.default_rng(1)
    v = rng.normal(size=codes.shape).astype(np.float32)
    log_probs = backend.decode_log_probs(codes, given)
    u = rng.normal(size=log_probs.shape).astype(np.float32)
    along, back = backend.jvp(codes, given, v), backend.vjp(codes, given, u)

    _need_floats(along, log_probs.shape, "jvp")
    _need_floats(back, codes.shape, "vjp")
    step = np.float32(STEP)
    # A token that the model cannot give has minus infinity at every code: no slope.
    some = np.isfinite(log_probs)
    ahead, behind = (np.where(some, backend.decode_log_probs(codes + sign * step * v, given), 0) for sign in (1, -1))
    need(not along[~some].any(), "jvp is not 0 at tokens that the model cannot give.")
    slope = (ahead.astype(np.float64) - behind) / (2 * STEP)
    off = float(np.linalg.norm(slope - along) / np.linalg.norm(slope))
    need(off <= SLOPE, f"jvp is off from finite differences by {off:.2g} of their length.")
    products = (u * along.astype(np.float64)).reshape(len(codes), -1).sum(axis=1)
    need(
        np.allclose((back.astype(np.float64) * v).sum(axis=1), products, rtol=1e-3, atol=1e-3),
        "vjp does not agree with jvp: u (J v) and (u J) v differ.",
    )
    change = (np.exp(log_probs.astype(np.float64)) * along).sum(axis=-1)
    need(
        np.allclose(change, 0, atol=1e-3 * max(1.0, float(np.abs(along).max()))),
        "along jvp the probabilities of a step do not go on adding up to 1.",
    )
    need(
        backend.jvp(codes[:0], given[:0], v[:0]).shape == along[:0].shape
        and backend.vjp(codes[:0], given[:0], u[:0]).shape == back[:0].shape,
        "jvp and vjp of no codes must give no rows.",
    )


def drawn_clips_are_valid(backend: VAEBackend, kit: BackendFixtures) -> None:
    """Drawn clips, if any, are valid, the same for the same seed, and near temperature 0 the greedy ones."""
    if not isinstance(backend, Sampling):
        raise LeftOut("it draws no tokens.")
    greedy = backend.decode(kit.codes)
    drawn = backend.decode_sampled(kit.codes, 1.0, 3)
    need(
        drawn.dtype == np.int16 and drawn.shape == greedy.shape and backend.spec.clip_format.valid(drawn).all(),
        f"decode_sampled gives what are no clips of {backend.spec.clip_format.name}.",
    )
    again = backend.decode_sampled(kit.codes, 1.0, 3)
    need(np.array_equal(again, drawn), "decode_sampled gives other clips for the same seed.")
    other = backend.decode_sampled(kit.codes, 1.0, 4)
    need(not np.array_equal(other, drawn), "decode_sampled gives the same clips for another seed.")
    cold = backend.decode_sampled(kit.codes, 1e-6, 3)
    need(np.array_equal(cold, greedy), "decode_sampled near temperature 0 gives other clips than decode.")


BACKEND_CHECKS: tuple[Check, ...] = (
    is_a_backend,
    accepts_is_a_mask,
    codes_are_finite,
    codes_are_deterministic,
    codes_do_not_depend_on_the_batch,
    the_input_is_not_changed,
    global_random_state_is_untouched,
    decoding_gives_valid_clips,
    log_probabilities_sum_to_one,
    decoding_takes_the_most_likely_token,
    latent_weights_are_all,
    jacobian_products_are_slopes,
    drawn_clips_are_valid,
)
