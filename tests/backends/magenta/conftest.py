"""Checkpoint folders with seeded random weights: small ones of each kind, and one of the shapes of mel_2bar_small."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from latentknobs.backends.magenta_js.backend import MagentaBackend
from latentknobs.core.drum_format import DRUMS, DRUMS_4BAR
from latentknobs.core.melody_format import MELODY, MELODY_4BAR

REAL = Path(__file__).parents[2] / "data" / "magenta"
CONFIG = json.loads((REAL / "config.json").read_text(encoding="utf-8"))
MANIFEST = json.loads((REAL / "weights_manifest.json").read_text(encoding="utf-8"))
KINDS = {"melody-2bar": MELODY, "melody-4bar": MELODY_4BAR, "drums-2bar": DRUMS, "drums-4bar": DRUMS_4BAR}
BIDI = "encoder/cell_0/bidirectional_rnn/{}/multi_rnn_cell/cell_0/lstm_cell/"
CELL = "decoder/multi_rnn_cell/cell_{}/lstm_cell/"


def config_of_kind(kind):
    """The config.json of a checkpoint of a kind."""
    args = {"numSteps": KINDS[kind].steps}
    if kind.startswith("drums"):
        converter = {"type": "DrumsConverter", "args": args}
    else:
        converter = {"type": "MelodyConverter", "args": {**args, "minPitch": 21, "maxPitch": 108}}
    return {"type": "MusicVAE", "dataConverter": converter}


def small_shapes(kind="melody-2bar", encoder=6, decoder=(5, 4), latent=3, *, sigma=True):
    """Names and shapes of a small network of a kind, written out by hand from the real ones."""
    inputs, vocabulary = (90, 90) if kind.startswith("melody") else (10, 512)
    out = {}
    for way in ("fw", "bw"):
        out |= {
            BIDI.format(way) + "kernel": (inputs + encoder, 4 * encoder),
            BIDI.format(way) + "bias": (4 * encoder,),
        }
    for head in ("mu", "sigma") if sigma else ("mu",):
        out |= {f"encoder/{head}/kernel": (2 * encoder, latent), f"encoder/{head}/bias": (latent,)}
    out |= {"decoder/z_to_initial_state/kernel": (latent, 2 * sum(decoder))}
    out |= {"decoder/z_to_initial_state/bias": (2 * sum(decoder),)}
    for layer, hidden in enumerate(decoder):
        rows = vocabulary + latent + hidden if layer == 0 else decoder[layer - 1] + hidden
        out |= {CELL.format(layer) + "kernel": (rows, 4 * hidden), CELL.format(layer) + "bias": (4 * hidden,)}
    out |= {
        "decoder/output_projection/kernel": (decoder[-1], vocabulary),
        "decoder/output_projection/bias": (vocabulary,),
    }
    return out


def real_shapes():
    """Names and shapes of mel_2bar_small, in the manifest's order."""
    return {weight["name"]: tuple(weight["shape"]) for weight in MANIFEST[0]["weights"]}


def random_tensors(shapes, seed=0, gain=1.5):
    """Seeded weights, large enough for clips to differ, and a decoder that writes holds and rests as well as notes."""
    rng = np.random.default_rng(seed)
    out = {}
    for name, shape in shapes.items():
        size = gain / np.sqrt(shape[0]) if len(shape) == 2 else 0.1
        out[name] = (rng.normal(size=shape) * size).astype(np.float32)
    spread = np.linalg.norm(out["decoder/output_projection/kernel"], axis=0).mean()
    out["decoder/output_projection/bias"][:2] += np.float32(0.6 * spread) * np.array([1.2, 0.8], np.float32)
    return out


def write_folder(folder, tensors, *, shards=2, quantised=None, config=None):
    """A checkpoint folder: config, manifest and shards; quantised as tfjs does it, to the tensor's own range."""
    folder.mkdir(parents=True, exist_ok=True)
    weights, data = [], b""
    for name, tensor in tensors.items():
        entry = {"name": name, "shape": list(tensor.shape), "dtype": "float32"}
        if quantised in ("uint8", "uint16"):
            least, most = float(tensor.min()), float(tensor.max())
            scale = (most - least) / np.iinfo(quantised).max or 1.0
            entry["quantization"] = {"dtype": quantised, "scale": scale, "min": least}
            data += np.round((tensor.astype(np.float64) - least) / scale).astype(quantised).tobytes()
        else:
            if quantised:
                entry["quantization"] = {"dtype": quantised}
            data += tensor.astype(quantised or "<f4").tobytes()
        weights.append(entry)
    names = [f"group1-shard{i + 1}of{shards}" for i in range(shards)]
    size = -(-len(data) // shards)
    for i, name in enumerate(names):
        (folder / name).write_bytes(data[i * size : (i + 1) * size])
    manifest = [{"paths": names, "weights": weights}]
    (folder / "weights_manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    (folder / "config.json").write_text(json.dumps(config or CONFIG), encoding="utf-8")
    return folder


def seeded_clips(count, seed=1, kind="melody-2bar"):
    """Seeded valid clips: notes of all lengths, rests and repeated pitches, or hits; int16 (count, steps)."""
    rng = np.random.default_rng(seed)
    shape = (count, KINDS[kind].steps)
    if kind.startswith("drums"):
        return (rng.integers(0, 512, shape) * (rng.random(shape) < 0.6)).astype(np.int16)
    draw, pitch = rng.random(shape), rng.integers(21, 109, shape)
    return MELODY.repair(np.where(draw < 0.3, pitch, np.where(draw < 0.85, 128, 129)).astype(np.int16))


@pytest.fixture
def real():
    """Names and shapes of mel_2bar_small."""
    return real_shapes()


@pytest.fixture
def tensors_of():
    """Makes random tensors: of a small network of these sizes, or of the shapes that are given."""
    return lambda shapes=None, seed=0, **sizes: random_tensors(shapes or small_shapes(**sizes), seed)


@pytest.fixture
def write():
    """Writes a checkpoint folder."""
    return write_folder


@pytest.fixture
def clips_of():
    """Makes seeded clips."""
    return seeded_clips


@pytest.fixture
def config_of():
    """The config.json of a kind."""
    return config_of_kind


@pytest.fixture(scope="module", params=sorted(KINDS))
def model_of_kind(request, tmp_path_factory):
    """A small model of each kind, without two logits so near that a draw could take either."""
    folder = tmp_path_factory.mktemp(request.param)
    write_folder(folder, random_tensors(small_shapes(request.param), seed=1), config=config_of_kind(request.param))
    return MagentaBackend.load(folder, "cpu")


@pytest.fixture
def folder(tmp_path):
    """A small checkpoint."""
    return write_folder(tmp_path / "small", random_tensors(small_shapes()))


@pytest.fixture
def backend(folder):
    """The model of the small checkpoint."""
    return MagentaBackend.load(folder, "cpu")


@pytest.fixture(scope="module")
def decoder_alone_folder(tmp_path_factory):
    """A small checkpoint of drums without the encoder's tensors."""
    tensors = random_tensors(small_shapes("drums-2bar"), seed=1)
    alone = {name: tensor for name, tensor in tensors.items() if not name.startswith("encoder/")}
    return write_folder(tmp_path_factory.mktemp("decoder"), alone, config=config_of_kind("drums-2bar"))


@pytest.fixture(scope="module")
def decoder_alone(decoder_alone_folder):
    """Its model."""
    return MagentaBackend.load(decoder_alone_folder, "cpu")
