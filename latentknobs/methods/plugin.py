"""Registers the engine's bases, selectors and fits."""

from __future__ import annotations

from latentknobs.core.method import Basis, Fit, Selector
from latentknobs.engine import bases, fits, readings, selectors
from latentknobs.hooks import hookimpl


@hookimpl
def register_bases() -> list[Basis]:
    """The standard basis."""
    return [Basis("standard", "The model's own coordinates, as in the paper.", bases.standard)]


@hookimpl
def register_selectors() -> list[Selector]:
    """The automatic rule and the paper's."""
    return [
        Selector("effect", "The smallest set that keeps 90 % of the decoded effect.", selectors.by_effect),
        Selector(
            "threshold",
            "Mean change at the largest amount above a threshold (Yang et al. 2019).",
            selectors.by_threshold,
        ),
    ]


@hookimpl
def register_fits() -> list[Fit]:
    """Shifts by pairs and by the attribute alone, affine by ridge; simpler kinds first."""
    return [
        Fit("mean", "shift", "The mean change per unit of amount (Yang et al. 2019).", fits.shift_by_mean),
        Fit(
            "attribute-vector",
            "shift",
            "Top quartile of the target attribute minus bottom quartile, no edit needed (Roberts et al. 2018).",
            readings.attribute_vector,
        ),
        Fit("ridge-reading", "shift", "Along a ridge regression of the target attribute.", readings.ridge_reading),
        Fit(
            "discriminant",
            "shift",
            "Along the linear discriminant of the target attribute's top and bottom quartile (Fisher 1936).",
            readings.discriminant,
        ),
        Fit("ridge", "affine", "Ridge regression of the displacement on the code.", fits.affine_by_ridge),
    ]
