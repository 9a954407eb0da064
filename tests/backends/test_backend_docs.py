"""The backends that docs/how-to/models.md shows are whole plugins that keep the contract."""

from __future__ import annotations

import importlib.util
import re
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch

from latentknobs.core.melody_format import MELODY
from latentknobs.hooks.built_ins import BUILTINS
from latentknobs.hooks.manager import Plugins
from latentknobs.testing.contracts import BackendContract
from latentknobs.testing.tiny import tiny_clips

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "models.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
MINE, BEATS = [block for block in SHOWN if "LATENTKNOBS_API" in block]
BLOCKS, CONDITION = [block for block in SHOWN if block.startswith("return TorchBackend")]
(MODULE,) = [block for block in SHOWN if block.startswith("class Vae")]
LAST = r"return TorchBackend.*\n"
WITH_BLOCKS = re.sub(LAST, lambda _: BLOCKS, MINE)
WITH_CONDITION = MINE.replace("    from torch import nn\n", "    import torch\n    from torch import nn\n")
WITH_CONDITION = re.sub(
    r"    class Vae.*?(?=    return Vae)", lambda _: textwrap.indent(MODULE, "    "), WITH_CONDITION, flags=re.DOTALL
)
WITH_CONDITION = re.sub(LAST, lambda _: CONDITION, WITH_CONDITION)


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


class TestConditional(BackendContract):
    """The torch module with a condition, as it stands there."""

    @pytest.fixture
    def backend(self, tmp_path):
        """The model, through its plugin."""
        return _mine(tmp_path, WITH_CONDITION, inputs=20)


AUTHORS = Path(__file__).parents[2] / "docs" / "examples" / "authors"


@pytest.fixture(scope="module", params=[("twohead", "TwoHead"), ("styled", "StyledVAE")], ids=lambda names: names[0])
def authored(request, tmp_path_factory):
    """A model of one of the two authors, with random weights that its own class saved, through their plugin."""
    module, network = request.param
    spec = importlib.util.spec_from_file_location(module, AUTHORS / f"{module}.py")
    stranger = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(stranger)
    path = tmp_path_factory.mktemp("author") / "weights.pt"
    torch.manual_seed(0)
    torch.save({"model": getattr(stranger, network)().state_dict(), "epoch": 9}, path)
    plugins = Plugins.build(BUILTINS, plugins_dir=AUTHORS / "plugins", entry_points=False, strict=True)
    return plugins.backends()[module].load(str(path), "cpu")


class TestAuthors(BackendContract):
    """The backends of the authors' transcripts."""

    @pytest.fixture
    def backend(self, authored):
        """The model."""
        return authored


def test_the_authors_plugins_are_short():
    """Each is under sixty lines."""
    assert all(len(path.read_text("utf-8").splitlines()) < 60 for path in (AUTHORS / "plugins").glob("*.py"))


def _mine(folder, text, inputs=16):
    """The torch module of a page's plugin, with random weights."""
    sizes = {"into.weight": (16, 32), "into.bias": (16,), "out.weight": (4160, inputs), "out.bias": (4160,)}
    rng = np.random.default_rng(0)
    weights = {name: torch.tensor(rng.normal(size=size), dtype=torch.float32) for name, size in sizes.items()}
    torch.save(weights, folder / "weights.pt")
    return _plugins(folder, text).backends()["mine"].load(str(folder / "weights.pt"), "cpu")


def test_blocks_take_one_line(tmp_path):
    """The torch module with the line that is shown has named blocks."""
    assert "blocks=" in WITH_BLOCKS
    structure = _mine(tmp_path, WITH_BLOCKS).spec.structure
    assert structure.parts == {"pitch": slice(0, 8), "rhythm": slice(8, 16)}


def test_the_conditional_module_reads_each_clips_condition(tmp_path, melodies):
    """The code of a clip ends with the class of its number of onsets."""
    model = _mine(tmp_path, WITH_CONDITION, inputs=20)
    busy = np.digitize(MELODY.onsets(melodies).sum(axis=1), [6, 10, 14])

    assert model.spec.structure.parts["busy"] == slice(16, 20)
    assert np.array_equal(model.encode(melodies).mean[:, 16:], np.eye(4)[busy])


@pytest.fixture
def melodies():
    """Thirty seeded melodies."""
    return tiny_clips(30, seed=3)


def test_a_backend_takes_few_lines():
    """The whole backend in numpy is under sixty lines, and what the adapter asks for besides the module is ten."""
    assert len(BEATS.splitlines()) < 60
    assert len(MINE[MINE.index("def load") :].splitlines()) <= 10
