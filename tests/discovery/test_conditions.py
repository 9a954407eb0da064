"""A condition is no latent: whatever is found on a conditional model, nothing moves it."""

from __future__ import annotations

import numpy as np
import pytest
from attrs import evolve
from numpy.random import default_rng

from latentknobs.augmentations.note_split import NoteSplit
from latentknobs.core.augmentation import Augmented
from latentknobs.core.code_units import CodeUnits
from latentknobs.core.corpus import Tally
from latentknobs.core.experiment import Experiment, Settings, UnsupervisedSettings
from latentknobs.core.melody_format import HOLD
from latentknobs.core.model_calls import decode_mean
from latentknobs.core.run import RunSpec
from latentknobs.discovery import plugin as built_in
from latentknobs.discovery.discover import discover
from latentknobs.discovery.pairs import edit_clips, encode_pairs
from latentknobs.discovery.unsupervised import disentangle
from latentknobs.errors import DiscoveryError
from latentknobs.evaluation.evaluation_set import build_evaluation_set
from latentknobs.steering.apply import apply, displacement
from latentknobs.testing.contracts import BackendContract
from latentknobs.testing.tiny import tiny_clips
from latentknobs.testing.tiny_conditional import TinyConditionalBackend
from latentknobs.testing.units import drawn_scales, rescaled
from tests.discovery.test_units import facts, numbers
from tests.tiny_discoveries import Leaps

FITS = ("mean", "attribute-vector", "ridge-reading", "discriminant", "ridge")
BACKEND = TinyConditionalBackend()
HELD = BACKEND.spec.structure.held
UNITS = CodeUnits.of_posterior(BACKEND.encode(tiny_clips(200)))


class Busy(NoteSplit):
    """An edit that always changes the style."""

    name = "busy"
    amounts = (1.0,)

    def __call__(self, clips, amount, rng):
        beat = clips[:, 4:8]
        quiet = (beat[:, 0] < HOLD) & (beat[:, 1:] == HOLD).all(axis=1)
        out = clips.copy()
        out[quiet, 6] = out[quiet, 4]
        return Augmented(out, quiet)


class TestTinyConditional(BackendContract):
    """The conditional model keeps the contract."""

    @pytest.fixture
    def backend(self):
        """The model."""
        return TinyConditionalBackend()


@pytest.fixture(scope="module")
def lively(songs):
    """Tiny songs whose first beat is split in half of the clips: in the others' codes one direction is empty."""

    def split(song, rng):
        clips = song.clips.copy()
        rows = (clips[:, 1:4] == HOLD).all(axis=1) & (rng.random(len(clips)) < 0.5)
        clips[rows, 2] = clips[rows, 0]
        return evolve(song, clips=clips)

    return tuple(split(song, default_rng(i)) for i, song in enumerate(songs))


@pytest.fixture(scope="module")
def closed_form(find, lively):
    """Knobs of pitch by every closed-form fit."""
    return find(Leaps(), backend=BACKEND, corpus=lively, fits=FITS, trial_clips=60).knobs


@pytest.fixture(scope="module")
def every_kind(closed_form, methods, songs):
    """The same with a map of steps."""
    powers = evolve(methods, fits=tuple(fit for fit in built_in.register_fits() if fit.name == "powers"))
    chosen = Settings(trial_clips=24, controls=5, control_clips=8, halves=5, resamples=5)
    spec = RunSpec(BACKEND.spec.model_id, BACKEND.spec.name, "transpose", "tiny", 0, chosen.as_dict())
    run = discover(Experiment.of(BACKEND, Leaps(), chosen, powers, 0), songs, spec, version="test")
    return (*closed_form, *run.knobs)


def test_no_kind_of_knob_moves_the_condition(every_kind):
    """Every operator leaves every clip's condition as it is, to the bit, at every amount."""
    z = BACKEND.encode(tiny_clips(20, seed=5)).mean
    z[:, HELD] *= np.float32(-0.3)  # whatever the condition is, -0.0 too
    assert {knob.kind for knob in every_kind} == {"shift", "affine", "group"}
    for knob in every_kind:
        for amount in (knob.low, 0.0, knob.high):
            moved = apply(knob.operator, z, amount)
            assert moved[:, HELD].tobytes() == z[:, HELD].tobytes()
        assert not np.array_equal(apply(knob.operator, z, knob.high), z)


def test_the_condition_is_never_selected_or_active(every_kind):
    """No selector chooses its dimensions, in any basis; its share, variance and unit are those of nothing."""
    held = set(np.flatnonzero(HELD).tolist())
    for knob in every_kind:
        evidence = knob.evidence
        assert not held & {d.dim for d in knob.dimensions}
        assert not any(held & set(choice.dims) for choice in evidence.selected.values())
        assert not np.asarray(evidence.shares)[HELD].any()
        assert not np.asarray(evidence.covariance_diagonal)[HELD].any()
        assert not np.asarray(evidence.code_centre)[HELD].any()
        assert set(np.asarray(evidence.code_scale)[HELD]) == {1.0}
        assert evidence.active_dimensions == (~HELD).sum()


