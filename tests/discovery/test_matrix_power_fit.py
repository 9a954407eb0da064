"""The group fit on codes of a known group: rotations of a 12-circle, a half-turn, a line of height, what stays."""

import numpy as np
import pytest
import torch
from attrs import evolve

from latentknobs.core.method_specs import CodeSample, FitInput
from latentknobs.discovery.fits.closed_form import affine_by_ridge
from latentknobs.discovery.fits.matrix_power_fit import group_powers, steps_of
from latentknobs.discovery.pair_statistics import PairMoments
from latentknobs.discovery.plugin import register_fits
from latentknobs.errors import NotFittedError
from latentknobs.steering.apply import apply
from latentknobs.steering.matrix_powers import homogeneous

D = 8
AMOUNTS = tuple(float(a) for a in range(-12, 13) if a)
ANGLES = (30.0, 150.0)
HEIGHT = 0.3


def _rotation(degrees):
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, -s], [s, c]])


def _basis():
    """Axes that are askew, so that nothing is found by looking at one dimension; its condition number is 2."""
    rng = np.random.default_rng(5)
    left, right = (np.linalg.qr(rng.normal(size=(D, D)))[0] for _ in range(2))
    return left @ np.diag(np.linspace(1.0, 2.0, D)) @ right


def _truth():
    """Turns by 30 and 150 degrees, a half-turn, a line that goes up by 0.3 a step, two dimensions that stay."""
    blocks = np.eye(D)
    blocks[:2, :2], blocks[2:4, 2:4] = _rotation(ANGLES[0]), _rotation(ANGLES[1])
    blocks[4, 4] = -1.0
    offset = np.zeros(D)
    offset[5] = HEIGHT
    return blocks, offset


def _moved(y, count):
    """Block coordinates y after whole steps, by each block's own angle and not by powers of a matrix."""
    out = y.copy()
    for k, angle in zip((0, 2), ANGLES, strict=True):
        out[:, k : k + 2] = y[:, k : k + 2] @ _rotation(angle * count).T
    out[:, 4] *= 1.0 if count % 2 == 0 else -1.0
    out[:, 5] += HEIGHT * count
    return out


def _fit_input(amounts=AMOUNTS, n=300, noise=0.02, seed=0, edit=_moved, sample=True):
    basis = _basis()
    parts = []
    for split, count in enumerate((n, 100)):
        rng = np.random.default_rng([seed, split])
        y = rng.normal(0.4, 1.0, size=(count, D))
        knots = tuple(sorted((0.0, *amounts)))
        codes = np.stack([edit(y, round(a)) @ basis.T for a in knots], axis=1)
        codes += noise * rng.normal(size=codes.shape)
        zero = knots.index(0.0)
        routes = {a: ((zero, knots.index(a)),) for a in amounts}
        parts.append(CodeSample(knots, codes.astype(np.float32), np.ones((count, len(knots)), dtype=bool), routes))
    moments = []
    for part in parts:
        m = PairMoments.empty(len(amounts), D)
        for a, amount in enumerate(amounts):
            i, j = part.routes[amount][0]
            m.add(a, part.codes[:, i], part.codes[:, j])
        moments.append(m)
    mine, theirs = moments
    change = np.stack([mine.cross[a, 0] - mine.gram[a, 0, 1:] for a in range(len(amounts))]) / n
    extra = {"sample": parts[0], "validation_sample": parts[1]} if sample else {}
    return FitInput(
        D,
        amounts,
        change,
        mine.gram,
        mine.cross,
        theirs.gram,
        theirs.cross,
        theirs.square.sum(axis=1),
        seed=seed,
        **extra,
    )


@pytest.fixture(scope="module")
def fitted():
    """The fit of the known group."""
    return group_powers(_fit_input())


def test_it_finds_the_angles_and_the_half_turn(fitted):
    """The eigenvalues are those of the group: 30 and 150 degrees, a half-turn, and 1 three times, all of modulus 1."""
    values = np.linalg.eigvals(fitted[0].arrays["matrix"].astype(np.float64))
    result = sorted(np.degrees(np.angle(values[values.imag >= -1e-9])))

    turning = [angle for angle in result if angle > 5]
    np.testing.assert_allclose(turning, [30, 150, 180], atol=0.5)
    np.testing.assert_allclose(np.abs(values), 1.0, atol=0.02)


@pytest.mark.parametrize("count", [-12, -7, -1, 1, 3, 12, 14])
def test_its_powers_are_the_group(fitted, count):
    """Codes that were not seen go where the group takes them, at every amount, also at one that was not fitted."""
    y = np.random.default_rng(7).normal(size=(20, D))
    z, wanted = (v @ _basis().T for v in (y, _moved(y, count)))

    np.testing.assert_allclose(apply(fitted[0], z.astype(np.float32), float(count)), wanted, atol=0.12)


