"""Which fits a discovery makes, measures in full and judges, where none is asked for by name."""

from __future__ import annotations

import pytest
from attrs import evolve

from latentknobs.core.method_specs import Fit
from latentknobs.discovery import discover as discovery
from latentknobs.discovery.discover import NOT_JUDGED
from latentknobs.discovery.fits.closed_form import shift_by_mean


@pytest.fixture(scope="module")
def runs(find):
    """The run of transposition with the fits that can win, and with all."""
    return {made: find(fits_made=made, trial_clips=60) for made in ((), ("all",))}


def test_the_knob_is_that_of_all_fits(runs):
    """The race changes neither the choice nor what is measured of it."""
    raced, whole = (run.knobs[run.current] for run in runs.values())

    assert (raced.fit, raced.verdict, raced.operator_sha256) == (whole.fit, whole.verdict, whole.operator_sha256)
    assert (raced.low, raced.high, raced.dimensions) == (whole.low, whole.high, whole.dimensions)
    assert raced.evidence.test == whole.evidence.test


def test_test_songs_judge_the_chosen_fit_alone(runs):
    """The others that were measured stand beside it without a verdict; baselines are not made."""
    raced, whole = runs.values()

    assert [knob.fit for knob in raced.knobs] == ["mean"]
    evidence = raced.knobs[0].evidence
    verdicts = {one.fit: one.verdict for one in evidence.fits}
    assert verdicts == {"mean": raced.knobs[0].verdict, "attribute-vector": NOT_JUDGED, "ridge": NOT_JUDGED}
    assert set(evidence.declined) == {"gradient"}
    assert {knob.fit for knob in whole.knobs} > {"ridge-reading", "discriminant"}


def _backwards(fit_input):
    """A shift the wrong way."""
    operator, facts = shift_by_mean(fit_input)
    return evolve(operator, arrays={"direction": -operator.arrays["direction"]}), facts


BACKWARDS = Fit("backwards", "shift", "The wrong way.", _backwards)


def test_what_is_worse_is_left_behind_with_its_number(find):
    """A shift the wrong way is not measured in full."""
    run = find(fits=(BACKWARDS, "mean"), fits_made=())

    (knob,) = run.knobs
    assert [one.fit for one in knob.evidence.fits] == ["mean"]
    assert knob.evidence.declined["backwards"].startswith("left behind with an equivariance of ")


def test_what_was_left_behind_is_measured_where_nothing_else_meets_the_limits(find, monkeypatch):
    """It is called back, stands beside the others, and may be the knob."""
    monkeypatch.setattr(discovery._MeasuredFit, "meets", lambda one, _: one.fitted.fit.name == "backwards")

    (knob,) = find(fits=(BACKWARDS, "mean"), fits_made=()).knobs

    assert knob.fit == "backwards"
    assert [one.fit for one in knob.evidence.fits] == ["backwards", "mean"]
    assert "backwards" not in knob.evidence.declined


def test_no_fit_is_trained_where_others_leave_nothing_to_gain(find):
    """A fit that takes long is not begun."""

    def never(fit_input):
        raise AssertionError(fit_input)

    run = find(fits=(Fit("slow", "shift", "Takes hours.", never, trained=True), "mean"), fits_made=())

    assert [knob.fit for knob in run.knobs] == ["mean"]
    assert "which leaves nothing to gain" in run.knobs[0].evidence.declined["slow"]
