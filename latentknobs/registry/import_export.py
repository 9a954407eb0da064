"""Knobs from one registry to another in one JSON file; its schema is data/knobs-1.schema.json of the package."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from attrs import evolve, frozen
from sqlalchemy import select
from sqlalchemy.orm import Session

from latentknobs import __version__
from latentknobs.core.evidence import structure_evidence, unstructure_evidence, upgrade_evidence
from latentknobs.core.json_schema import check
from latentknobs.core.knob import RANK, Knob, KnobDimension, KnobEffect, Operator
from latentknobs.core.run import Run, RunSpec
from latentknobs.errors import RegistryError, UsageError
from latentknobs.registry import serialization
from latentknobs.registry.knob_loader import knobs_of, runs_of
from latentknobs.registry.store import KnobStore, add_run, rank_of, settle
from latentknobs.registry.tables import CurrentRow, KnobRow, ModelRow, RunRow

SCHEMA = Path(__file__).parent.parent / "data" / "knobs-1.schema.json"
Conflict: TypeAlias = Literal["refuse", "keep", "replace"]
CONFLICTS: tuple[Conflict, ...] = get_args(Conflict)
Outcome: TypeAlias = Literal["added", "replaced", "there already", "kept what is there"]


@frozen
class TransferSummary:
    """
    A knob of a file and what became of it.

    Attributes:
        model_id: Its model.
        name: The name that means it.
        verdict: Its verdict.
        outcome: added, replaced, there already or kept what is there.
        why: What is there instead, "" where nothing is.
    """

    model_id: str
    name: str
    verdict: str
    outcome: Outcome
    why: str = ""


def outline(parts: Iterable[tuple[KnobStore, Iterable[tuple[str, str]]]]) -> dict[str, Any]:
    """
    The file's content for these (model_id, name) of these registries.

    Raises:
        RegistryError: A registry cannot be read.
    """
    runs: dict[str, dict[str, Any]] = {}
    knobs = []
    for store, keys in parts:
        for model_id, name in keys:
            with store.reading() as session:
                row = session.scalars(_current_of(model_id, name)).one()
                (knob,) = knobs_of(session, [row.knob_id])
                run = row.knob.run
                if run.result_sha256 not in runs:
                    (whole,) = runs_of(session, select(RunRow).where(RunRow.id == run.id))
                    runs[run.result_sha256] = _run_facts(whole)
                place = {"run": list(runs).index(run.result_sha256), "position": row.knob.position, "name": name}
            if knob.operator is None:
                raise RegistryError(f"The registry keeps only the hash of the knob {name!r}: repeat its run first.")
            knobs.append({**place, "operator": _arrays(knob.operator)})
    head = {"format": "latentknobs-knobs", "version": 1, "latentknobs": __version__}
    return {**head, "runs": list(runs.values()), "knobs": knobs}


def take(store: KnobStore, text: str, where: str, *, conflict: Conflict = "refuse") -> tuple[TransferSummary, ...]:
    """
    Store the knobs of a file, all or none of them.

    Args:
        store: Where to.
        text: The file's content.
        where: The file, for messages.
        conflict: What to do where a name means another knob: refuse = store nothing and say which, keep = leave
            those that are there, replace = take the file's, but none with a worse verdict.

    Raises:
        UsageError: There is no such way to deal with conflicts.
        RegistryError: The content is not what the schema says, or contradicts itself; there are conflicts; the
            registry cannot be written. It is as it was.
    """
    if conflict not in CONFLICTS:
        raise UsageError(f"Conflicts can be met by {', '.join(CONFLICTS)}, not {conflict!r}.")
    runs, chosen = _parse(text, where)
    try:
        with store.writing() as session:
            found = [_take(session, runs[run], position, name, conflict) for run, position, name in chosen]
            if conflict == "refuse" and (against := [one for one in found if one.outcome == "kept what is there"]):
                told = "; ".join(f"{one.name}: {one.why}" for one in against)
                raise RegistryError(
                    f"Nothing was imported from {where}: {told}. Add --conflict keep to leave those that are there, "
                    f"--conflict replace to take the file's, or rename those that are there."
                )
            return tuple(found)
    except FileExistsError as error:
        raise RegistryError(f"Another program has just made the registry {store.path}: try again.") from error
    except (OverflowError, UnicodeError) as error:
        raise RegistryError(f"{where} cannot be stored: {error}.") from error


def _take(session: Session, run: Run, position: int, name: str, conflict: Conflict) -> TransferSummary:
    knob = run.knobs[position]
    done = TransferSummary(run.spec.model_id, name, knob.verdict, "added")
    there = session.scalars(_current_of(run.spec.model_id, name)).one_or_none()
    query = select(CurrentRow).join(KnobRow).join(RunRow)
    query = query.where(RunRow.result_sha256 == serialization.result_sha256(run), KnobRow.position == position)
    same = session.scalars(query).one_or_none()
    if same is not None:
        return evolve(done, outcome="there already", why="" if same.name == name else f"it is called {same.name!r}")
    if there is not None:
        old = there.knob
        why = f"the name means the {old.verdict} {old.kind} knob ({old.fit}) of run {old.run.identity}"
        if conflict != "replace" or RANK[knob.verdict] < rank_of(old):
            return evolve(done, outcome="kept what is there", why=why)
        done = evolve(done, outcome="replaced", why=why)
    row, _ = add_run(session, run)
    settle(session, row, position, evolve(knob, name=name))
    return done


def _current_of(model_id: str, name: str) -> Any:
    query = select(CurrentRow).join(ModelRow, ModelRow.id == CurrentRow.model_id).join(KnobRow)
    return query.where(ModelRow.sha256 == model_id, CurrentRow.name == name)


def _run_facts(run: Run) -> dict[str, Any]:
    spec = run.spec
    return {
        "model_id": spec.model_id,
        "model_name": spec.model_name,
        "augmentation": spec.augmentation,
        "corpus": spec.corpus,
        "seed": spec.seed,
        "parameters": dict(spec.parameters),
        "counts": dict(run.counts),
        "current": run.current,
        "version": run.version,
        "started": run.started.isoformat(),
        "finished": run.finished.isoformat(),
        "knobs": [_knob_facts(knob) for knob in run.knobs],
    }


def _knob_facts(knob: Knob) -> dict[str, Any]:
    of_run = ("model", "model_id", "augmentation", "run", "found")
    facts = {name: value for name, value in knob.as_dict().items() if name not in of_run}
    return facts | {"evidence": unstructure_evidence(knob.evidence)}


def _arrays(operator: Operator) -> dict[str, Any]:
    return {
        name: {"shape": list(array.shape), "data": base64.b64encode(array.astype("<f4").tobytes()).decode()}
        for name, array in operator.arrays.items()
    }


def _parse(text: str, where: str) -> tuple[list[Run], list[tuple[int, int, str]]]:
    """The runs, with the operators of those knobs that can be turned, and run, position and name of these."""
    try:
        data = json.loads(text, parse_constant=_no_number)
        check(data, json.loads(SCHEMA.read_text(encoding="utf-8")))
        runs, chosen = _read(data)
        for run in runs:
            serialization.check_run(run, operators=False)
    except (TypeError, ValueError) as error:
        # attrs puts more than the sentence into its errors.
        reason = str(error.args[0] if error.args else error).rstrip(".")
        raise RegistryError(f"{where} is no file of knobs that can be imported: {reason}.") from error
    return runs, chosen


def _read(data: Mapping[str, Any]) -> tuple[list[Run], list[tuple[int, int, str]]]:
    runs = [_run(facts) for facts in data["runs"]]
    chosen = []
    for i, one in enumerate(data["knobs"]):
        if one["run"] >= len(runs) or one["position"] >= len(runs[one["run"]].knobs):
            raise ValueError(f"knobs[{i}] names a run or a position that is not there")
        run = runs[one["run"]]
        knobs = list(run.knobs)
        knobs[one["position"]] = _with_operator(knobs[one["position"]], one)
        runs[one["run"]] = evolve(run, knobs=tuple(knobs))
        chosen.append((one["run"], one["position"], one["name"]))
    if len({(runs[run].spec.model_id, name) for run, _, name in chosen}) < len(chosen):
        raise ValueError("two knobs of one model have one name")
    return runs, chosen


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is not a number")


def _run(facts: Mapping[str, Any]) -> Run:
    spec = RunSpec(
        facts["model_id"],
        facts["model_name"],
        facts["augmentation"],
        facts["corpus"],
        facts["seed"],
        facts["parameters"],
    )
    times = (datetime.fromisoformat(facts[name]) for name in ("started", "finished"))
    knobs = tuple(_knob(one, spec) for one in facts["knobs"])
    return Run(spec, knobs, facts["current"], facts["counts"], facts["version"], *times)


def _knob(facts: Mapping[str, Any], spec: RunSpec) -> Knob:
    plain = {name: facts[name] for name in facts if name not in ("dimensions", "effects", "tags", "evidence")}
    return Knob(
        **plain,
        model_id=spec.model_id,
        model_name=spec.model_name,
        augmentation=spec.augmentation,
        dimensions=tuple(KnobDimension(**one) for one in facts["dimensions"]),
        effects=tuple(KnobEffect(**one) for one in facts["effects"]),
        evidence=structure_evidence(upgrade_evidence(facts["evidence"])),
        tags=tuple(facts["tags"]),
        run_id=spec.run_id,
    )


def _with_operator(knob: Knob, facts: Mapping[str, Any]) -> Knob:
    try:
        arrays = {
            name: np.frombuffer(base64.b64decode(one["data"], validate=True), dtype="<f4").reshape(one["shape"])
            for name, one in facts["operator"].items()
        }
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"the operator of {facts['name']!r} cannot be read: {error}") from error
    return evolve(knob, operator=Operator(knob.kind, arrays))
