"""Registers the engine's bases, selectors and fits, and the metrics."""

from __future__ import annotations

from latentknobs.core.method import Basis, Fit, Selector
from latentknobs.core.metric import Metric
from latentknobs.engine import bases, fits, selectors
from latentknobs.hooks import hookimpl
from latentknobs.methods.metrics import CODES, TRAVERSALS


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
    """Shift by mean and affine by ridge; simpler kinds first."""
    return [
        Fit("mean", "shift", "The mean change per unit of amount (Yang et al. 2019).", fits.shift_by_mean),
        Fit("ridge", "affine", "Ridge regression of the displacement on the code.", fits.affine_by_ridge),
    ]


@hookimpl
def register_metrics() -> list[Metric]:
    """The field's metrics of codes and of controls."""
    return [*CODES, *TRAVERSALS]
