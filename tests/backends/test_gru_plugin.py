"""What the plugin offers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from latentknobs.backends.gru_musicvae import plugin
from latentknobs.backends.training import plugin as training_plugin
from latentknobs.errors import UsageError


def test_importing_the_plugin_does_not_load_torch():
    """The plugins register themselves without torch."""
    code = (
        "import sys; import latentknobs.backends.gru_musicvae.plugin as p, latentknobs.backends.training.plugin as t; "
        "p.register_backends(); t.register_commands(); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_one_backend_that_knows_its_files(weights):
    """It offers one backend, which recognises weights files and loads them."""
    (factory,) = plugin.register_backends()
    assert factory.name == "gru-musicvae"
    assert factory.recognises(weights)
    assert not factory.recognises(Path("authors.pt"))
    assert factory.load(str(weights), "cpu").spec.name == "tiny"
    for name, location in factory.shipped.items():
        assert Path(location).stem == name
        assert Path(location).is_file()


@pytest.mark.parametrize("there", ["mine.safetensors", "mine.json"])
def test_import_overwrites_nothing(host, network_of, tmp_path, there):
    """Weights are not taken over into a file that is there, nor beside a file in the place of their card."""
    torch.save(network_of().state_dict(), tmp_path / "authors.pt")
    (tmp_path / there).write_text("mine")
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(UsageError, match=f"{there} is there already and was left as it is"):
        training_plugin.model_import(host, tmp_path / "authors.pt", tmp_path / "mine.safetensors")
    assert (tmp_path / there).read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_commands(host):
    """It offers train, model import and model export; train needs a folder."""
    paths = [spec.path for spec in training_plugin.register_commands()]

    assert paths == [
        ("train",),
        ("model", "import"),
        ("model", "export"),
    ]
    with pytest.raises(UsageError, match="-o FOLDER"):
        training_plugin.train(host)
