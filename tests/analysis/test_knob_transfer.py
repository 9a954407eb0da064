"""Knobs looked for in another model, and two models on the same clips, beside the tiny model."""

from __future__ import annotations

import numpy as np
import pytest
from attrs import astuple, evolve

from latentknobs.analysis.knob_transfer import measured, transfer
from latentknobs.analysis.model_comparison import compare_models
from latentknobs.core.backend import BackendFactory, Posterior
from latentknobs.core.evidence import AmountMetrics, Equivariance, Evidence, Interval, Response, SplitMetrics
from latentknobs.core.experiment import Settings, UnsupervisedSettings
from latentknobs.core.melody_format import MELODY
from latentknobs.corpora.corpus_spec import CorpusSelection
from latentknobs.errors import CorpusError, UsageError
from latentknobs.evaluation.model_evaluation import ModelEvaluationSpec, evaluate
from latentknobs.testing.store import sample_run
from latentknobs.testing.tiny import PITCH, TinyBackend

SMALL = {"trial_clips": 24, "controls": 8, "control_clips": 8, "halves": 4, "resamples": 8, "flips": 20}


class Deaf(TinyBackend):
    """The tiny model without its mean pitch: every clip comes back around middle C."""

    def encode(self, clips):
        found = super().encode(clips)
        mean = found.mean.copy()
        mean[:, PITCH] = 0
        return Posterior(mean, found.scale)


def beside(workbench, backend, name, **spec):
    """Let the workbench have another model."""
    made = backend(evolve(TinyBackend().spec, name=name, model_id=f"{name[:1].encode().hex()}" * 32, **spec))
    workbench.models.factories[name] = BackendFactory(name, "beside", lambda _location, _device: made, {name: ""})


@pytest.fixture
def knob(workbench):
    """The tiny model's pitch by a small discovery, stored."""
    run = workbench.discover(
        "transpose", corpus="tiny", model="tiny", clips=500, settings=Settings(**SMALL, fits=("mean",))
    )
    return workbench.knobs(run=run.run_id)[0]


def test_a_knob_is_found_where_it_is_and_not_where_it_is_not(workbench, knob):
    """A twin has the knob with every number the same; a model that does not code pitch has none of that name."""
    beside(workbench, TinyBackend, "twin")
    beside(workbench, Deaf, "deaf")
    before = workbench.registry.path.read_bytes()
    ((twin,), (deaf,)) = (transfer(workbench, [knob], name) for name in ("twin", "deaf"))

    assert twin.exists
    assert measured(twin.again) == {**measured(knob), "model": "twin"}
    assert not deaf.exists
    assert deaf.again.verdict in ("rejected", "not measurable")
    assert workbench.registry.path.read_bytes() == before


def test_what_is_found_is_stored_only_where_that_is_asked_for(workbench, knob):
    """With keep the run on the other model is in the registry, by edit, corpus, seed and settings of the first."""
    beside(workbench, TinyBackend, "twin")
    (found,) = transfer(workbench, [knob], "twin", keep=True)
    then, now = (workbench.registry.run(run_id).spec for run_id in (knob.run_id, found.run_id))

    assert now.model_name == "twin"
    assert (now.augmentation, now.corpus, now.seed, now.parameters) == (
        then.augmentation,
        then.corpus,
        then.seed,
        then.parameters,
    )


def test_knobs_that_no_edit_gave_are_left_out_with_a_sentence(workbench, knob):
    """Knobs found without an edit and decoupled ones are not looked for; a model's own knobs are refused."""
    beside(workbench, TinyBackend, "twin")
    unaided = workbench.disentangle(
        "tiny", "tiny", clips=300, settings=UnsupervisedSettings(**SMALL, candidates=1, moves=())
    )
    run = workbench.registry.run(knob.run_id)
    spec = evolve(run.spec, parameters={**run.spec.parameters, "decoupled": {}})
    decoupled = evolve(knob, run_id=spec.run_id)
    workbench.registry.save_run(evolve(run, spec=spec, knobs=(decoupled,), current=None))
    found = transfer(workbench, [evolve(unaided.knobs[0], run_id=unaided.run_id), decoupled], "twin")

    assert [one.again for one in found] == [None, None]
    assert "without an edit" in found[0].reason
    assert "by decoupling" in found[1].reason
    with pytest.raises(UsageError, match="is the one whose knobs"):
        transfer(workbench, [knob], "tiny")


