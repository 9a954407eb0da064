"""The model on a CUDA device; nothing of it runs without one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from latentknobs.core.backend import VAEBackend
from latentknobs.testing.contracts import BackendContract
from latentknobs.testing.tiny import tiny_clips
from latentknobs.workbench import Workbench

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


class TestContract(BackendContract):
    """The shipped model there keeps every promise."""

    @pytest.fixture(scope="class")
    def backend(self) -> VAEBackend:
        return Workbench.open(device="cuda").model()


@pytest.mark.parametrize("count", [1, 2, 25, 300, 5000])
@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_it_says_what_the_processor_says(precision, count):
    """Codes agree to 1e-3 (bf16: 0.1), greedy tokens on 99.9 % (bf16: 99 %), for any number of clips."""
    clips = tiny_clips(count, seed=1, low=55, high=79)
    here = Workbench.open(device="cpu").model()
    there = Workbench.open(device="cuda", precision=precision).model()
    codes = here.encode(clips).mean

    assert np.abs(there.encode(clips).mean - codes).max() <= (1e-3 if precision == "float32" else 0.1)
    equal = (there.decode(codes) == here.decode(codes)).mean()
    assert equal >= (0.999 if precision == "float32" else 0.99)
    given = there.decode_log_probs(codes[:20], clips[:20]) - here.decode_log_probs(codes[:20], clips[:20])
    assert np.abs(given).mean() <= (1e-3 if precision == "float32" else 0.2)
