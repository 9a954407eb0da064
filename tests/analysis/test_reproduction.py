"""A run made again, and a knob measured again, on the tiny model and on models beside it."""

from __future__ import annotations

import numpy as np
import pytest
from attrs import evolve

from latentknobs.analysis.knob_similarity import difference, numbers, similar
from latentknobs.analysis.reproduction import repeat, settings_of, verify
from latentknobs.core.backend import BackendFactory
from latentknobs.core.experiment import Settings, UnsupervisedSettings
from latentknobs.core.knob import KnobDimension, KnobEffect
from latentknobs.errors import RegistryError, UsageError
from latentknobs.testing.store import OTHER_MODEL, sample_run
from latentknobs.testing.tiny import TinyBackend

SMALL = {"trial_clips": 24, "controls": 8, "control_clips": 8, "halves": 4, "resamples": 8, "flips": 20}


@pytest.fixture
def run(workbench):
    """A small discovery, stored."""
    return workbench.discover(
        "transpose", corpus="tiny", model="tiny", clips=500, settings=Settings(**SMALL, fits=("mean",))
    )


@pytest.mark.slow
def test_a_run_repeated_is_the_same(workbench, run):
    """From what is stored of it a run is made again to the bit, and adds no second one."""
    before = len(workbench.registry.runs())
    found = repeat(workbench, run.run_id)

    assert found.same
    assert found.again.run_id == run.run_id
    assert [knob["same_operator"] for knob in found.knobs] == [True]
    assert len(workbench.registry.runs()) == before


def test_a_run_without_an_edit_is_repeated_too(workbench):
    """A disentangling is made again by its own settings."""
    run = workbench.disentangle(
        "tiny", "tiny", clips=300, settings=UnsupervisedSettings(**SMALL, candidates=2, moves=())
    )

    assert repeat(workbench, run.run_id).same


def test_what_is_not_the_same_is_said(workbench, run):
    """A stored run that has other numbers, verdicts, knobs or parameters differs by exactly those."""
    (knob,) = run.knobs
    effect = knob.effects[0]
    moved = evolve(knob, effects=(evolve(effect, slope=effect.slope + 0.5), *knob.effects[1:]), verdict="rejected")
    gone = evolve(knob, fit="another")
    later = evolve(run, knobs=(moved, gone), version="0")
    workbench.registry.save_run(later)
    found = repeat(workbench, run.run_id)

    assert not found.same
    rows = {(k["fit"], row["number"]): row["difference"] for k in found.knobs for row in k["moved"]}
    assert rows == {
        ("mean", "verdict"): None,
        ("mean", f"slope of {effect.attribute}"): pytest.approx(-0.5),
        ("another", "there"): None,
    }


def test_runs_that_cannot_be_repeated_say_why(workbench, run):
    """A decoupled run, one of other weights and one of settings that are gone are sentences, before any work."""
    with pytest.raises(RegistryError, match="settings cannot be used"):
        settings_of({"clips": 5, "shard": -1})
    assert settings_of({"clips": 5, "plugins": {}}) == Settings(clips=5)
    for parameters, model_id, match in (
        ({**run.spec.parameters, "decoupled": {}}, run.spec.model_id, "knobs decouple --save"),
        (run.spec.parameters, OTHER_MODEL, "other weights"),
    ):
        spec = evolve(run.spec, parameters=parameters, model_id=model_id)
        knobs = tuple(evolve(k, model_id=model_id, run_id=spec.run_id) for k in run.knobs)
        workbench.registry.save_run(evolve(run, spec=spec, knobs=knobs))
        with pytest.raises(UsageError, match=match):
            repeat(workbench, spec.run_id)


def test_a_stored_knob_measures_as_it_did(workbench, run):
    """On its own model and clips every number of a knob is what is stored, and nothing is stored anew."""
    (knob,) = workbench.knobs(run=run.run_id)
    before = workbench.registry.path.read_bytes()
    found = verify(workbench, knob)

    assert found.survives
    assert {row["number"] for row in found.moved} == set(numbers(knob))
    assert all(row["difference"] == 0 for row in found.moved)
    assert workbench.registry.path.read_bytes() == before


