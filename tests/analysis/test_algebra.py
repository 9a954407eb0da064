"""
Knobs on a plane, where everything is known by hand.

A clip is a pair of pitches (60 + a, 60 + b), half of its steps each; its code is (a, b), and a code decodes to the
nearest such clip. Four clips (+-5, +-5): both dimensions have variance 25, so that units cancel in every ratio.
"""

from __future__ import annotations

import json
from hashlib import sha256

import numpy as np
import pytest
from attrs import asdict, evolve, field, frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from latentknobs.analysis.algebra import AlgebraClips, algebra, measure, sample_clips
from latentknobs.analysis.algebra_result import Element
from latentknobs.core.augmentation import TokenAugmentation
from latentknobs.core.backend import BackendSpec, Posterior
from latentknobs.core.corpus import Song
from latentknobs.core.evidence import Evidence
from latentknobs.core.knob import Knob, Operator
from latentknobs.core.melody_format import MELODY, STEPS
from latentknobs.corpora.corpus_spec import CorpusSelection
from latentknobs.errors import AmountError, CorpusError, RegistryError, UsageError

HALF = STEPS // 2
POINTS = np.asarray([[5, 5], [-5, 5], [-5, -5], [5, -5]])
TURN = np.asarray([[0.0, -1.0], [1.0, 0.0]])
"""A quarter turn: (a, b) to (-b, a)."""
EYE = np.eye(2)


def _clips(points):
    return np.repeat(60 + np.asarray(points), HALF, axis=1).astype(np.int16)


@frozen
class Plane:
    """The model."""

    spec: BackendSpec = field(
        factory=lambda: BackendSpec("plane", MELODY, 2, sha256(b"plane").hexdigest(), training={})
    )

    def accepts(self, clips):
        """All."""
        return np.ones(len(clips), dtype=bool)

    def encode(self, clips):
        """The pair."""
        return Posterior((clips[:, [0, -1]] - 60).astype(np.float32), None)

    def decode(self, z):
        """The nearest clip."""
        return _clips(np.clip(np.round(z), -60, 67).astype(int))


class Move(TokenAugmentation):
    """Maps (a, b) to matrix (a, b) + amount * offset."""

    name = knob_name = "move"

    def __init__(self, matrix=EYE, offset=(0.0, 0.0), amounts=(1.0,)):
        self.matrix, self.offset, self.amounts = np.asarray(matrix), np.asarray(offset), amounts

    def edit_tokens(self, clips, amount, rng):
        """Edit."""
        points = (clips[:, [0, -1]] - 60) @ self.matrix.T + amount * self.offset
        inside = ((points >= -60) & (points <= 67)).all(axis=1)
        return _clips(np.where(inside[:, None], points, 0).astype(int)), inside


def _affine(*maps):
    """An operator of (amount, matrix, offset), amounts ascending."""
    amounts, matrices, offsets = zip(*maps, strict=True)
    return Operator("affine", {"amounts": list(amounts), "matrices": list(matrices), "offsets": list(offsets)})


def _element(name, operator, edit, amount=1.0):
    return Element(name, "", operator, edit, amount, tuple(sorted(float(a) for a in edit.amounts)))


def _shift(name, offset):
    """A knob that shifts by an offset, and its exact edit."""
    return _element(name, _affine((1.0, EYE, offset)), Move(offset=offset))


QUARTER = _element("quarter", _affine((1.0, TURN, [0, 0])), Move(TURN))


def _measured(*elements, points=POINTS, others=()):
    clips = _clips(points)
    names = [f"song {i}" for i in range(len(clips))]
    return measure(Plane(), elements, AlgebraClips(clips, names, _clips(np.reshape(others, (-1, 2)))), 0)


