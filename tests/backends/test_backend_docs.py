"""The backends that docs/how-to/models.md shows are whole plugins that keep the contract."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from latentknobs.core.melody_format import MELODY
from latentknobs.hooks.manager import Plugins
from latentknobs.testing.contracts import BackendContract
from latentknobs.testing.tiny import tiny_clips
from latentknobs.workbench import BUILTINS

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "models.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
MINE, BEATS = [block for block in SHOWN if "LATENTKNOBS_API" in block]
(TUNES,) = [block for block in SHOWN if "class Tunes" in block]
(BLOCKS,) = [block for block in SHOWN if block.startswith("return TorchBackend")]
WITH_BLOCKS = re.sub(r"return TorchBackend.*\n", lambda _: BLOCKS, MINE)


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
        return _mine(tmp_path, MINE)


class TestTunes(BackendContract):
    """The conditional backend, in the file of the one in numpy."""

    @pytest.fixture
    def backend(self, tmp_path):
        """The model, through a plugin that offers it."""
        text = BEATS.replace("@hookimpl", f"{TUNES}\n@hookimpl").replace("Beats(), {", "Tunes(), {")
        return _plugins(tmp_path, text).backends()["beats"].load("", "cpu")


def _mine(folder, text):
    """The torch module of a page's plugin, with random weights."""
    sizes = {"into.weight": (16, 32), "into.bias": (16,), "out.weight": (4160, 16), "out.bias": (4160,)}
    rng = np.random.default_rng(0)
    weights = {name: torch.tensor(rng.normal(size=size), dtype=torch.float32) for name, size in sizes.items()}
    torch.save(weights, folder / "weights.pt")
    return _plugins(folder, text).backends()["mine"].load(str(folder / "weights.pt"), "cpu")


def test_blocks_take_one_line(tmp_path):
    """The torch module with the line that is shown has named blocks."""
    assert "blocks=" in WITH_BLOCKS
    structure = _mine(tmp_path, WITH_BLOCKS).spec.structure
    assert structure.parts == {"pitch": slice(0, 8), "rhythm": slice(8, 16)}


def test_the_conditional_backend_keeps_its_rhythm(tmp_path, melodies):
    """What it decodes of a clip has the clip's onsets; under another clip's condition it has that one's."""
    text = BEATS.replace("@hookimpl", f"{TUNES}\n@hookimpl").replace("Beats(), {", "Tunes(), {")
    model = _plugins(tmp_path, text).backends()["beats"].load("", "cpu")
    codes = model.encode(melodies).mean
    exchanged = model.spec.structure.with_condition(codes, codes[::-1])
    for z, clips in ((codes, melodies), (exchanged, melodies[::-1])):
        assert np.array_equal(MELODY.onsets(model.decode(z)), MELODY.onsets(clips))


@pytest.fixture
def melodies():
    """Thirty seeded melodies."""
    return tiny_clips(30, seed=3)


def test_a_backend_takes_few_lines():
    """The whole backend in numpy is under sixty lines, and what the adapter asks for besides the module is ten."""
    assert len(BEATS.splitlines()) < 60
    assert len(MINE[MINE.index("def load") :].splitlines()) <= 10
