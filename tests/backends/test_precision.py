"""Computing in fewer bits."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from latentknobs.backends import devices
from latentknobs.backends import precision as module
from latentknobs.backends.devices import has_bfloat16
from latentknobs.backends.precision import PRECISIONS, choose_precision, enough
from latentknobs.core.run import RunSpec
from latentknobs.errors import UnknownNameError, UsageError
from latentknobs.testing.tiny import tiny_clips
from latentknobs.workbench import Workbench

CPU = torch.device("cpu")
HERE = [name for name in PRECISIONS if name != "bf16" or has_bfloat16(CPU)]


@pytest.mark.parametrize("name", PRECISIONS)
def test_products_by_hand(name):
    """States are multiplied as torch would, within what the numbers' steps allow, and biases are added."""
    rng = np.random.default_rng(0)
    weight, bias = (torch.tensor(rng.normal(size=shape), dtype=torch.float32) for shape in ((12, 4), (12,)))
    state = torch.tensor(rng.uniform(-1, 1, size=(5, 4)), dtype=torch.float32)
    way = PRECISIONS[name]()
    atol = {"float32": 1e-6, "bf16": 0.03, "int8": 0.04}[name]

    found = way.product(weight, bias)(way.operand(state))

    torch.testing.assert_close(found, state @ weight.T + bias, rtol=0, atol=atol)
    assert found.dtype == torch.float32


def test_int8_is_exact_where_the_steps_are():
    """States and weights that are whole 127ths lose nothing, and an output without weights is its bias."""
    weight = torch.tensor([[127.0, -64.0], [0.0, 0.0]])
    bias = torch.tensor([0.5, -0.25])
    state = torch.tensor([[1.0, -1.0], [10 / 127, 3 / 127]])
    way = PRECISIONS["int8"]()

    found = way.product(weight, bias)(way.operand(state))

    torch.testing.assert_close(found, state @ weight.T + bias, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", [x for x in HERE if x != "bf16"])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("shape", [(7, 40), (96, 40), (1536, 512)])
def test_a_row_of_a_product_does_not_depend_on_the_others(name, threads, shape):
    """However many there are, to the last bit."""
    rng, before = np.random.default_rng(0), torch.get_num_threads()
    weight, bias = (torch.tensor(rng.normal(size=size), dtype=torch.float32) for size in (shape, shape[:1]))
    way = PRECISIONS[name]()
    product = way.product(weight, bias)
    state = torch.tensor(rng.uniform(-1, 1, (300, shape[1])), dtype=torch.float32)
    torch.set_num_threads(threads)
    try:
        with torch.inference_mode():
            every = product(way.operand(state))
            for rows in (way.min_rows, 3, 4, 5, 17, 256, 300, 3):
                assert torch.equal(product(way.operand(state[:rows])), every[:rows])
                assert torch.equal(product(way.operand(state[-rows:])), every[-rows:])
    finally:
        torch.set_num_threads(before)


@pytest.mark.slow
@pytest.mark.parametrize("instructions", ["SSE41", "AVX2", "AVX512_CORE"])
def test_no_row_depends_on_the_others_with_older_instructions(instructions):
    """What oneDNN does on older processors keeps that rule too."""
    test = f"{__file__}::{test_a_row_of_a_product_does_not_depend_on_the_others.__name__}"
    line = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test, "-k", "float32"]
    env = os.environ | {"ONEDNN_MAX_CPU_ISA": instructions}
    told = subprocess.run(line, check=False, env=env, capture_output=True, text=True)
    assert told.returncode == 0, told.stdout
    assert "6 passed" in told.stdout


def test_few_different_numbers_of_rows_are_computed():
    """At least as many as are wanted and at most a few more, in few different numbers: each costs memory."""
    given = [enough(rows, 2) for rows in range(1, 513)]

    assert all(max(rows, 2) <= found <= rows + 15 for rows, found in enumerate(given, 1))
    assert given[:32] == [2, *range(2, 33)]
    assert len(set(given)) <= 64


def test_a_reading_computes_few_different_numbers_of_rows(monkeypatch):
    """Whatever clips share with each other, products are of those numbers."""
    seen, clips = set(), tiny_clips(300, seed=2, low=55, high=79)
    operand = module.Float32.operand
    monkeypatch.setattr(module.Float32, "operand", lambda own, state: seen.add(len(state)) or operand(own, state))
    model = Workbench.open(device="cpu").model()
    for count in (1, 5, 33, 100, 300):
        model.encode(clips[:count])

    assert seen
    assert seen <= {enough(rows, 2) for rows in range(1, 513)}


