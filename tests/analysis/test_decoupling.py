"""Decoupling: dual bases and projections on directions known by hand, and knobs of the tiny model made to leak."""

from __future__ import annotations

import numpy as np
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from latentknobs.analysis import dual_basis
from latentknobs.analysis.decoupling import decouple_subjects
from latentknobs.analysis.decoupling_data import DecouplingConfig, DecouplingSubject
from latentknobs.analysis.decoupling_result import MOST_CROSS_LEAKAGE, CrossLeakage
from latentknobs.augmentations.note_split import NoteSplit
from latentknobs.augmentations.transpose import Transpose
from latentknobs.core.evidence import Interval
from latentknobs.core.experiment import Settings
from latentknobs.core.knob import Knob, Operator
from latentknobs.errors import DiscoveryError, NotFittedError, RegistryError, UsageError
from latentknobs.steering.apply import displacement
from latentknobs.testing.tiny import ACTIVITY, LATENT_SIZE, PITCH, TinyBackend

TWO = np.array([[1.0, 0.0, 0.0], [1.0, 1.0, 0.0]])
"""Two directions 45 degrees apart, of squared length 1 and 2."""
SMALL = DecouplingConfig(Settings(sample_clips=400, trial_clips=40, control_clips=16))


def _directions(m: int = 3, size: int = 5):
    """Rows far enough from dependent: a multiple of the first axes beside entries of at most 1."""
    some = arrays(np.float64, (m, size), elements=st.floats(-1, 1, width=32))
    return some.map(lambda x: x + 4 * np.eye(m, size))


def test_the_dual_of_two_directions():
    """Of (1, 0, 0) and (1, 1, 0) the duals, each seen by its own reading as before, are (1, -1, 0) and (0, 2, 0)."""
    # By hand: e_1 is across d_2 in their plane, so along (1, -1, 0), and e_1.d_1 = 1 = d_1.d_1; e_2 is across d_1,
    # so along (0, 1, 0), and e_2.d_2 = 2 = d_2.d_2.
    assert dual_basis.dual_basis(TWO, TWO) == pytest.approx(np.array([[1, -1, 0], [0, 2, 0]]))


def test_the_dual_in_a_metric():
    """In the metric diag(1, 4, 1) the dual of (1, 0, 0) beside (1, 1, 0) leans less: (1, -1/4, 0)."""
    # By hand: (1, y, 0) M (1, 1, 0)' = 1 + 4 y = 0. The other is across (1, 0, 0), so along the second axis, and
    # (0, y, 0) M (1, 1, 0)' = 4 y must be d_2 M d_2 = 5.
    found = dual_basis.dual_basis(TWO, TWO @ np.diag([1.0, 4.0, 1.0]))

    assert found == pytest.approx(np.array([[1, -0.25, 0], [0, 1.25, 0]]))


def test_the_dual_of_readings_is_exact():
    """Readings of the first two axes take what two mixed directions have of each other's axis away."""
    mixed = np.array([[2.0, 0.5, 1.0], [1.0, 4.0, 0.0]])
    found = dual_basis.dual_basis(mixed, np.eye(3)[:2])

    assert found[:, :2] == pytest.approx(np.diag([2.0, 4.0]))


def test_the_condition_number_of_two_directions():
    """At 45 degrees it is (1 + cos 45) / (1 - cos 45) = 3 + 2 sqrt 2, at 90 degrees 1, of parallels infinite."""
    assert dual_basis.condition(dual_basis.cosines(TWO)) == pytest.approx(3 + 2 * np.sqrt(2))
    assert dual_basis.condition(dual_basis.cosines(np.eye(3)[:2])) == pytest.approx(1)
    assert dual_basis.condition(dual_basis.cosines(np.array([[1.0, 2.0], [2.0, 4.0]]))) == np.inf


def test_parallel_directions_have_no_dual():
    """Directions that readings cannot tell apart, and one that its own reading does not see, are refused."""
    for directions in ([[1.0, 2.0], [2.0, 4.0]], [[1.0, 0.0], [0.0, 0.0]]):
        with pytest.raises(UsageError, match="mixture of the others"):
            dual_basis.dual_basis(np.asarray(directions), np.eye(2))


