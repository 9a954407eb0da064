"""Core values to rows and back, and nothing else."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, cast

import numpy as np
from sqlalchemy import Row

from latentknobs.core.evidence import structure_evidence, unstructure_evidence, upgrade_evidence
from latentknobs.core.knob import Kind, Knob, KnobDimension, KnobEffect, Operator, Verdict
from latentknobs.core.run import Run, RunSpec
from latentknobs.errors import RegistryError
from latentknobs.registry.tables import DimensionRow, EffectRow, KnobRow, NoteRow, OperatorArrayRow, RunRow, TagRow


def check_run(run: Run, *, operators: bool = True) -> None:
    """
    Refuse a run that contradicts itself, before anything is opened.

    Args:
        run: The run.
        operators: Whether its candidates must have theirs.

    Raises:
        RegistryError: A knob is not of this run, two have the same (name, kind, fit), a dimension or an
            attribute comes twice, a number is not finite, a time has no zone, or the candidate is not there.
    """
    if run.started.tzinfo is None or run.finished.tzinfo is None:
        _refuse(run, "its times have no time zone")
    if run.current is not None:
        if not 0 <= run.current < len(run.knobs):
            _refuse(run, f"its candidate is number {run.current} of {len(run.knobs)} knobs")
        for knob in (run.knobs[i] for i in run.candidates):
            if operators and knob.operator is None:
                _refuse(run, f"its candidate {knob.name!r} has no operator")
    twice = _twice((knob.name, knob.kind, knob.fit) for knob in run.knobs)
    if twice:
        _refuse(run, f"it has two knobs {' '.join(twice[0])!r}; name, kind and fit are unique in a run")
    for knob in run.knobs:
        _check_knob(run, knob)


def _check_knob(run: Run, knob: Knob) -> None:
    what = f"its knob {knob.name!r} ({knob.kind}, {knob.fit})"
    spec = run.spec
    of_knob = (knob.run_id, knob.model_id, knob.model_name, knob.augmentation)
    of_run = (run.run_id, spec.model_id, spec.model_name, spec.augmentation)
    if of_knob != of_run:
        _refuse(run, f"{what} is of another run, model or augmentation: {of_knob} against {of_run}")
    if knob.operator is not None and knob.operator.sha256 != knob.operator_sha256:
        _refuse(run, f"{what} has another operator than its hash says")
    twice = _twice(d.dim for d in knob.dimensions) or _twice(e.attribute for e in knob.effects)
    if twice:
        _refuse(run, f"{what} names {twice[0]!r} twice")
    numbers = [knob.step, *(d.weight for d in knob.dimensions)]
    numbers += [number for e in knob.effects for number in (e.slope, e.leakage)]
    if not all(number is None or math.isfinite(number) for number in numbers):
        _refuse(run, f"{what} holds numbers that are not finite")


def _twice(items: Iterable[Any]) -> list[Any]:
    return [item for item, count in Counter(items).items() if count > 1]


def _refuse(run: Run, why: str) -> None:
    raise RegistryError(f"Run {run.run_id} cannot be stored: {why}.")


def result_sha256(run: Run) -> str:
    """
    Hash of all that a run found, the version of latentknobs included; times and tags are left out.

    The same spec on the same machine has the same hash. Another version or machine may not.
    """
    knobs = [_found(knob) for knob in run.knobs]
    facts = [run.run_id, run.spec.model_name, run.version, _counts(run), run.current, knobs]
    text = json.dumps(facts, sort_keys=True, allow_nan=False, default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()


def _found(knob: Knob) -> dict[str, Any]:
    """What a run found of a knob: what people said of it, and when, is left out."""
    facts = knob.as_dict() | {"tags": [], "evidence": unstructure_evidence(knob.evidence)}
    return {name: value for name, value in facts.items() if name not in ("note", "found")}


def run_row(run: Run) -> RunRow:
    """A run's row and its knobs', without a model and without operators."""
    return RunRow(
        identity=run.run_id,
        result_sha256=result_sha256(run),
        model_name=run.spec.model_name,
        augmentation=run.spec.augmentation,
        corpus=run.spec.corpus,
        seed=run.spec.seed,
        parameters=dict(run.spec.parameters),
        counts=_counts(run),
        candidate=run.current,
        version=run.version,
        started=run.started,
        finished=run.finished,
        knobs=[_knob_row(position, knob) for position, knob in enumerate(run.knobs)],
    )


def array_rows(knob_id: int, operator: Operator) -> list[OperatorArrayRow]:
    """The rows of an operator's arrays."""
    return [
        OperatorArrayRow(knob_id=knob_id, name=name, shape=list(array.shape), data=array.astype("<f4").tobytes())
        for name, array in operator.arrays.items()
    ]