def test_what_is_kept_of_the_fitting(fitted):
    """The knob explains nearly all, the baselines do not, and the variant is the best of the three."""
    facts = fitted[1]
    variants = {name: facts[f"r2_{name}"] for name in ("preserving", "truncated", "free")}

    assert min(facts["r2"]) > 0.98
    assert facts["variant"] == max(variants, key=variants.get)
    assert np.mean(facts["r2"]) == pytest.approx(variants[facts["variant"]])
    for name in ("r2_shift", "r2_constant", "r2_permuted"):
        assert len(facts[name]) == len(AMOUNTS)
        assert np.mean(facts[name]) < 0.85
    assert facts["condition"] < 100
    assert len(facts["angle"]) == len(facts["modulus"])


def test_the_shift_baseline_by_hand():
    """Where all codes move by the same offset and noise is none, the mean change explains everything."""

    def edit(y, count):
        return y + 0.5 * count

    facts = group_powers(_fit_input((-1.0, 1.0, 2.0), noise=0.0, edit=edit))[1]

    assert facts["r2_shift"] == pytest.approx([1.0] * 3, abs=1e-4)
    assert min(facts["r2"]) > 0.999


def test_a_shear_is_served_too():
    """A map whose eigenvectors coincide has powers like any other: each code goes up by a number of its own."""

    def edit(y, count):
        out = y.copy()
        out[:, 0] += count * (0.3 * y[:, 1] + 0.2)
        return out

    assert min(group_powers(_fit_input((-3.0, -2.0, -1.0, 1.0, 2.0, 3.0), edit=edit, noise=0.001))[1]["r2"]) > 0.98


def test_an_edit_that_is_no_group_is_told():
    """Where every amount is a map of its own, no powers serve all of them: held-out R2 is far under ridge's."""

    def edit(y, count):
        return y @ np.linalg.qr(np.random.default_rng(100 + count).normal(size=(D, D)))[0].T if count else y

    fit_input = _fit_input((-3.0, -2.0, -1.0, 1.0, 2.0, 3.0), edit=edit)

    assert np.mean(group_powers(fit_input)[1]["r2"]) < 0.7
    assert np.mean(affine_by_ridge(fit_input)[1]["r2"]) > 0.98


def test_the_same_input_gives_the_same_bytes():
    """Fitting twice gives the same operator and the same facts, and leaves torch's random state as it was."""
    state = torch.get_rng_state()
    (operator, facts), (again, facts_again) = (group_powers(_fit_input((-1.0, 1.0, 2.0))) for _ in range(2))

    assert operator.sha256 == again.sha256
    assert facts == facts_again
    assert torch.equal(torch.get_rng_state(), state)


def test_gaps_between_the_amounts_are_no_harm():
    """Amounts that are far apart are served by the same powers."""
    operator, facts = group_powers(_fit_input((-12.0, -5.0, -1.0, 1.0, 5.0, 12.0)))

    assert min(facts["r2"]) > 0.95
    assert np.isfinite(homogeneous(operator)).all()


def test_without_validation_pairs_nothing_is_said_of_them():
    """No held-out pair: the training pairs choose, and every R2 is None; nor is there a permuted one with no sample."""
    fit_input = _fit_input((-1.0, 1.0, 2.0), sample=False)
    names = ("validation_gram", "validation_cross", "validation_square")
    facts = group_powers(evolve(fit_input, **{name: np.zeros_like(getattr(fit_input, name)) for name in names}))[1]

    assert facts["r2"] == [None] * 3
    assert facts["r2_free"] is None
    assert facts["r2_permuted"] is None


def test_where_nothing_moves_the_map_is_the_identity():
    """An edit without any effect gives a knob without one."""
    operator, facts = group_powers(_fit_input((-1.0, 1.0, 2.0), noise=0.0, edit=lambda y, _count: y))

    np.testing.assert_allclose(homogeneous(operator), np.eye(D + 1), atol=1e-3)
    assert facts["r2"] == [None] * 3


@pytest.mark.parametrize(
    ("amounts", "says"),
    [((1.0,), "no powers to fit"), ((-1.0, 1.0), "no powers to fit"), ((2.0, 3.0), r"\+3 where the step is 2")],
)
def test_amounts_without_a_common_step_are_declined(amounts, says):
    """An on/off edit, and amounts that are no multiples of the smallest, have no powers: one sentence says why."""
    with pytest.raises(NotFittedError, match=says):
        group_powers(_fit_input(amounts))


def test_the_step_is_the_smallest_positive_amount():
    """Amounts are counted in steps of the smallest positive one, or of the smallest where none is positive."""
    assert steps_of((-1.0, 0.5, 2.0)) == (0.5, (-2, 1, 4))
    assert steps_of((-4.0, -2.0)) == (2.0, (-2, -1))


def test_it_is_registered_behind_the_network():
    """A knob of whole steps must be better than one of all amounts: it stands last, where ties are lost."""
    assert [(fit.name, fit.kind) for fit in register_fits()][-2:] == [("network", "residual"), ("powers", "group")]
