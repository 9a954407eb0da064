"""Knobs without an edit, on the tiny model, whose axes are known exactly."""

from collections.abc import Callable

import numpy as np
import pytest
from attrs import evolve
from scipy.linalg import helmert

from latentknobs.core.code_units import CodeUnits
from latentknobs.core.corpus import Song
from latentknobs.core.experiment import Experiment, UnsupervisedSettings
from latentknobs.core.knob import KnobEffect, Operator
from latentknobs.core.run import Run, RunSpec
from latentknobs.discovery.candidate_moves import GRID
from latentknobs.discovery.unsupervised import LEFT_OUT, disentangle
from latentknobs.errors import DiscoveryError, RegistryError, UsageError
from latentknobs.evaluation.control_test import ControlTest, RangeEnds
from latentknobs.evaluation.evaluation_set import EvaluationSet, unedited_set
from latentknobs.registry.store import KnobStore
from latentknobs.testing.tiny import ACTIVITY, BEATS, LATENT_SIZE, PITCH, TinyBackend, tiny_clips
from latentknobs.testing.units import drawn_scales, rescaled


class Open(TinyBackend):
    """The tiny model with its weights: each beat's pitch in semitones, and its activity, as functions of the code."""

    def latent_weights(self):
        out = {}
        for name, first, gain in (("pitch", PITCH, 12.0), ("activity", ACTIVITY, 1.0)):
            matrix = np.zeros((BEATS, LATENT_SIZE), np.float32)
            matrix[:, first] = gain
            matrix[:, first + 1 : first + BEATS] = gain * helmert(BEATS).T
            out[name] = matrix
        return out


@pytest.fixture(scope="module")
def search(methods, songs) -> Callable[..., Run]:
    """A run without an edit on 800 tiny clips; few controls and clips unless told otherwise."""

    def run(model=None, *, corpus=None, seed=0, attributes=("mean-pitch", "log2-onsets", "pitch-range"), **settings):
        chosen = UnsupervisedSettings(
            **{
                "trial_clips": 24,
                "controls": 5,
                "control_clips": 16,
                "halves": 5,
                "resamples": 5,
                "moves": (),
                **settings,
            }
        )
        model = model or Open()
        spec = RunSpec(model.spec.model_id, model.spec.name, None, "tiny", seed, chosen.as_dict())
        offers = evolve(methods, attributes=tuple(a for a in methods.attributes if a.name in attributes))
        experiment = Experiment.of(model, None, chosen, offers, seed)
        return disentangle(experiment, songs if corpus is None else corpus, spec, version="test")

    return run


@pytest.fixture(scope="module")
def unaided_run(search) -> Run:
    """The run with both axes among the directions of the weights, and clips and controls enough for a verdict."""
    return search(candidates=9, trial_clips=80, controls=100, control_clips=32)


def _named(run, name):
    (knob,) = [knob for knob in run.knobs if knob.name == name]
    return knob


def test_the_known_axis_of_pitch_is_found_named_and_accepted(unaided_run):
    """Dimension 0, a twelfth of it a semitone: named by the mean pitch, and scaled to semitones."""
    knob = _named(unaided_run, "mean-pitch-auto")

    direction = knob.operator.arrays["direction"]
    assert (knob.kind, knob.fit, knob.unit, knob.augmentation) == ("shift", "sefa", "semitones", None)
    assert direction[PITCH] == pytest.approx(1 / 12, rel=0.03)
    np.testing.assert_allclose(np.delete(direction, PITCH), 0, atol=1e-6)
    assert [d.dim for d in knob.dimensions] == [PITCH]
    assert knob.verdict == "accepted"
    slopes = {e.attribute: e.slope for e in knob.effects}
    assert slopes["mean-pitch"] == pytest.approx(1, abs=0.05)
    assert slopes["log2-onsets"] == 0
    assert knob.low < -12
    assert knob.high > 12


def test_the_known_axis_of_activity_is_found_and_named(unaided_run):
    """
    Dimension 8, the mean activity, is the ninth direction of the weights and named by the onsets.

    The knob is a principal component that mixes it with where the notes are, and moves the onsets by more.
    """
    knob = _named(unaided_run, "log2-onsets-auto")

    direction = knob.operator.arrays["direction"]
    rows = {(row.source, row.rank): row for row in knob.evidence.candidates}
    assert rows["sefa", 9].attribute == "log2-onsets"
    assert rows["sefa", 9].clearness > 0.75
    assert direction[ACTIVITY] == np.abs(direction).max()
    assert knob.dimensions[0].dim == ACTIVITY


