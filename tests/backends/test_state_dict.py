"""Weights that others saved: what is read, and what a file is that is not."""

from __future__ import annotations

import argparse
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from latentknobs import load_weights
from latentknobs.backends.gru_musicvae.backend import GruMusicVaeBackend
from latentknobs.backends.gru_musicvae.weight_import import import_weights
from latentknobs.backends.network import NetworkConfig
from latentknobs.backends.state_dict import read_state_dict
from latentknobs.errors import ModelError
from latentknobs.workbench import Workbench

SIZES = NetworkConfig(6, 5, 3, 0, latent_size=4)


@pytest.fixture
def tensors(network_of):
    """The state dict of a small network in the authors' names."""
    return dict(network_of(SIZES).state_dict())


def _arrays(tensors, path):
    np.savez(path.with_suffix(".npz"), **{name: tensor.numpy() for name, tensor in tensors.items()})
    path.with_suffix(".npz").rename(path)


FORMS = {
    "plain": torch.save,
    "state_dict": lambda t, path: torch.save({"state_dict": t, "epoch": 3, "optimizer": {"lr": 0.1}}, path),
    "model": lambda t, path: torch.save({"model": t}, path),
    "model_state_dict": lambda t, path: torch.save({"model_state_dict": t, "loss": torch.zeros(1)}, path),
    "wrapped twice": lambda t, path: torch.save({"model": {"state_dict": t}}, path),
    "data parallel": lambda t, path: torch.save({f"module.{name}": tensor for name, tensor in t.items()}, path),
    "compiled": lambda t, path: torch.save({f"model._orig_mod.{name}": x for name, x in t.items()}, path),
    "before torch 1.6": lambda t, path: torch.save(t, path, _use_new_zipfile_serialization=False),
    "float64": lambda t, path: torch.save({name: tensor.double() for name, tensor in t.items()}, path),
    "safetensors": save_file,
    "numpy": _arrays,
}


@pytest.mark.parametrize("form", sorted(FORMS))
def test_every_common_form_is_the_same_model(tmp_path, tensors, form):
    """Wrapped, prefixed, wider and other files are the model that importing the plain ones gives, by path alone."""
    FORMS[form](tensors, path := tmp_path / "authors.pt")
    torch.save(tensors, tmp_path / "plain.pt")
    identity, _ = import_weights(tmp_path / "plain.pt", tmp_path / "taken.safetensors")
    with Workbench.open() as workbench:
        spec = workbench.model(str(path), "cpu").spec

    assert (spec.model_id, spec.name) == (identity, "authors")


def test_half_precision_is_accepted(tmp_path, tensors):
    """Weights of float16 are computed as float32."""
    torch.save({name: tensor.half() for name, tensor in tensors.items()}, tmp_path / "half.pt")

    assert GruMusicVaeBackend.load(tmp_path / "half.pt", "cpu").spec.latent_size == 4
    assert all(tensor.dtype == torch.float32 for tensor in read_state_dict(tmp_path / "half.pt").values())


