"""The model behind the generic interface."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from latentknobs.backends.gru_musicvae.backend import GruMusicVaeBackend
from latentknobs.core.backend import LatentGradient, LatentWeights, VAEBackend
from latentknobs.core.capability import capability
from latentknobs.core.melody_format import HOLD, MELODY, REST
from latentknobs.errors import BackendError, ClipError, UsageError


@pytest.fixture
def codes():
    """Eleven seeded codes."""
    return np.random.default_rng(5).normal(size=(11, 4)).astype(np.float32) * 2


def test_it_is_a_backend_with_both_capabilities(backend):
    """It meets the interface, and both optional ones."""
    assert isinstance(backend, VAEBackend)
    assert capability(backend, LatentWeights) is not None
    assert capability(backend, LatentGradient) is not None
    assert backend.spec.name == "tiny"
    assert backend.spec.latent_size == 4
    assert backend.spec.training["pitch_range"] == [40, 100]


def test_shapes_and_types(backend, clips_of, codes):
    """Codes are float32 (N, D), clips valid int16 (N, 32), log-probabilities float32 (N, 32, 130) that sum to 1."""
    posterior = backend.encode(clips_of(11))
    assert posterior.mean.shape == posterior.scale.shape == (11, 4)
    assert posterior.mean.dtype == posterior.scale.dtype == np.float32
    assert (posterior.scale > 0).all()
    clips = backend.decode(codes)
    assert (clips.shape, clips.dtype) == ((11, 32), np.int16)
    assert MELODY.valid(clips).all()
    for given in (None, clips_of(11)):
        logs = backend.decode_log_probs(codes, given)
        assert (logs.shape, logs.dtype) == ((11, 32, 130), np.float32)
        np.testing.assert_allclose(np.exp(logs.astype(np.float64)).sum(-1), 1, atol=1e-5)


def test_empty_batches(backend):
    """No clips give no codes, and no codes no clips."""
    clips, codes = np.empty((0, 32), np.int16), np.empty((0, 4), np.float32)
    assert backend.encode(clips).mean.shape == (0, 4)
    assert backend.decode(codes).shape == (0, 32)
    assert backend.decode_log_probs(codes).shape == (0, 32, 130)
    assert backend.decode_log_probs(codes, clips).shape == (0, 32, 130)
    assert backend.jvp(codes, clips, codes).shape == (0, 32, 130)
    assert backend.vjp(codes, clips, np.empty((0, 32, 130), np.float32)).shape == (0, 4)
    assert backend.accepts(clips).shape == (0,)


def test_greedy_path_and_its_log_probabilities(backend, codes):
    """Decoding takes the likeliest token of the greedy path, and a hold with nothing to hold is a rest."""
    likeliest = backend.decode_log_probs(codes).argmax(-1).astype(np.int16)
    np.testing.assert_array_equal(backend.decode(codes), MELODY.repair(likeliest))
    given = backend.decode_log_probs(codes, likeliest)
    np.testing.assert_allclose(given, backend.decode_log_probs(codes), atol=1e-5)


@pytest.mark.parametrize("size", [1, 2, 3, 10])
def test_company_does_not_matter(backend, clips_of, codes, size):
    """Codes, log-probabilities and clips do not depend on which others are in the call, beyond 1e-6."""
    clips = clips_of(11)
    parts = [slice(start, start + size) for start in range(0, 11, size)]
    means = np.concatenate([backend.encode(clips[part]).mean for part in parts])
    log_probs = np.concatenate([backend.decode_log_probs(codes[part], clips[part]) for part in parts])
    decoded = np.concatenate([backend.decode(codes[part]) for part in parts])
    np.testing.assert_allclose(means, backend.encode(clips).mean, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(log_probs, backend.decode_log_probs(codes, clips), rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(decoded, backend.decode(codes))


def test_accepts_what_it_was_trained_on(backend):
    """A clip outside the model's pitches, or with a hold that holds nothing, is not accepted."""
    rest = np.full(32, REST, np.int16)
    low, high, inside, broken = rest.copy(), rest.copy(), rest.copy(), rest.copy()
    low[0], high[0], inside[:2], broken[3] = 39, 101, (40, 100), HOLD
    np.testing.assert_array_equal(
        backend.accepts(np.stack([low, high, inside, broken, rest])), [False, False, True, False, True]
    )