def test_two_shifts_commute_exactly():
    """Edits and knobs alike: no token, no code differs, and the sum of both moves is the sequence."""
    found = _measured(_shift("right", [3, 0]), _shift("up", [-1, 2]))

    for pair in found.pairs:
        one, sums = pair.commutator, pair.additivity
        assert (one.clips, one.edited.value, one.decoded.value) == (4, 0, 0)
        assert (one.edited_codes.value, one.codes.value) == (0, 0)
        assert (sums.codes.value, sums.differ.value, sums.gain.value) == (0, 0, 0)
        assert (sums.sequence.equivariance.value, sums.sum.equivariance.value) == (1, 1)


def test_a_rotation_and_a_shift_do_not():
    """
    R (z + s) - (R z + s) = R s - s, for a quarter turn and s = (3, 0) the vector (-3, 3): both halves of a clip.

    |R z - z|^2 is 100 for each of the points, |s|^2 9, and the products cancel over the four: a move has
    mean square 109, the gap 18.
    """
    found = _measured(QUARTER, _shift("right", [3, 0]))
    expected = np.sqrt(18 / 109)

    for pair in found.pairs:
        one = pair.commutator
        assert (one.clips, one.edited.value, one.decoded.value) == (4, 1, 1)
        assert one.edited_codes.value == pytest.approx(expected, rel=1e-6)
        assert one.codes.value == pytest.approx(expected, rel=1e-6)
    assert found.pair("quarter", "right").commutator == found.pair("right", "quarter").commutator


def test_the_sum_knows_no_order():
    """
    The sum of both moves is z + (R z - z) + s = R z + s: what comes of the turn first, and not of the shift first.

    The shift first gives R z + R s: both halves differ. Of the four clips two keep one half as it is, so the floor is
    1/4 and the sum, right nowhere, (0 - 1/4) / (1 - 1/4) = -1/3.
    """
    found = _measured(QUARTER, _shift("right", [3, 0]))
    first, last = (found.pair(*names).additivity for names in (("quarter", "right"), ("right", "quarter")))

    assert (first.codes.value, first.differ.value, first.gain.value) == (0, 0, 0)
    assert (first.sum.accuracy, first.sum.equivariance.value) == (1, 1)
    assert last.codes.value == pytest.approx(np.sqrt(18 / 109), rel=1e-6)
    assert (last.differ.value, last.gain.value) == (1, 1)
    assert last.sequence.equivariance.value == 1
    assert (last.sum.accuracy, last.floor, last.ceiling) == (0, 0.25, 1)
    assert last.sum.equivariance.value == pytest.approx(-1 / 3)


def test_the_floor_knows_the_mean_edited_code():
    """Where the mean code of other clips edited alike decodes to half of the edited clip, no floor is lower."""
    shift = _shift("right", [3, 0])
    up = _shift("up", [0, 2])
    found = _measured(shift, up, points=[[4, 6], [6, 4], [4, -6], [6, -4]], others=[[4, 0], [4, 1], [4, -1]])

    # Plain: no half is right. The mean edited code is (7, 2): the first half of the two clips whose a is 4.
    assert found.pair("right", "up").additivity.floor == 0.25


def test_a_power_that_is_not_one():
    """
    T_1 goes by (1, 0) and T_2 by (3, 0): twice the first is a third of the second's move away, and half the tokens.

    Of the other sign T_-2 is exactly twice T_-1.
    """
    steps = {-2.0: -2, -1.0: -1, 1.0: 1, 2.0: 3}
    operator = _affine(*((a, EYE, [by, 0]) for a, by in steps.items()))
    (laws,) = _measured(_element("right", operator, Move(offset=[1, 0], amounts=tuple(steps)))).knobs
    back, forth = laws.powers

    assert (forth.amount, forth.step, forth.times, forth.clips) == (2, 1, 2, 4)
    assert forth.codes.value == pytest.approx(1 / 3)
    assert forth.decoded.value == 0.5
    assert (back.amount, back.step, back.times) == (-2, -1, 2)
    assert (back.codes.value, back.decoded.value) == (0, 1)
    # T_-2 after T_2 ends at (1, 0), a third of T_2's move; T_2 after T_-2 as well, half of T_-2's.
    inverses = {one.amount: (one.codes.value, one.decoded.value) for one in laws.inverses}
    assert inverses == {-2: (pytest.approx(0.5), 0.5), -1: (0, 1), 1: (0, 1), 2: (pytest.approx(1 / 3), 0.5)}


