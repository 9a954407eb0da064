"""Moves that are learned from decoded clips, on the tiny model, one dimension of which is the pitch of the clip."""

import numpy as np
import pytest
from attrs import evolve

from latentknobs.core.corpus import Tally
from latentknobs.core.experiment import Experiment, UnsupervisedSettings
from latentknobs.core.knob import Operator
from latentknobs.core.run import RunSpec
from latentknobs.discovery.attribute_flows import flow_moves
from latentknobs.discovery.candidate_moves import AMOUNTS, CandidateMove, straight
from latentknobs.discovery.matched_moves import matched_moves
from latentknobs.discovery.move_classifier import classifier_moves
from latentknobs.discovery.unsupervised import Search, disentangle
from latentknobs.errors import UsageError
from latentknobs.evaluation.random_controls import Whitening
from latentknobs.steering.apply import apply, displacement
from latentknobs.testing.tiny import PITCH, TinyBackend


@pytest.fixture(scope="module")
def experiment(methods) -> Experiment:
    """The tiny model with three attributes; few clips and controls."""
    settings = UnsupervisedSettings(trial_clips=80, control_clips=32, halves=5, resamples=5, candidates=3)
    known = tuple(a for a in methods.attributes if a.name in ("mean-pitch", "log2-onsets", "pitch-range"))
    return Experiment.of(TinyBackend(), None, settings, evolve(methods, attributes=known), 0)


@pytest.fixture(scope="module")
def given(experiment, songs):
    """What its moves are learned from."""
    return Search.of(experiment, songs, Tally()).given


def _part(moves, given):
    """Which part of the first move's energy, that of the mean pitch, is in the dimension of the pitch."""
    moved = displacement(moves[0].operator, given.codes, AMOUNTS[-1]).mean(axis=0)
    return moved[PITCH] ** 2 / (moved**2).sum()


@pytest.mark.parametrize("learned", [lambda given: matched_moves(given)[0], flow_moves], ids=["matched", "flow"])
def test_the_dimension_of_the_pitch_is_found(given, learned):
    """The move of the mean pitch, the first attribute, is along it, and raises the pitch by what its amounts say."""
    moves = learned(given)

    assert moves[0].rank == 1
    assert _part(moves, given) > 0.8
    before = given.values(given.codes)[:, 0]
    for amount in AMOUNTS:
        after = given.values(apply(moves[0].operator, given.codes, amount))[:, 0]
        assert np.nanmean(after - before) == pytest.approx(amount, abs=0.2)


def test_directions_that_are_told_apart_depend_on_the_seed_alone(given):
    """As many as asked for, a standard deviation long, others for another seed, and the same bytes for the same one."""
    moves, again = classifier_moves(given, 3), classifier_moves(given, 3)
    other = classifier_moves(evolve(given, seed=1), 3)

    directions = [[move.operator.arrays["direction"] for move in some] for some in (moves, again, other)]
    np.testing.assert_array_equal(directions[0], directions[1])
    assert not np.array_equal(directions[0], directions[2])
    lengths = np.linalg.norm(Whitening.of(np.cov(given.codes, rowvar=False)).whiten(np.stack(directions[0])), axis=1)
    np.testing.assert_allclose(lengths, 1, rtol=1e-4)


@pytest.mark.parametrize("method", ["matched", "flow"])
def test_what_is_learned_is_judged_like_any_knob(experiment, songs, method):
    """The knob of the pitch comes from the method, with amounts in semitones, and is accepted."""
    chosen = evolve(experiment, settings=evolve(experiment.settings, moves=(method,), candidates=1))
    spec = RunSpec(TinyBackend().spec.model_id, "tiny", None, "tiny", 0, chosen.settings.as_dict())

    run = disentangle(chosen, songs, spec, version="test")

    (knob,) = [knob for knob in run.knobs if knob.name == "mean-pitch-auto"]
    assert (knob.kind, knob.fit, knob.verdict) == ("affine", method, "accepted")
    assert [d.dim for d in knob.dimensions] == [PITCH]
    np.testing.assert_allclose(knob.operator.arrays["amounts"], knob.evidence.fitted, rtol=1e-6)
    slopes = {effect.attribute: effect.slope for effect in knob.effects}
    assert slopes["mean-pitch"] == pytest.approx(1, abs=0.15)


def test_attributes_that_mean_the_same_have_one_move(given):
    """Of two whose ranks agree the first is moved, and one that never varies is not."""
    same = {name: dict.fromkeys(row, 1.0) for name, row in given.relations.items()}
    still = dict.fromkeys(given.spreads, 0.0) | {"mean-pitch": 1.0}

    assert evolve(given, relations=same).targets() == [0]
    assert evolve(given, spreads=still).targets() == [0]
    assert given.staying(0) == [n for n in (1, 2) if abs(given.relations["mean-pitch"][given.attributes[n].name]) < 0.3]


def test_an_attribute_without_pairs_is_left_out_with_a_sentence(given):
    """Three clips have no fifty pairs."""
    moves, left_out = matched_moves(evolve(given, codes=given.codes[:3]))

    assert moves == []
    assert all("50 are needed" in reason for reason in left_out.values())


def test_amounts_in_another_unit_are_the_same_moves():
    """Three units for an amount of 1, turned round: amount -3 there is amount 1 here."""
    matrices, offsets = np.stack([np.eye(2) * 2, np.eye(2) * 3]), np.asarray([[1.0, 0.0], [0.0, 1.0]])
    affine = CandidateMove(
        "some", 1, Operator("affine", {"amounts": [-1, 1], "matrices": matrices, "offsets": offsets}), (-1, 1)
    )
    z = np.asarray([[1.0, 2.0]], np.float32)

    for move in (affine, straight("some", 1, np.asarray([1.0, 2.0]))):
        other = move.measured_in(-3.0, {a: -3.0 * a for a in move.amounts})
        assert other.amounts == tuple(sorted(-3.0 * a for a in move.amounts))
        for amount in move.amounts:
            np.testing.assert_allclose(
                apply(other.operator, z, -3.0 * amount), apply(move.operator, z, amount), rtol=1e-6
            )


def test_there_are_three_methods():
    """Another is refused with their names."""
    with pytest.raises(UsageError, match="there is: matched, flow, classifier"):
        UnsupervisedSettings(moves=("guessing",))


def test_what_is_never_defined_or_never_varies_hinders_no_move(given):
    """A further attribute that no clip has, one that is infinite and one that is constant: the pitch is found still."""
    pitch = given.attributes[0]
    further = {"nowhere": np.nan, "infinite": np.inf, "constant": 1.0}
    strange = [
        evolve(pitch, name=name, measure=lambda clips, value=value: np.full(len(clips), value))
        for name, value in further.items()
    ]
    relations = {a.name: {b.name: float(a is b) for b in (*given.attributes, *strange)} for a in given.attributes}
    more = evolve(
        given,
        attributes=(*given.attributes, *strange),
        relations=relations,
        spreads={**given.spreads, **dict.fromkeys(further, 0.0)},
    )

    for moves in (matched_moves(more)[0], flow_moves(more)):
        assert _part(moves, more) > 0.8


def test_a_condition_is_not_moved(given):
    """Moves of the dimensions that are held are not learned at all."""
    held = np.arange(given.codes.shape[1]) == PITCH + 1
    moves = matched_moves(evolve(given, held=held))[0]

    assert moves
    assert not displacement(moves[0].operator, given.codes, AMOUNTS[0])[:, held].any()
