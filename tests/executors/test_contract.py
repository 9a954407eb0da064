"""The built-in executors keep the contract."""

from __future__ import annotations

import pytest

from latentknobs.testing.executors import ExecutorContract


class TestSerial(ExecutorContract):
    """Serial."""

    executor = "serial"
    workers = None


class TestProcesses(ExecutorContract):
    """Processes."""

    executor = "processes"


@pytest.mark.slow
class TestDask(ExecutorContract):
    """Dask."""

    executor = "dask"
