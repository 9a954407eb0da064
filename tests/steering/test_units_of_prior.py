"""Codes are drawn, and paths are arcs, in the units in which a model's prior is standard normal."""

from __future__ import annotations

import numpy as np
import pytest
from attrs import evolve

from latentknobs.core.backend import BackendSpec
from latentknobs.core.code_units import CodeUnits
from latentknobs.core.melody_format import MELODY
from latentknobs.errors import ModelError, UsageError
from latentknobs.session import Session
from latentknobs.steering.paths import Ends
from latentknobs.steering.prior_codes import PriorCodes, sample, units_of_prior
from latentknobs.testing.tiny import LATENT_SIZE, TinyBackend, tiny_clips
from latentknobs.testing.units import drawn_scales, rescaled

UNITS = CodeUnits.of_posterior(TinyBackend().encode(tiny_clips(200)))
OTHER = rescaled(TinyBackend(), drawn_scales(LATENT_SIZE, 3, together=False), UNITS)


def test_a_prior_is_declared_in_a_known_word():
    """Another word for the prior is refused with those that there are."""
    with pytest.raises(ModelError, match="'standard-normal' or 'aggregate'"):
        BackendSpec("mine", MELODY, 4, "0" * 64, prior="normal")


def test_without_a_declared_prior_codes_are_drawn_in_code_units():
    """Draws decode alike in any units; where neither prior nor units are known, that is said."""
    spec = evolve(TinyBackend().spec, prior="aggregate")
    mine = CodeUnits.of_posterior(OTHER.encode(tiny_clips(200)))

    drawn = sample(OTHER, 8, 5, prior=PriorCodes(mine))
    plain = sample(evolve(TinyBackend(), spec=spec), 8, 5, prior=PriorCodes(UNITS))

    assert [one.piece.notes for one in drawn] == [one.piece.notes for one in plain]
    with pytest.raises(UsageError, match="discover one first"):
        sample(OTHER, 8, 5)


def test_the_units_of_a_prior_come_from_a_knob(workbench):
    """A declared standard normal prior needs none; without one they are those that any knob was measured in."""
    knobs = Session.open(workbench, model="tiny").knobs
    measured = next(iter(knobs.values())).evidence

    assert units_of_prior(TinyBackend().spec, ()).scale.tolist() == [1.0] * LATENT_SIZE
    assert units_of_prior(OTHER.spec, knobs.values()).scale.tolist() == list(measured.code_scale)
    assert units_of_prior(OTHER.spec, ()) is None


def test_paths_without_a_known_prior_are_straight(workbench):
    """Half-way between two codes of a model of which nothing is known is their mean."""
    (a,) = Session.open(workbench, model="tiny").parts
    a = evolve(a, model=evolve(TinyBackend(), spec=evolve(a.model.spec, prior="aggregate")))
    b = evolve(a, codes=a.codes + np.float32(0.5))

    (first, last, units), *_ = Ends(a, b, {}).codes()

    np.testing.assert_allclose(first, -last, atol=1e-6)
    np.testing.assert_allclose(units.centre, (a.codes[0] + b.codes[0]) / 2, atol=1e-6)
