"""``knobs decouple``: its tables, its JSON, what it stores, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from attrs import evolve

from latentknobs.core.knob import Operator
from latentknobs.testing.tiny import ACTIVITY, LATENT_SIZE, PITCH
from latentknobs.workbench import Workbench

WORDS = ("knobs", "decouple", "pitch", "rhythm", "--model", "tiny", "--clips", 800)


@pytest.fixture
def leaking(cli):
    """A pitch knob in the registry that adds 0.6 of a doubling at +5, and is current."""
    direction = np.zeros(LATENT_SIZE)
    direction[[PITCH, ACTIVITY]] = 1 / 12, 0.12
    with Workbench.open() as workbench:
        knob = workbench.knob("pitch", "tiny")
        run = workbench.registry.run(knob.run_id)
        spec = evolve(run.spec, seed=1)
        changed = evolve(
            knob,
            kind="shift",
            fit="mean",
            step=None,
            low=-5.0,
            high=5.0,
            operator=Operator("shift", {"direction": direction}),
            operator_sha256="",
            run_id=spec.run_id,
        )
        workbench.registry.save_run(evolve(run, spec=spec, knobs=(changed,), current=0))
    return changed


def test_knobs_that_leave_each_other_alone(cli, listing):
    """The tiny model's own knobs are left as they are: that is said, with both tables, and nothing is written."""
    before = listing()
    result = cli(*WORDS)

    assert result.code == 0, result.err
    assert "rhythm (log2-onsets)" in result.out
    assert "condition number of the mean moves: " in result.out
    for name in ("pitch", "rhythm"):
        assert f"{name}: left as it is (within the limit on validation songs, nothing to decouple)" in result.err
    assert {path for path in listing() if "cache" not in path} == {path for path in before if "cache" not in path}


def test_the_json_has_before_and_after(cli, leaking):
    """The JSON has each leak before and after with its interval, in whatever order the knobs were named."""
    facts = cli(*WORDS, "--json").json
    again = cli("knobs", "decouple", "rhythm", "pitch", *WORDS[4:], "--json").json
    pitch = next(one for one in facts["knobs"] if one["knob"] == "pitch")

    assert facts == again
    assert facts["model"] == "tiny"
    assert facts["condition"] > 1
    assert (pitch["enough"], pitch["meets"]) == (True, True)
    assert pitch["way"] != "as it is"
    for leak in pitch["leakage"]:
        assert leak["before"]["upper"] > 0.1 >= leak["after"]["upper"]
        assert leak["before"]["low"] <= leak["before"]["value"] <= leak["before"]["high"]


def test_a_decoupled_knob_is_proven_and_stored(cli, leaking):
    """With --save the changed knob is a run of its own with a verdict by the gates, current, and can be turned."""
    result = cli(*WORDS, "--save")

    assert result.code == 0, result.err
    assert "pitch: stored as mean-decoupled, accepted" in result.err
    assert "rhythm: stored" not in result.err
    with Workbench.open() as workbench:
        knob = workbench.knob("pitch", "tiny")
        run = workbench.registry.run(knob.run_id)
    assert (knob.fit, knob.verdict) == ("mean-decoupled", "accepted")
    assert run.spec.parameters["decoupled"]["from"] == leaking.operator_sha256
    assert [one.fit for one in knob.evidence.fits] == ["mean-decoupled"]
    assert cli("turn", "--knob", "pitch=+5", "--model", "tiny", "--json").code == 0


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("pitch",), 2, "two knobs or more"),
        (("pitch", "pitch"), 2, "have the name pitch"),
        (("pitch", "rythm"), 2, "did you mean 'rhythm'"),
        (("pitch", "rhythm", "--corpus", "tinny"), 2, "did you mean 'tiny'"),
        (("pitch", "rhythm", "--corpus", "tiny", "--clips", 4), 1, "ask for more clips"),
    ],
)
def test_what_cannot_be_decoupled_is_refused(cli, words, code, says):
    """One knob, the same twice, names that are not there and too few clips are refused with one sentence."""
    result = cli("knobs", "decouple", *words, "--model", "tiny")

    assert result.code == code
    assert says in result.one_sentence()
