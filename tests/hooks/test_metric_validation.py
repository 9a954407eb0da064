"""What a stranger's metric does wrong, and what becomes of it."""

import numpy as np
import pytest

from latentknobs.core.metric_specs import LabelledCodes, Metric, MetricResult, Score
from latentknobs.errors import PluginError, UsageError
from latentknobs.hooks import hookimpl
from latentknobs.hooks.manager import Plugins

GIVEN = LabelledCodes(np.ones((12, 2)), np.ones((12, 1)), ("a",), (False,))
ONE = Score(1.0)


def handed(compute, needs="codes"):
    """A metric's function as it is handed out."""

    class Plugin:
        @hookimpl
        def register_metrics(self):
            return [Metric("odd", "Odd.", needs, compute)]

    plugins = Plugins(strict=True)
    plugins.register(Plugin(), "strange")
    return plugins.metrics()["odd"].compute


def result(overall=ONE, parts=None, facts=None):
    """A result of twelve rows."""
    return MetricResult(overall, {"a": ONE} if parts is None else parts, 12, 0, 0, facts or {})


FAULTS = {
    "a number": (1.0, "returned a float"),
    "no parts": (result(parts={}), "parts named nothing"),
    "another part": (result(parts={"a": ONE, "b": ONE}), "parts named a, b"),
    "a part that is a number": (result(parts={"a": 1.0}), "a float as a;"),
    "NaN without a reason": (result(Score(float("nan"))), "no number as the overall score and no reason"),
    "an infinite end": (result(Score(1.0, 0.0, float("inf"))), "as the overall score"),
    "words as a number": (result(Score("much")), "as the overall score"),
    "facts that JSON cannot carry": (result(facts={"where": np.ones(2)}), "the fact 'where' with an array"),
    "facts in a list": (result(facts=[1]), "a list as its facts"),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_what_is_no_result_is_one_sentence(fault):
    """Each fault is named with the metric, its plugin and what it must return."""
    found, wanted = FAULTS[fault]

    with pytest.raises(PluginError, match=r"^metric 'odd' of plugin 'strange'") as caught:
        handed(lambda _given: found)(GIVEN)

    assert wanted in str(caught.value)
    assert "it must return a MetricResult with a Score for each of a, NaN only with the reason" in str(caught.value)


def test_what_fails_or_writes_is_one_sentence():
    """An exception is named, and so is writing into the codes."""

    def write(given):
        given.codes[:] = 0

    with pytest.raises(PluginError, match="it raised ZeroDivisionError"):
        handed(lambda _given: 1 / 0)(GIVEN)
    with pytest.raises(PluginError, match="writes into an array it is given"):
        handed(write)(GIVEN)
    assert GIVEN.codes.all()


def test_a_metric_speaks_for_itself():
    """A UsageError is the metric's own sentence about the data and passes as it is."""

    def refuse(_given):
        raise UsageError("Bring more rows.")

    with pytest.raises(UsageError, match=r"^Bring more rows\.$"):
        handed(refuse)(GIVEN)


def test_a_good_result_passes():
    """Facts come as Python's own numbers, and NaN with a reason is a value."""
    found = handed(lambda _given: result(Score(float("nan"), why="few"), facts={"n": np.float64(2)}))(GIVEN)

    assert found.overall.why == "few"
    assert type(found.facts["n"]) is float


@pytest.mark.parametrize(
    ("metric", "match"),
    [
        (Metric("odd", "Odd.", "clips", len), "'odd' needs 'clips'; it can need codes or traversals"),
        (Metric("odd", "Odd.", "codes", 3), "'compute' of 'odd' is not a function"),
        (Metric("Odd!", "Odd.", "codes", len), "the name 'Odd!' is not made of"),
    ],
)
def test_an_offer_that_is_no_metric_is_refused(metric, match):
    """Name, need and function are checked when the plugin is loaded."""

    class Plugin:
        @hookimpl
        def register_metrics(self):
            return [metric]

    with pytest.raises(PluginError, match=match):
        Plugins(strict=True).register(Plugin(), "strange")
