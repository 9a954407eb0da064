"""Magenta's own package and ours, on a random checkpoint of each kind."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from latentknobs.backends.magenta_js.backend import MagentaBackend

SCRIPT = Path(__file__).parent
CLOSE, TIE = 1e-5, 1e-4
TEMPERATURE = 0.7
SIZES = {"encoder": 48, "decoder": (40, 40), "latent": 24}
"""Of the kinds whose real shapes take node minutes; magenta.js takes all decoder layers to be of one size."""


@pytest.fixture(scope="module")
def magenta(tmp_path_factory):
    """A folder with @magenta/music in its node_modules: MAGENTA_MUSIC, or installed by npm."""
    if not shutil.which("node"):
        pytest.skip("there is no node to run magenta's package with")
    if "MAGENTA_MUSIC" in os.environ:
        return Path(os.environ["MAGENTA_MUSIC"])
    folder = tmp_path_factory.mktemp("magenta")
    shutil.copy(SCRIPT / "package.json", folder)
    if not (npm := shutil.which("npm")):
        pytest.skip("there is no npm to install magenta's package with, and MAGENTA_MUSIC names no copy")
    command = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("npm did not install magenta's package in five minutes")
    if done.returncode:
        pytest.skip(f"npm could not install magenta's package: {done.stderr.strip().splitlines()[-1]}")
    return folder


@pytest.mark.parametrize(
    ("kind", "count", "quantised"),
    [
        pytest.param("real", 100, None, marks=pytest.mark.slow),
        pytest.param("real", 50, "uint8", marks=pytest.mark.slow),
        pytest.param("real", 1000, None, marks=pytest.mark.evidence),  # node takes a third of a second for each clip
        pytest.param("melody-4bar", 50, None, marks=pytest.mark.slow),
        pytest.param("drums-2bar", 50, None, marks=pytest.mark.slow),
        pytest.param("drums-2bar", 50, "uint16", marks=pytest.mark.slow),
        pytest.param("drums-4bar", 50, None, marks=pytest.mark.slow),
    ],
)
def test_parity_with_magentas_package(
    magenta, tmp_path, kind, count, quantised, real, tensors_of, write, clips_of, config_of, record_property
):
    """
    Tokens are the same, means to 1e-5, and greedy tokens up to the first near tie of two logits.

    ``count`` clips are encoded, and as many codes decoded, half of them the clips' own and half from the prior: greedy,
    and at a temperature with our draws in the place of theirs, where the logits that they draw from are ours.
    """
    tensors = tensors_of(real) if kind == "real" else tensors_of(kind=kind, **SIZES)
    kind = "melody-2bar" if kind == "real" else kind
    write(tmp_path / "checkpoint", tensors, shards=5, quantised=quantised, config=config_of(kind))
    clips = clips_of(count, kind=kind)
    model = MagentaBackend.load(tmp_path / "checkpoint", "cpu")
    notes = [[[note.onset, note.pitch, note.end] for note in model.spec.clip_format.notes(clip)] for clip in clips]
    (tmp_path / "clips.json").write_text(json.dumps(notes))
    mean = model.encode(clips).mean
    prior = np.random.default_rng(2).normal(size=mean.shape).astype(np.float32)
    z = np.where(np.arange(count)[:, None] % 2, prior, mean)
    (tmp_path / "z.bin").write_bytes(z.astype("<f4").tobytes())
    rng = np.random.default_rng(4)

    def draw(logits):
        return (logits / TEMPERATURE + torch.from_numpy(rng.gumbel(size=logits.shape))).argmax(dim=-1)

    with torch.inference_mode():
        tokens, logits = (found.numpy() for found in model.network.run(torch.from_numpy(z)))
        drawn, cold = (found.numpy() for found in model.network.run(torch.from_numpy(z), choose=draw))
    (tmp_path / "drawn.json").write_text(json.dumps({"temperature": TEMPERATURE, "tokens": drawn.tolist()}))

    subprocess.run(["node", SCRIPT / "parity.js", tmp_path, magenta], check=True, timeout=3600)

    def read(name, dtype):
        return np.frombuffer((tmp_path / name).read_bytes(), dtype=dtype).reshape(count, -1)

    assert np.array_equal(model.network.vocabulary.theirs(clips), read("events.bin", "<i4"))
    apart = np.abs(mean - read("mean.bin", "<f4")).max()
    assert apart < CLOSE
    theirs = read("tokens.bin", "<i4")
    second, first = np.moveaxis(np.sort(logits, axis=-1)[..., -2:], -1, 0)
    tied = first - second < TIE
    # After a tie each goes its own way: what counts is that no difference comes before it.
    before = ~np.maximum.accumulate(tied, axis=1)
    assert np.array_equal(tokens[before], theirs[before])
    np.testing.assert_allclose(read("logits.bin", "<f4").reshape(cold.shape), cold / TEMPERATURE, atol=TIE)
    record_property("largest difference of means", float(apart))
    record_property("tokens that differ", int((tokens != theirs).sum()))
    record_property("clips with a near tie", int(tied.any(axis=1).sum()))
    assert len(np.unique(theirs)) > 20
    assert {0, 1} <= set(np.unique(theirs).tolist())
