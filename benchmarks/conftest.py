"""What the benchmarks share: the shipped model with its knobs, and clips that it can carry."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from latentknobs.core.arrays import ClipBatch
from latentknobs.core.backend import VAEBackend
from latentknobs.hooks.built_ins import BUILTINS
from latentknobs.hooks.manager import Plugins
from latentknobs.testing.tiny import tiny_clips
from latentknobs.workbench import Workbench


@pytest.fixture(scope="session")
def workbench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """The built-in plugins alone, on the processor, with no registry but the package's own."""
    plugins = Plugins.build(BUILTINS, plugins_dir=None, entry_points=False)
    registry = tmp_path_factory.mktemp("bench") / "none.db"
    with Workbench.open(str(registry), device="cpu", plugins=plugins) as out:
        yield out


@pytest.fixture(scope="session")
def model(workbench: Workbench) -> VAEBackend:
    """The shipped model."""
    return workbench.model()


@pytest.fixture(scope="session")
def clips() -> ClipBatch:
    """256 melodies, int16 (256, 32)."""
    return tiny_clips(256, seed=1, low=55, high=79)
