"""A whole discovery with the shipped model: songs, edits, codes, fit, acceptance criteria."""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from latentknobs.core.experiment import QUICK
from latentknobs.workbench import Workbench


@pytest.mark.evidence
def test_discovery(benchmark: BenchmarkFixture, workbench: Workbench) -> None:
    """A quick look for the pitch knob on 1,024 clips of tune books finds one that can be turned both ways."""
    run = benchmark.pedantic(
        lambda: workbench.discover("transpose", corpus="folk", clips=1024, settings=QUICK), rounds=3
    )

    knob = run.knobs[run.current or 0]
    assert knob.low < 0 < knob.high
