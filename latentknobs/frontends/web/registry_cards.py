"""Knobs and runs of the registry as its page shows them."""

from __future__ import annotations

from collections.abc import Iterator

from latentknobs.core.evidence import AT_MOST, Criterion, Interval
from latentknobs.core.knob import Knob
from latentknobs.core.run import RunOutline
from latentknobs.frontends.web import responses
from latentknobs.frontends.web.knobs import sentences


def id_of(knob: Knob) -> str:
    """What commands and ``Workbench.knob`` know it by."""
    return f"{knob.name}@{knob.run_id}/{knob.fit}"


def row(knob: Knob, *, current: bool, attribute: str | None = None) -> responses.RegistryKnob:
    """A knob in a table, with its effect on an attribute, or the largest."""
    effects = [one for one in knob.effects if attribute in (None, one.attribute)]
    most = max(effects, key=lambda one: one.effect, default=None)
    return responses.RegistryKnob(
        id=id_of(knob),
        name=knob.name,
        model=knob.model_name,
        model_id=knob.model_id,
        run=knob.run_id,
        augmentation=knob.augmentation,
        kind=knob.kind,
        fit=knob.fit,
        verdict=knob.verdict,
        unit=knob.unit,
        step=knob.step,
        low=knob.low,
        high=knob.high,
        dimensions=len(knob.dimensions),
        attribute=None if most is None else most.attribute,
        effect=None if most is None else most.effect,
        tags=sorted(knob.tags),
        note=knob.note,
        found=None if knob.found is None else knob.found.isoformat(timespec="seconds"),
        current=current,
    )


def run_row(run: RunOutline) -> responses.RegistryRun:
    """A run in a table."""
    return responses.RegistryRun(
        run=run.run,
        model=run.model,
        model_id=run.model_id,
        augmentation=run.augmentation,
        corpus=run.corpus,
        seed=run.seed,
        version=run.version,
        started=run.started.isoformat(timespec="seconds"),
        finished=run.finished.isoformat(timespec="seconds"),
        knobs=run.knobs,
        accepted=run.accepted,
    )


def card(
    knob: Knob, fits: list[responses.RegistryKnob], run: RunOutline | None, seen: responses.Snippets
) -> responses.RegistryCard:
    """A knob with what was measured of it; ``fits`` are those of its name in its run, itself among them."""
    evidence = knob.evidence
    current = next(one.current for one in fits if one.id == id_of(knob))
    effects = sorted(knob.effects, key=lambda one: -one.effect)
    return responses.RegistryCard(
        knob=row(knob, current=current),
        run=None if run is None else run_row(run),
        text=list(sentences(knob)),
        curve=_curve(knob),
        criteria=list(_criteria(knob)),
        selected=[responses.Share(dim=one.dim, share=one.share) for one in knob.dimensions],
        shares=list(evidence.shares),
        effects=[
            responses.RegistryEffect(
                attribute=one.attribute, slope=one.slope, effect=one.effect, target=one.attribute == evidence.target
            )
            for one in effects
        ],
        fits=fits,
        seen=seen,
    )


def _curve(knob: Knob) -> responses.ResponseCurve | None:
    """The mean change of the target by amount, on test songs; None where there is none."""
    target, test = knob.evidence.target, knob.evidence.test
    if target is None or test is None:
        return None
    measured = [(x.amount, x.effects[target]) for x in test.amounts if target in x.effects and x.effects[target].clips]
    if not measured:
        return None
    response = test.response
    return responses.ResponseCurve(
        attribute=target,
        points=[
            responses.CurvePoint(amount=amount, value=one.value, low=one.low, high=one.high) for amount, one in measured
        ],
        slope=None if response is None else _measured(response.slope),
        r2=None if response is None else _measured(response.r2),
        clips=None if response is None else response.clips,
    )


def _measured(one: Interval) -> responses.Measured:
    return responses.Measured(value=one.value, low=one.low, high=one.high)


def _criteria(knob: Knob) -> Iterator[responses.CriterionSeries]:
    """The criteria, those of one measure together; those that ended the usable range last."""
    for validation, criteria in ((False, knob.evidence.criteria), (True, knob.evidence.range_criteria)):
        series: dict[tuple[str, float, bool], list[Criterion]] = {}
        for one in criteria:
            series.setdefault((one.measure, one.limit, one.kind not in AT_MOST), []).append(one)
        for (measure, bound, at_least), own in series.items():
            yield responses.CriterionSeries(
                criterion=measure, validation=validation, bound=bound, at_least=at_least, points=list(map(_point, own))
            )


def _point(one: Criterion) -> responses.CriterionPoint:
    low, high = (None, None) if one.kind == "room" else (one.low, one.high)  # of room they are floor and ceiling
    return responses.CriterionPoint(amount=one.amount, value=one.value, low=low, high=high, passed=one.passed)
