"""Two runs side by side."""

import json

import pytest
from attrs import evolve

from latentknobs.analysis.run_comparison import compare_runs
from latentknobs.core.evidence import AmountMetrics, Effect, Evidence, Interval, Response, SplitMetrics
from latentknobs.core.knob import KnobDimension, KnobEffect
from latentknobs.errors import UsageError
from latentknobs.testing.store import OTHER_MODEL, sample_run
from latentknobs.workbench import Workbench


def test_the_same_run_differs_in_nothing():
    """A run beside itself has no settings, counts or numbers that differ, and says so."""
    found = compare_runs(sample_run(), sample_run())

    assert (found.settings, found.counts) == ({}, {})
    assert all(pair.same_operator and not pair.moved for pair in found.knobs)
    assert found.explained == ("Nothing differs.",)
    assert len(repr(found)) < 400


def test_runs_are_compared_by_their_ids(tiny_registry, plugins_dir):
    """A registry's runs are named by id or its beginning; an id alone, without a registry, is refused."""
    with Workbench.open(tiny_registry) as workbench:
        ids = [run.run for run in workbench.runs(model="tiny")]
        assert compare_runs(ids[0], ids[1][:6], workbench).b.run_id == ids[1]
    with pytest.raises(UsageError, match="give a workbench"):
        compare_runs("045c61", "045c61")


def test_settings_explain_a_difference():
    """Seed, model, version, plugins and other parameters that differ are told, each with both values."""
    a = sample_run(
        1, parameters={"clips": 64, "plugins": {"lift": "file sha256:aa", "fold": "entry point 1.0", "own": "file x"}}
    )
    b = sample_run(
        2,
        model_id=OTHER_MODEL,
        version="2.0",
        parameters={"clips": 32, "plugins": {"lift": "file sha256:bb", "fold": "entry point 1.1"}},
    )
    found = compare_runs(a, b)

    assert found.settings["seed"] == (1, 2)
    for text in (
        "Another model: model-abab (abababababab) and model-cdcd",
        "Another seed, and so other songs in each split: 1 and 2",
        "Another version of latentknobs: 1.0 and 2.0",
        "Other code of the plugin lift: file sha256:aa and file sha256:bb",
        "Another version of the plugin fold",
        "The plugin own (file x) was used by A alone.",
        "Other settings: clips",
    ):
        assert any(sentence.startswith(text) for sentence in found.explained), text


def test_equal_settings_leave_clips_or_the_machine():
    """Where settings agree, counts tell whether other clips were looked at."""
    run = sample_run()
    moved = evolve(run, knobs=(run.knobs[0], evolve(run.knobs[1], high=2.0)))

    assert "the machine" in compare_runs(run, moved).explained[0]
    assert "the corpus's songs" in compare_runs(run, evolve(moved, counts={"clips": 63})).explained[0]


def test_knobs_are_set_beside_their_own_kind():
    """Knobs of one name, kind and fit are compared: verdict, range, dimensions and effects; a lone one is told."""
    run = sample_run()
    shift, affine = run.knobs
    other = evolve(
        affine,
        verdict="rejected",
        high=0.0,
        dimensions=(KnobDimension(2, 0.5), KnobDimension(3, 0.4)),
        effects=(KnobEffect("mean-pitch", 0.5, 0.9),),
    )
    found = compare_runs(run, evolve(run, knobs=(shift, other)))
    lone = compare_runs(run, evolve(run, knobs=(shift,), current=None))

    pair = next(one for one in found.knobs if one.knob.fit == "ridge")
    assert pair.shared == (1, 1, 1)
    row = dict(zip(("knob", "fit", "verdict", "range", "dims", "operator", "change"), found.rows()[1], strict=True))
    assert (row["verdict"], row["range"]) == ("accepted then rejected", "-1 to +1 then -1 to +0")
    assert row["change"] == "mean-pitch 1.700, 0.900"
    assert found.as_dict()["knobs"][1]["dimensions"] == {"both": 1, "only_a": 1, "only_b": 1}
    assert lone.rows()[1][2] == "accepted, only in A"
    assert "accepted then rejected" in found._repr_html_()
    json.dumps([found.as_dict(), lone.as_dict()], allow_nan=False)


def test_numbers_have_their_intervals():
    """Response, criteria and effects are compared with their intervals, which overlap or lie apart."""

    def measured(value):
        change = Effect(value, value - 0.1, value + 0.1, 0.05, 0.2, 64)
        at = AmountMetrics(amount=1.0, clips=64, effects={"mean-pitch": change}, leakage={}, content={})
        each = Interval(value, value - 0.1, value + 0.1, 0.05)
        response = Response(slope=each, r2=each, r2_clips=each, spearman=each, clips=64)
        test = SplitMetrics(amounts=(at,), response=response)
        evidence = Evidence(target="mean-pitch", spreads={"mean-pitch": 2.0}, test=test)
        run = sample_run()
        knob = evolve(run.knobs[1], effects=(KnobEffect("mean-pitch", value, value / 2),), evidence=evidence)
        return evolve(run, knobs=(run.knobs[0], knob))

    rows = {row["number"]: row for row in compare_runs(measured(0.5), measured(0.9)).knobs[1].moved}

    assert rows["effect on mean-pitch (sd)"] | {"difference": 0.2} == {
        "number": "effect on mean-pitch (sd)",
        "a": 0.25,
        "a_low": 0.2,
        "a_high": 0.3,
        "b": 0.45,
        "b_low": 0.4,
        "b_high": 0.5,
        "difference": 0.2,
        "apart": True,
    }
    assert rows["slope of the response"]["apart"]
