import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import default_rng

from latentknobs.augmentations.transpose import Transpose
from latentknobs.core.evidence import BasisEnergy, BasisSelection
from latentknobs.core.experiment import Experiment, Methods, Settings
from latentknobs.core.knob import Operator
from latentknobs.core.method_specs import Coordinates, FitInput, Selector
from latentknobs.discovery.coordinate_systems import CoordinateSystems
from latentknobs.discovery.dimension_selection import jaccard, select_dimensions
from latentknobs.discovery.evaluation_context import EvaluationContext
from latentknobs.discovery.pair_statistics import PairStatistics
from latentknobs.evaluation.acceptance_criteria import effect_criterion
from latentknobs.evaluation.control_test import ControlTest, RangeEnds
from latentknobs.evaluation.effect_size import finite_mean, gain
from latentknobs.evaluation.evaluation_set import build_evaluation_set
from latentknobs.evaluation.random_controls import rotated
from latentknobs.steering.apply import displacement
from latentknobs.testing.tiny import ACTIVITY, LATENT_SIZE, PITCH, TinyBackend, tiny_clips

QUICK = Settings(controls=20, control_clips=12)


@pytest.fixture(scope="module")
def clips():
    """A trial of transposition on 16 tiny clips of four songs."""
    experiment = Experiment.without_methods(TinyBackend(), Transpose())
    return build_evaluation_set(experiment, tiny_clips(16, seed=3), tuple("aaaabbbbccccdddd"), default_rng(0))


@pytest.fixture(scope="module")
def deltas():
    """Statistics of the codes of 300 tiny clips at two amounts, without pairs."""
    out = PairStatistics.empty(2, LATENT_SIZE)
    codes = TinyBackend().encode(tiny_clips(300)).mean
    out.codes.add(0, codes, codes)
    return out


def _test(deltas, config):
    return ControlTest.of(TinyBackend(), config, deltas.covariance(), QUICK)


def _fit_input(change, amounts=(3.0, 12.0)):
    empty = np.zeros((len(amounts), LATENT_SIZE + 1, LATENT_SIZE + 1))
    cross = np.zeros((len(amounts), LATENT_SIZE + 1, LATENT_SIZE))
    changes = np.outer(amounts, change)
    return FitInput(LATENT_SIZE, amounts, changes, empty, cross, empty, cross, np.zeros(len(amounts)))


def _both(pitch=1 / 12, beside=0.02):
    """The pitch knob that also moves an inactive dimension a lot, and one of the rhythm a little."""
    direction = np.zeros(LATENT_SIZE)
    direction[[PITCH, ACTIVITY + 1, 20]] = [pitch, beside, 9.0]
    return Operator("shift", {"direction": direction})


def _select(clips, deltas, make_config, methods, operator, bases=None, left_out=None, **settings):
    chosen = Settings(**{"control_clips": 12, "halves": 10, "resamples": 10, **settings})
    coordinates = CoordinateSystems(
        {name: Coordinates.of(columns) for name, columns in (bases or {}).items()}, left_out or {}
    )
    experiment = Experiment(TinyBackend(), Transpose(), (3.0, 12.0), False, chosen, methods, 0)
    fit_input = _fit_input(operator.arrays["direction"])
    context = EvaluationContext(experiment, fit_input, deltas, make_config(), clips, clips, coordinates)
    return select_dimensions(context, operator, clips.batches[12.0])


def test_the_dimensions_are_those_that_carry_the_effect(clips, deltas, make_config, methods):
    """S of a knob that moves the pitch's dimension and little else is that dimension."""
    selection = _select(clips, deltas, make_config, methods, _both())

    assert selection.dims.tolist() == [PITCH]
    assert selection.selected["effect"].kept >= 0.9
    assert selection.selected["effect"].overlap_across_amounts == {"+3": 1.0, "+12": 1.0}


def test_shares_are_of_the_energy_in_units_of_spread(clips, deltas, make_config, methods):
    """Shares are (move / spread) squared over their sum; a dimension that the model does not use has none."""
    operator = _both()
    moves = operator.arrays["direction"].astype(np.float64)
    energy = np.zeros(LATENT_SIZE)
    used = [PITCH, ACTIVITY + 1]
    energy[used] = moves[used] ** 2 / np.diag(deltas.covariance())[used]

    shares = _select(clips, deltas, make_config, methods, operator).shares

    np.testing.assert_allclose(shares, energy / energy.sum(), rtol=1e-4)
    assert shares[20] == 0