def test_an_affine_map_and_its_exact_inverse():
    """2 z + (1, 1) and (z - (1, 1)) / 2 undo one another, whichever comes first."""
    operator = _affine((-1.0, EYE / 2, [-0.5, -0.5]), (1.0, 2 * EYE, [1, 1]))
    edit = Move(offset=[1, 1], amounts=(-1.0, 1.0))
    (laws,) = _measured(_element("grow", operator, edit)).knobs

    assert laws.powers == ()
    for one in laws.inverses:
        assert one.codes.value == pytest.approx(0, abs=1e-6)
        assert one.decoded.value == 1


def test_amounts_between_the_steps_are_no_powers():
    """Of the amounts 2, 3 and 4 only 4 is a power of the first."""
    operator = Operator("shift", {"direction": [1.0, 0.0]})
    (laws,) = _measured(_element("right", operator, Move(offset=[1, 0], amounts=(2.0, 3.0, 4.0)), 2.0)).knobs

    assert [(one.amount, one.times) for one in laws.powers] == [(4, 2)]
    assert laws.inverses == ()


def test_swapped_amounts_start_from_edited_clips():
    """
    An edit with positive amounts only has before and after swapped: its inverse starts from the edited clip's code.

    From (+-10, +-10) T_-1 halves: a move of |(5, 5)|^2 = 50. T_1 doubles and adds (1, 0), which is the whole gap.
    """
    operator = _affine((-1.0, EYE / 2, [0, 0]), (1.0, 2 * EYE, [1, 0]), (2.0, EYE, [0, 0]))
    edit = Move(2 * EYE, amounts=(1.0, 2.0))
    (laws,) = _measured(Element("double", "", operator, edit, 1.0, (-1.0, 1.0, 2.0))).knobs

    assert [one.amount for one in laws.inverses] == [-1, 1]
    assert laws.inverses[0].codes.value == pytest.approx(np.sqrt(1 / 50))


def test_only_clips_that_the_edits_can_be_applied_to():
    """What either edit masks is left out; where nothing is left, numbers are missing and JSON carries that."""
    far = _shift("far", [63, 0])
    found = _measured(far, _shift("right", [3, 0]))
    none = _measured(far, _shift("farther", [64, 64]))

    # a = 5 would be 68, out of the format; a = -5 is 58, and 61 after the other.
    assert found.pair("far", "right").additivity.clips == 2
    assert found.pair("far", "right").commutator.clips == 2
    empty = none.pair("far", "farther")
    assert (empty.additivity.clips, empty.commutator.clips, empty.commutator.codes) == (0, 0, None)
    assert json.loads(json.dumps(asdict(none), allow_nan=False))["pairs"][0]["additivity"]["gain"] is None


FLOATS = st.floats(-1, 1, width=16)


@settings(max_examples=20)
@given(numbers=st.lists(FLOATS, min_size=12, max_size=12))
def test_the_sum_misses_what_the_second_map_makes_of_the_first_move(numbers):
    """For affine maps T_b T_a z - (z + D_a + D_b) = (A_b - I) (T_a z - z), over the length of T_b T_a z - z."""
    a, b = np.reshape(numbers[:8], (2, 2, 2))
    s, t = np.reshape(numbers[8:], (2, 2))
    one = _element("one", _affine((1.0, a, s)), Move())
    two = _element("two", _affine((1.0, b, t)), Move())
    first = POINTS @ a.T + s
    both = first @ b.T + t
    gap = ((first - POINTS) @ (b - EYE).T) ** 2
    found = _measured(one, two).pair("one", "two").additivity.codes

    expected = np.sqrt(gap.sum() / ((both - POINTS) ** 2).sum())
    assert found.value == pytest.approx(expected, rel=1e-4, abs=1e-6)
    assert found.low <= found.value * (1 + 1e-9) + 1e-9
    assert found.value <= found.high * (1 + 1e-9) + 1e-9


