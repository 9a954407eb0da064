"""Why a knob has its verdict, in words, from its evidence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from attrs import frozen

from latentknobs.core.evidence import AT_MOST, Criterion, CriterionKind, Evidence

_WHOLE: Mapping[CriterionKind, str] = {
    "range": "no amount is usable",
    "validation": "no amount meets all limits on validation songs",
}
"""Criteria without a number of their own."""


def criterion_text(criterion: Criterion) -> str:
    """A criterion that failed: what was measured, the bound, and by how much it is missed ("0.05 short")."""
    if criterion.kind in _WHOLE:
        return _WHOLE[criterion.kind]
    if criterion.value is None:
        return f"{criterion.measure} fails"
    if criterion.kind == "room":
        where = f"ceiling {criterion.high:.3g} and floor {criterion.low:.3g} are {criterion.value:.2g} apart"
        return f"{where}, less than the {criterion.limit:g} without which equivariance is not measurable"
    low, high = criterion.low, criterion.high
    interval = "" if high is None else f" (up to {high:.3g})" if low is None else f" ({low:.3g} to {high:.3g})"
    most = criterion.kind in AT_MOST
    end = {"equivariance": ", the low end", "leakage": ", the upper end"}.get(criterion.kind, "")
    bound = f"{end or ','} must be {criterion.limit:.3g} or {'less' if most else 'more'}"
    missed = f"{criterion.shortfall:.2g} {'over' if most else 'short'}"
    return f"{criterion.measure} {criterion.value:.3g}{interval}{bound}: {missed}"


@frozen
class FailedAmount:
    """
    What fails at one amount.

    Attributes:
        songs: "test" or "validation".
        amount: The amount; None for what judges the whole range.
        criteria: Those that fail, as texts.
    """

    songs: str
    amount: float | None
    criteria: tuple[str, ...]

    def __str__(self) -> str:
        at = "" if self.amount is None else f"at {self.amount:+g}: "
        songs = "" if self.songs == "test" else " (validation songs)"
        return f"{at}{' and '.join(self.criteria)}{songs}"


def failed_amounts(evidence: Evidence) -> list[FailedAmount]:
    """
    Amount by amount, which criteria fail: on test songs, then on validation songs.

    That no amount is usable is left out where validation songs say why.
    """
    criteria = [c for c in evidence.failed if c.kind != "range" or not evidence.range_criteria]
    return [*_by_amount("test", criteria), *_by_amount("validation", evidence.range_criteria)]


def _by_amount(songs: str, criteria: Sequence[Criterion]) -> Iterable[FailedAmount]:
    for amount in sorted({c.amount for c in criteria}, key=lambda a: (a is not None, a)):
        yield FailedAmount(songs, amount, tuple(criterion_text(c) for c in criteria if c.amount == amount))


def reasons(evidence: Evidence) -> list[FailedAmount]:
    """
    What decided against a knob: the criteria that failed on test songs, or the amounts where its range ended.

    Of several amounts, those nearest to 0 on either side: nothing beyond them can be usable.
    """
    failed = failed_amounts(evidence)
    test, validation = ([one for one in failed if one.songs == songs] for songs in ("test", "validation"))
    if not any(c.kind in ("range", "validation") for c in evidence.failed):
        validation = []
    whole = [one for one in test if one.amount is None]
    return [*whole, *_nearest([one for one in test if one.amount is not None]), *_nearest(validation)]


def _nearest(failed: Sequence[FailedAmount]) -> Sequence[FailedAmount]:
    """Of failures by ascending amount, the nearest to 0 below and above it."""
    below = [one for one in failed if one.amount is not None and one.amount < 0]
    above = [one for one in failed if one.amount is not None and one.amount > 0]
    return [*below[-1:], *above[:1]]
