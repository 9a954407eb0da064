"""Registers the trained fits; torch is loaded when one is used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from latentknobs.core.knob import Operator
from latentknobs.core.method_specs import Fit, FitInput
from latentknobs.hooks import hookimpl


@contextmanager
def _one_thread() -> Iterator[None]:
    """Fits are made on one thread: gradients are sums over clips, which torch splits by the number of threads."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _residual(given: FitInput) -> tuple[Operator, Mapping[str, Any]]:
    from latentknobs.discovery.fits.residual_mlp import residual_network

    with _one_thread():
        return residual_network(given)


def _group(given: FitInput) -> tuple[Operator, Mapping[str, Any]]:
    from latentknobs.discovery.fits.matrix_power_fit import group_powers

    with _one_thread():
        return group_powers(given)


@hookimpl
def register_fits() -> list[Fit]:
    """
    Affine plus a small network; the powers of one map.

    The powers stand last, though their kind is simpler than the network's: a knob that takes whole steps alone must
    be better than one that takes all amounts, not as good.
    """
    return [
        Fit("network", "residual", "The ridge map plus a small network that reads code and amount.", _residual),
        Fit("powers", "group", "One map of one step, fitted to all amounts by its powers.", _group),
    ]