def _knob(**changes):
    facts = {
        "name": "right",
        "model_id": Plane().spec.model_id,
        "model_name": "plane",
        "augmentation": "move",
        "kind": "shift",
        "fit": "mean",
        "unit": "steps",
        "step": None,
        "low": -1.0,
        "high": 3.0,
        "verdict": "accepted",
        "dimensions": (),
        "evidence": Evidence(fitted=(-3, -1, 2, 3, 5)),
        "operator": Operator("shift", {"direction": [1.0, 0.0]}),
    }
    return Knob(**{**facts, **changes})


def test_the_element_of_a_stored_knob():
    """Its amounts are the fitted ones in the usable range, its amount the smallest positive one, or as asked."""
    edit = Move(amounts=(1.0, 2.0))

    assert (Element.of(_knob(), edit).amounts, Element.of(_knob(), edit).amount) == ((-1, 2, 3), 2)
    assert Element.of(_knob(), edit, -1.0).amount == -1
    # Without evidence of what was fitted, the edit's own amounts, swapped ones too, stand in.
    assert Element.of(_knob(evidence=Evidence()), edit).amounts == (-1, 1, 2)


@pytest.mark.parametrize(
    ("changes", "amount", "error", "says"),
    [
        ({}, 4.0, AmountError, r"right:4 cannot be composed.* -1 to \+3"),
        ({}, 0.0, AmountError, "other than 0"),
        ({"high": 0.0}, None, AmountError, "no positive usable amount"),
        ({"operator": None, "operator_sha256": "ab", "run_id": "run7"}, None, RegistryError, "repeat its run run7"),
    ],
)
def test_what_is_no_element(changes, amount, error, says):
    """An amount outside the range, none to choose, and a knob without its operator are refused."""
    with pytest.raises(error, match=says):
        Element.of(_knob(**changes), Move(), amount)


def _songs(*splits):
    return [Song(f"song {i}", _clips(POINTS), split) for i, split in enumerate(splits)]


def test_clips_come_from_test_songs():
    """Test songs are measured on, training songs give the floor; the same seed gives the same values."""
    shift, turn = _shift("right", [3, 0]), QUARTER
    songs = _songs("train", "test", "validation", "test")

    def measured():
        return measure(Plane(), [turn, shift], sample_clips(Plane(), songs, 0, most=6), 0)

    found = measured()

    assert (found.clips, found.songs) == (6, 2)
    assert found == measured()
    with pytest.raises(CorpusError, match="no test clips"):
        sample_clips(Plane(), _songs("train"), 0)


def test_a_knob_is_named_once():
    """Twice the same knob has no matrix, and a pair that was not measured is a KeyError."""
    with pytest.raises(UsageError, match="named twice"):
        _measured(QUARTER, QUARTER)
    with pytest.raises(KeyError):
        _measured(QUARTER).pair("quarter", "quarter")


def test_knobs_of_two_keys_are_measured_apart(workbench):
    """One of the first note and one of the key would have to be turned in two keys at once."""
    pitch = workbench.knob("pitch", "tiny")
    run = workbench.registry.run(pitch.run_id)
    for name, reference in (("mirror", "first-note"), ("degree", "key")):
        spec = evolve(run.spec, parameters={"of": name})
        evidence = evolve(pitch.evidence, relative_to=reference)
        knob = evolve(pitch, name=name, evidence=evidence, run_id=spec.run_id)
        workbench.registry.save_run(evolve(run, spec=spec, knobs=(knob,), current=0))

    with pytest.raises(UsageError, match="mirror by the first-note and degree by the key: measure these knobs apart"):
        algebra(workbench, {"mirror": None, "degree": None}, "tiny", CorpusSelection("tiny", 100))

    found = algebra(workbench, {"mirror": 1.0, "pitch": 1.0}, "tiny", CorpusSelection("tiny", 100))
    assert [one.knob for one in found.knobs] == ["mirror", "pitch"]
