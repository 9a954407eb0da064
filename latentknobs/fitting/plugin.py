"""Registers the trained fits; torch is loaded when one is used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from latentknobs.core.knob import Operator
from latentknobs.core.method import Fit, FitInput
from latentknobs.hooks import hookimpl


def _residual(given: FitInput) -> tuple[Operator, Mapping[str, Any]]:
    from latentknobs.fitting.residual import residual_network

    return residual_network(given)


@hookimpl
def register_fits() -> list[Fit]:
    """Affine plus a small network."""
    return [
        Fit("network", "residual", "The ridge map plus a small network that reads code and amount.", _residual),
    ]