def test_every_selector_is_asked_and_one_decides(clips, deltas, make_config, methods):
    """The settings' selector gives S; the others are kept beside it with their part of the effect and overlap."""
    by_effect = _select(clips, deltas, make_config, methods, _both(), threshold=0.2)
    by_threshold = _select(clips, deltas, make_config, methods, _both(), selector="threshold", threshold=0.2)

    assert by_effect.selected["threshold"].dims == (PITCH, ACTIVITY + 1)
    assert by_effect.selected["threshold"].overlap == 0.5
    assert by_threshold.dims.tolist() == [PITCH, ACTIVITY + 1]
    assert by_threshold.selected["effect"].overlap == 0.5
    assert by_threshold.selected["threshold"].kept == pytest.approx(1, abs=0.1)


def test_the_size_has_an_interval_from_its_own_selector(clips, deltas, make_config, methods):
    """The interval holds sizes that the deciding selector tried, and no other selector's."""
    spread = np.zeros(LATENT_SIZE)
    spread[[PITCH, *range(1, 8)]] = 0.05
    operator = Operator("shift", {"direction": spread})

    effect = _select(clips, deltas, make_config, methods, operator).selected["effect"]
    alone = _select(clips, deltas, make_config, methods, operator, selector="threshold", threshold=0.1).selected

    assert effect.size_low <= len(effect.dims) <= effect.size_high
    assert {str(len(effect.dims)), str(effect.size_low), str(effect.size_high)} <= set(effect.curve)
    assert effect.whole == pytest.approx(12 * 12 * 0.05, abs=0.5)  # amount, semitones, octaves; notes are not even
    assert list(alone["threshold"].curve) == [str(len(alone["threshold"].dims))]


def _turned():
    """The basis in which pitch and activity are mixed half and half, and the rest stays."""
    columns = np.eye(LATENT_SIZE)
    columns[np.ix_([PITCH, ACTIVITY], [PITCH, ACTIVITY])] = np.array([[1, -1], [1, 1]]) / np.sqrt(2)
    return columns


def test_a_selector_sees_the_coordinates_of_the_basis(clips, deltas, make_config, methods):
    """Changes, shares and spread are of the same coordinates: here two where the model's own have one."""
    seen = []

    def look(fit_input):
        seen.append(fit_input)
        return [PITCH]

    asked = Methods((), {"effect": Selector("effect", "Looks.", look)}, {}, (), ())
    operator = Operator("shift", {"direction": np.eye(LATENT_SIZE)[PITCH] / 12})
    columns = _turned()
    variance = np.diag(columns.T @ deltas.covariance() @ columns)
    moves = (operator.arrays["direction"] @ columns).astype(np.float64)
    energy = moves**2 / np.where(variance > 0.01, variance, np.inf)

    _select(clips, deltas, make_config, asked, operator, {"turned": columns}, basis="turned")
    plain, turned = seen[0], seen[2 + 2 * 10]  # each also on ten halves and ten resamplings

    assert plain.share.argmax() == PITCH
    assert plain.share[PITCH] == pytest.approx(1)
    np.testing.assert_allclose(turned.mean_change, np.outer([3, 12], moves), atol=1e-6)
    np.testing.assert_allclose(turned.share, energy / energy.sum(), rtol=1e-4)
    np.testing.assert_allclose(turned.spread, np.sqrt(np.maximum(variance, 0)), atol=1e-12)
    assert np.array_equal(turned.active, variance > 0.01)
    assert turned.at == plain.at == 1


def test_limiting_to_a_basis_vector_keeps_its_part_of_the_move(clips, deltas, make_config, methods):
    """Of a pitch move, one of two directions at 45 degrees keeps half, with activity that the pitch does not hear."""
    by_dims = {}

    def look(fit_input):
        by_dims.update({dims: fit_input.kept(np.asarray(dims)) for dims in [(PITCH,), (ACTIVITY,), (PITCH, ACTIVITY)]})
        return [PITCH, ACTIVITY]

    asked = Methods((), {"effect": Selector("effect", "Looks.", look)}, {}, (), ())
    operator = Operator("shift", {"direction": np.eye(LATENT_SIZE)[PITCH] / 12})
    columns = np.eye(LATENT_SIZE)
    columns[np.ix_([PITCH, 20], [PITCH, 20])] = np.array([[1, -1], [1, 1]]) / np.sqrt(2)
    columns = columns[:, [*range(ACTIVITY), 20, *range(ACTIVITY + 1, 20), ACTIVITY, *range(21, LATENT_SIZE)]]

    result = _select(clips, deltas, make_config, asked, operator, {"turned": columns}, basis="turned")

    assert by_dims == {(PITCH,): 0.5, (ACTIVITY,): 0.5, (PITCH, ACTIVITY): 1.0}
    assert result.in_basis.selected["effect"].kept == 1


