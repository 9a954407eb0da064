"""What plugins cost: loading the built-in ones, asking for an offer, and the checks around an augmentation."""

from __future__ import annotations

import numpy as np
from numpy.random import default_rng
from pytest_benchmark.fixture import BenchmarkFixture

from latentknobs.augmentations.transpose import Transpose
from latentknobs.core.arrays import ClipBatch
from latentknobs.core.melody_format import MELODY
from latentknobs.core.plugin_guard import run_augmentation
from latentknobs.hooks.built_ins import BUILTINS
from latentknobs.hooks.manager import Plugins
from latentknobs.workbench import Workbench


def test_load_the_built_in_plugins(benchmark: BenchmarkFixture) -> None:
    """All built-in plugins, their modules imported before."""
    plugins = benchmark(Plugins.build, BUILTINS, plugins_dir=None, entry_points=False)

    assert [report.state for report in plugins.reports()] == ["loaded"] * len(BUILTINS)


def test_ask_for_an_augmentation(benchmark: BenchmarkFixture, workbench: Workbench) -> None:
    """One look-up by name."""
    assert benchmark(workbench.augment, "transpose").name == "transpose"


def test_augmentation_by_itself(benchmark: BenchmarkFixture, clips: ClipBatch) -> None:
    """256 clips transposed, nothing around it."""
    out = benchmark(Transpose(), clips, 3.0, default_rng(0))

    assert out.valid.all()


def test_augmentation_guarded(benchmark: BenchmarkFixture, clips: ClipBatch) -> None:
    """The same as discovery calls it: the input guarded, the result checked."""
    out = benchmark(run_augmentation, Transpose(), clips, 3.0, default_rng(0), MELODY)

    assert np.array_equal(out.clips, Transpose()(clips, 3.0, default_rng(0)).clips)
