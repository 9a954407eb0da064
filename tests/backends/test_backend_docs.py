"""The backends that docs/how-to/models.md shows are whole plugins that keep the contract."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from latentknobs.hooks.manager import Plugins
from latentknobs.testing.contracts import BackendContract
from latentknobs.workbench import BUILTINS

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "models.md").read_text(encoding="utf-8")
MINE, BEATS = [
    block for block in re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL) if "LATENTKNOBS_API" in block
]


def _plugins(folder, text):
    (folder / "shown.py").write_text(text, encoding="utf-8")
    return Plugins.build(BUILTINS, plugins_dir=folder, entry_points=False, strict=True)


class TestBeats(BackendContract):
    """The backend in numpy, as it stands there."""

    @pytest.fixture
    def backend(self, tmp_path):
        """The model, through its plugin."""
        return _plugins(tmp_path, BEATS).backends()["beats"].load("", "cpu")


class TestMine(BackendContract):
    """The torch module through the adapter, as it stands there, with weights that its own class saved."""

    @pytest.fixture
    def backend(self, tmp_path):
        """The model, through its plugin."""
        offers = _plugins(tmp_path, MINE).backends()["mine"]
        sizes = {"into.weight": (16, 32), "into.bias": (16,), "out.weight": (4160, 16), "out.bias": (4160,)}
        rng = np.random.default_rng(0)
        weights = {name: torch.tensor(rng.normal(size=size), dtype=torch.float32) for name, size in sizes.items()}
        torch.save(weights, tmp_path / "weights.pt")
        return offers.load(str(tmp_path / "weights.pt"), "cpu")


def test_a_backend_takes_few_lines():
    """The whole backend in numpy is under sixty lines, and what the adapter asks for besides the module is ten."""
    assert len(BEATS.splitlines()) < 60
    assert len(MINE[MINE.index("def load") :].splitlines()) <= 10