def to_run(row: RunRow, knobs: tuple[Knob, ...]) -> Run:
    """
    The run of a row and of its knobs.

    Raises:
        RegistryError: What the file says is not a run.
    """
    try:
        spec = RunSpec(
            model_id=row.model.sha256,
            model_name=row.model_name,
            augmentation=row.augmentation,
            corpus=row.corpus,
            seed=row.seed,
            parameters=row.parameters,
        )
    except (TypeError, ValueError) as error:
        reason = str(error.args[0]).rstrip(".")
        raise RegistryError(
            f"Run {row.identity} in the registry cannot be read: {reason}. Put a backup in its place."
        ) from error
    return Run(spec, knobs, row.candidate, row.counts, row.version, row.started, row.finished)


def to_knob(
    facts: Row[Any],
    dimensions: Sequence[Row[Any]],
    effects: Sequence[Row[Any]],
    tags: Sequence[Row[Any]],
    arrays: Sequence[Row[Any]] = (),
    *,
    renamed: bool = False,
) -> Knob:
    """
    The knob of its rows.

    Args:
        facts: The columns of its own row, its run's, its model's sha256, its note, and ``now``, the name that it is
            current by; None where there is none.
        dimensions: Its dimensions, the most important first.
        effects: Its effects, in their order.
        tags: Its tags, in their order.
        arrays: Its operator's arrays, where they are wanted.
        renamed: Give it the name that it is current by, where that is another than its run gave it.

    Raises:
        RegistryError: What the file says is not a knob, or the arrays are not those that were stored.
    """
    where = f"Knob {facts.name!r} of run {facts.identity} in the registry"
    try:
        knob = Knob(
            name=facts.now if renamed and facts.now is not None else facts.name,
            model_id=facts.sha256,
            model_name=facts.model_name,
            augmentation=facts.augmentation,
            kind=cast(Kind, facts.kind),
            fit=facts.fit,
            unit=facts.unit,
            step=facts.step,
            low=facts.low,
            high=facts.high,
            verdict=cast(Verdict, facts.verdict),
            dimensions=tuple(KnobDimension(d.dim, d.share, d.weight) for d in dimensions),
            effects=tuple(KnobEffect(e.attribute, e.slope, e.leakage) for e in effects),
            evidence=structure_evidence(upgrade_evidence(facts.evidence)),
            operator=_operator(facts.kind, arrays) if arrays else None,
            operator_sha256=facts.operator_sha256,
            run_id=facts.identity,
            tags=tuple(tag.tag for tag in tags),
            note="" if facts.note is None else facts.note,
            found=facts.finished,
        )
    except (TypeError, ValueError) as error:
        # attrs puts more than the sentence into its errors.
        raise RegistryError(f"{where} cannot be read: {error.args[0]}. Put a backup in its place.") from error
    if knob.operator is not None and knob.operator.sha256 != facts.operator_sha256:
        raise RegistryError(
            f"{where} is damaged: its operator is not the one that was stored. Put a backup in its place."
        )
    return knob


def _operator(kind: str, rows: Sequence[Row[Any]]) -> Operator:
    arrays = {row.name: np.frombuffer(row.data, dtype="<f4").reshape(row.shape) for row in rows}
    return Operator(cast(Kind, kind), arrays)


def _knob_row(position: int, knob: Knob) -> KnobRow:
    # float() and int(): SQLite would keep a numpy number as a blob.
    return KnobRow(
        position=position,
        name=knob.name,
        kind=knob.kind,
        fit=knob.fit,
        unit=knob.unit,
        step=None if knob.step is None else float(knob.step),
        low=float(knob.low),
        high=float(knob.high),
        verdict=knob.verdict,
        operator_sha256=knob.operator_sha256,
        evidence=unstructure_evidence(knob.evidence),
        dimensions=[
            DimensionRow(
                dim=int(d.dim),
                position=i,
                share=float(d.share),
                weight=None if d.weight is None else float(d.weight),
            )
            for i, d in enumerate(knob.dimensions)
        ],
        effects=[
            EffectRow(attribute=e.attribute, position=i, slope=float(e.slope), leakage=float(e.leakage))
            for i, e in enumerate(knob.effects)
        ],
        tags=[TagRow(tag=tag) for tag in sorted(set(knob.tags))],
        note=NoteRow(text=knob.note) if knob.note else None,
    )


def _counts(run: Run) -> dict[str, int]:
    return {name: int(count) for name, count in run.counts.items()}


def _plain(number: np.generic) -> Any:
    """A numpy number as Python's, for JSON."""
    return number.item()