def test_s_is_stated_in_model_coordinates_whatever_the_basis(clips, deltas, make_config, methods):
    """Another basis adds what selectors choose in it, and changes neither S nor what is said of it."""
    plain = _select(clips, deltas, make_config, methods, _both())

    turned = _select(clips, deltas, make_config, methods, _both(), {"turned": _turned()}, basis="turned")

    assert turned.dims.tolist() == plain.dims.tolist()
    assert turned.selected == plain.selected
    assert plain.in_basis is None
    assert turned.in_basis.basis == "turned"
    assert sorted(turned.in_basis.selected["effect"].dims) == [PITCH, ACTIVITY]


def test_how_few_vectors_hold_the_move_is_told_of_every_basis(clips, deltas, make_config, methods):
    """A move of one dimension is one vector in the model's coordinates and two at 45 degrees to it."""
    operator = Operator("shift", {"direction": np.eye(LATENT_SIZE)[PITCH] / 12})
    columns = _turned()
    spread = np.diag(columns.T @ deltas.covariance() @ columns)[[PITCH, ACTIVITY]]
    shares = (1 / spread) / (1 / spread).sum()

    selection = _select(clips, deltas, make_config, methods, operator, {"own": np.eye(LATENT_SIZE), "turned": columns})

    assert selection.bases["own"] == BasisEnergy(participation=pytest.approx(1), size=1)
    assert selection.bases["turned"] == BasisEnergy(participation=pytest.approx(1 / (shares**2).sum()), size=2)


def test_a_basis_that_is_left_out_is_no_error(clips, deltas, make_config, methods):
    """Where the model lacks what the settings' basis needs, S is there all the same, with the sentence."""
    selection = _select(
        clips, deltas, make_config, methods, _both(), basis="heard", left_out={"heard": "The model has no ears."}
    )

    assert selection.dims.tolist() == [PITCH]
    assert selection.in_basis == BasisSelection(basis="heard", left_out="The model has no ears.")
    assert selection.bases == {"heard": BasisEnergy(left_out="The model has no ears.")}


def test_every_choice_says_how_sure_it_is(clips, deltas, make_config, methods):
    """Each selector has its frequencies on halves of the songs and an interval on its size; these hold its choice."""
    selected = _select(clips, deltas, make_config, methods, _both(), threshold=0.2).selected

    assert set(selected) == set(methods.selectors)
    for name, selection in selected.items():
        assert selection.size_low <= len(selection.dims) <= selection.size_high, name
        assert 0 <= selection.stable <= len(selection.dims)
    # No pair is known: what rests on mean changes is the same on every half, what rests on pairs finds nothing.
    assert selected["threshold"].frequency == {str(PITCH): 1.0, str(ACTIVITY + 1): 1.0}
    assert selected["effect"].frequency == {str(PITCH): 1.0}
    assert selected["max-t"].dims == selected["placebo"].dims == ()


def test_the_same_sets_are_decoded_once(clips, deltas, make_config, methods):
    """Sets that several selectors try cost one decoding."""
    decoded = []

    class Counting(TinyBackend):
        def decode(self, z):
            decoded.append(len(z))
            return super().decode(z)

    operator = Operator("shift", {"direction": np.eye(LATENT_SIZE)[PITCH] / 12})
    fit_input = _fit_input(operator.arrays["direction"])
    chosen = Settings(control_clips=12, halves=2, resamples=2)
    experiment = Experiment(Counting(), Transpose(), (3.0, 12.0), False, chosen, methods, 0)
    context = EvaluationContext(experiment, fit_input, deltas, make_config(), clips, clips, CoordinateSystems())
    select_dimensions(context, operator, clips.batches[12.0])

    assert len(decoded) == 2  # the whole move, and the one dimension that every selector finds


def test_a_selector_that_finds_nothing_gives_an_empty_set(clips, deltas, make_config, methods):
    """A threshold above every change gives no dimension, and nothing breaks."""
    selection = _select(clips, deltas, make_config, methods, _both(), selector="threshold", threshold=1e6)

    assert selection.dims.tolist() == []
    assert selection.selected["threshold"].kept == 0
    assert selection.selected["threshold"].size_high == 0


def test_a_knob_that_does_nothing_has_no_shares(clips, deltas, make_config, methods, nothing):
    """Where nothing moves there is no share, and nothing is divided by 0."""
    selection = _select(clips, deltas, make_config, methods, nothing)

    assert not selection.shares.any()
    assert selection.selected["effect"].kept == 0