def test_gates_of_an_edit_are_left_out_and_that_is_said(unaided_run):
    """No gate is of equivariance or content; the evidence says why, and has no measure of equivariance."""
    for knob in unaided_run.knobs:
        assert not {"equivariance", "content"} & {criterion.kind for criterion in knob.evidence.criteria}
        assert knob.evidence.left_out == LEFT_OUT
        assert not [at for at in knob.evidence.validation.amounts if at.equivariance is not None]
    criteria = {(c.kind, c.of) for c in _named(unaided_run, "mean-pitch-auto").evidence.criteria}
    assert {("effect", None), ("monotone", None), ("leakage", "log2-onsets")} <= criteria


def test_what_should_stay_is_what_is_not_related(unaided_run):
    """Every attribute with a rank correlation under 0.3 is asked to stay, the others are named with theirs."""
    for knob in unaided_run.knobs:
        preserves, related = knob.evidence.preserves, knob.evidence.related
        assert sorted([*preserves, *related]) == ["log2-onsets", "mean-pitch", "pitch-range"]
        assert related[knob.evidence.target] == 1.0
        assert all(abs(rho) >= 0.3 for rho in related.values())


def test_amounts_are_deviations_in_the_attributes_unit(unaided_run):
    """A knob is measured at the grid of the traversal, in its own unit, to two digits."""
    for knob in unaided_run.knobs:
        wanted = np.asarray(GRID) * knob.evidence.deviation
        np.testing.assert_allclose(knob.evidence.fitted, wanted, rtol=0.05)


def test_one_knob_for_each_name_and_every_direction_is_told(unaided_run):
    """Of the directions of a name the one that is clearest on validation songs is judged; all are in the evidence."""
    rows = unaided_run.knobs[0].evidence.candidates

    assert len({knob.name for knob in unaided_run.knobs}) == len(unaided_run.knobs)
    assert unaided_run.knobs[0].evidence.sources_left_out.keys() == {"fisher"}
    assert {(row.source, row.rank) for row in rows} == {(s, r) for s in ("pca", "sefa") for r in range(1, 10)}
    for knob in unaided_run.knobs:
        named = [row for row in rows if row.attribute == knob.evidence.target]
        (judged,) = [row for row in named if row.chosen]
        assert (judged.source, judged.rank) == (knob.fit, knob.evidence.rank)
        assert judged.on_validation == max(row.on_validation for row in named)
    assert sum(row.chosen for row in rows) == len(unaided_run.knobs)


def test_a_model_without_capabilities_has_the_directions_of_its_codes(search):
    """The tiny model as it is: a principal component of the codes, all in one unit, raises the pitch with the rest."""
    run = search(TinyBackend(), candidates=8)

    knob = _named(run, "mean-pitch-auto")
    direction = knob.operator.arrays["direction"]
    assert {row.source for row in knob.evidence.candidates} == {"pca"}
    assert knob.evidence.sources_left_out.keys() == {"sefa", "fisher"}
    assert knob.fit == "pca"
    assert direction[PITCH] == pytest.approx(1 / 12, rel=0.03)


def _facts(run):
    knobs = [(knob.as_dict(), knob.evidence, knob.operator.sha256) for knob in run.knobs]
    return repr((run.run_id, run.current, run.counts, knobs))


def test_the_same_seed_gives_the_same_bytes(search):
    """A run repeated is the same to the last digit; another seed draws other controls."""
    first, again, other = (search(TinyBackend(), candidates=2, seed=seed) for seed in (0, 0, 1))

    assert _facts(first) == _facts(again)
    assert _facts(first) != _facts(other)


def test_knobs_of_several_names_become_current_and_come_back(search, tmp_path):
    """A run without an augmentation is stored with a current knob for each name, whole."""
    run = search(candidates=9, attributes=("mean-pitch", "log2-onsets"))
    with KnobStore.open(tmp_path / "registry.db", create=True) as store:
        store.save_run(run)
        stored = {name: store.knob(run.spec.model_id, name) for name in ("mean-pitch-auto", "log2-onsets-auto")}
        (again,) = store.runs()

    assert again.spec.augmentation is None
    assert len(run.knobs) == 2
    for knob in run.knobs:
        facts = stored[knob.name].as_dict()
        assert facts | dict.fromkeys(("found", "current", "corpus", "seed", "version")) == knob.as_dict()
        assert stored[knob.name].evidence == knob.evidence
        assert stored[knob.name].operator.sha256 == knob.operator.sha256


