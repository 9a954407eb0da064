import re
from pathlib import Path

import numpy as np
import pytest

from latentknobs.core.metric_specs import LabelledCodes, Traversals
from latentknobs.hooks.manager import Plugins

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "metrics.md").read_text(encoding="utf-8")
NAMES = [
    "interpretability", "interpretability-split", "mig", "sap", "scc", "modularity", "modularity-active",
    "explicitness", "dci-disentanglement", "dci-completeness", "dci-informativeness",
    "consistency", "restrictiveness", "linearity", "smoothness", "monotonicity",
]  # fmt: skip


@pytest.fixture(scope="module")
def plugins():
    """The plugin of methods alone, as a stranger's would be loaded."""
    return Plugins.build(["latentknobs.metrics.plugin"], plugins_dir=None, entry_points=False, strict=True)


def test_it_offers_the_fields_metrics(plugins):
    """Names are what people will write; each has one sentence, and says what it is computed from."""
    metrics = plugins.metrics()

    assert list(metrics) == NAMES
    assert all(metric.doc.endswith(".") for metric in metrics.values())
    assert [metric.needs for metric in metrics.values()] == ["codes"] * 11 + ["traversals"] * 5
    assert "register_metrics" in plugins.reports()[0].hooks


def test_every_metric_passes_its_own_guard(plugins):
    """What the built-ins give is what a stranger's metric must give, on good data and on data without an answer."""
    rng = np.random.default_rng(0)
    for factors in (rng.normal(size=(60, 2)), np.ones((60, 2))):
        codes = LabelledCodes(rng.normal(size=(60, 3)), factors, ("a", "b"), (False, True), resamples=3)
        values = rng.normal(size=(1, 2, 5, 4)) if factors.std() else np.ones((1, 2, 5, 4))
        turns = Traversals(np.arange(4)[None], values, ("k",), ("a", "b"), ("a",), (1, 1), resamples=3)
        for metric in plugins.metrics().values():
            result = metric.compute({"codes": codes, "traversals": turns}[metric.needs])
            assert np.isfinite(result.overall.value) or result.overall.why


@pytest.mark.parametrize("block", re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))
def test_the_examples_of_the_page_run(block, monkeypatch, tmp_path):
    """Each example of docs/reference/metrics.md runs, and what it asserts holds."""
    monkeypatch.chdir(tmp_path)

    exec(compile(block, "metrics.md", "exec"), {})


def test_the_page_has_a_row_for_each_metric():
    """The table of docs/reference/metrics.md names the built-in metrics, in their order."""
    assert re.findall(r"^\| `([a-z-]+)` \|", PAGE, re.MULTILINE) == NAMES
