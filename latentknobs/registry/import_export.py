"""
Knobs from one registry to another in one JSON file; data/knobs-3.schema.json of the package describes it.

Files of versions 1 and 2 are read as well: effects are called leakage there, and in version 1 arrays are all float32
and evidence has no version.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from attrs import evolve, fields, frozen
from sqlalchemy import select
from sqlalchemy.orm import Session

from latentknobs import __version__
from latentknobs.core.evidence_upgrade import upgrade_evidence
from latentknobs.core.knob import FROM_REGISTRY, RANK, Knob
from latentknobs.core.run import Run, RunSpec
from latentknobs.core.strict_json import structure
from latentknobs.errors import RegistryError, UsageError
from latentknobs.registry import serialization
from latentknobs.registry.knob_loader import knobs_of, runs_of, undamaged
from latentknobs.registry.store import KnobStore, add_run, rank_of, settle
from latentknobs.registry.tables import CurrentRow, KnobRow, ModelRow, RunRow

SCHEMA = Path(__file__).parent.parent / "data" / "knobs-3.schema.json"
MOST_DEPTH = 24
MOST_VALUES = 50_000_000
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


@frozen
class _PackedArray:
    shape: tuple[int, ...]
    data: str
    packing: str = serialization.PLAIN


@frozen
class _UsableKnob:
    run: int
    position: int
    name: str
    operator: Mapping[str, _PackedArray]


@frozen
class _ExchangeFile:
    format: Literal["latentknobs-knobs"]
    version: Literal[1, 2, 3]
    latentknobs: str
    runs: tuple[Mapping[str, Any], ...]
    knobs: tuple[_UsableKnob, ...]


def outline(parts: Iterable[tuple[KnobStore, Iterable[tuple[str, str]]]]) -> dict[str, Any]:
    """
    The file's content for these (model_id, name) of these registries.

    Raises:
        RegistryError: A registry cannot be read, a knob or its run is damaged, or only an operator's hash was kept.
    """
    runs: dict[str, Run] = {}
    knobs = []
    for store, keys in parts:
        for model_id, name in keys:
            with store.reading() as session:
                row = session.scalars(_current_of(model_id, name)).one()
                result = row.knob.run.result_sha256
                (knob,) = undamaged(knobs_of(session, [row.knob_id], str(store.address)))
                (run,) = undamaged(runs_of(session, (RunRow.id == row.knob.run_id,), str(store.address)))
            runs.setdefault(result, run)
            position = next(i for i, one in enumerate(run.knobs) if _key(one) == _key(knob))
            operator = {one.pop("name"): one for one in serialization.packed_arrays(knob.require_operator())}
            for one in operator.values():
                one["data"] = base64.b64encode(one["data"]).decode()
            knobs.append({"run": list(runs).index(result), "position": position, "name": name, "operator": operator})
    head = {"format": "latentknobs-knobs", "version": 3, "latentknobs": __version__}
    return {**head, "runs": [_run_facts(run) for run in runs.values()], "knobs": knobs}


def _key(knob: Knob) -> tuple[str, str, str]:
    return knob.name, knob.kind, knob.fit


def _run_facts(run: Run) -> dict[str, Any]:
    facts = serialization.run_facts(run)
    for knob in facts["knobs"]:
        for name in (*_of_run(run.spec), *FROM_REGISTRY):
            del knob[name]
    spec: dict[str, Any] = facts.pop("spec")
    return spec | facts


def _of_run(spec: RunSpec) -> dict[str, Any]:
    """What a knob has from its run."""
    return {
        "model_id": spec.model_id,
        "model_name": spec.model_name,
        "augmentation": spec.augmentation,
        "run_id": spec.run_id,
    }


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
    runs, usable = _parse(text, where)
    try:
        with store.writing() as session:
            summaries = [_take(session, runs[one.run], one.position, one.name, conflict) for one in usable]
            if conflict == "refuse" and (kept := [one for one in summaries if one.outcome == "kept what is there"]):
                names = "; ".join(f"{one.name}: {one.why}" for one in kept)
                raise RegistryError(
                    f"Nothing was imported from {where}: {names}. Add --conflict keep to leave those that are there, "
                    f"--conflict replace to take the file's, or rename those that are there."
                )
            return tuple(summaries)
    except FileExistsError:  # made by someone else a moment ago: write to theirs
        return take(store, text, where, conflict=conflict)
    except (OverflowError, ValueError) as error:
        raise RegistryError(f"{where} cannot be stored: {error}.") from error


def knobs_in(text: str, where: str) -> tuple[Knob, ...]:
    """
    The knobs of a file with their operators, by the names that mean them; nothing is stored.

    Raises:
        RegistryError: The content is not what the schema says, or contradicts itself.
    """
    runs, usable = _parse(text, where)
    return tuple(evolve(runs[one.run].knobs[one.position], name=one.name) for one in usable)


def _take(session: Session, run: Run, position: int, name: str, conflict: Conflict) -> TransferSummary:
    knob = run.knobs[position]
    summary = TransferSummary(run.spec.model_id, name, knob.verdict, "added")
    current = session.scalars(_current_of(run.spec.model_id, name)).one_or_none()
    query = select(CurrentRow).join(KnobRow).join(RunRow)
    query = query.where(RunRow.result_sha256 == serialization.result_sha256(run), KnobRow.position == position)
    same = session.scalars(query).one_or_none()
    if same is not None:
        return evolve(summary, outcome="there already", why="" if same.name == name else f"it is called {same.name!r}")
    if current is not None:
        old = current.knob
        why = f"the name means the {old.verdict} {old.kind} knob ({old.fit}) of run {old.run.identity}"
        if conflict != "replace" or RANK[knob.verdict] < rank_of(old):
            return evolve(summary, outcome="kept what is there", why=why)
        summary = evolve(summary, outcome="replaced", why=why)
    row, _ = add_run(session, run)
    settle(session, row, position, evolve(knob, name=name))
    return summary


def _current_of(model_id: str, name: str) -> Any:
    query = select(CurrentRow).join(ModelRow, ModelRow.id == CurrentRow.model_id).join(KnobRow).join(RunRow)
    return query.where(ModelRow.sha256 == model_id, CurrentRow.name == name)


def _parse(text: str, where: str) -> tuple[list[Run], tuple[_UsableKnob, ...]]:
    """The runs, and which of their knobs can be turned; these have their operators."""
    try:
        bounds = {"depth": MOST_DEPTH, "values": MOST_VALUES, "characters": len(text)}
        file = structure(json.loads(text), _ExchangeFile, "", **bounds)
        runs = [_run(dict(facts), f"runs[{i}]", file.version) for i, facts in enumerate(file.runs)]
        for i, one in enumerate(file.knobs):
            runs[one.run] = _with_operator(runs, one, f"knobs[{i}]")
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error).rstrip(".")
        raise RegistryError(f"{where} is no file of knobs that can be imported: {reason}.") from error
    if len({(runs[one.run].spec.model_id, one.name) for one in file.knobs}) < len(file.knobs):
        raise RegistryError(f"{where} is no file of knobs that can be imported: two knobs of one model have one name.")
    return runs, file.knobs


def _run(facts: dict[str, Any], path: str, version: int) -> Run:
    names = [one.name for one in fields(RunSpec)]
    spec = structure({name: facts.pop(name) for name in names if name in facts}, RunSpec, path)
    of_run = _of_run(spec)
    knobs = facts.get("knobs")
    for i, knob in enumerate(knobs if isinstance(knobs, list) else ()):
        if isinstance(knob, dict):
            if extra := {*of_run, *FROM_REGISTRY, "operator"} & knob.keys():
                raise ValueError(f"{path}.knobs[{i}]: unknown key {min(extra)!r}")
            knob.update(of_run, evidence=upgrade_evidence(knob.get("evidence")))
            if version < 3 and isinstance(knob.get("effects"), list):
                knob["effects"] = [_renamed(effect) for effect in knob["effects"]]
    return structure({**facts, "spec": spec}, Run, path)


def _renamed(effect: Any) -> Any:
    if not isinstance(effect, dict) or "leakage" not in effect:
        return effect
    return {"effect" if key == "leakage" else key: value for key, value in effect.items()}


def _with_operator(runs: Sequence[Run], one: _UsableKnob, path: str) -> Run:
    """The run with the operator of one of its knobs."""
    if not (0 <= one.run < len(runs) and 0 <= one.position < len(runs[one.run].knobs)):
        raise ValueError(f"{path} names a run or a position that is not there")
    run = runs[one.run]
    knob = run.knobs[one.position]
    try:
        evolve(knob, name=one.name)  # so that the name is one that a knob may have
        packed = []
        for name, array in one.operator.items():
            data = base64.b64decode(array.data, validate=True)
            packed.append({"name": name, "shape": list(array.shape), "packing": array.packing, "data": data})
        knob = serialization.with_operator(knob, packed)
    except ValueError as error:
        raise ValueError(f"{path}: {error.args[0]}") from error
    return evolve(run, knobs=(*run.knobs[: one.position], knob, *run.knobs[one.position + 1 :]))
