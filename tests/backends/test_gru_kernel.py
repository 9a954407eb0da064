"""Gates put together by a compiler."""

from __future__ import annotations

import logging
import shutil

import numpy as np
import pytest
import torch

from latentknobs.backends.gru_musicvae.gru_kernel import VARIABLE, _compiled, choose_gates
from latentknobs.backends.gru_musicvae.inference import mix
from latentknobs.testing.tiny import tiny_clips
from latentknobs.workbench import Workbench

needs_cc = pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")


@pytest.fixture(autouse=True)
def _compiled_anew():
    _compiled.cache_clear()
    yield
    _compiled.cache_clear()


def test_nothing_is_compiled_unasked(monkeypatch):
    """Without the variable, or with 0 in it, the gates are the plain ones."""
    monkeypatch.delenv(VARIABLE, raising=False)
    assert choose_gates() is mix
    monkeypatch.setenv(VARIABLE, "0")
    assert choose_gates() is mix


@pytest.mark.parametrize(
    ("compiler", "told"), [("no-such-compiler", "no-such-compiler"), ("cc --no-such-option", "no-such-option")]
)
def test_where_there_is_no_compiler_one_line_says_so(compiler, told, monkeypatch, caplog):
    """A compiler that fails leaves the plain gates and its reason."""
    if told == "no-such-option" and shutil.which("cc") is None:
        pytest.skip("needs a C compiler")
    monkeypatch.setenv(VARIABLE, "1")
    monkeypatch.setenv("CC", compiler)
    with caplog.at_level(logging.WARNING):
        assert choose_gates() is mix
    (record,) = caplog.records
    assert "computed without it" in record.getMessage()
    assert told in record.getMessage()
    assert "\n" not in record.getMessage()


@needs_cc
@pytest.mark.parametrize("threads", [1, 2])
def test_compiled_gates_compute_the_same(threads, monkeypatch):
    """They give the plain gates' states, for one clip and for many, for any size, where gates are far from 0 too."""
    monkeypatch.setenv(VARIABLE, "1")
    gates = choose_gates()
    assert gates is not mix
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        for rows, size in ((1, 8), (2, 5), (50, 33), (300, 64)):
            entering, wide = 20 * torch.randn(rows, 3 * size), 20 * torch.randn(rows, 6 * size)
            state = torch.randn(rows, size).tanh()
            with torch.inference_mode():
                wanted = mix(entering.double(), wide[:, : 3 * size].double(), state.double())
                found = gates(entering, wide[:, : 3 * size], state)
            # The new gate's sum is off by how its product with the reset gate is rounded: the more, the larger.
            wide_new = wide[:, 2 * size : 3 * size].double().abs()
            assert ((found.double() - wanted).abs() <= 1e-6 + torch.finfo(torch.float32).eps * wide_new).all()
    finally:
        torch.set_num_threads(before)


@needs_cc
@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_a_model_says_the_same_with_compiled_gates(precision, monkeypatch):
    """Codes are those of the plain gates (to 1e-5 where nothing is rounded), in company or not, and so are clips."""
    monkeypatch.delenv(VARIABLE, raising=False)
    plain, clips = Workbench.open(device="cpu", precision=precision).model(), tiny_clips(48, seed=1, low=55, high=79)
    monkeypatch.setenv(VARIABLE, "1")
    model = Workbench.open(device="cpu", precision=precision).model()
    codes = model.encode(clips).mean

    assert np.abs(codes - plain.encode(clips).mean).max() <= {"float32": 1e-5, "int8": 0.05}[precision]
    assert (model.decode(codes) == plain.decode(codes)).mean() >= 0.999
    assert np.array_equal(model.encode(clips[:1]).mean, codes[:1])
    assert np.array_equal(model.decode(codes[:1]), model.decode(codes)[:1])
