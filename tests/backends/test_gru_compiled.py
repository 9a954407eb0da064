"""Gates put together by a compiler."""

from __future__ import annotations

import shutil

import pytest
import torch

from latentknobs.backends.gru_musicvae.compiled import VARIABLE, choose_gates
from latentknobs.backends.gru_musicvae.inference import mix


def test_nothing_is_compiled_unless_asked_for(monkeypatch):
    """Without the variable, and with 0, the gates are the plain ones."""
    monkeypatch.delenv(VARIABLE, raising=False)
    assert choose_gates() is mix
    monkeypatch.setenv(VARIABLE, "0")
    assert choose_gates() is mix


def test_where_there_is_no_compiler_one_line_says_so(monkeypatch, caplog):
    """A compiler that fails leaves the plain gates and its reason."""
    monkeypatch.setenv(VARIABLE, "1")

    def broken(*_given, **_options):
        raise RuntimeError("no C++ compiler\nand a long story")

    monkeypatch.setattr(torch, "compile", broken)

    assert choose_gates() is mix
    (record,) = caplog.records
    assert record.getMessage().endswith("without it (no C++ compiler)")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")
def test_compiled_gates_compute_the_same(monkeypatch):
    """They give the plain gates' states, for one clip and for many."""
    monkeypatch.setenv(VARIABLE, "1")
    gates = choose_gates()
    assert gates is not mix

    for rows in (1, 2, 50):
        given = [torch.randn(rows, width) for width in (16, 8, 8, 8)]
        with torch.inference_mode():
            wanted = mix(*(x.clone() for x in given))
            torch.testing.assert_close(gates(*(x.clone() for x in given)), wanted, rtol=0, atol=1e-6)
