"""Metrics of a whole model: on the tiny one, whose knobs are single dimensions that are known."""

from __future__ import annotations

import json

import numpy as np
import pytest
from attrs import evolve

from latentknobs.analysis.disentanglement_metrics import disentanglement
from latentknobs.core.capability import capability
from latentknobs.core.corpus import TrueFactors
from latentknobs.corpora.corpus_spec import CorpusSelection
from latentknobs.corpora.synthetic_melodies import FACTORS, factors_of
from latentknobs.errors import CorpusError, UnknownNameError, UsageError
from latentknobs.workbench import Workbench, load_plugins


@pytest.fixture(scope="module")
def bench(tiny_registry):
    """The tiny model with its two knobs; nothing writes to it."""
    with Workbench.open(str(tiny_registry), plugins=load_plugins(tiny_registry.parent / "plugins")) as out:
        yield out


@pytest.fixture(scope="module")
def found(bench):
    """The tiny model on its own corpus."""
    return disentanglement(bench, "tiny", CorpusSelection("tiny", 400), resamples=3)


def test_a_knobs_coordinate_tells_its_target(found):
    """The tiny model's mean pitch is one dimension, which the pitch knob's coordinate finds from edits alone."""
    pitch = found["targets"]["pitch"]

    assert pitch["target"] == "mean-pitch"
    assert pitch["knob"]["interpretability"]["value"] > 0.95
    assert pitch["knob"]["scc"]["value"] == pytest.approx(pitch["best dimension"]["scc"]["value"], abs=0.02)
    assert pitch["probe"]["interpretability"]["value"] > 0.95
    assert found["knobs"]["pitch"]["pairs"] > 100


def test_every_metric_is_there(found, bench):
    """Each metric of codes stands for each kind of code and system, and each of traversals for each knob."""
    metrics = bench.plugins.metrics()
    of_codes = [name for name, metric in metrics.items() if metric.needs == "codes"]

    for kind in ("mean", "drawn"):
        for system in ("dimensions", "knobs"):
            assert list(found["codes"]["attributes"][kind][system]) == of_codes
    assert set(found["turned"]) == {"pitch", "rhythm"}
    assert found["turned"]["pitch"]["metrics"]["linearity"]["overall"]["value"] > 0.99
    assert found["turned"]["pitch"]["metrics"]["monotonicity"]["overall"]["value"] == 1
    json.dumps(found, allow_nan=False)


def test_the_same_seed_gives_the_same(bench, found):
    """A second time gives the same numbers to the last bit."""
    again = disentanglement(bench, "tiny", CorpusSelection("tiny", 400), resamples=3)

    assert json.dumps(again) == json.dumps(found)


def test_true_factors(bench):
    """A corpus with true factors has codes read against them too, labels as classes."""
    out = disentanglement(bench, "tiny", CorpusSelection("factors", 400), resamples=0)
    parts = out["codes"]["factors"]["mean"]["dimensions"]["scc"]["parts"]

    assert "register" in parts
    assert "mean-pitch" not in parts
    assert parts["register"]["value"] > 0.5
    assert "mean-pitch" in out["probes"]


def test_the_factors_of_a_song():
    """What the corpus says of a song is what the song was made from, a number for each factor."""
    assert capability(FACTORS, TrueFactors) is not None
    assert FACTORS.factors("factors/3/5") == factors_of("factors/3/5").numbers()
    assert FACTORS.discrete <= set(FACTORS.factors("factors/3/5"))
    with pytest.raises(CorpusError, match="no song"):
        FACTORS.factors("folk/1")


def test_a_model_whose_knobs_are_refused(workbench, monkeypatch):
    """Where all knobs are refused the model's own dimensions are measured, and why the knobs are left out is said."""
    rejected = [k for k in workbench.registry.knobs() if k.model_name == "tiny"]
    for knob in rejected:
        object.__setattr__(knob, "verdict", "rejected")
    monkeypatch.setattr(workbench.registry, "knobs", lambda **_: rejected, raising=False)

    out = disentanglement(workbench, "tiny", CorpusSelection("tiny", 200), resamples=0)

    assert list(out["codes"]["attributes"]["mean"]) == ["dimensions"]
    assert out["knobs"]["pitch"] == {"left_out": "it is rejected"}
    assert out["targets"] == out["turned"] == {}


def test_two_knobs_of_one_reading(bench, monkeypatch):
    """Of two knobs that read the same the first stands, and an edit that nobody offers leaves its knob out."""
    pitch = bench.registry.knob(bench.model("tiny").spec.model_id, "pitch")
    others = [evolve(pitch, name="again"), evolve(pitch, name="alone", augmentation=None)]
    monkeypatch.setattr(type(bench.registry), "knobs", lambda *_, **__: (pitch, *others))

    out = disentanglement(bench, "tiny", CorpusSelection("tiny", 200), resamples=0)

    assert list(out["targets"]) == ["pitch"]
    assert "depends" in out["knobs"]["again"]["left_out"]
    assert "without an edit" in out["knobs"]["alone"]["left_out"]


@pytest.mark.parametrize(
    ("selection", "split", "error", "text"),
    [
        (CorpusSelection("tiny", 200), "train", UsageError, "training songs teach"),
        (CorpusSelection("none", 200), "test", UnknownNameError, "none"),
        (CorpusSelection("tiny", 8), "test", CorpusError, "ask for more"),
    ],
)
def test_what_cannot_be_measured(workbench, selection, split, error, text):
    """A split that teaches, an unknown corpus and too few clips are told in a sentence."""
    with pytest.raises(error, match=text):
        disentanglement(workbench, "tiny", selection, split=split)


def test_values_are_even_and_inside(found):
    """A knob is turned over its whole usable range in even steps."""
    values = found["turned"]["pitch"]["values"]

    assert np.allclose(np.diff(values), np.diff(values)[0])
    assert len(values) == 9
