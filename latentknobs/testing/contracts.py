"""
Contracts under pytest: subclass one as a ``Test...`` class and override its one fixture.

Needs pytest (the extra ``test``).
"""

from __future__ import annotations

import re

import numpy as np
import pytest

from latentknobs.attributes.plugin import register_attributes, register_comparisons
from latentknobs.conformance import CHECKS, Check, Kit, melody_kit
from latentknobs.core.arrays import ClipBatch, Codes
from latentknobs.core.augmentation import Augmentation
from latentknobs.core.backend import LatentGradient, LatentWeights, VAEBackend

CLOSE = 1e-5
"""How far results may differ with the make-up of a batch: the rounding of float32."""
STEP = 5e-3
"""Step of the central differences that Jacobian products are held against."""
SLOPE = 0.02
"""How far, as a share of their length, they may be off: differences of float32 over a finite step are rough."""


class AugmentationContract:
    """The promises of an augmentation of ``melody-2bar``; override ``augmentation``."""

    @pytest.fixture
    def augmentation(self) -> Augmentation:
        """The augmentation under test."""
        pytest.fail("override the fixture `augmentation` to return the augmentation under test")

    @pytest.fixture
    def kit(self) -> Kit:
        """What it is checked with; override it to add attributes, comparisons or clips of your own."""
        return melody_kit({a.name: a for a in register_attributes()}, {c.name: c for c in register_comparisons()})

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_conformance(self, augmentation: Augmentation, kit: Kit, check: Check) -> None:
        """It passes every check of latentknobs.conformance."""
        check(augmentation, kit)


