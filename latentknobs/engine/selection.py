"""Which dimensions is a knob? Shares of the moved energy, the selectors' choices, and how sure the size is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentknobs.core.arrays import Floats
from latentknobs.core.backend import VAEBackend
from latentknobs.core.knob import Operator
from latentknobs.core.method import BasisInput, FitInput, SelectInput
from latentknobs.engine.bases import ACTIVE_VARIANCE
from latentknobs.engine.deltas import Deltas
from latentknobs.engine.gain import gain, mean
from latentknobs.engine.measure import Yardstick
from latentknobs.engine.settings import Methods, Settings
from latentknobs.engine.steer import displacement
from latentknobs.engine.trial import Case


def select(
    backend: VAEBackend,
    operator: Operator,
    case: Case,
    yard: Yardstick,
    deltas: Deltas,
    given: FitInput,
    settings: Settings,
    methods: Methods,
) -> dict[str, Any]:
    """
    Ask every selector for a knob's dimensions at one amount of a trial.

    Returns:
        ``dims``, S by the selector of the settings; ``shares`` (D,), the share of the moved energy of each
        dimension in units of its spread, 0 where it is not active; ``selected``, what each selector chose,
        the part of the effect it keeps, and its overlap with S.
    """
    basis = methods.bases[settings.basis].compute(BasisInput(deltas.latent_size, deltas.covariance()))
    moved = displacement(operator, case.z_before, case.amount)
    spread = np.diag(deltas.covariance())
    active = spread > ACTIVE_VARIANCE
    energy = np.where(active, (moved.astype(np.float64) ** 2).mean(axis=0) / np.where(active, spread, 1.0), 0.0)
    shares = energy / energy.sum() if energy.sum() > 0 else energy
    small = case.first(settings.control_clips)
    few = slice(0, len(small.rows))
    whole = gain(backend, small, moved[few], yard)
    per_clip: dict[int, Floats] = {}

    def kept(dims: NDArray[np.int64]) -> float:
        limited = np.zeros_like(moved[few])
        limited[:, dims] = moved[few][:, dims]
        per_clip[len(dims)] = gains = gain(backend, small, limited, yard)
        full = mean(whole)
        return mean(gains) / full if full else 0.0

    in_basis = SelectInput(given.mean_change @ basis, shares, kept, settings.as_dict())
    selected: dict[str, Any] = {}
    dims = np.zeros(0, dtype=np.int64)
    for name, selector in methods.selectors.items():
        per_clip.clear()  # what another selector tried says nothing about the size of this one's choice
        found = np.asarray(selector.select(in_basis), dtype=np.int64)
        selected[name] = {"dims": found.tolist(), "kept": kept(found) if len(found) else 0.0}
        if name == settings.selector:
            dims = found
            selected[name] |= _interval_on_size(per_clip, whole, small, settings, yard)
            selected[name]["overlap_across_amounts"] = _overlaps(operator, case, given, spread, active, found)
    names = [n for n in methods.selectors if n != settings.selector]
    for name in names:
        selected[name]["overlap"] = jaccard(selected[name]["dims"], dims.tolist())
    return {"dims": dims, "shares": shares, "selected": selected}


def _interval_on_size(
    per_clip: Mapping[int, Floats], whole: Floats, case: Case, settings: Settings, yard: Yardstick
) -> dict[str, Any]:
    """95 % interval on the size of S: the smallest size tried that keeps enough, over resampled songs."""
    sizes = sorted(per_clip)
    if not sizes:
        return {"size_low": 0, "size_high": 0, "curve": {}, "whole": mean(whole)}
    values = np.stack([whole, *(per_clip[k] for k in sizes)], axis=1)
    _, draws = yard.draws(case.songs).means(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        enough = draws[:, 1:] / draws[:, :1] >= settings.keep
    smallest = [sizes[int(row.argmax())] if row.any() else sizes[-1] for row in enough]
    low, high = np.quantile(smallest, [0.025, 0.975], method="nearest")
    curve = {str(k): mean(per_clip[k]) for k in sizes}
    return {"size_low": int(low), "size_high": int(high), "curve": curve, "whole": mean(whole)}


def _overlaps(
    operator: Operator, case: Case, given: FitInput, spread: Floats, active: NDArray[np.bool_], dims: NDArray[np.int64]
) -> dict[str, float]:
    """For each fitted amount, Jaccard of S and the as many dimensions of largest share at that amount."""
    out: dict[str, float] = {}
    for amount in given.amounts:
        moved = displacement(operator, case.z_before, amount).astype(np.float64)
        energy = np.where(active, (moved**2).mean(axis=0) / np.where(active, spread, 1.0), 0.0)
        top = np.argsort(-energy, kind="stable")[: len(dims)]
        out[f"{amount:+g}"] = jaccard(top.tolist(), dims.tolist())
    return out


def jaccard(a: Iterable[int], b: Iterable[int]) -> float:
    """Size of the intersection over size of the union of two sets; 1 where both are empty (Jaccard 1912)."""
    first, second = set(a), set(b)
    union = first | second
    return len(first & second) / len(union) if union else 1.0
