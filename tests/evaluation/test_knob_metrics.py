import numpy as np
import pytest
from numpy.random import default_rng

from latentknobs.augmentations.transpose import Transpose
from latentknobs.core.experiment import Experiment
from latentknobs.core.knob import Operator
from latentknobs.evaluation.evaluation_set import build_evaluation_set
from latentknobs.evaluation.knob_metrics import measure, turned_clips
from latentknobs.testing.tiny import LATENT_SIZE, PITCH, TinyBackend, tiny_clips

AMOUNTS = (-12.0, -3.0, 3.0, 12.0)
EXPERIMENT = Experiment.without_methods(TinyBackend(), Transpose())


def _measure(operator, clips, amounts, config):
    turned = turned_clips(TinyBackend(), operator, clips, amounts)
    return measure(TinyBackend(), operator, clips, config, turned)


@pytest.fixture(scope="module")
def clips():
    """A trial of transposition on 24 tiny clips of eight songs."""
    names = tuple(f"song {i // 3}" for i in range(24))
    return build_evaluation_set(EXPERIMENT, tiny_clips(24), names, default_rng(0))


@pytest.fixture(scope="module")
def measured(clips, exact_pitch, make_config):
    """The measures of the exact pitch knob."""
    return _measure(exact_pitch, clips, AMOUNTS, make_config())


def test_the_exact_knob_is_exact_in_every_measure(measured):
    """Equivariance, monotony and content are 1, the effect is the amount, nothing leaks."""
    assert list(measured.at) == list(AMOUNTS)
    for amount, x in measured.at.items():
        assert x.equivariance.value == x.equivariance.low == pytest.approx(1)
        assert x.effects["mean-pitch"].value == pytest.approx(amount, abs=1e-6)
        assert x.effects["mean-pitch"].spread == pytest.approx(0, abs=1e-6)
        assert x.leakage["log2-onsets"].upper == 0
        assert x.leakage["mean-octave"].value == pytest.approx(abs(amount) / 12)
        assert x.content["onset-f1"].low == 1
        assert x.content["contour"].low == 1
    assert measured.monotone == 1
    assert measured.response.clips == 24
    for result in (measured.response.slope, measured.response.r2, measured.response.r2_clips):
        assert result.low == pytest.approx(1, abs=1e-6)
        assert result.value == pytest.approx(1, abs=1e-6)
    assert measured.slopes()["mean-pitch"] == pytest.approx(1, abs=1e-6)
    assert measured.slopes()["log2-onsets"] == 0


def test_a_knob_that_does_nothing_is_nothing_in_every_measure(clips, nothing, make_config):
    """Equivariance, effect and monotony are 0."""
    measured = _measure(nothing, clips, AMOUNTS, make_config())

    for x in measured.at.values():
        assert x.equivariance.value <= 0
        assert x.effects["mean-pitch"].value == 0
    assert measured.monotone == measured.response.r2.value == measured.response.slope.value == 0


def test_evidence_is_whole(measured, methods):
    """What is kept of the measures names every amount, attribute and comparison, and defined numbers alone."""
    kept = measured.of_split()

    assert [x.amount for x in kept.amounts] == list(AMOUNTS)
    for x in kept.amounts:
        assert set(x.effects) == {a.name for a in methods.attributes}
        assert set(x.leakage) == set(x.effects) - {"mean-pitch"}, "the target does not leak"
        assert set(x.content) == {c.name for c in methods.comparisons}
        assert x.clips == 24
    assert measured.within(-3, 3).keys() == {-3.0, 3.0}


def test_amounts_that_no_clip_reaches_are_left_out(exact_pitch, make_config):
    """An amount without clips is measured by nobody, and missing from the result; others are."""
    high = tiny_clips(6, low=117, high=120)
    there = build_evaluation_set(EXPERIMENT, high, ("a",) * 6, default_rng(0))

    measured = _measure(exact_pitch, there, (-3.0, 3.0, 12.0), make_config())

    assert list(measured.at) == [-3.0, 3.0]


def test_without_a_target_nothing_is_monotone(clips, exact_pitch, make_config):
    """An edit without a target is not asked to be monotone."""
    assert _measure(exact_pitch, clips, AMOUNTS, make_config(target=None)).monotone is None


def test_monotone_counts_the_edits_own_amounts(clips, exact_pitch, make_config):
    """Where negative amounts are swapped pairs, whose clips are others, monotone uses 0 and the positive ones."""
    offsets = np.zeros((4, LATENT_SIZE))
    offsets[:, PITCH] = np.abs(AMOUNTS) / 12
    matrices = np.stack([np.eye(LATENT_SIZE)] * 4)
    always_up = Operator("affine", {"amounts": AMOUNTS, "matrices": matrices, "offsets": offsets})

    assert _measure(always_up, clips, AMOUNTS, make_config(own=(3.0, 12.0))).monotone == 1
    assert _measure(always_up, clips, AMOUNTS, make_config(own=AMOUNTS)).monotone < 0.5
    assert _measure(exact_pitch, clips, (3.0,), make_config(own=(3.0,))).monotone is None


def test_an_on_off_edit_has_a_round_trip(clips, make_config):
    """T(T(z)) against z: 1 for a map that undoes itself, less for one that does not; none with several amounts."""
    flip = -np.eye(LATENT_SIZE)  # pitches are mirrored at middle C, activities at holding
    mirror = Operator("affine", {"amounts": [12.0], "matrices": flip[None], "offsets": np.zeros((1, LATENT_SIZE))})
    drop = Operator("affine", {"amounts": [12.0], "matrices": 0 * flip[None], "offsets": np.ones((1, LATENT_SIZE))})
    on_off = make_config(own=(12.0,))

    assert _measure(mirror, clips, (12.0,), on_off).round_trip == 1
    assert _measure(drop, clips, (12.0,), on_off).round_trip < 0.7
    assert _measure(mirror, clips, (12.0,), make_config()).round_trip is None


def test_measures_do_not_depend_on_one_another(clips, exact_pitch, make_config, methods):
    """Leaving an attribute and an amount out changes no digit of what is left."""
    one = make_config(attributes=methods.attributes[:2], spreads={"mean-pitch": 1.0, "pitch-range": 1.0})

    alone = _measure(exact_pitch, clips, (3.0,), one).at[3.0]
    among = _measure(exact_pitch, clips, AMOUNTS, make_config()).at[3.0]

    assert alone.equivariance == among.equivariance
    assert alone.effects["mean-pitch"] == among.effects["mean-pitch"]
    assert alone.leakage["pitch-range"] == among.leakage["pitch-range"]
