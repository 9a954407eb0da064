"""Directions without an edit: the generalised eigenproblem by hand, its sources, and metrics of output groups."""

import numpy as np
import pytest
from numpy.random import default_rng

from latentknobs.core.clip import OutputGroup
from latentknobs.core.experiment import Experiment, Methods, UnsupervisedSettings
from latentknobs.core.melody_format import MELODY
from latentknobs.discovery.candidate_directions import (
    candidate_directions,
    of_codes,
    of_one_without_another,
    of_weights,
)
from latentknobs.discovery.fisher_metric import fisher_metric, group_metric
from latentknobs.testing.tiny import TinyBackend, tiny_clips
from tests.discovery.test_coordinate_systems import SIZE, STEPS, Softmax

ONSET, PITCHES = MELODY.groups


def _unit(columns):
    return columns / np.linalg.norm(columns, axis=0)


def test_one_group_without_another_by_hand():
    """Of F = diag(4, 1, 0) without G = diag(3, 0, 0), r = 0.1: quotients 1 / 0.1, 4 / 3.1 and 0, so axes 1, 0, 2."""
    values, vectors = of_one_without_another(np.diag([4.0, 1, 0]), np.diag([3.0, 0, 0]), np.eye(3), 0.1)

    np.testing.assert_allclose(values, [10, 4 / 3.1, 0], rtol=1e-5)
    np.testing.assert_allclose(_unit(vectors), np.eye(3)[:, [1, 0, 2]], atol=1e-6)