@given(_directions(), _directions())
def test_after_the_dual_no_reading_sees_another(directions, readings):
    """Every reading of another knob's dual is 0, and of its own what it was."""
    found = readings @ dual_basis.dual_basis(directions, readings).T

    assert found == pytest.approx(np.diag(np.diag(readings @ directions.T)), abs=1e-9)


@given(_directions(), st.permutations(range(3)))
def test_the_dual_does_not_know_an_order(directions, order):
    """Directions in another order have the same duals in that order."""
    found = dual_basis.dual_basis(directions[order], directions[order])

    assert found == pytest.approx(dual_basis.dual_basis(directions, directions)[order], abs=1e-9)


@given(_directions(m=1))
def test_one_direction_is_its_own_dual(directions):
    """With nothing to be decoupled from, a direction stays as it is."""
    assert dual_basis.dual_basis(directions, directions) == pytest.approx(directions)


@given(arrays(np.float64, (2, 6), elements=st.floats(-1, 1, width=32)), st.integers(3, 6))
def test_a_projection_has_orthonormal_columns(readings, size):
    """Its columns are orthonormal, lie in the span it is taken within, and no reading sees them."""
    within = np.linalg.qr(np.arange(36.0).reshape(6, 6) ** 1.5 % 7)[0][:, :size]
    found = dual_basis.complement(readings, within)

    assert found.T @ found == pytest.approx(np.eye(found.shape[1]), abs=1e-9)
    assert within @ (within.T @ found) == pytest.approx(found, abs=1e-9)
    assert np.abs(readings @ found).max() <= 1e-8
    assert found.shape[1] >= size - 2


def test_a_projection_drops_what_readings_see_and_no_more():
    """The complement of (1, 1, 0) in space is spanned by (1, -1, 0) and (0, 0, 1); readings of 0 drop nothing."""
    found = dual_basis.complement(np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]), np.eye(3))

    assert found @ found.T == pytest.approx(np.array([[0.5, -0.5, 0], [-0.5, 0.5, 0], [0, 0, 1]]))


def test_the_contrast_names_the_others_first():
    """First comes the axis in which only the others move, then the shared one, the own and the still one last."""
    own, others = np.diag([1.0, 1.0, 0.0, 0.0]), np.diag([0.0, 1.0, 1.0, 0.0])
    found = np.abs(dual_basis.contrast(own, others, np.eye(4)))

    assert found[:2] == pytest.approx(np.eye(4)[[2, 1]], abs=1e-6)


def test_alike_in_all_moves():
    """Second moments of two shifts are alike by the squared cosine: 1/2 at 45 degrees."""
    energies = np.stack([np.outer(d, d) for d in TWO])

    assert dual_basis.alignment(energies) == pytest.approx(np.array([[1, 0.5], [0.5, 1]]))


def test_a_linear_attribute_is_read():
    """Ridge finds the weights of an attribute that is linear in the codes, and leaves silent dimensions alone."""
    codes = np.random.default_rng(0).standard_normal((400, 4)) * [1.0, 2.0, 0.5, 0.0]
    values = codes @ [3.0, -1.0, 0.0, 0.0]
    values[0] = np.nan
    found, r2 = dual_basis.ridge(codes, values, (codes[200:], values[200:]), np.array([1.0, 2.0, 0.5, 0.0]))

    assert found == pytest.approx([3, -1, 0, 0], abs=1e-3)
    assert r2 == pytest.approx(1, abs=1e-4)


def _knob(name, augmentation, operator, low, high, dims):
    return Knob(name, "0" * 64, "tiny", augmentation, operator.kind, "mean", "", None, low, high, "accepted", dims,
                operator=operator)  # fmt: skip


def _shift(**weights):
    direction = np.zeros(LATENT_SIZE)
    direction[[PITCH, ACTIVITY]] = weights["pitch"], weights["activity"]
    return direction


@pytest.fixture(scope="module")
def attributes(methods):
    """The attributes by name."""
    return {a.name: a for a in methods.attributes}


