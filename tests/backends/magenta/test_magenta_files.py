"""What can be wrong with a checkpoint folder, each with file, tensor and what to do; and the forms of the weights."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from latentknobs.backends.magenta_js.backend import MagentaBackend
from latentknobs.backends.magenta_js.manifest import read_tensors
from latentknobs.errors import ModelError
from latentknobs.workbench import Workbench

MU = "encoder/mu/kernel"
OUT = "decoder/output_projection/bias"


@pytest.mark.parametrize(("quantised", "near"), [(None, 0), ("uint16", 1e-4), ("uint8", 2e-2), ("float16", 1e-2)])
def test_tensors_are_read_in_every_form(tmp_path, tensors_of, write, quantised, near):
    """Plain and quantised weights come back, the quantised ones within half a step of their scale."""
    tensors = tensors_of()
    found = read_tensors(write(tmp_path / "x", tensors, shards=3, quantised=quantised))

    assert list(found) == list(tensors)
    for name, tensor in tensors.items():
        assert found[name].dtype == np.float32
        assert found[name].shape == tensor.shape
        assert np.abs(found[name] - tensor).max() <= near * np.abs(tensor).max()


def test_quantised_numbers_are_scaled_as_tfjs_does(tmp_path):
    """A number is stored number times scale plus min, in double precision, rounded to float32."""
    entry = {"name": "x", "shape": [3], "dtype": "float32"}
    told = {"dtype": "uint8", "scale": 0.1, "min": -1.7}
    (tmp_path / "a").write_bytes(bytes([0, 7, 255]))
    (tmp_path / "weights_manifest.json").write_text(
        json.dumps([{"paths": ["a"], "weights": [{**entry, "quantization": told}]}])
    )

    assert read_tensors(tmp_path)["x"].tolist() == [float(np.float32(n * 0.1 - 1.7)) for n in (0, 7, 255)]


@pytest.mark.parametrize("first", [b"\x1f\x8b", b"\x89HDF", b"a" * 600])
def test_numbers_may_begin_as_other_files_do(tmp_path, first):
    """A quantised shard is not taken for what its first bytes happen to spell."""
    told = {"dtype": "uint8", "scale": 1, "min": 0}
    entry = {"name": "x", "shape": [len(first)], "dtype": "float32", "quantization": told}
    (tmp_path / "a").write_bytes(first)
    (tmp_path / "weights_manifest.json").write_text(json.dumps([{"paths": ["a"], "weights": [entry]}]))

    assert read_tensors(tmp_path)["x"].tolist() == list(first)


def test_a_models_identity_is_that_of_its_numbers(tmp_path, tensors_of, write):
    """Other shards of the same numbers are the same model; another number or config is another one."""
    tensors = tensors_of()
    ids = [MagentaBackend.load(write(tmp_path / f"x{n}", tensors, shards=n), "cpu").spec.model_id for n in (1, 4)]
    other = {**tensors, OUT: tensors[OUT] + np.float32(1)}

    assert ids[0] == ids[1]
    assert MagentaBackend.load(write(tmp_path / "y", other), "cpu").spec.model_id != ids[0]
    assert MagentaBackend.load(write(tmp_path / "z", tensors_of(seed=1)), "cpu").spec.model_id != ids[0]


def test_a_folder_is_a_model_by_name_and_by_itself(folder):
    """``--model magenta:FOLDER`` and ``--model FOLDER`` load it through the plugin, with its capabilities."""
    with Workbench.open() as workbench:
        named, alone = workbench.model(f"magenta:{folder}", "cpu"), workbench.model(str(folder), "cpu")

    assert named.spec.model_id == alone.spec.model_id
    assert hasattr(named, "latent_weights")
    assert hasattr(named, "vjp")


def _weights(folder, tensor, **changes):
    """Change what the manifest says of a tensor."""
    path = folder / "weights_manifest.json"
    manifest = json.loads(path.read_text())
    for weight in manifest[0]["weights"]:
        if weight["name"] == tensor:
            weight.update(changes)
    path.write_text(json.dumps(manifest))


def _config(folder, **changes):
    path = folder / "config.json"
    config = json.loads(path.read_text())
    args = {**config["dataConverter"]["args"], **changes.pop("args", {})}
    config["dataConverter"] = {"type": changes.pop("converter", "MelodyConverter"), "args": args}
    path.write_text(json.dumps({**config, **changes}))


def _cut(folder):
    path = folder / "group1-shard2of2"
    path.write_bytes(path.read_bytes()[:-5])


def _more(folder):
    path = folder / "group1-shard2of2"
    path.write_bytes(path.read_bytes() + b"1234")


def _twice(folder):
    _weights(folder, "encoder/mu/bias", name="encoder/sigma/bias")


def _pointer(name):
    return lambda folder: (folder / name).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")


FAULTS = {
    "no folder": (shutil.rmtree, r"no folder .*small.*--model magenta:FOLDER"),
    "no config": (lambda f: (f / "config.json").unlink(), r"no .*config\.json.*download the folder whole"),
    "no manifest": (
        lambda f: (f / "weights_manifest.json").unlink(),
        r"no .*manifest\.json.*download the folder whole",
    ),
    "a config that is none": (lambda f: (f / "config.json").write_text("{"), r"config\.json is not JSON"),
    "a manifest that is none": (lambda f: (f / "weights_manifest.json").write_text("[1]"), "no weights manifest"),
    "a missing shard": (
        lambda f: (f / "group1-shard2of2").unlink(),
        r"shard .*group1-shard2of2 is missing: download it",
    ),
    "a truncated shard": (_cut, rf"group1-shard1of2 to group1-shard2of2 end within tensor '{OUT}'.*download"),
    "a Git LFS pointer as a shard": (
        _pointer("group1-shard1of2"),
        r"group1-shard1of2 is a Git LFS pointer.*git lfs pull",
    ),
    "a Git LFS pointer as the manifest": (
        _pointer("weights_manifest.json"),
        r"manifest\.json is a Git LFS pointer.*git lfs pull",
    ),
    "a web page as a shard": (
        lambda f: (f / "group1-shard1of2").write_text("<!DOCTYPE html><html>"),
        "group1-shard1of2 is a web page: download the file itself",
    ),
    "an empty shard": (lambda f: (f / "group1-shard1of2").write_bytes(b""), "group1-shard1of2 is empty: .*download"),
    "a misshapen bias": (
        lambda f: _weights(f, "encoder/mu/bias", shape=[1, 3]),
        r"'encoder/mu/bias' must have shape \(3,\), it has \(1, 3\)",
    ),
    "a misshapen first state": (
        lambda f: _weights(f, "decoder/z_to_initial_state/kernel", shape=[18, 3]),
        r"'decoder/z_to_initial_state/kernel' must have shape \(3, 18\), it has \(18, 3\)",
    ),
    "a longer shard": (_more, rf"the last is '{OUT}'.*of another checkpoint"),
    "a shard elsewhere": (
        lambda f: (f / "weights_manifest.json").write_text('[{"paths": ["../x"], "weights": []}]'),
        r"outside its folder, '\.\./x'",
    ),
    "another shape": (lambda f: _weights(f, MU, shape=[6, 6]), rf"'{MU}' must have shape \(12, 3\), it has \(6, 6\)"),
    "no shape": (lambda f: _weights(f, MU, shape=[-1]), rf"shape of tensor '{MU}' must be a list"),
    "an unknown type": (lambda f: _weights(f, MU, dtype="bool"), rf"'{MU}' has the type 'bool'; float32 is read.*conv"),
    "an unknown quantisation": (
        lambda f: _weights(f, MU, quantization={"dtype": "int4"}),
        rf"'{MU}' is quantised as 'int4'; uint8, uint16, float16 are read",
    ),
    "a quantisation without a scale": (
        lambda f: _weights(f, MU, quantization={"dtype": "uint8", "min": 0}),
        rf"'{MU}' is quantised as uint8 and needs finite numbers as its scale and min, not None and 0",
    ),
    "a tensor twice": (_twice, r"lists the tensor 'encoder/sigma/bias' twice"),
    "a missing tensor": (lambda f: _weights(f, MU, name="other"), rf"'{MU}' of shape \(12, 3\) is missing"),
    "a missing bias": (
        lambda f: _weights(f, "encoder/mu/bias", name="other"),
        r"'encoder/mu/bias' of shape \(3,\) is missing",
    ),
    "an unknown tensor": (
        lambda f: _weights(f, "encoder/sigma/bias", name="decoder/nade/w_enc"),
        r"a tensor 'decoder/nade/w_enc', which a flat MusicVAE does not have: .*choose",
    ),
    "a codebook": (
        lambda f: _weights(f, "encoder/mu/bias", name="encoder/codebook/embedding"),
        r"has the codebook 'encoder/codebook/embedding': discrete codes \(a VQ-VAE\) have no directions: give",
    ),
    "another type": (lambda f: _config(f, type="MusicRNN"), r"config\.json is of type 'MusicRNN'"),
    "another converter": (
        lambda f: _config(f, converter="TrioConverter"),
        r"clips of 'TrioConverter': melodies .*drums",
    ),
    "16 bars": (lambda f: _config(f, args={"numSteps": 256}), "clips of 256 steps: only clips of 2 or 4 bars"),
    "steps that are no number": (lambda f: _config(f, args={"numSteps": [32]}), r"clips of \[32\] steps: only"),
    "voices of its own": (
        lambda f: _config(f, converter="DrumsConverter", args={"pitchClasses": [[36], [38]]}),
        "voices of its own .pitchClasses.: only magenta's own 9 voices",
    ),
    "segments": (lambda f: _config(f, args={"numSegments": 2}), "32 steps in 2 segments: only"),
    "chords": (lambda f: _config(f, chordEncoder="Pitch"), "sets 'chordEncoder'.*choose one without"),
    "no pitches": (lambda f: _config(f, args={"maxPitch": "high"}), r"MIDI pitches.*not \[21, 'high'\]"),
    "other pitches": (
        lambda f: _config(f, args={"maxPitch": 107}),
        r"'decoder/.*' must have shape .*of one",
    ),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_a_folder_that_is_no_model_says_why(folder, fault):
    """Each fault is one sentence that names the file, the tensor where there is one, and what to do."""
    damage, wanted = FAULTS[fault]
    damage(folder)

    with pytest.raises(ModelError, match=wanted) as caught:
        MagentaBackend.load(folder, "cpu")

    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_weights_that_are_no_numbers_are_refused(tmp_path, tensors_of, write, number):
    """A weight that is NaN or infinite names folder and tensor, and how many of its numbers are."""
    tensors = tensors_of()
    tensors[MU][2, 1] = number
    where = write(tmp_path / "x", tensors)

    with pytest.raises(ModelError, match=rf"x: tensor '{MU}' must be finite; 1 of its 36 numbers .* Download"):
        MagentaBackend.load(where, "cpu")


def older(folder, tensors, config):
    """A folder as deeplearn.js had it: a file for each tensor, those of training among them."""
    folder.mkdir()
    adam = {"encoder/mu/kernel/Adam": np.ones(3, np.float32), "beta1_power": np.ones((), np.float32)}
    manifest = {}
    for name, tensor in {**tensors, **adam}.items():
        (folder / name.replace("/", "_")).write_bytes(tensor.astype("<f4").tobytes())
        manifest[name] = {"filename": name.replace("/", "_"), "shape": list(tensor.shape)}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_a_folder_of_deeplearn_js_is_the_same_model(tmp_path, tensors_of, write, config_of):
    """The older manifest with a file for each tensor gives the model of the newer one, by name and by itself."""
    tensors, config = tensors_of(kind="drums-2bar"), config_of("drums-2bar")
    folder = older(tmp_path / "older", tensors, config)
    newer = MagentaBackend.load(write(tmp_path / "newer", tensors, config=config), "cpu")
    with Workbench.open() as workbench:
        named, alone = workbench.model(f"magenta:{folder}", "cpu"), workbench.model(str(folder), "cpu")

    assert named.spec.model_id == alone.spec.model_id == newer.spec.model_id


OLDER_FAULTS = {
    "no config": (
        lambda f: (f / "config.json").unlink(),
        r"no config\.json beside .*manifest\.json.*write it, .*\"numSteps\": 32",
    ),
    "a missing file": (lambda f: (f / "encoder_mu_bias").unlink(), "encoder_mu_bias is missing: download it"),
    "a truncated file": (
        lambda f: (f / "encoder_mu_bias").write_bytes(b"\0\1\2"),
        "encoder_mu_bias end within tensor 'encoder/mu/bias': 3 bytes are there.*download",
    ),
    "another manifest": (
        lambda f: (f / "manifest.json").write_text('{"name": "an app"}'),
        r'manifest\.json is no manifest of weights: it must give "filename" and "shape"',
    ),
}


@pytest.mark.parametrize("fault", sorted(OLDER_FAULTS))
def test_an_older_folder_that_is_no_model_says_why(tmp_path, tensors_of, config_of, fault):
    """Each fault of a folder of deeplearn.js is one sentence that names the file and what to do."""
    folder = older(tmp_path / "older", tensors_of(), config_of("melody-2bar"))
    damage, wanted = OLDER_FAULTS[fault]
    damage(folder)

    with pytest.raises(ModelError, match=wanted):
        MagentaBackend.load(folder, "cpu")