def test_a_direction_that_both_groups_hear_gives_way_by_hand():
    """
    F = [1 1]'[1 1] without G = diag(1, 0) with r = 1 / 2 is heard best along (1, 3).

    F has rank 1, so the vector is inv(G + r I) (1, 1) = (1 / 1.5, 1 / 0.5), and the quotient 1 / 1.5 + 1 / 0.5.
    """
    values, vectors = of_one_without_another(np.ones((2, 2)), np.diag([1.0, 0]), np.eye(2), 1.0)

    np.testing.assert_allclose(values, [1 / 1.5 + 2, 0], rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(_unit(vectors)[:, 0], np.array([1, 3]) / np.sqrt(10), rtol=1e-5)


def test_lengths_are_standard_deviations_by_hand():
    """
    With C = diag(4, 1), F = I and G = diag(0, 1), r = 1: a deviation along axis 0 is heard 4 times as loud as its unit.

    In whitened coordinates F = diag(4, 1), G = diag(0, 1), r = 1 * (0 + 1) / 2: quotients 4 / 0.5 and 1 / 1.5.
    """
    values, vectors = of_one_without_another(np.eye(2), np.diag([0.0, 1]), np.diag([4.0, 1]), 1.0)

    np.testing.assert_allclose(values, [8, 1 / 1.5], rtol=1e-5)
    np.testing.assert_allclose(_unit(vectors), np.eye(2), atol=1e-6)


def test_what_nothing_moves_is_null_everywhere():
    """Where no direction moves the other group, the first group's own top directions remain."""
    values, vectors = of_one_without_another(np.diag([1.0, 2]), np.zeros((2, 2)), np.eye(2), 0.1)

    np.testing.assert_allclose(values, [2, 1], rtol=1e-5)
    np.testing.assert_allclose(_unit(vectors), np.eye(2)[:, ::-1], atol=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_the_coordinates_of_the_latent_space_do_not_matter(seed):
    """With z' = M z, C' = M C M' and F' = inv(M)' F inv(M), quotients stay and directions become M v."""
    rng = default_rng(seed)
    one, other, covariance, turn = (m @ m.T + 3 * np.eye(4) for m in rng.normal(size=(4, 4, 4)))
    back = np.linalg.inv(turn)

    values, vectors = of_one_without_another(one, other, covariance, 0.1)
    again, turned = of_one_without_another(back.T @ one @ back, back.T @ other @ back, turn @ covariance @ turn.T, 0.1)

    np.testing.assert_allclose(again, values, rtol=1e-3)
    alike = np.abs((_unit(turn @ vectors) * _unit(turned)).sum(axis=0))
    np.testing.assert_allclose(alike, 1, atol=1e-3)


def test_dimensions_without_variance_have_no_part():
    """A direction never leaves the active dimensions, though the decoder hears others far louder."""
    covariance = np.diag([1.0, 0.001, 2.0])
    loud = np.diag([1.0, 100.0, 3.0])

    result = [
        of_codes(covariance),
        of_weights({"all": np.sqrt(loud).astype(np.float32)}, covariance),
        of_one_without_another(loud, np.eye(3), covariance, 0.1)[1],
    ]

    for columns in result:
        assert columns.shape == (3, 2)
        np.testing.assert_allclose(_unit(columns), np.eye(3)[:, [2, 0]], atol=1e-6)


def test_weights_are_stacked():
    """Matrices stand one above another: the gains of a direction in each add up in squares (by hand: 9 + 16 > 16)."""
    weights = {"a": np.array([[3, 0], [0, 4]], np.float32), "b": np.array([[4, 0]], np.float32)}

    np.testing.assert_allclose(of_weights(weights, np.eye(2)), np.eye(2))


def _closed(model, z, group):
    """P(in) times the covariance of the classes' mean weights, summed over steps: the metric by its other formula."""
    out = np.zeros((SIZE, SIZE))
    for p in np.exp(model.decode_log_probs(z).astype(np.float64)):
        for step in range(STEPS):
            inside = group.table >= 0
            whole = p[step][inside].sum()
            centre = p[step][inside] @ model.weights[step][inside] / whole
            for c in range(len(group.classes)):
                which = group.table == c
                mass = p[step][which].sum()
                off = p[step][which] @ model.weights[step][which] / mass - centre
                out += mass * np.outer(off, off)
    return out / len(z)


@pytest.fixture(scope="module")
def codes():
    """Four seeded codes of the softmax model."""
    return default_rng(1).normal(size=(4, SIZE)).astype(np.float32)


@pytest.mark.parametrize("group", [ONSET, PITCHES], ids=lambda group: group.name)
def test_the_metric_of_a_group_agrees_with_its_closed_form(codes, group):
    """The mean of 2,000 scores' products is the mass of each class times its squared distance from the mean."""
    model = Softmax()
    exact = _closed(model, codes, group)

    result = group_metric(model, codes, model.decode(codes), group, 500, default_rng(0))

    # As in the metric of all tokens (Isserlis 1918), five errors for the 18 numbers; exact to rounding where F is 0.
    error = np.sqrt((np.outer(np.diag(exact), np.diag(exact)) + exact**2) / 2000)
    assert (np.abs(result - exact) < 5 * error).all()


def test_metrics_of_nested_groups_add_up(codes):
    """Onset, hold or rest, and the pitch where there is an onset, are together the token: so are their metrics."""
    model = Softmax()

    both = _closed(model, codes, ONSET) + _closed(model, codes, PITCHES)

    np.testing.assert_allclose(both, model.fisher(codes), rtol=1e-5)


def test_a_group_that_tells_all_tokens_apart_has_the_metric_of_the_tokens(codes):
    """With a class for every token, at every position of a table that names positions, the scores are the same."""
    model = Softmax()
    table = np.tile(np.arange(MELODY.vocabulary, dtype=np.int16), (STEPS, 1))
    group = OutputGroup("token", tuple(map(str, range(MELODY.vocabulary))), table)
    fit_input = model.decode(codes)

    result = group_metric(model, codes, fit_input, group, 2, default_rng(0))

    np.testing.assert_allclose(result, fisher_metric(model, codes, fit_input, 2, default_rng(0)), rtol=1e-3, atol=1e-4)


def _candidates(model, codes, covariance, settings=None):
    experiment = Experiment(model, None, (), False, settings or UnsupervisedSettings(), Methods((), {}, {}, (), ()), 0)
    return candidate_directions(experiment, codes, covariance)


def test_every_source_gives_its_directions_in_order(codes):
    """A model with both capabilities has directions of codes, weights and each ordered pair of groups, by rank."""
    settings = UnsupervisedSettings(candidates=2)

    result, left_out = _candidates(Softmax(), codes, np.diag([1.0, 4.0, 9.0]), settings)

    sources = ["pca", "sefa", "fisher-onset-without-pitch", "fisher-pitch-without-onset"]
    assert left_out == {}
    assert [(one.source, one.rank) for one in result] == [(source, rank) for source in sources for rank in (1, 2)]
    np.testing.assert_allclose(result[0].operator.arrays["direction"], [0, 0, 3])
    np.testing.assert_allclose(result[1].operator.arrays["direction"], [0, 2, 0])


def test_directions_are_one_deviation_long(codes):
    """The projection of the codes on a direction has a standard deviation of its length."""
    covariance = np.array([[2.0, 0.5, 0], [0.5, 1, 0], [0, 0, 0.3]])

    for one in _candidates(Softmax(), codes, covariance)[0]:
        length = np.linalg.norm(one.operator.arrays["direction"])
        unit = one.operator.arrays["direction"] / length
        assert np.sqrt(unit @ covariance @ unit) == pytest.approx(length)


def test_sources_that_the_model_does_not_serve_are_left_out_with_a_sentence():
    """A model without capabilities still has the directions of its codes, which singular vectors give too."""
    model = TinyBackend()
    z = model.encode(tiny_clips(400)).mean

    result, left_out = _candidates(
        model, z, np.cov(z.T.astype(np.float64), bias=True), UnsupervisedSettings(candidates=20)
    )

    assert left_out == {
        "sefa": "Candidates by sefa are left out: the model tiny has no LatentWeights.",
        "fisher": "Candidates by fisher are left out: the model tiny has no LatentGradient.",
    }
    assert [(one.source, one.rank) for one in result] == [("pca", rank) for rank in range(1, 17)]
    centred = z[:, :16].astype(np.float64) - z[:, :16].mean(axis=0, dtype=np.float64)
    _, lengths, rows = np.linalg.svd(centred, full_matrices=False)
    moves = np.abs([one.operator.arrays["direction"][:16] for one in result])
    np.testing.assert_allclose(moves, np.abs(rows * lengths[:, None] / np.sqrt(len(z))), atol=1e-5)


def test_a_format_of_one_group_has_no_pairs_of_groups(codes):
    """Then the Fisher metric is of no use here, and that is said."""

    class OneGroup:
        name, shape, groups = "lonely", MELODY.shape, MELODY.groups[:1]

    model = Softmax()
    model.spec = type("Spec", (), {"name": "softmax", "clip_format": OneGroup})

    left_out = _candidates(model, codes, np.eye(SIZE))[1]

    assert left_out == {
        "fisher": "Candidates by fisher are left out: the clip format lonely has fewer than two output groups."
    }
