"""Units do not matter: the same model in other units and coordinates has the same knobs."""

from __future__ import annotations

import numpy as np
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from latentknobs.augmentations.note_split import NoteSplit
from latentknobs.core.active_dimensions import is_active
from latentknobs.core.backend import Posterior
from latentknobs.core.code_units import CodeUnits
from latentknobs.core.knob import Operator
from latentknobs.discovery.pair_statistics import PairStatistics
from latentknobs.steering.apply import apply
from latentknobs.testing.tiny import LATENT_SIZE, TinyBackend, tiny_clips
from latentknobs.testing.units import drawn_scales, rescaled, rotated
from tests.tiny_discoveries import Leaps

UNITS = CodeUnits.of_posterior(TinyBackend().encode(tiny_clips(200)))
FITS = ("mean", "attribute-vector", "ridge-reading", "discriminant", "ridge")
D = 4


class NoPosterior(TinyBackend):
    """The tiny model as a plain autoencoder."""

    def encode(self, clips):
        return Posterior(super().encode(clips).mean)


@pytest.fixture(scope="module", params=[Leaps, NoteSplit])
def edit(request):
    """Two edits."""
    return request.param()


@pytest.fixture(scope="module", params=[TinyBackend, NoPosterior])
def original(request, find, edit):
    """A model, and the knobs of an edit in its own units."""
    model = request.param()
    return model, find(edit, backend=model, fits=FITS).knobs


def facts(knob):
    """What may not change at all."""
    chosen = {name: choice.dims for name, choice in knob.evidence.selected.items()}
    ranges = (knob.low, knob.high, knob.verdict)
    return ranges, [d.dim for d in knob.dimensions], knob.evidence.active_dimensions, chosen


def numbers(knob):
    """What may change by rounding. Edits of the tiny model move few directions and leave other bases undetermined."""
    evidence = knob.evidence
    measured = evidence.test or evidence.validation
    effects = [x for effect in knob.effects for x in (effect.slope, effect.effect)]
    kept = [x.equivariance.value for x in measured.amounts] + [
        c.value for c in evidence.criteria if c.value is not None
    ]
    return np.asarray([*effects, *kept, *evidence.shares])


@pytest.mark.parametrize("scale", [1e-3, 1e3, "each"])
def test_scaling_codes_changes_no_verdict_range_dimension_or_effect(find, edit, original, scale):
    """Behind z -> a z + b, one a or one for each dimension, closed-form fits give the same knobs within 1e-4."""
    model, knobs = original
    scales = drawn_scales(LATENT_SIZE, 1, together=False) if scale == "each" else np.full(LATENT_SIZE, scale)

    again = find(edit, backend=rescaled(model, scales, UNITS), fits=FITS).knobs

    assert [facts(knob) for knob in again] == [facts(knob) for knob in knobs]
    for one, other in zip(knobs, again, strict=True):
        np.testing.assert_allclose(numbers(other), numbers(one), atol=1e-4)


def test_rotating_codes_changes_no_verdict_range_or_effect(find, edit, original):
    """Behind a rotation the paper's fit and the ridge map give knobs of the same verdicts, ranges and effects."""
    model, knobs = original

    again = find(edit, backend=rotated(model, 2), fits=("mean", "ridge")).knobs

    for one, other in zip((knob for knob in knobs if knob.fit in ("mean", "ridge")), again, strict=True):
        assert facts(other)[0] == facts(one)[0]
        effects = [[effect.effect for effect in knob.effects] for knob in (one, other)]
        np.testing.assert_allclose(*effects, atol=0.02)


@given(st.integers(0, 2**16), st.sampled_from(["shift", "affine", "group", "residual"]))
@settings(max_examples=40)
def test_an_operator_in_other_units_turns_codes_alike(seed, kind):
    """Turning in code units and outside of them ends at the same code."""
    rng = np.random.default_rng(seed)
    units = CodeUnits(rng.normal(size=D), 10 ** rng.uniform(-2, 2, D))
    affine = {
        "amounts": np.asarray([-1.0, 1.0]),
        "matrices": np.eye(D) + 0.1 * rng.normal(size=(2, D, D)),
        "offsets": rng.normal(size=(2, D)),
    }
    network = {
        "scale": rng.uniform(0.5, 2.0, D),
        "input": rng.normal(size=(3, D)),
        "entry": rng.normal(size=(2, 3)),
        "hidden": rng.normal(size=(3, 3)),
        "hidden_bias": rng.normal(size=3),
        "output": rng.normal(size=(D, 3)),
    }
    arrays = {
        "shift": {"direction": rng.normal(size=D)},
        "affine": affine,
        "group": {"step": np.ones(1), "matrix": affine["matrices"][0], "offset": affine["offsets"][0]},
        "residual": affine | network,
    }[kind]
    operator = Operator(kind, arrays)
    u = rng.normal(size=(5, D)).astype(np.float32)

    moved = apply(units.operator_outward(operator), units.outward(u), 1.0)
    back = units.operator_inward(units.operator_outward(operator))

    # A code far from 0 is rounded in units of its own size; matrices and network amplify that by less than 50.
    rounding = 50 * np.finfo(np.float32).eps * (1 + np.abs(units.centre / units.scale).max())
    np.testing.assert_allclose((moved - units.centre) / units.scale, apply(operator, u, 1.0), atol=1e-5 + rounding)
    for name, array in operator.arrays.items():
        np.testing.assert_allclose(back.arrays[name], array, rtol=1e-4, atol=1e-3)


def test_statistics_in_units_are_those_of_codes_in_units():
    """Converting the sums gives what summing converted codes gives."""
    rng = np.random.default_rng(3)
    before, after = rng.normal(2.0, 3.0, (2, 50, D)).astype(np.float32)
    units = CodeUnits(rng.normal(size=D), 10 ** rng.uniform(-1, 1, D))

    def folded(one, two):
        out = PairStatistics.empty(1, D)
        out.add_originals(Posterior(one, np.ones_like(one) / np.float32(2)))
        out.add_training(0, one, two, np.arange(50) % 7)
        return out

    converted = folded(before, after).in_units(units)
    own = folded(units.inward(before), units.inward(after))

    for name in ("sums", "energy"):
        np.testing.assert_allclose(getattr(converted, name), getattr(own, name), atol=1e-3)
    for name in ("gram", "cross", "square"):
        np.testing.assert_allclose(getattr(converted.train, name), getattr(own.train, name), rtol=1e-4, atol=1e-2)
    np.testing.assert_allclose(converted.units().scale * units.scale, folded(before, after).units().scale, rtol=1e-5)


@pytest.mark.parametrize("mean_spread", [0.013, 1.0, 400.0])
def test_active_is_what_the_noise_of_the_posterior_does_not_drown(mean_spread):
    """A dimension counts where its means hold more than 1 % of the aggregate posterior's variance, in any units."""
    means = mean_spread * np.asarray([1.0, 1.0, 0.0])
    noise = mean_spread * np.asarray([9.0, 11.0, 1.0])

    units = CodeUnits.of(np.zeros(3), means**2, noise**2)

    assert is_active(means**2 / units.scale**2).tolist() == [True, False, False]


def test_without_a_posterior_every_dimension_that_varies_is_active():
    """A plain autoencoder's dimension counts unless it is constant to the rounding of float32."""
    variance = np.asarray([1e-12, 1e12, 1e-6, 0.0])

    units = CodeUnits.of(np.asarray([0.0, 0.0, 1e5, 3.0]), variance)

    assert is_active(variance / units.scale**2).tolist() == [True, True, False, False]
    assert evolve(units).scale[3] == 1.0
