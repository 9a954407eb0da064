"""The executor that docs/reference/hooks.md shows keeps the contract, where ray is installed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from latentknobs.testing.executors import ExecutorContract

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "hooks.md"


@pytest.mark.slow
class TestRay(ExecutorContract):
    """Ray."""

    executor = "ray"

    @pytest.fixture(autouse=True)
    def _example(self, tmp_path, monkeypatch):
        pytest.importorskip("ray", reason="ray is not installed: it is in no extra")
        blocks = re.findall(r"```python\n(.*?)```", REFERENCE.read_text(encoding="utf-8"), re.DOTALL)
        (code,) = (block for block in blocks if "import ray" in block)
        path = tmp_path / "ray_cluster.py"
        path.write_text(code, encoding="utf-8")
        monkeypatch.setattr(TestRay, "plugin", path)
