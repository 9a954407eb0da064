"""What a direction is called, on a decoder that can be worked out by hand."""

from types import SimpleNamespace

import numpy as np
import pytest

from latentknobs.core.attribute import Attribute
from latentknobs.discovery.candidate_moves import GRID, straight
from latentknobs.discovery.direction_labeling import (
    AttributeChange,
    DirectionTraversals,
    name_of,
    related,
    unrelated,
)
from latentknobs.evaluation.evaluation_set import EvaluationSet


class Plain:
    """A clip is its code, in hundredths."""

    spec = SimpleNamespace(clip_format=SimpleNamespace(shape=(2,)))

    def decode(self, z):
        return np.round(100 * np.asarray(z)).astype(np.int16)


def _column(name, k, scale=0.01):
    return Attribute(name, "units", "A column.", "plain", lambda clips: clips[:, k] * scale)


FIRST, SECOND = _column("first", 0), _column("second", 1)
NEVER = Attribute("never", "units", "Defined nowhere.", "plain", lambda clips: np.full(len(clips), np.nan))
APART = {a: {b: float(a == b) for b in ("first", "second", "never")} for a in ("first", "second", "never")}


@pytest.fixture(scope="module")
def clips():
    """A trial of three clips."""
    codes = np.array([[0, 0], [1, 2], [3, -1]], np.float32)
    return EvaluationSet(Plain().decode(codes), np.arange(3), codes, Plain().decode(codes), {})


def _profile(clips, direction, relations=APART, limit=0.3, attributes=(FIRST, SECOND, NEVER)):
    spreads = {"first": 2.0, "second": 1.0, "never": 0.0, "twice": 4.0}
    return DirectionTraversals(Plain(), attributes, spreads, relations, limit).profile(
        clips, straight("given", 1, np.asarray(direction))
    )


def test_a_profile_by_hand(clips):
    """
    A direction (3, -0.5) with deviations 2 and 1: effects 1.5 and -0.5, both steady, so scores 1.5 and 0.5.

    Clearness is 1.5 * 1.5 / (1.5 + 0.5) and 0.5 * 0.5 / (0.5 + 1.5).
    """
    result = _profile(clips, [3, -0.5])

    assert result["first"] == AttributeChange(1.0, pytest.approx(3), pytest.approx(1.5), pytest.approx(1.125))
    assert result["second"] == AttributeChange(-1.0, pytest.approx(-0.5), pytest.approx(-0.5), pytest.approx(0.125))
    assert result["never"] == AttributeChange(0.0, 0.0, 0.0, 0.0)
    assert name_of(result) == "first"


def test_related_attributes_do_not_blur_a_name(clips):
    """What goes with an attribute anyway is no other thing that moves: only unrelated scores are set against it."""
    together = {**APART, "first": {"first": 1.0, "second": -0.3, "never": 0.0}}

    assert _profile(clips, [3, -0.5], together)["first"].clearness == pytest.approx(1.5)
    assert _profile(clips, [3, -0.5], together, limit=0.31)["first"].clearness == pytest.approx(1.125)


def test_of_the_same_attribute_in_two_units_the_first_names(clips):
    """Scores that differ by rounding alone are a tie."""
    twice = _column("twice", 0, 0.02)
    relations = {a: dict.fromkeys(("first", "second", "twice"), 1.0) for a in ("first", "second", "twice")}

    assert name_of(_profile(clips, [3, 0.7], relations, attributes=(FIRST, twice, SECOND))) == "first"
    assert name_of(_profile(clips, [3, 0.7], relations, attributes=(twice, FIRST, SECOND))) == "twice"


def test_a_direction_without_a_steady_attribute_has_no_name(clips):
    """One that moves nothing, and one whose attribute goes up and down, are not named."""
    folded = Attribute("first", "units", "A distance.", "plain", lambda clips: np.abs(clips[:, 0] - 150.0))

    assert name_of(_profile(clips, [0, 0])) is None
    assert name_of(_profile(clips, [1, 0], attributes=(folded,), relations={"first": {"first": 1.0}})) is None
    assert name_of({"a": AttributeChange(0.49, 9.0, 9.0, 9.0), "b": AttributeChange(-0.5, -1.0, -1.0, 0.1)}) == "b"


def test_a_traversal_goes_both_ways_alike():
    """The grid is symmetric and leaves out 0, which is the clip itself."""
    assert tuple(-a for a in reversed(GRID)) == GRID
    assert 0.0 not in GRID


def test_relations_are_rank_correlations_over_clips_that_have_both():
    """By hand: ranks 1 2 3 4 beside 2 1 4 3 agree by 1 - 6 * 4 / (4 * 15) = 0.6; the clip without the other is out."""
    clips = np.array([[10, 2], [20, 1], [30, 4], [40, 3], [50, -1]], np.int16)
    second = Attribute(
        "second", "units", "Not below 0.", "plain", lambda c: np.where(c[:, 1] < 0, np.nan, c[:, 1]).astype(float)
    )

    result = related((FIRST, second, NEVER), clips)

    assert result["first"]["second"] == result["second"]["first"] == pytest.approx(0.6)
    assert result["first"]["first"] == result["never"]["never"] == 1.0
    assert result["never"]["first"] == 0.0
    assert unrelated("first", result, 0.6) == {"never"}
    assert unrelated("first", result, 0.61) == {"never", "second"}
