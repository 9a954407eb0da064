"""Knobs whose edit is a plugin that is not loaded here: told in one sentence, and the others go on."""

from __future__ import annotations

import pytest
from attrs import evolve

from latentknobs.analysis.algebra import algebra
from latentknobs.analysis.knob_transfer import transfer
from latentknobs.analysis.reproduction import verify
from latentknobs.corpora.corpus_spec import CorpusSelection
from latentknobs.discovery.run_spec import lacking
from latentknobs.testing.store import OTHER_MODEL

SENTENCE = "Its edit 'gone' is not loaded: it came from the plugin mine (file sha256:1)."


@pytest.fixture
def knob(workbench):
    """A knob like pitch, of an edit that nothing offers."""
    run = workbench.registry.run(workbench.knob("pitch", "tiny").run_id)
    plugins = {"augmentations": "built-in 0.1.0", "mine": "file sha256:1"}
    spec = evolve(run.spec, augmentation="gone", parameters={**run.spec.parameters, "plugins": plugins})
    own = {"name": "gone", "augmentation": "gone", "run_id": spec.run_id, "verdict": "accepted"}
    knobs = tuple(evolve(k, **own) for k in run.knobs)
    workbench.registry.save_run(evolve(run, spec=spec, knobs=knobs))
    return workbench.knob("gone", "tiny")


def test_the_sentence_names_the_plugin(workbench, knob):
    """An edit that is loaded lacks nothing, neither does a run without one."""
    spec = workbench.registry.run(knob.run_id).spec

    assert lacking(workbench.augment, spec) == SENTENCE
    assert lacking(workbench.augment, evolve(spec, augmentation=None)) == ""
    assert lacking(workbench.augment, evolve(spec, augmentation="transpose:2|note-split:1")) == ""


def test_it_is_neither_verified_nor_transferred(workbench, knob):
    """Both say why."""
    verified = verify(workbench, knob)
    (transferred,) = transfer(workbench, [evolve(knob, model_id=OTHER_MODEL)], "tiny")

    assert (verified.again, verified.reason) == (None, SENTENCE)
    assert (transferred.again, transferred.reason) == (None, SENTENCE)


def test_unless_it_is_named_algebra_goes_on_without_it(workbench, knob, monkeypatch, capsys):
    """It is left out with its sentence."""
    pitch = workbench.knob("pitch", "tiny")
    monkeypatch.setattr(type(workbench.registry), "knobs", lambda *_, **__: (knob, pitch))

    found = algebra(workbench, None, "tiny", CorpusSelection("tiny", 100))

    assert [one.knob for one in found.knobs] == ["pitch"]
    assert f"gone is left out. {SENTENCE}" in capsys.readouterr().err