class Kept(nn.Module):
    """A module that is pickled whole."""


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 9\n"
OTHERS = {
    "a pointer": (lambda path: path.write_bytes(POINTER), "is a Git LFS pointer.*git lfs pull"),
    "nothing": (lambda path: path.write_bytes(b""), "is empty: copy or download it again"),
    "text": (lambda path: path.write_text("hello"), "is text, and weights are not"),
    "a web page": (lambda path: path.write_text("\n<!DOCTYPE html>é"), "is a web page: download the file itself"),
    "a Keras file": (lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n\0"), "is an HDF5 file, as Keras writes"),
    "a tar archive": (
        lambda path: path.write_bytes(b"x\0" * 128 + b"\0ustar\0" + b"\0" * 300),
        "is a tar archive: unpack",
    ),
    "noise": (
        lambda path: path.write_bytes(bytes(range(256))),
        "is damaged or something else than weights: copy or download",
    ),
    "a pickled class": (
        lambda path: torch.save(Kept(), path),
        r"holds an object of \S*Kept, and a pickled object is never opened.*save the model's state_dict\(\)",
    ),
    "arguments beside tensors": (
        lambda path: torch.save({"state_dict": {"x": torch.ones(1)}, "args": argparse.Namespace(a=1)}, path),
        r"holds an object of argparse\.Namespace",
    ),
    "a program": (
        lambda path: zipfile.ZipFile(path, "w").writestr("some/code/some.py", "x = 1"),
        "is a TorchScript program, and a pickled object is never opened",
    ),
    "a list": (lambda path: torch.save([1, 2], path), "holds a list, and not a state dict .names and tensors.: save"),
    "an empty dictionary": (lambda path: torch.save({}, path), "holds an empty dictionary"),
    "numbers": (lambda path: torch.save({"x": torch.ones(1), "epoch": 3}, path), "dictionary whose 'epoch' is a int"),
    "a cut file": (
        lambda path: (torch.save({"x": torch.ones(99)}, path), path.write_bytes(path.read_bytes()[:300])),
        "copy or download it again",
    ),
    "cut safetensors": (
        lambda path: (save_file({"x": torch.ones(99)}, path), path.write_bytes(path.read_bytes()[:100])),
        "is damaged or no file of weights .*copy or download it again",
    ),
}


@pytest.mark.parametrize("kind", sorted(OTHERS))
def test_what_is_no_weights_says_what_it_is(tmp_path, kind):
    """One sentence names the file, what it is and what to do, by path, by backend and in Python."""
    make, wanted = OTHERS[kind]
    make(path := tmp_path / "some.pt")

    with Workbench.open() as workbench:
        for name in (str(path), f"gru-musicvae:{path}"):
            with pytest.raises(ModelError, match=wanted) as caught:
                workbench.model(name, "cpu")
            assert str(path) in str(caught.value)
    with pytest.raises(ModelError, match=wanted):
        load_weights(nn.Linear(1, 1), path)


def test_a_pointer_in_the_place_of_our_own_weights_is_told(tmp_path):
    """A Git LFS pointer that is named .safetensors is one, with or without a card."""
    path = tmp_path / "mine.safetensors"
    path.write_bytes(POINTER)
    for _ in range(2):
        with Workbench.open() as workbench, pytest.raises(ModelError, match="is a Git LFS pointer"):
            workbench.model(str(path), "cpu")
        path.with_suffix(".json").write_text(json.dumps({"config": {}}))


NAMES = (
    *("grucell_0.weight_ih", "grucell_1.weight_hh", "grucell_2.bias_hh", "gru_0.weight_ih_l0", "linear_mu.weight"),
    *("linear_mu.bias", "linear_init.weight", "linear_init.bias", "linear_out.weight", "linear_out.bias"),
)


@pytest.mark.parametrize("name", NAMES)
def test_the_tensor_that_is_missing_or_misshapen_is_named(tmp_path, tensors, name):
    """Where one tensor is missing or has another size, it is the one that is named, and what it should be."""
    shape = tuple(tensors[name].shape)
    smaller = (shape[0] - 1, *shape[1:])
    torch.save({**tensors, name: tensors[name][:-1].clone()}, tmp_path / "shape.pt")
    torch.save({key: tensor for key, tensor in tensors.items() if key != name}, tmp_path / "missing.pt")

    for file, said in (
        ("shape.pt", f"tensor {name!r} must have shape {shape}, it has {smaller}."),
        ("missing.pt", f"tensor {name!r} of shape {shape} is missing."),
    ):
        with Workbench.open() as workbench, pytest.raises(ModelError) as caught:
            workbench.model(str(tmp_path / file), "cpu")
        assert str(caught.value).endswith(said)


def test_weights_are_put_into_a_module_of_ones_own(tmp_path):
    """A file goes into any module, counters included; another network's is refused by its first wrong tensor."""
    module, other = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)), nn.Sequential(nn.Linear(2, 4))
    torch.save({"state_dict": {f"net.{k}": v.double() for k, v in module.state_dict().items()}}, tmp_path / "own.ckpt")
    load_weights(module, tmp_path / "own.ckpt")

    with pytest.raises(ModelError, match=r"tensor '0.bias' must have shape \(4,\), it has \(3,\)"):
        load_weights(other, tmp_path / "own.ckpt")
    with pytest.raises(ModelError, match="There is no weights file"):
        load_weights(module, Path("nowhere.pt"))


@pytest.mark.parametrize("name", ["codebook", "vq.embed", "quantizer.embedding.weight", "quantize.codebooks.0"])
def test_a_codebook_is_told(tmp_path, tensors, name):
    """A VQ-VAE's weights say what to do: by the loader of a module of one's own, and by that of the paper's network."""
    torch.save({**tensors, name: torch.zeros(8, 3)}, tmp_path / "vq.pt")
    told = rf"vq\.pt has the codebook '{name}': discrete codes .* quantize inside decode"
    with pytest.raises(ModelError, match=told):
        import_weights(tmp_path / "vq.pt", tmp_path / "mine.safetensors")
    with pytest.raises(ModelError, match=told):
        load_weights(nn.Linear(3, 2), tmp_path / "vq.pt")


def test_a_module_may_have_a_codebook_of_its_own(tmp_path):
    """One that quantizes inside decode is loaded as any other."""
    module = nn.ModuleDict({"quantizer": nn.Embedding(4, 2)})
    torch.save(module.state_dict(), tmp_path / "mine.pt")
    load_weights(module, tmp_path / "mine.pt")