class BackendContract:
    """The promises of a model of ``melody-2bar`` clips; override ``backend``."""

    @pytest.fixture
    def backend(self) -> VAEBackend:
        """The model under test."""
        pytest.fail("override the fixture `backend` to return the model under test")

    @pytest.fixture
    def clips(self, backend: VAEBackend) -> ClipBatch:
        """Clips that it accepts; override it if the built-in samples are none."""
        samples = melody_kit({}, {}, clips=16).clips
        accepted = samples[backend.accepts(samples)]
        assert len(accepted) >= 4, "the model accepts hardly any sample clip: override the fixture `clips`"
        return accepted

    @pytest.fixture
    def codes(self, backend: VAEBackend) -> Codes:
        """Codes as a person may turn to: drawn from the prior."""
        return np.random.default_rng(0).normal(size=(6, backend.spec.latent_size)).astype(np.float32)

    def test_is_a_backend(self, backend: VAEBackend) -> None:
        """It has the attributes and methods of a VAEBackend."""
        assert isinstance(backend, VAEBackend)

    def test_identity(self, backend: VAEBackend) -> None:
        """Its model id is a SHA-256 in hexadecimal and its name is not empty."""
        assert re.fullmatch(r"[0-9a-f]{64}", backend.spec.model_id)
        assert backend.spec.name

    def test_accepts_is_a_mask(self, backend: VAEBackend, clips: ClipBatch) -> None:
        """Accepting gives one bool a clip, for no clips too."""
        mask = backend.accepts(clips)

        assert mask.dtype == np.bool_
        assert mask.shape == (len(clips),)
        assert backend.accepts(clips[:0]).shape == (0,)

    def test_codes(self, backend: VAEBackend, clips: ClipBatch) -> None:
        """Codes are finite float32 (N, D), their scale too where there is one, for no clips too."""
        posterior = backend.encode(clips)
        wanted = (len(clips), backend.spec.latent_size)

        assert posterior.mean.dtype == np.float32
        assert posterior.mean.shape == wanted
        assert np.isfinite(posterior.mean).all()
        if posterior.scale is not None:
            assert posterior.scale.dtype == np.float32
            assert posterior.scale.shape == wanted
            assert np.isfinite(posterior.scale).all()
            assert (posterior.scale >= 0).all()
        assert backend.encode(clips[:0]).mean.shape == (0, backend.spec.latent_size)

    def test_codes_are_deterministic(self, backend: VAEBackend, clips: ClipBatch) -> None:
        """The same clips have the same codes, to the bit."""
        assert np.array_equal(backend.encode(clips).mean, backend.encode(clips).mean)

    def test_codes_do_not_depend_on_the_batch(self, backend: VAEBackend, clips: ClipBatch) -> None:
        """A clip has the same code alone as among others, but for rounding."""
        together = backend.encode(clips).mean
        alone = np.concatenate([backend.encode(clip[None]).mean for clip in clips])

        np.testing.assert_allclose(alone, together, rtol=CLOSE, atol=CLOSE)

    def test_the_input_is_not_changed(self, backend: VAEBackend, clips: ClipBatch, codes: Codes) -> None:
        """Encoding and decoding leave their input as it is."""
        kept_clips, kept_codes = clips.copy(), codes.copy()

        backend.encode(clips)
        backend.decode(codes)
        backend.decode_log_probs(codes)

        assert np.array_equal(clips, kept_clips)
        assert np.array_equal(codes, kept_codes)

    def test_decoding_gives_valid_clips(self, backend: VAEBackend, codes: Codes) -> None:
        """Any code decodes to a valid clip of the format, the same one each time; no codes give no clips."""
        form = backend.spec.clip_format
        clips = backend.decode(codes)

        assert clips.dtype == np.int16
        assert clips.shape == (len(codes), *form.shape)
        assert clips.min() >= 0
        assert clips.max() < form.vocabulary
        assert form.valid(clips).all()
        assert np.array_equal(backend.decode(codes), clips)
        assert backend.decode(codes[:0]).shape == (0, *form.shape)

    def test_log_probabilities(self, backend: VAEBackend, codes: Codes, clips: ClipBatch) -> None:
        """Log-probabilities are float32 (N, *shape, V) and sum to 1, along the greedy path and teacher-forced."""
        form = backend.spec.clip_format
        given = np.resize(clips, (len(codes), *form.shape))

        for log_probs in (backend.decode_log_probs(codes), backend.decode_log_probs(codes, given)):
            assert log_probs.dtype == np.float32
            assert log_probs.shape == (len(codes), *form.shape, form.vocabulary)
            np.testing.assert_allclose(np.exp(log_probs.astype(np.float64)).sum(axis=-1), 1, atol=1e-4)

    def test_decoding_takes_the_most_likely_token(self, backend: VAEBackend, codes: Codes) -> None:
        """Greedy decoding is the argmax of the greedy path's log-probabilities, repaired, but for near ties."""
        log_probs = backend.decode_log_probs(codes)
        first, second = np.moveaxis(-np.sort(-log_probs, axis=-1)[..., :2], -1, 0)
        clear = (first - second > CLOSE).reshape(len(codes), -1).all(axis=1)
        wanted = backend.spec.clip_format.repair(log_probs.argmax(axis=-1).astype(np.int16))

        assert np.array_equal(backend.decode(codes)[clear], wanted[clear])

    def test_latent_weights(self, backend: VAEBackend, clips: ClipBatch, codes: Codes) -> None:
        """Matrices through which z enters, if it names any: finite float32 (rows, D), the same each time, and all."""
        if not isinstance(backend, LatentWeights):
            pytest.skip("it does not name the matrices through which z enters its decoder")
        weights, again = backend.latent_weights(), backend.latent_weights()

        assert weights
        for name, matrix in weights.items():
            assert matrix.dtype == np.float32
            assert matrix.ndim == 2
            assert matrix.shape[1] == backend.spec.latent_size
            assert np.isfinite(matrix).all()
            assert np.array_equal(matrix, again[name])
        # Where they leave a direction of z out, no probability hears it; most models leave out none.
        _, sizes, right = np.linalg.svd(np.concatenate(list(weights.values())).astype(np.float64))
        unheard = right[int((sizes > 1e-6 * sizes[0]).sum()) :].sum(axis=0)
        given = np.resize(clips, (len(codes), *backend.spec.clip_format.shape))
        moved = (codes + unheard).astype(np.float32)
        np.testing.assert_allclose(
            backend.decode_log_probs(moved, given), backend.decode_log_probs(codes, given), atol=1e-4
        )

    def test_jacobian_products(self, backend: VAEBackend, clips: ClipBatch, codes: Codes) -> None:
        """J v, if it gives it, is the slope along v; u J agrees with it; probabilities go on summing to 1."""
        if not isinstance(backend, LatentGradient):
            pytest.skip("it gives no Jacobian products")
        form = backend.spec.clip_format
        given = np.resize(clips, (len(codes), *form.shape))
        rng = np.random.default_rng(1)
        v = rng.normal(size=codes.shape).astype(np.float32)
        log_probs = backend.decode_log_probs(codes, given)
        u = rng.normal(size=log_probs.shape).astype(np.float32)
        along, back = backend.jvp(codes, given, v), backend.vjp(codes, given, u)

        assert along.dtype == back.dtype == np.float32
        assert along.shape == log_probs.shape
        assert back.shape == codes.shape
        step = np.float32(STEP)
        # A token that the model cannot give has minus infinity at every code: no slope.
        some = np.isfinite(log_probs)
        ahead, behind = (
            np.where(some, backend.decode_log_probs(codes + sign * step * v, given), 0) for sign in (1, -1)
        )
        slope = (ahead.astype(np.float64) - behind) / (2 * STEP)
        assert not along[~some].any()
        assert np.linalg.norm(slope - along) <= SLOPE * np.linalg.norm(slope)
        products = (u * along.astype(np.float64)).reshape(len(codes), -1).sum(axis=1)
        np.testing.assert_allclose((back.astype(np.float64) * v).sum(axis=1), products, rtol=1e-3, atol=1e-3)
        change = (np.exp(log_probs.astype(np.float64)) * along).sum(axis=-1)
        np.testing.assert_allclose(change, 0, atol=1e-3 * max(1.0, float(np.abs(along).max())))
        assert backend.jvp(codes[:0], given[:0], v[:0]).shape == along[:0].shape
        assert backend.vjp(codes[:0], given[:0], u[:0]).shape == back[:0].shape