def test_a_fit_may_read_the_condition(closed_form):
    """What one style moves by a twelfth the other moves by an eighth: the map of codes knows which."""
    ridge = next(knob for knob in closed_form if knob.fit == "ridge")
    z = BACKEND.encode(tiny_clips(40, seed=7)).mean
    busy = z[:, HELD][:, 1] > 0.5
    assert 0 < busy.sum() < len(busy)
    moved = apply(ridge.operator, z, 12.0)[:, 0] - z[:, 0]
    np.testing.assert_allclose(moved, np.where(busy, 1.5, 1.0), atol=0.02)


def test_a_basis_is_of_the_latent_alone(find):
    """In a basis that turns the latent dimensions a knob still moves no condition, and has its effect."""
    (knob,) = find(Leaps(), backend=BACKEND, fits=("ridge",), basis="pca", selector="effect").knobs
    assert knob.evidence.in_basis.selected["effect"].dims


@pytest.mark.parametrize("scale", [1e-3, 1e3, "each"])
def test_units_of_latent_and_condition_do_not_matter(find, lively, closed_form, scale):
    """Behind z -> a z + b, condition included, closed-form fits give the same knobs within 1e-4."""
    scales = drawn_scales(len(HELD), 1, together=False) if scale == "each" else np.full(len(HELD), scale)

    again = find(Leaps(), backend=rescaled(BACKEND, scales, UNITS), corpus=lively, fits=FITS, trial_clips=60).knobs

    assert [facts(knob) for knob in again] == [facts(knob) for knob in closed_form]
    for one, other in zip(closed_form, again, strict=True):
        np.testing.assert_allclose(numbers(other), numbers(one), atol=1e-4)


def test_pairs_whose_condition_changes_are_left_out_and_tallied():
    """Splitting the notes of a quiet second beat makes another style: such clips have no pair anywhere."""
    clips = tiny_clips(100)
    experiment = Experiment.without_methods(BACKEND, NoteSplit())
    tally, codes = Tally(), BACKEND.encode(clips).mean
    pairs = list(encode_pairs(experiment, edit_clips(experiment, clips, default_rng(0)), codes, tally))

    assert tally.counts["changes the condition at +1"] > 0
    for pair in pairs:
        assert np.array_equal(pair.before[:, HELD], pair.after[:, HELD])
        assert pair.valid.sum() == len(pair.before) == len(pair.after)
    measured = build_evaluation_set(experiment, clips, ["song"] * len(clips), default_rng(0))
    for batch in measured.batches.values():
        assert np.array_equal(batch.z_before[:, HELD], batch.z_after[:, HELD])


def test_an_edit_of_the_condition_says_so(find):
    """Where all pairs are left out, the message names the condition and what can be edited instead."""
    with pytest.raises(DiscoveryError, match=r"changes the condition style of .* edit only what the condition"):
        find(Busy(), backend=BACKEND, fits=("mean",))


def test_directions_without_an_edit_leave_the_condition_alone(methods, songs):
    """Candidates and the knobs that they become have no part of the condition."""
    chosen = UnsupervisedSettings(trial_clips=24, controls=5, control_clips=8, candidates=3, moves=("matched",))
    spec = RunSpec(BACKEND.spec.model_id, BACKEND.spec.name, None, "tiny", 0, chosen.as_dict())
    run = disentangle(Experiment.of(BACKEND, None, chosen, methods, 0), songs, spec, version="test")
    assert run.knobs
    for knob in run.knobs:
        for amount in (knob.evidence.fitted[0], knob.evidence.fitted[-1]):
            assert not displacement(knob.operator, BACKEND.encode(tiny_clips(5)).mean, amount)[:, HELD].any()
        assert np.array_equal(knob.operator.held, HELD)


def test_the_baseline_of_a_mean_code_is_decoded_in_each_clips_style():
    """The mean of both styles is no style: what a knob is compared with has the clip's own."""
    codes = BACKEND.encode(tiny_clips(30)).mean
    mean = codes.mean(axis=0)
    decoded = decode_mean(BACKEND, mean, codes)
    assert len(decoded) == len(codes)
    for style in (0.0, 1.0):
        of_style = decoded[codes[:, HELD][:, 1] == style]
        assert (
            of_style == BACKEND.decode(np.where(HELD, [0.0] * 8 + [1 - style, style] + [0.0] * 8, mean)[None])
        ).all()
