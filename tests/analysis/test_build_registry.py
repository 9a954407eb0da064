"""What the package's own knobs are made from, and that the committed registry was made from it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from latentknobs.analysis import build_registry
from latentknobs.errors import UsageError
from latentknobs.registry import overlay
from latentknobs.registry.store import KnobStore

ROOT = Path(__file__).parents[2]


def test_the_examples_are_there_and_nothing_else():
    """Built-in plugins and the six files; the model of drums beside them is not loaded."""
    found = [report for report in build_registry.plugins().reports() if report.origin != "built-in"]

    assert [report.name.replace("_", "-") for report in found] == list(build_registry.EXAMPLES)
    assert {report.state for report in found} == {"loaded"}


def test_an_installed_package_has_none(monkeypatch, tmp_path):
    """Outside a checkout, and where one of the files is missing from it, a sentence says so."""
    monkeypatch.setattr(build_registry, "TOP", tmp_path)
    with pytest.raises(UsageError, match="is no checkout"):
        build_registry.plugins()
    (tmp_path / "pyproject.toml").touch()
    with pytest.raises(UsageError, match=r"inversion\.py is not there"):
        build_registry.plugins()


def test_the_table_of_examples_is_what_the_registry_holds():
    """Verdict, fit and number of dimensions of each in docs/results/evidence.md."""
    knobs = {knob.augmentation: knob for knob in KnobStore.open(overlay.PACKAGED).knobs(operators=False)}
    text = (ROOT / "docs" / "results" / "evidence.md").read_text(encoding="utf-8")
    section = text.partition("\n## Six examples, judged\n")[2].partition("\n## ")[0]
    rows = [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in section.splitlines() if line[:3] == "| `"]

    assert sorted(row[0] for row in rows) == sorted(build_registry.EXAMPLES)
    for name, verdict, usable, fit, dims, *_ in rows:
        knob = knobs[name]
        assert (verdict, fit, int(dims)) == (knob.verdict, knob.fit, len(knob.dimensions))
        assert (usable == "none") == (knob.low == knob.high)


@pytest.mark.parametrize(("name", "value"), [("LATENTKNOBS_DISABLE", "thinning"), ("LATENTKNOBS_PLUGINS", "rotation")])
def test_an_edit_that_is_left_out_is_told(monkeypatch, name, value):
    """Variables that leave plugins out would make another registry."""
    monkeypatch.setenv(name, value)

    with pytest.raises(UsageError, match=r"No plugin offers .*thinning.*LATENTKNOBS_DISABLE"):
        build_registry.plugins()


def test_the_committed_registry_is_of_these_edits():
    """One run for each, in order, with the same settings; those of the examples from the files as they are now."""
    runs = KnobStore.open(overlay.PACKAGED).runs()
    parameters = [dict(run.spec.parameters) for run in runs]
    plugins = [one.pop("plugins") for one in parameters]

    assert [run.spec.augmentation for run in runs] == list(build_registry.SHIPPED_AUGMENTATIONS)
    assert {run.spec.seed for run in runs} == {0}
    assert all(one == parameters[0] for one in parameters)
    for run, of in zip(runs, plugins, strict=True):
        name = str(run.spec.augmentation).replace("-", "_")
        if run.spec.augmentation in build_registry.EXAMPLES:
            text = (ROOT / "plugins" / f"{name}.py").read_bytes()
            assert of[name] == f"file sha256:{hashlib.sha256(text).hexdigest()[:12]}"
        assert {k for k, origin in of.items() if not origin.startswith("built-in")} <= {name}