def test_numbers_of_a_knob_by_hand():
    """Equivariance is of the usable range, or of all amounts where that is empty, and None where none was measured."""

    def interval(value):
        return Interval(value, value, value, 0.0)

    def at(amount, value):
        compared = None if value is None else Equivariance(*astuple(interval(value)), 1.0, 0.0, 1.0)
        return AmountMetrics(amount=amount, clips=64, equivariance=compared, effects={}, leakage={}, content={})

    amounts = tuple(at(*pair) for pair in ((-1.0, 0.2), (1.0, 0.8), (2.0, 0.6), (3.0, None)))
    response = Response(*map(interval, (0.9, 0.7, 0.7, 1.0)), 64)
    evidence = Evidence(test=SplitMetrics(amounts=amounts, response=response))
    knob = evolve(sample_run().knobs[1], low=0.0, high=3.0, evidence=evidence)

    assert measured(knob)["equivariance"] == pytest.approx(0.7)
    assert measured(knob)["least_equivariance"] == 0.6
    assert (measured(knob)["slope"], measured(knob)["r2"]) == (0.9, 0.7)
    assert measured(evolve(knob, high=0.0))["least_equivariance"] == 0.2
    bare = measured(evolve(knob, evidence=Evidence()))
    assert [bare[name] for name in ("equivariance", "least_equivariance", "slope", "r2")] == [None] * 4


def test_models_are_measured_on_the_same_clips(workbench):
    """Each side is what evaluate gives on the clips that both carry; agreement adds up and is 1 with itself."""

    class Narrow(Deaf):
        def accepts(self, clips):
            return MELODY.valid(clips) & (np.where(clips < 128, clips, 0).max(axis=1) <= 75)

    beside(workbench, Narrow, "narrow")
    found = compare_models(workbench, "tiny", "narrow", CorpusSelection("tiny", 300))
    songs = list(workbench.songs_for(workbench.model("narrow"), CorpusSelection("tiny", 300)))
    alone = evaluate(workbench.model("narrow"), songs, ModelEvaluationSpec("test", 0))
    agreed = {name: one["value"] for name, one in found["agreement"].items() if name != "comparisons"}

    assert found["clips"] == found["a"]["clips"] == found["b"]["clips"] == alone["clips"]
    assert found["left_out"]["not accepted by both models"] > 0
    assert (found["b"]["mean"]["greedy"], found["b"]["kl"]) == (alone["mean"]["greedy"], alone["kl"])
    assert found["a"]["mean"]["greedy"]["value"] == 1
    parts = [agreed[name] for name in ("both_right", "only_a_right", "only_b_right", "both_wrong")]
    assert sum(parts) == pytest.approx(1)
    assert agreed["only_b_right"] == agreed["both_wrong"] == 0
    assert agreed["tokens"] == pytest.approx(found["b"]["mean"]["greedy"]["value"])
    assert agreed["difference"] == pytest.approx(1 - found["b"]["mean"]["greedy"]["value"])
    same = compare_models(workbench, "tiny", "tiny", CorpusSelection("tiny", 100))["agreement"]
    assert (same["tokens"]["value"], same["clips"]["value"], same["difference"]["value"]) == (1, 1, 0)
    assert {value["value"] for value in same["comparisons"].values() if value} == {1}


def test_models_that_cannot_be_compared_say_why(workbench):
    """Models without a pitch in common and a corpus that gives nothing for both are sentences."""
    for name, pitches in (("low", [40, 50]), ("high", [60, 90])):
        beside(workbench, TinyBackend, name, training={"pitch_range": pitches})
    with pytest.raises(UsageError, match="have no pitch in common"):
        compare_models(workbench, "low", "high", CorpusSelection("tiny", 100))
    with pytest.raises(CorpusError, match="no test clips that both tiny and tiny"):
        compare_models(workbench, "tiny", "tiny", CorpusSelection("tiny", 1))