class Turned(TinyBackend):
    """The tiny model with two dimensions of its codes exchanged, as another training may."""

    def encode(self, clips):
        found = super().encode(clips)
        return evolve(found, mean=_exchanged(found.mean), scale=_exchanged(found.scale))

    def decode(self, z):
        return super().decode(_exchanged(z))

    def decode_log_probs(self, z, given=None):
        return super().decode_log_probs(_exchanged(z), given)


def _exchanged(z):
    order = np.arange(z.shape[1])
    order[[0, 20]] = order[[20, 0]]
    return z[:, order]


def _beside(workbench, backend, **spec):
    """Let the workbench have another model."""
    made = backend(evolve(TinyBackend().spec, **spec))
    factory = BackendFactory(spec["name"], "beside", lambda _location, _device: made, {spec["name"]: ""})
    workbench.models.factories[spec["name"]] = factory


def test_on_other_weights_it_is_seen_which_knobs_survive(workbench, run):
    """A model with the same codes keeps a knob, with every number; one with other codes does not."""
    _beside(workbench, TinyBackend, name="twin", model_id="11" * 32)
    _beside(workbench, Turned, name="turned", model_id="22" * 32)
    (knob,) = workbench.knobs(run=run.run_id)

    twin, turned = (verify(workbench, knob, model=name) for name in ("twin", "turned"))

    assert (twin.model_id, twin.survives) == ("11" * 32, True)
    assert all(row["difference"] == 0 for row in twin.moved)
    assert (turned.again.verdict, turned.survives) == ("rejected", False)
    slope = next(row for row in turned.moved if row["number"] == "slope of mean-pitch")
    assert slope["a"] == pytest.approx(1, abs=0.05)
    assert slope["b"] == pytest.approx(0, abs=0.05)


def test_what_cannot_be_measured_again_says_why(workbench, run):
    """A knob found without an edit, one of which only the hash is kept, and a model of another size are told."""
    stored = workbench.registry.run(run.run_id).knobs[0]

    assert "without an edit" in verify(workbench, evolve(stored, augmentation=None)).reason
    lost = evolve(stored, operator=None, operator_sha256="0" * 64)
    assert "Only the hash" in verify(workbench, lost).reason
    assert not verify(workbench, lost).survives
    assert "other weights now" in verify(workbench, evolve(stored, model_id=OTHER_MODEL)).reason
    _beside(workbench, TinyBackend, name="small", model_id="33" * 32, latent_size=8)
    with pytest.raises(UsageError, match="moves codes of 24 dimensions, and small has 8"):
        verify(workbench, stored, model="small")


def test_likeness_by_hand():
    """Two knobs that do the same are 1, the opposite -1; dimensions count within one model."""
    knob = evolve(
        sample_run().knobs[1],
        effects=(KnobEffect("a", 1.0, 3.0), KnobEffect("b", -1.0, 4.0)),
        dimensions=(KnobDimension(0, 0.6), KnobDimension(1, 0.8)),
    )
    same = evolve(knob, dimensions=(KnobDimension(1, 1.0),))
    opposite = evolve(knob, effects=(KnobEffect("a", -1.0, 3.0), KnobEffect("b", 2.0, 4.0)))
    half = evolve(knob, effects=(KnobEffect("a", 1.0, 1.0), KnobEffect("c", 1.0, 9.0)), model_id=OTHER_MODEL)

    found = similar(knob, (opposite, half, same))

    assert [one.knob for one in found] == [same, half, opposite]
    assert [one.effects for one in found] == pytest.approx([1, 1, -1])
    assert found[0].dimensions == pytest.approx(0.8)
    assert (found[1].dimensions, found[2].dimensions) == (None, pytest.approx(1))


def test_a_difference_by_hand():
    """Facts that agree are left out, dimensions are split, and numbers have their difference."""
    shift, affine = sample_run().knobs
    found = difference(affine, shift)

    assert found["facts"] == {
        "kind": ["affine", "shift"],
        "fit": ["ridge", "mean"],
        "verdict": ["accepted", "rejected"],
        "step": [1.0, None],
    }
    assert found["dimensions"] == {"both": [], "only_a": [0, 2], "only_b": [1]}
    assert {row["number"]: row["difference"] for row in found["numbers"]}["dimensions"] == -1
    assert not found["same_operator"]