@pytest.fixture(scope="module")
def subjects(attributes, songs):
    """Pitch and rhythm of the tiny model, their operators made of two directions, as shifts or as affine maps."""

    def make(up, split, affine=False, **ranges):
        made = []
        for name, edit, target, direction in (
            ("pitch", Transpose(), "mean-pitch", up),
            ("rhythm", NoteSplit(), "log2-onsets", split),
        ):
            low, high = ranges.get(name, (-5.0, 5.0) if name == "pitch" else (-1.0, 1.0))
            operator = Operator("shift", {"direction": direction})
            if affine:
                knots, matrices = np.array([low, high]), np.tile(np.eye(LATENT_SIZE), (2, 1, 1))
                arrays = {"amounts": knots, "matrices": matrices, "offsets": knots[:, None] * direction}
                operator = Operator("affine", arrays)
            knob = _knob(name, edit.name, operator, low, high, ())
            made.append(DecouplingSubject(knob, edit, attributes[target], songs))
        return made

    return make


@pytest.fixture(scope="module")
def leaky(subjects):
    """A pitch knob that adds 0.6 of a doubling at +5, and a rhythm knob that goes up 6 semitones a doubling."""
    return lambda **kind: subjects(_shift(pitch=1 / 12, activity=0.12), _shift(pitch=0.5, activity=1), **kind)


@pytest.mark.parametrize(("affine", "way"), [(False, "dual basis"), (True, "projection")])
def test_leaking_knobs_are_decoupled(leaky, affine, way):
    """Shifts are by their dual basis, operators by a projection: little leaks then, and the effect stays."""
    found = decouple_subjects(TinyBackend(), leaky(affine=affine), SMALL, 0)

    for one in found.knobs:
        assert one.way == way
        assert max(leak.upper for leak in one.before) > 0.3
        assert one.meets
        assert one.enough
        assert all(leak.upper <= MOST_CROSS_LEAKAGE for leak in one.after)
    # Nearly parallel by Mahalanobis distance, so worse conditioned than two that are across one another.
    assert found.condition > 1.5


def test_what_is_decoupled_moves_its_own_dimension(leaky):
    """The tiny model's decoupled shifts are its exact knobs, dimension 0 for pitch and 8 for activity."""
    pitch, rhythm = decouple_subjects(TinyBackend(), leaky(), SMALL, 0).knobs
    zero = np.zeros((1, LATENT_SIZE), np.float32)
    up, split = (displacement(one.operator, zero, 1.0)[0] for one in (pitch, rhythm))

    assert up[PITCH] == pytest.approx(1 / 12, rel=0.25)
    assert abs(up[ACTIVITY]) < 0.02
    assert split[ACTIVITY] == pytest.approx(1, rel=0.25)
    assert abs(split[PITCH]) < 0.1
    assert pitch.dims_after == (PITCH,)
    assert rhythm.dims_after == (ACTIVITY,)
    assert rhythm.kept_by_dims.value > 0.8


def test_the_order_of_knobs_does_not_matter(leaky):
    """Named the other way round, the same numbers come out, to the bit."""
    first = decouple_subjects(TinyBackend(), leaky(), SMALL, 0)
    second = decouple_subjects(TinyBackend(), leaky()[::-1], SMALL, 0)

    assert first.as_dict() == second.as_dict()
    assert [k.operator.sha256 for k in first.knobs] == [k.operator.sha256 for k in second.knobs]


def test_knobs_that_do_not_leak_stay_as_they_are(subjects):
    """What is within the limit already keeps its operator, all of its effect and its numbers."""
    clean = subjects(_shift(pitch=1 / 12, activity=0), _shift(pitch=0, activity=1))
    found = decouple_subjects(TinyBackend(), clean, SMALL, 0)

    for one, subject in zip(found.knobs, clean, strict=True):
        assert (one.way, one.dropped, one.kept.value) == ("as it is", 0, 1.0)
        assert one.operator is subject.operator
        assert one.after == one.before
        assert one.meets