def test_a_better_knob_of_one_name_stays_beside_a_new_one_of_another(search, tmp_path):
    """Verdicts are compared name by name, and the candidate of every name needs its operator."""
    run = search(candidates=9, attributes=("mean-pitch", "log2-onsets"))
    first, second = run.knobs
    good = evolve(run, knobs=(evolve(first, verdict="accepted"), evolve(second, verdict="rejected")))
    spec = evolve(run.spec, seed=9)
    later = tuple(
        evolve(knob, run_id=spec.run_id, verdict="provisional", effects=(KnobEffect("later", 0.0, 0.0),))
        for knob in run.knobs
    )
    with KnobStore.open(tmp_path / "registry.db", create=True) as store:
        store.save_run(good)
        store.save_run(evolve(run, spec=spec, knobs=later))
        current = {knob.name: knob for knob in store.knobs()}
        with pytest.raises(RegistryError, match=f"candidate {second.name!r} has no operator"):
            store.save_run(evolve(run, knobs=(first, evolve(second, operator=None))))

    assert current[first.name].verdict == "accepted"
    assert current[second.name].effects[0].attribute == "later"
    assert evolve(run, current=None).candidates == ()
    edited = evolve(spec, augmentation="transpose")
    knobs = tuple(evolve(knob, run_id=edited.run_id, augmentation="transpose") for knob in run.knobs)
    assert evolve(run, spec=edited, knobs=knobs, current=1).candidates == (1,)


def test_without_an_edit_the_effect_is_the_change_over_the_amount(methods):
    """Two octaves up where one was asked is twice the effect; a clip whose decoding lacks the attribute has none."""
    clips = tiny_clips(4)
    clips[1] = 129
    pitch = next(a for a in methods.attributes if a.name == "mean-pitch")
    trial: EvaluationSet = unedited_set(TinyBackend(), clips, ("a", "a", "b", "b"))
    operator = Operator("shift", {"direction": np.eye(LATENT_SIZE)[PITCH] / 12})

    at = trial.at((2.0, -1.0))
    ends = RangeEnds.of(operator, [at.batches[-1.0], at.batches[2.0]], 8)
    further = [np.where(b.plain < 128, b.plain + 2 * int(b.amount), b.plain) for b in ends.batches]

    assert list(at.batches) == [-1.0, 2.0]
    assert at.batches[2.0].first(2).songs.tolist() == [0, 0]
    assert trial.songs.tolist() == [0, 0, 1, 1]
    effect, _ = ends.effect(np.concatenate(further), pitch)
    assert effect == pytest.approx(2 * 3 / 4)


def test_the_best_of_many_candidates_must_stand_out_among_the_best_of_as_many():
    """An effect that one random move in a hundred has is none for the best of fifty, and far beyond them all is one."""
    effects = list(np.random.default_rng(0).normal(size=99))
    test = ControlTest(TinyBackend(), None, None, 99, 8, candidates=50)

    assert ControlTest(TinyBackend(), None, None, 99, 8)._p(2.6, effects) == pytest.approx(0.01)
    assert test._p(2.6, effects) > 0.1
    assert test._p(8.0, effects) == pytest.approx(0.01)
    assert test._p(-1.0, effects) > 0.99


def _still(songs: tuple[Song, ...]) -> tuple[Song, ...]:
    """Songs all of one clip."""
    return tuple(Song(song.name, np.repeat(songs[0].clips[:1], 4, axis=0), song.split) for song in songs[:40])


def test_what_cannot_be_done_is_said(search, songs):
    """Codes that do not vary, a missing split, an unknown selector, another basis, and no attribute: one sentence."""
    with pytest.raises(DiscoveryError, match="uses no dimension"):
        search(corpus=_still(songs))
    with pytest.raises(DiscoveryError, match="no validation clips"):
        search(corpus=[song for song in songs if song.split == "train"])
    with pytest.raises(UsageError, match="no selector named 'best'"):
        search(selector="best")
    with pytest.raises(UsageError, match="leave out the basis 'pca'"):
        search(basis="pca")
    with pytest.raises(UsageError, match="named by attributes"):
        search(attributes=())


def test_directions_that_move_nothing_give_no_run(search, methods):
    """Where no attribute is moved steadily, the message says so."""

    class Deaf(TinyBackend):
        def decode(self, z):
            return np.repeat(tiny_clips(1), len(z), axis=0)

    with pytest.raises(DiscoveryError, match="None of 2 directions moves an attribute steadily"):
        search(Deaf(), candidates=2)


def test_units_change_nothing_that_is_found(search, unaided_run):
    """Behind z -> a z + b, a from 1e-3 to 1e3 in each dimension, the same knobs with the same verdicts are found."""
    model = Open()
    units = CodeUnits.of_posterior(model.encode(tiny_clips(200)))
    other = rescaled(model, drawn_scales(LATENT_SIZE, 5, together=False), units)

    again = search(other, candidates=9, trial_clips=80, controls=100, control_clips=32)

    for one, two in zip(unaided_run.knobs, again.knobs, strict=True):
        assert (two.name, two.fit, two.verdict, two.low, two.high) == (
            one.name,
            one.fit,
            one.verdict,
            one.low,
            one.high,
        )
        assert [d.dim for d in two.dimensions] == [d.dim for d in one.dimensions]
        np.testing.assert_allclose(two.evidence.shares, one.evidence.shares, atol=1e-4)
