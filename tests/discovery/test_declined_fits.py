"""Fits that decline an edit, and a discovery with the fit of powers."""

import numpy as np
import pytest
from attrs import evolve

from latentknobs.core.experiment import Experiment, Settings
from latentknobs.core.knob import Operator
from latentknobs.core.method_specs import Fit
from latentknobs.core.run import RunSpec
from latentknobs.discovery.discover import discover
from latentknobs.discovery.plugin import register_fits
from latentknobs.errors import DiscoveryError, NotFittedError
from latentknobs.registry.store import KnobStore
from latentknobs.steering.apply import displacement
from latentknobs.testing.tiny import LATENT_SIZE, PITCH, TinyBackend
from tests.tiny_discoveries import Leaps


def _decline(_fit_input):
    raise NotFittedError("it does not like the amounts.")


DECLINES = Fit("picky", "affine", "Serves nothing.", _decline)


def _turn(_fit_input):
    matrix = np.eye(LATENT_SIZE)
    matrix[1:3, 1:3] = [[0, -1], [1, 0]]
    offset = np.eye(LATENT_SIZE)[PITCH] / 12
    return Operator("group", {"step": np.ones(1), "matrix": matrix, "offset": offset}), {}


@pytest.fixture
def find_with(methods, songs):
    """A discovery of six transpositions of the tiny model with these fits alone."""

    def run(*fits):
        chosen = Settings(trial_clips=16, controls=3, control_clips=4, fits=("all",))
        model, edit = TinyBackend(), Leaps()
        spec = RunSpec(model.spec.model_id, "tiny", edit.name, "tiny", 0, chosen.as_dict())
        experiment = Experiment.of(model, edit, chosen, evolve(methods, fits=fits))
        return discover(experiment, songs, spec, version="test")

    return run


def test_a_fit_that_declines_is_noted_and_the_others_go_on(find_with, methods):
    """The run has the other fits' knobs, and the evidence of each says which fit declined and why."""
    run = find_with(DECLINES, methods.fits[0])

    assert [knob.fit for knob in run.knobs] == ["mean"]
    assert run.current == 0
    assert run.knobs[0].evidence.declined == {"picky": "it does not like the amounts."}


def test_where_every_fit_declines_there_is_no_run(find_with):
    """One sentence has all the reasons."""
    with pytest.raises(DiscoveryError, match=r"No fit can serve transpose\. picky: it does not like the amounts"):
        find_with(DECLINES)


def test_a_group_takes_whole_steps_unless_its_path_is_known(find_with):
    """A knob that turns has its step; one whose spectrum says what lies between has none."""
    turning, straight = Fit("turning", "group", "Turns.", _turn), register_fits()[-1]
    knobs = {knob.fit: knob for knob in find_with(turning, straight).knobs}

    assert knobs["turning"].step == 1.0
    assert knobs["powers"].kind == "group"
    z = np.zeros((1, LATENT_SIZE), np.float32)
    moved = displacement(knobs["powers"].operator, z, 7.0)[0]
    np.testing.assert_allclose(moved, np.eye(LATENT_SIZE)[PITCH] * 7 / 12, atol=0.02)


def test_a_group_comes_back_from_the_registry(find_with, tmp_path):
    """A group's operator is stored and read like any other, and turns codes to the same bytes."""
    run = find_with(Fit("turning", "group", "Turns.", _turn))
    with KnobStore.open(tmp_path / "registry.db", create=True) as store:
        store.save_run(run)
        knob = store.knob(run.spec.model_id, "pitch")
    z = np.random.default_rng(0).normal(size=(3, LATENT_SIZE)).astype(np.float32)

    assert (knob.kind, knob.step) == ("group", 1.0)
    assert displacement(knob.operator, z, -5.0).tobytes() == displacement(run.knobs[0].operator, z, -5.0).tobytes()