@given(st.sets(st.integers(0, 8)), st.sets(st.integers(0, 8)))
def test_overlap_is_shared_over_all(a, b):
    """Jaccard: 1 for equal sets, two empty ones too, 0 for sets apart, the same both ways."""
    value = jaccard(a, b)

    assert value == jaccard(b, a) == jaccard(list(a), tuple(b))
    assert value == (1.0 if a == b else len(a & b) / len(a | b))


def test_the_exact_knob_beats_every_control(clips, deltas, make_config, exact_pitch):
    """No random direction of equal length raises the pitch as much: p is 1 over the controls and 1."""
    control_effects = _test(deltas, make_config()).compare(exact_pitch, [clips.batches[12.0]])

    assert control_effects.effect == pytest.approx(1, abs=1e-5)
    assert control_effects.mean_absolute_change == pytest.approx(12, abs=1e-5)
    assert control_effects.p == pytest.approx(1 / 21)
    assert control_effects.control_effect_mean <= control_effects.control_effect_max < 1
    assert (control_effects.controls, control_effects.clips, control_effects.amounts) == (20, 12, (12.0,))


def test_both_ends_count(clips, deltas, make_config, exact_pitch):
    """The clips are shared by the ends, and a knob that does all of the edit at both has the effect 1."""
    ends = [clips.batches[-12.0], clips.batches[12.0]]
    control_effects = _test(deltas, make_config()).compare(exact_pitch, ends)

    assert (control_effects.amounts, control_effects.clips) == ((-12.0, 12.0), 12)
    assert control_effects.effect == pytest.approx(1, abs=1e-5)
    assert control_effects.p == pytest.approx(1 / 21)


def test_what_goes_up_at_both_ends_has_no_effect(clips, deltas, make_config):
    """A move that raises the target whichever way the knob is turned is not an effect of the amount."""
    upwards = np.zeros((2, LATENT_SIZE))
    upwards[:, PITCH] = 1.0
    operator = Operator(
        "affine", {"amounts": [-12.0, 12.0], "matrices": np.stack([np.eye(LATENT_SIZE)] * 2), "offsets": upwards}
    )
    ends = [clips.batches[-12.0], clips.batches[12.0]]
    control_effects = _test(deltas, make_config()).compare(operator, ends)

    assert control_effects.mean_absolute_change == pytest.approx(12, abs=1e-5)
    assert control_effects.effect == pytest.approx(0, abs=1e-5)
    assert not _test(deltas, make_config()).passed(operator, ends)


@pytest.mark.parametrize(("times", "effect"), [(0.5, 0.5), (1.5, 0.5), (2.0, 0.0), (-1.0, -1.0)])
def test_too_much_is_as_bad_as_too_little(clips, deltas, make_config, exact_pitch, times, effect):
    """By hand: half the edit's change and one and a half of it miss half of it, twice misses all, back misses two."""
    operator = Operator("shift", {"direction": times * exact_pitch.arrays["direction"]})
    ends = [clips.batches[-4.0], clips.batches[4.0]]
    control_effects = _test(deltas, make_config()).compare(operator, ends)

    assert control_effects.effect == pytest.approx(effect, abs=1e-5)


def test_clips_that_lose_the_target_do_not_change(case_of, make_config):
    """A clip that is silent after the move has nothing of the edit's change, by hand: 1 - (0 + 2) / (2 + 2)."""
    low, high, silent = [60] + [128] * 31, [62] + [128] * 31, [129] * 32
    case = case_of([low, low], after=[high, high])
    ends = RangeEnds((case,), case.z_before, case.z_before)

    effect, size = ends.effect(np.asarray([high, silent], dtype=np.int16), make_config().target_attribute)

    assert (effect, size) == (0.5, 2.0)


def test_without_a_target_both_ends_gain_accuracy(clips, deltas, make_config, exact_pitch):
    """With no target the gain of accuracy counts upwards at the low end too."""
    ends = [clips.batches[-12.0], clips.batches[12.0]]
    control_effects = _test(deltas, make_config(target=None)).compare(exact_pitch, ends)

    assert control_effects.effect == pytest.approx(control_effects.mean_absolute_change)
    assert control_effects.effect > control_effects.control_effect_max


def test_a_knob_that_does_nothing_beats_no_control(clips, deltas, make_config, nothing):
    """Nothing is as strong as a control of no length: p is 1."""
    control_effects = _test(deltas, make_config()).compare(nothing, [clips.batches[12.0]])

    assert control_effects.p == 1
    assert control_effects.effect == 0