def test_jacobian_products(backend, clips_of, codes):
    """J v is the slope along v, and U J its transpose's product: u . (J v) = (u J) . v."""
    clips = clips_of(11)
    rng = np.random.default_rng(0)
    v = rng.normal(size=codes.shape).astype(np.float32)
    u = rng.normal(size=(11, 32, 130)).astype(np.float32)
    along = backend.jvp(codes, clips, v)
    step = 2e-3
    slope = (backend.decode_log_probs(codes + step * v, clips) - backend.decode_log_probs(codes - step * v, clips)) / (
        2 * step
    )
    np.testing.assert_allclose(along, slope, rtol=1e-2, atol=2e-2)
    back = backend.vjp(codes, clips, u)
    np.testing.assert_allclose((u * along).sum((1, 2)), (back * v).sum(1), rtol=1e-3, atol=1e-3)


def test_latent_weights_are_where_z_enters(backend, network_of):
    """The matrices named are the network's own, float32 (rows, D)."""
    found = backend.latent_weights()
    network = network_of()
    assert {name: matrix.shape for name, matrix in found.items()} == dict.fromkeys(
        ("initial-state", "reset-gate", "update-gate", "new-state"), (5, 4)
    )
    gates = np.concatenate([found["reset-gate"], found["update-gate"], found["new-state"]])
    np.testing.assert_array_equal(gates, network.cells[0].weight_ih[:, 3:])
    np.testing.assert_array_equal(found["initial-state"], network.linear_init.weight)


def test_wrong_input_is_told(backend, clips_of, codes):
    """Codes of another shape or not finite, clips that are none, and unequal counts are refused with a sentence."""
    bad = codes.copy()
    bad[0, 0] = np.nan
    with pytest.raises(BackendError, match="finite"):
        backend.decode(bad)
    with pytest.raises(BackendError, match=r"\(N, 4\)"):
        backend.decode(codes[:, :3])
    with pytest.raises(ClipError, match="shape"):
        backend.encode(clips_of(2)[:, :16])
    with pytest.raises(ClipError, match="130"):
        backend.encode(np.full((1, 32), 130))
    with pytest.raises(BackendError, match="11 clips"):
        backend.decode_log_probs(codes, clips_of(3))
    with pytest.raises(BackendError, match="vectors"):
        backend.vjp(codes, clips_of(11), codes)
    with pytest.raises(BackendError, match="vectors"):
        backend.jvp(codes, clips_of(11), codes[:2])


def test_devices_are_checked(weights):
    """An unknown device is refused, and cuda where there is none."""
    with pytest.raises(UsageError, match="auto, cpu or cuda"):
        GruMusicVaeBackend.load(weights, "tpu")
    if not torch.cuda.is_available():
        with pytest.raises(UsageError, match="no CUDA"):
            GruMusicVaeBackend.load(weights, "cuda")


def test_threads_and_gradients_are_left_alone(backend, clips_of, codes):
    """Using a model changes neither torch's threads nor its random state nor its gradient mode."""
    before = torch.get_num_threads(), torch.random.get_rng_state()
    backend.vjp(codes, clips_of(11), np.zeros((11, 32, 130), np.float32))
    backend.decode(codes)
    assert torch.get_num_threads() == before[0]
    assert torch.equal(torch.random.get_rng_state(), before[1])
    assert torch.is_grad_enabled()


def test_gradients_are_summed_on_one_thread(backend, clips_of, codes, two_threads, monkeypatch):
    """So that they do not depend on how many threads there are, which are given back."""
    during = []
    real = torch.autograd.grad
    monkeypatch.setattr(torch.autograd, "grad", lambda *a, **k: during.append(torch.get_num_threads()) or real(*a, **k))
    clips = clips_of(11)

    backend.vjp(codes, clips, np.ones((11, 32, 130), np.float32))
    backend.jvp(codes, clips, np.ones_like(codes))

    assert set(during) == {1}
    assert torch.get_num_threads() == 2
