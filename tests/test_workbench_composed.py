"""Compositions in the workbench: found by name, discovered by the same code, and their algebra."""

from __future__ import annotations

import numpy as np
import pytest
from attrs import evolve

from latentknobs.analysis.algebra import algebra
from latentknobs.core.composition import CompositeAugmentation
from latentknobs.core.experiment import Settings
from latentknobs.corpora.corpus_spec import CorpusSelection, default_corpus
from latentknobs.errors import UsageError
from latentknobs.testing.tiny import ACTIVITY, PITCH

TEXT = "transpose:2|note-split:1"


def test_a_composition_is_had_by_its_text(workbench):
    """Where an edit's name will do a composition's text will, and registered names are found as before."""
    found = workbench.augment(TEXT)

    assert isinstance(found, CompositeAugmentation)
    assert found.name == TEXT
    assert workbench.augment("transpose") is workbench.plugins.augmentations()["transpose"]


def test_a_composition_is_learned_where_its_parts_are(workbench):
    """The default corpora of all parts are joined, each once."""
    assert default_corpus([workbench.augment(TEXT)]) == "folk+whole-notes"
    assert default_corpus([workbench.augment("transpose:2")]) == "folk"
    assert default_corpus([workbench.augment("transpose"), workbench.augment("note-split")]) == "folk+whole-notes"


def test_a_composed_edit_is_discovered_by_the_same_code(workbench):
    """
    One unit moves the tiny model's pitch by 2/12 and its activity by 1: the mean shift is known.

    The run names the composition one way, however it was written, its plugins are those of its parts, and the knob
    composes with others in turn.
    """
    settings = Settings(trial_clips=20, controls=5, control_clips=8, halves=5, resamples=5, fits=("mean", "ridge"))
    options = {"corpus": "tiny", "model": "tiny", "clips": 800, "settings": settings}
    run = workbench.discover(" transpose:2.0|note-split", **options)
    shift = next(knob for knob in run.knobs if knob.fit == "mean")
    direction = shift.operator.arrays["direction"]

    assert run.spec.augmentation == shift.augmentation == TEXT
    assert "augmentations" in run.spec.parameters["plugins"]
    assert (shift.name, shift.unit) == ("pitch-2-rhythm-1", "times (2 semitones, 1 doublings)")
    assert shift.evidence.fitted == (-2, -1, 1, 2)
    assert direction[PITCH] == pytest.approx(2 / 12, abs=0.01)
    assert direction[ACTIVITY] == pytest.approx(1, abs=0.1)
    others = np.delete(direction, [PITCH, ACTIVITY])
    assert np.abs(others).max() < 0.05
    assert workbench.knob("pitch-2-rhythm-1", "tiny").augmentation == TEXT
    composed = algebra(workbench, {"pitch-2-rhythm-1": None, "pitch": -3}, "tiny", CorpusSelection("tiny", 200))
    assert [(one.knob, one.amount) for one in composed.knobs] == [("pitch-2-rhythm-1", 1), ("pitch", -3)]
    assert composed.pair("pitch", "pitch-2-rhythm-1").commutator.edited.value == 0


def _keeps(monkeypatch, workbench, *knobs):
    """The registry holds these knobs alone, and is asked for accepted ones."""

    def found(_registry, *, model_id, verdict):
        assert (model_id, verdict) == (workbench.model("tiny").spec.model_id, "accepted")
        return knobs

    monkeypatch.setattr(type(workbench.registry), "knobs", found)


def test_unless_some_are_named_accepted_knobs_are_composed(workbench, monkeypatch):
    """The accepted knobs of the model, each at its smallest positive usable amount."""
    both = workbench.knob("pitch", "tiny"), workbench.knob("rhythm", "tiny")
    _keeps(monkeypatch, workbench, *both)
    found = algebra(workbench, None, "tiny", CorpusSelection("tiny", 100))

    assert [(one.knob, one.amount) for one in found.knobs] == [("pitch", 1), ("rhythm", 1)]
    assert len(found.pairs) == 2


def test_knobs_that_have_no_algebra(workbench, monkeypatch):
    """A model without an accepted knob, and a knob that was learned from no edit, are told in one sentence."""
    loose = evolve(workbench.knob("pitch", "tiny"), augmentation=None)
    _keeps(monkeypatch, workbench)
    with pytest.raises(UsageError, match="No knob of tiny is accepted"):
        algebra(workbench, None, "tiny")
    _keeps(monkeypatch, workbench, loose)
    with pytest.raises(UsageError, match="learned from no edit"):
        algebra(workbench, None, "tiny")