def test_an_effect_is_not_given_up(leaky):
    """A knob that can only move in a way that leaks is left as it is, and told to be over the limit."""
    # It may move along its own direction and along an axis that nothing hears: to be across the reading of pitch,
    # it would have to leave its direction, and its effect with it.
    pitch, rhythm = leaky(affine=True)
    own = _shift(pitch=0.5, activity=1)
    columns = np.stack([own / np.linalg.norm(own), np.eye(LATENT_SIZE)[-1]], axis=1)
    operator = evolve(rhythm.knob.operator, arrays={**rhythm.knob.operator.arrays, "projection": columns})
    narrow = evolve(rhythm, knob=_knob("rhythm", "note-split", operator, -1.0, 1.0, ()))
    found = decouple_subjects(TinyBackend(), [pitch, narrow], SMALL, 0).knobs[1]

    assert (found.way, found.enough, found.meets) == ("as it is", False, False)
    assert found.operator is operator


def test_a_projection_stays_within_the_one_before(leaky):
    """A knob that is limited to a subspace already stays in it."""
    pitch, rhythm = leaky(affine=True)
    columns = np.eye(LATENT_SIZE)[:, : ACTIVITY + 1]
    limited = evolve(pitch.knob.operator, arrays={**pitch.knob.operator.arrays, "projection": columns})
    narrow = evolve(pitch, knob=_knob("pitch", "transpose", limited, -5.0, 5.0, ()))
    found = decouple_subjects(TinyBackend(), [narrow, rhythm], SMALL, 0).knobs[0]
    projection = found.operator.arrays["projection"]

    assert found.way == "projection"
    assert found.dropped == columns.shape[1] - projection.shape[1]
    assert np.abs(projection[ACTIVITY + 1 :]).max() < 1e-6


def test_leakage_on_every_clip(leaky):
    """On request all test clips count, not only those that can be split in two."""
    some, every = (
        next(
            x
            for x in decouple_subjects(TinyBackend(), leaky(), evolve(SMALL, every_clip=e), 0).knobs[1].before
            if x.amount == 1
        )
        for e in (False, True)
    )

    assert some.clips < every.clips == SMALL.settings.trial_clips


def test_a_lost_target_is_over_the_limit():
    """A knob after which a fifth of the clips no longer have the other's target has not left it alone."""
    quiet = CrossLeakage("rhythm", "log2-onsets", 1.0, Interval(0.0, 0.0, 0.0, 0.0), 0.0, 0.2, 40)

    assert not quiet.meets
    assert evolve(quiet, lost=0.05).meets


def test_what_cannot_be_decoupled_is_refused(leaky, subjects):
    """One knob alone, the same twice, two of one target, and one without a range are refused with a sentence."""
    pitch, rhythm = leaky()
    twin = evolve(pitch, knob=evolve(pitch.knob, name="height"))
    none = subjects(_shift(pitch=1 / 12, activity=0), _shift(pitch=0, activity=1), pitch=(0.0, 0.0))
    bare = evolve(pitch, knob=evolve(pitch.knob, operator=None, operator_sha256="0"), songs=())

    for found, error, says in (
        ([pitch], UsageError, "two knobs or more"),
        ([pitch, pitch], UsageError, "have the name pitch"),
        ([pitch, twin], UsageError, "have the target mean-pitch"),
        (none, UsageError, "no usable range"),
        ([bare, rhythm], DiscoveryError, "gave no train clips"),
    ):
        with pytest.raises(error, match=says):
            decouple_subjects(TinyBackend(), found, SMALL, 0)
    with pytest.raises(RegistryError, match="only the hash"):
        assert bare.operator


def test_a_decoupled_knob_is_a_fit(leaky):
    """It gives its operator to a discovery, unless that asks for amounts it was not fitted for."""
    one = decouple_subjects(TinyBackend(), leaky(affine=True), SMALL, 0).knobs[0]
    fit = one.as_fit()
    asked = type("Asked", (), {"amounts": (-5.0, 5.0)})

    operator, facts = fit.fit(asked)
    assert operator is one.operator
    assert facts["dropped"] == one.dropped
    assert (fit.name, fit.kind) == ("mean-decoupled", "affine")
    asked.amounts = (-5.0, 12.0)
    with pytest.raises(NotFittedError, match="ask for fewer clips"):
        fit.fit(asked)
