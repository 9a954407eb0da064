"""
Registers the built-in bases, selectors and fits.

They are loaded when they are asked for, torch when a fit that needs gradients is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from latentknobs.hooks import hookimpl

if TYPE_CHECKING:
    from latentknobs.core.knob import Operator
    from latentknobs.core.method_specs import Basis, Fit, FitInput, Selector


def _residual(fit_input: FitInput) -> tuple[Operator, Mapping[str, Any]]:
    from latentknobs.backends.devices import one_thread
    from latentknobs.discovery.fits.residual_mlp import residual_network

    with one_thread():  # gradients are sums over clips
        return residual_network(fit_input)


def _group(fit_input: FitInput) -> tuple[Operator, Mapping[str, Any]]:
    from latentknobs.backends.devices import one_thread
    from latentknobs.discovery.fits.matrix_power_fit import group_powers

    with one_thread():  # gradients are sums over clips
        return group_powers(fit_input)


@hookimpl
def register_bases() -> list[Basis]:
    """The standard basis, then those of the data, then those of the decoder."""
    from latentknobs.core.method_specs import Basis
    from latentknobs.discovery import bases

    weights, derivative = ("LatentWeights",), ("LatentGradient",)
    return [
        Basis("standard", "The model's own coordinates, as in the paper.", bases.standard),
        Basis("pca", "Principal components of the codes (Pearson 1901).", bases.of_codes),
        Basis("pca-differences", "Principal directions of the edit's differences, about 0.", bases.of_differences),
        Basis(
            "whitened",
            "Coordinates of covariance I that stay nearest to the model's own (ZCA-cor; Kessy et al. 2018).",
            bases.whitened,
        ),
        Basis(
            "varimax",
            "Leading directions of the differences, rotated to simple structure (Kaiser 1958).",
            bases.simple_structure,
        ),
        Basis(
            "decoder-weights",
            "Directions that the decoder's first layers amplify most (SeFa; Shen & Zhou 2021).",
            bases.of_weights,
            weights,
        ),
        Basis(
            "decoder-fisher",
            "Eigenvectors of the decoder's Fisher metric (Arvanitidis et al. 2018).",
            bases.of_fisher,
            derivative,
        ),
    ]


@hookimpl
def register_selectors() -> list[Selector]:
    """The automatic rule, the paper's, and those of the field."""
    from latentknobs.core.method_specs import Selector
    from latentknobs.discovery import selectors

    return [
        Selector("effect", "The smallest set that keeps 90 % of the decoded effect.", selectors.by_effect),
        Selector(
            "threshold",
            "Mean change at the largest amount above a threshold (Yang et al. 2019).",
            selectors.by_threshold,
        ),
        Selector(
            "max-t",
            "Significant mean change by sign flips of whole songs, step-down maxT (Westfall & Young 1993).",
            selectors.by_max_t,
        ),
        Selector(
            "placebo",
            "Mean change beyond that of flipped pairs by 0.2 standard deviations (after McCarthy & Smyth 2009).",
            selectors.by_placebo,
        ),
        Selector("knee", "Shares before the knee of the sorted shares (Satopaa et al. 2011).", selectors.by_knee),
        Selector(
            "participation",
            "As many of largest share as the shares' participation ratio.",
            selectors.by_participation,
        ),
        Selector("energy", "The fewest dimensions that hold 90 % of the moved energy.", selectors.by_energy),
    ]


@hookimpl
def register_fits() -> list[Fit]:
    """
    Shifts by pairs and by the attribute alone, affine by ridge, affine plus a small network, the powers of one map.

    Simpler kinds come first. The powers stand last, though their kind is simpler than the network's: a knob that takes
    whole steps alone must be better than one that takes all amounts, not as good.
    """
    from latentknobs.core.method_specs import Fit
    from latentknobs.discovery.fits import attribute_directions, closed_form, gradient_fit

    return [
        Fit("mean", "shift", "The mean change per unit of amount (Yang et al. 2019).", closed_form.shift_by_mean),
        Fit(
            "attribute-vector",
            "shift",
            "Top quartile of the target attribute minus bottom quartile, no edit needed (Roberts et al. 2018).",
            attribute_directions.attribute_vector,
        ),
        Fit(
            "ridge-reading",
            "shift",
            "Along a ridge regression of the target attribute.",
            attribute_directions.ridge_reading,
            baseline=True,
        ),
        Fit(
            "discriminant",
            "shift",
            "Along the linear discriminant of the target attribute's top and bottom quartile (Fisher 1936).",
            attribute_directions.discriminant,
            baseline=True,
        ),
        Fit(
            "gradient",
            "shift",
            "The shift under which edited clips are likeliest, by gradient through the decoder.",
            gradient_fit.shift_by_gradient,
            trained=True,
        ),
        Fit("ridge", "affine", "Ridge regression of the displacement on the code.", closed_form.affine_by_ridge),
        Fit(
            "network",
            "residual",
            "The ridge map plus a small network that reads code and amount.",
            _residual,
            trained=True,
        ),
        Fit("powers", "group", "One map of one step, fitted to all amounts by its powers.", _group, trained=True),
    ]
