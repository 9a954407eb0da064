"""Magenta's own package and ours, on a random checkpoint of the shapes of mel_2bar_small."""

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
from latentknobs.core.melody_format import MELODY

SCRIPT = Path(__file__).parent
CLOSE, TIE = 1e-5, 1e-4


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
    ("count", "quantised"),
    [
        pytest.param(100, None, marks=pytest.mark.slow),
        pytest.param(50, "uint8", marks=pytest.mark.slow),
        pytest.param(1000, None, marks=pytest.mark.evidence),  # node takes a third of a second for each clip
    ],
)
def test_parity_with_magentas_package(
    magenta, tmp_path, count, quantised, real, tensors_of, write, clips_of, record_property
):
    """
    Tokens are the same, means to 1e-5, and greedy tokens up to the first near tie of two logits.

    ``count`` clips are encoded, and as many codes decoded, half of them the clips' own and half from the prior.
    """
    write(tmp_path / "checkpoint", tensors_of(real), shards=5, quantised=quantised)
    clips = clips_of(count)
    notes = [[[note.onset, note.pitch, note.end] for note in MELODY.notes(clip)] for clip in clips]
    (tmp_path / "clips.json").write_text(json.dumps(notes))
    model = MagentaBackend.load(tmp_path / "checkpoint", "cpu")
    mean = model.encode(clips).mean
    prior = np.random.default_rng(2).normal(size=mean.shape).astype(np.float32)
    z = np.where(np.arange(count)[:, None] % 2, prior, mean)
    (tmp_path / "z.bin").write_bytes(z.astype("<f4").tobytes())

    subprocess.run(["node", SCRIPT / "parity.js", tmp_path, magenta], check=True, timeout=3600)

    def read(name, dtype):
        return np.frombuffer((tmp_path / name).read_bytes(), dtype=dtype).reshape(count, -1)

    assert np.array_equal(model.network.vocabulary.theirs(clips), read("events.bin", "<i4"))
    apart = np.abs(mean - read("mean.bin", "<f4")).max()
    assert apart < CLOSE
    with torch.inference_mode():
        tokens, logits = (found.numpy() for found in model.network.run(torch.from_numpy(z)))
    theirs = read("tokens.bin", "<i4")
    second, first = np.moveaxis(np.sort(logits, axis=-1)[..., -2:], -1, 0)
    tied = first - second < TIE
    # After a tie each goes its own way: what counts is that no difference comes before it.
    before = ~np.maximum.accumulate(tied, axis=1)
    assert np.array_equal(tokens[before], theirs[before])
    record_property("largest difference of means", float(apart))
    record_property("tokens that differ", int((tokens != theirs).sum()))
    record_property("clips with a near tie", int(tied.any(axis=1).sum()))
    assert len(np.unique(theirs)) > 20
    assert {0, 1} <= set(np.unique(theirs).tolist())
