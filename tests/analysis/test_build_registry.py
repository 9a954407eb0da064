"""What the package's own knobs are made from, and that the committed registry was made from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from latentknobs.analysis import build_registry
from latentknobs.backends.loader import DEFAULT_MODEL, Models
from latentknobs.errors import UsageError
from latentknobs.registry import overlay
from latentknobs.registry.store import KnobStore

ROOT = Path(__file__).parents[2]


def test_the_table_of_more_edits_is_what_the_registry_holds():
    """Verdict, fit and number of dimensions of each in docs/results/evidence.md."""
    stored = KnobStore.open(overlay.PACKAGED).knobs(operators=False)
    knobs = {knob.augmentation: knob for knob in stored if knob.model_name == DEFAULT_MODEL and knob.augmentation}
    text = (ROOT / "docs" / "results" / "evidence.md").read_text(encoding="utf-8")
    section = text.partition("\n## More edits, judged\n")[2].partition("\n## ")[0]
    rows = [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in section.splitlines() if line[:3] == "| `"]

    assert sorted(row[0] for row in rows) == sorted(build_registry.SHIPPED_AUGMENTATIONS[2:])
    for name, verdict, usable, fit, dims, *_ in rows:
        knob = knobs[name]
        assert (verdict, fit, int(dims)) == (knob.verdict, knob.fit, len(knob.dimensions))
        assert (usable == "none") == (knob.low == knob.high)


def test_an_edit_that_is_left_out_is_told(monkeypatch):
    """A variable that leaves plugins out would make another registry."""
    monkeypatch.setenv("LATENTKNOBS_DISABLE", "augmentations")

    with pytest.raises(UsageError, match=r"No plugin offers .*thinning.*LATENTKNOBS_DISABLE"):
        build_registry.plugins()


def test_the_committed_registry_is_of_these_edits():
    """One run for each, in order, with the same settings and plugins that come with the package."""
    runs = KnobStore.open(overlay.PACKAGED).runs()
    parameters = [dict(run.spec.parameters) for run in runs]

    wanted = build_registry.shipped(Models(build_registry.plugins().backends()).defaults)
    assert [(run.spec.model_name, run.spec.augmentation) for run in runs] == list(wanted)
    assert {run.spec.seed for run in runs} == {0}
    for run, asked in zip(runs, parameters, strict=True):
        made_with = build_registry.settings_of(
            run.spec.augmentation, short=run.spec.model_name != DEFAULT_MODEL
        ).as_dict()
        assert {name: asked.get(name) for name in made_with} == made_with | {"clips": asked["clips"]}
        assert set(asked["plugins"].values()) == set(parameters[0]["plugins"].values())
        assert all(origin.startswith("built-in") for origin in asked["plugins"].values())
