"""What a report tells of each knob: its evidence, as tables and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from latentknobs.core.evidence import Evidence
from latentknobs.core.knob import Knob
from latentknobs.core.reasons import failed_amounts, reasons
from latentknobs.discovery.dimension_selection import jaccard
from latentknobs.errors import UsageError
from latentknobs.report.figures import mean_change_figure, spectrum_figure
from latentknobs.report.formatting import number, signed
from latentknobs.report.html import Figure, Section, Table


def knob_section(knob: Knob, latent_size: int) -> Section:
    """A knob: what its edit moves, how linear that is, its fits, acceptance criteria, effects and spectrum."""
    evidence = knob.evidence
    file = knob.name.replace("_", "-")
    parts: list[Figure | Table] = []
    text = [
        (
            f"{knob.verdict}: {knob.kind} ({knob.fit}), learned from {knob.augmentation or 'no edit'}, usable from "
            f"{knob.low:+g} to {knob.high:+g} {knob.unit}; run {knob.run_id}."
        ),
        (
            "Selected dimensions, by the run's selector (effect: the fewest that keep 90 % of it), "
            f"{len(knob.dimensions)} of {latent_size}: "
            f"{', '.join(knob.dimension_names())}."
        ),
    ]
    if knob.blocks:
        text.append(f"Moved energy: {knob.blocks}.")
    if failed := reasons(evidence):
        text.append(f"Why: {'; '.join(map(str, failed))}.")
    if evidence.mean_change:
        amounts, change = evidence.fitted, np.asarray(evidence.mean_change)
        parts.append(mean_change_figure(knob, change, amounts))
        text.append(_linear(amounts, change))
        rows = tuple(
            (evidence.structure.name_of(d), *(f"{x:.6g}" for x in column)) for d, column in enumerate(change.T)
        )
        headings = ("dimension", *(f"{a:+g}" for a in amounts))
        parts.append(Table(f"mean-change-{file}", "Mean change", headings, rows, shown=False))
    tables = (_fits(file, evidence), _criteria(file, evidence), _failed(file, evidence), _effects(file, knob))
    parts += [table for table in tables if table.rows]
    try:
        parts.append(spectrum_figure(knob))
    except UsageError as reason:
        text.append(f"No spectrum: {reason}")
    return Section(f"Knob {knob.name}", tuple(text), tuple(parts))


def _linear(amounts: Sequence[float], change: np.ndarray[Any, np.dtype[np.float64]]) -> str:
    """How linear the mean change is in the amount: over all dimensions, and in the one that moves most."""
    n = np.asarray(amounts)[:, None]
    slope = (n * change).sum(axis=0) / (n * n).sum()
    left, total = ((change - n * slope) ** 2).sum(axis=0), (change**2).sum(axis=0)
    top = int(np.argmax(np.abs(change[int(np.argmax(np.abs(n)))])))
    share = 1 - left.sum() / total.sum() if total.sum() else 0.0
    own = 1 - left[top] / total[top] if total[top] else 0.0
    return (
        f"Linearity of the mean change in the amount, R2 of the line through 0: {share:.3f} over all dimensions, "
        f"{own:.3f} in dimension {top}, which moves most."
    )


def _fits(file: str, evidence: Evidence) -> Table:
    rows = tuple(
        (
            fit.fit,
            fit.kind,
            fit.verdict,
            f"{fit.low:+g} to {fit.high:+g}" if fit.low < fit.high else "none",
            number(fit.mean),
            number(fit.least),
            number(fit.monotone),
        )
        for fit in evidence.fits
    )
    headings = ("fit", "kind", "verdict", "usable", "equivariance", "least", "monotone")
    return Table(f"fits-{file}", "All fits of the run, on validation songs", headings, rows)


def _criteria(file: str, evidence: Evidence) -> Table:
    rows = tuple(
        (c.name, *map(number, (c.value, c.low, c.high, c.limit)), "yes" if c.passed else "NO")
        for c in evidence.criteria
    )
    headings = ("criterion", "measured", "low", "high", "limit", "passed")
    return Table(f"criteria-{file}", "Acceptance criteria, on test songs", headings, rows)


def _failed(file: str, evidence: Evidence) -> Table:
    rows = tuple(
        (one.songs, "all" if one.amount is None else f"{one.amount:+g}", "; ".join(one.criteria))
        for one in failed_amounts(evidence)
    )
    return Table(f"failed-{file}", "What failed, amount by amount", ("songs", "amount", "what failed"), rows)


def _effects(file: str, knob: Knob) -> Table:
    evidence = knob.evidence
    rows = tuple((e.attribute, signed(e.slope, 3), number(e.effect)) for e in knob.effects)
    ends = " and ".join(f"{amount:+g}" for amount in evidence.effects_at) or "the ends"
    headings = ("attribute", "change a unit", f"effect at {ends}, in sd")
    return Table(f"effects-{file}", "What turning it does to each attribute", headings, rows)


def overlap_table(knobs: Sequence[Knob]) -> Table:
    """Jaccard overlap of the selected dimensions of every two knobs."""
    dims = {knob.name: [d.dim for d in knob.dimensions] for knob in knobs}
    rows = tuple((name, *(f"{jaccard(own, other):.2f}" for other in dims.values())) for name, own in dims.items())
    return Table("overlap", "Overlap of selected dimensions (Jaccard)", ("knob", *(knob.name for knob in knobs)), rows)