@pytest.mark.parametrize("name", ["float32", "bf16"])
def test_products_without_the_library_that_lays_weights_out(name, monkeypatch):
    """Where torch has no oneDNN, as on a CUDA device, products are plain and the same to their rounding."""
    weight, bias, state = torch.randn(48, 32), torch.randn(48), torch.randn(9, 32).tanh()
    found = []
    for there in (True, False):
        if not there:
            monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
        way = PRECISIONS[name]()
        found.append(way.product(weight, bias)(way.operand(state)))
    torch.testing.assert_close(*found, rtol=0, atol={"float32": 1e-5, "bf16": 0.1}[name])


def test_bytes_are_multiplied_alike_with_and_without_blocked_weights(monkeypatch):
    """What a processor without byte products computes is the same to the bit."""
    weight, bias, state = torch.randn(48, 32), torch.randn(48), torch.randn(9, 32).tanh()
    found = []
    for there in (True, False):
        monkeypatch.setattr(module, "has_int8_products", lambda there=there: there and devices.has_int8_products())
        way = PRECISIONS["int8"]()
        found.append(way.product(weight, bias)(way.operand(state)))
    assert torch.equal(*found)


@pytest.fixture(scope="module")
def float32_codes():
    """The shipped model as it was trained, melodies, and their codes."""
    model, clips = Workbench.open(device="cpu").model(), tiny_clips(48, seed=1, low=55, high=79)
    return model, clips, model.encode(clips).mean


@pytest.mark.parametrize("name", HERE)
def test_the_shipped_model_says_the_same_in_any_numbers(name, float32_codes):
    """Codes move by a small part of their spread, and of the greedy tokens 99 % and more are the same."""
    plain, clips, codes = float32_codes
    model = Workbench.open(device="cpu", precision=name).model()

    assert (model is plain) == (name == "float32") or name == "float32"
    assert np.abs(model.encode(clips).mean - codes).max() <= {"float32": 1e-5, "bf16": 0.05, "int8": 0.2}[name]
    assert (model.decode(codes) == plain.decode(codes)).mean() >= (1.0 if name == "float32" else 0.99)


@pytest.mark.parametrize("name", [x for x in HERE if x != "bf16"])
def test_a_clip_does_not_depend_on_its_company_in_any_numbers(name, float32_codes):
    """Alone or among others, a clip has the same code to the last bit, and so has what is decoded."""
    _, clips, _ = float32_codes
    model = Workbench.open(device="cpu", precision=name).model()
    codes = model.encode(clips).mean

    assert np.array_equal(model.encode(clips[:1]).mean, codes[:1])
    assert np.array_equal(model.encode(clips[5:12]).mean, codes[5:12])
    assert np.array_equal(model.decode(codes[:1]), model.decode(codes)[:1])


def test_a_precision_that_there_is_not(monkeypatch):
    """An unknown one is told with those there are, and one that the device lacks with what to do."""
    with pytest.raises(UnknownNameError, match="float32"):
        Workbench.open(precision="float8").model()
    with pytest.raises(UsageError, match="float32, bf16, int8"):
        choose_precision("float8", CPU)
    with pytest.raises(UsageError, match="on the CPU only"):
        choose_precision("int8", torch.device("cuda"))
    monkeypatch.setattr(module, "has_bfloat16", lambda _device: False)
    with pytest.raises(UsageError, match="has no bfloat16"):
        choose_precision("bf16", CPU)


def test_a_run_knows_in_which_numbers_it_was_made(monkeypatch, tmp_path):
    """The precision enters a run's parameters, and with it its id, unless it is the usual one."""
    seen = []
    monkeypatch.setattr("latentknobs.workbench.RunSpec", lambda *a: seen.append(RunSpec(*a)) or 1 / 0)
    for precision in ("", "float32", "int8"):
        with (
            Workbench.open(str(tmp_path / "r.db"), device="cpu", precision=precision) as bench,
            pytest.raises(ZeroDivisionError),
        ):
            bench.discover("transpose", corpus="factors", clips=8)

    assert "precision" not in seen[0].parameters
    assert seen[1].run_id == seen[0].run_id
    assert seen[2].parameters["precision"] == "int8"