@pytest.mark.parametrize("part", [0.0, 0.02, 0.1, 1.0])
def test_stopping_early_decides_as_all_controls_do(clips, deltas, make_config, part):
    """Whatever the knob's strength, the early answer is whether p of all controls is within its limit."""
    direction = np.zeros(LATENT_SIZE)
    direction[PITCH] = part / 12
    operator = Operator("shift", {"direction": direction})
    test, ends = _test(deltas, make_config()), [clips.batches[12.0]]

    assert test.passed(operator, ends) == effect_criterion(test.controls, test.compare(operator, ends).p).passed


def test_controls_are_not_decoded_once_the_answer_is_known(clips, deltas, make_config, nothing):
    """A knob that does nothing is told after the first controls, however many are asked for."""
    decoded = []

    class Counting(TinyBackend):
        def decode(self, z):
            decoded.append(len(z))
            return super().decode(z)

    many = Settings(controls=10_000, control_clips=12)
    # Of 10,000 controls, 100 as strong are too many.
    test = ControlTest.of(Counting(), make_config(), deltas.covariance(), many)
    assert not test.passed(nothing, [clips.batches[12.0]])
    assert sum(decoded) < 12 * 200


@pytest.mark.parametrize("target", ["mean-pitch", None])
@pytest.mark.parametrize("part", [0.0, 0.1, 0.3, 1.0])
def test_p_is_that_of_all_clips(clips, deltas, make_config, target, part):
    """However few clips a control is decoded on, p is what decoding every control on all of them gives."""
    mixing = np.eye(LATENT_SIZE) + default_rng(1).normal(0.0, 0.075, (2, LATENT_SIZE, LATENT_SIZE))
    offsets = np.zeros((2, LATENT_SIZE))
    offsets[:, PITCH] = -part, part
    # Whose effect is not the same on any two clips.
    operator = Operator("affine", {"amounts": [-12.0, 12.0], "matrices": mixing, "offsets": offsets})
    settings = Settings(controls=100, control_clips=16)
    test = ControlTest.of(TinyBackend(), make_config(target=target), deltas.covariance(), settings)
    ends = [clips.batches[-12.0], clips.batches[12.0]]
    every, rng = RangeEnds.of(operator, ends, 16), default_rng([test.config.seed, 2])
    moves = [every.moves, *(rotated(every.moves, test.whitening, rng) for _ in range(100))]
    own, *effects = (every.effect(TinyBackend().decode(every.z + m), test.config.target_attribute)[0] for m in moves)

    control_effects = test.compare(operator, ends)

    assert control_effects.effect == own
    assert control_effects.p == (1 + sum(effect >= own for effect in effects)) / 101


def test_weak_controls_are_decoded_on_few_clips(clips, deltas, make_config, exact_pitch):
    """A knob that does all of the edit leaves controls no chance after their first clips."""
    decoded = []

    class Counting(TinyBackend):
        def decode(self, z):
            decoded.append(len(z))
            return super().decode(z)

    many = Settings(controls=100, control_clips=16)
    ControlTest.of(Counting(), make_config(), deltas.covariance(), many).compare(exact_pitch, [clips.batches[12.0]])

    assert sum(decoded) < 100 * 16 / 2


def test_the_controls_come_from_the_seed(clips, deltas, make_config, exact_pitch):
    """The same seed gives the same controls, another seed others."""
    first, again, other = (
        _test(deltas, make_config(seed=seed)).compare(exact_pitch, [clips.batches[3.0]]) for seed in (0, 0, 1)
    )

    assert first == again
    assert first.control_effect_mean != other.control_effect_mean


def test_the_gain_is_of_the_target_or_of_accuracy(clips, make_config, exact_pitch):
    """With a target, its change; without, what accuracy against the edited clip gains, which may be a loss."""
    case = clips.batches[-3.0]
    moved = displacement(exact_pitch, case.z_before, -3.0)

    turned = TinyBackend().decode(case.z_before + moved)

    by_target = gain(make_config().target_attribute, case, turned)
    by_accuracy = gain(None, case, turned)

    np.testing.assert_allclose(by_target, -3, atol=1e-6)
    np.testing.assert_allclose(by_accuracy, 1 - (case.plain == case.after).mean(axis=1))


def test_a_mean_of_nothing_is_0():
    """Numbers that are not defined do not count; without any, the mean is 0."""
    assert finite_mean(np.asarray([1.0, np.nan, 3.0])) == 2
    assert finite_mean(np.asarray([np.nan])) == 0
