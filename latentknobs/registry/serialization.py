"""Core values to rows and back, and nothing else."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from attrs import evolve, fields

from latentknobs.core.evidence import Evidence
from latentknobs.core.evidence_upgrade import upgrade_evidence
from latentknobs.core.knob import FROM_REGISTRY, MOST_NUMBERS, Kind, Knob, Operator
from latentknobs.core.operator_codec import pack_array, unpack_array
from latentknobs.core.run import Run, RunSpec
from latentknobs.core.strict_json import structure, unstructure
from latentknobs.errors import RegistryError
from latentknobs.registry import evidence_rows
from latentknobs.registry.tables import DimensionRow, EffectRow, KnobRow, NoteRow, OperatorArrayRow, RunRow, TagRow

PLAIN = "float32"
"""The packing of exchange files of version 1: little-endian float32 in C order."""
MOST_INFLATION = 1100
"""Numbers that one byte can hold: zlib inflates a byte to 1,032 at the most."""
_OWN = {one.name for one in fields(Knob)} - {"run_id"}
"""Fields of a knob; the column of another name is the row id of its run."""


def check_operator(knob: Knob, *, required: bool = False) -> None:
    """
    Refuse an operator that is not the one of the knob's hash.

    Raises:
        ValueError: It has another hash, or there is none and it is required.
    """
    if knob.operator is None:
        if required:
            raise ValueError(f"the candidate {knob.name!r} has no operator")
    elif knob.operator.sha256 != knob.operator_sha256:
        raise ValueError(f"the operator of knob {knob.name!r} ({knob.fit}) is not the one of its hash")


def result_sha256(run: Run) -> str:
    """
    Hash of all that a run found, the version of latentknobs included; times, tags and notes are left out.

    The same spec on the same machine has the same hash. Another version or machine may not.
    """
    facts = run_facts(run)
    for knob in facts["knobs"]:
        for name in ("tags", "note", *FROM_REGISTRY):
            del knob[name]
    text = json.dumps({**facts, "started": "", "finished": ""}, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def run_facts(run: Run) -> dict[str, Any]:
    """The JSON form of a run, without the operators of its knobs."""
    facts: dict[str, Any] = unstructure(evolve(run, knobs=tuple(evolve(k, operator=None) for k in run.knobs)), "run")
    for knob in facts["knobs"]:
        del knob["operator"]
    return facts


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
        counts=dict(run.counts),
        candidate=run.current,
        version=run.version,
        started=run.started,
        finished=run.finished,
        knobs=[
            _knob_row(position, facts, knob.evidence)
            for position, (facts, knob) in enumerate(zip(run_facts(run)["knobs"], run.knobs, strict=True))
        ],
    )


def _knob_row(position: int, facts: Mapping[str, Any], evidence: Evidence) -> KnobRow:
    return KnobRow(
        position=position,
        **{column.name: facts[column.name] for column in KnobRow.__table__.columns if column.name in _OWN},
        dimensions=[DimensionRow(position=i, **one) for i, one in enumerate(facts["dimensions"])],
        effects=[EffectRow(position=i, **one) for i, one in enumerate(facts["effects"])],
        criteria=evidence_rows.criteria(evidence),
        amounts=evidence_rows.amounts(evidence),
        response=evidence_rows.response(evidence),
        blocks=evidence_rows.blocks(evidence),
        tags=[TagRow(tag=tag) for tag in sorted(set(facts["tags"]))],
        note=NoteRow(text=facts["note"]) if facts["note"] else None,
    )


def array_rows(knob_id: int, operator: Operator) -> list[OperatorArrayRow]:
    """The rows of an operator's arrays."""
    return [OperatorArrayRow(knob_id=knob_id, **packed) for packed in packed_arrays(operator)]


def packed_arrays(operator: Operator) -> list[dict[str, Any]]:
    """Name, shape, packing and data of an operator's arrays."""
    packed = {name: pack_array(array) for name, array in operator.arrays.items()}
    return [
        {"name": name, "shape": list(operator.arrays[name].shape), "packing": packing, "data": data}
        for name, (packing, data) in packed.items()
    ]


def operator_of(kind: Kind, packed: Iterable[Mapping[str, Any]]) -> Operator:
    """
    The operator of what :func:`packed_arrays` gives.

    Raises:
        ValueError: The arrays are not those of an operator of this kind.
    """
    arrays = {}
    for one in packed:
        name, shape, packing, data = one["name"], one["shape"], one["packing"], one["data"]
        place = f"operator.{name}"
        if not isinstance(shape, list) or not all(type(n) is int and n > 0 for n in shape):
            raise ValueError(f"{place}.shape: expected a list of whole numbers above 0, got {str(shape)[:80]}")
        if not isinstance(data, bytes) or math.prod(shape) > min(MOST_NUMBERS, len(data) * MOST_INFLATION):
            raise ValueError(f"{place}.data: does not fill the shape {shape}")
        try:
            if packing == PLAIN:
                arrays[name] = np.frombuffer(data, dtype="<f4").reshape(shape)
            else:
                arrays[name] = unpack_array(packing, data, tuple(shape))
        except ValueError as error:
            raise ValueError(f"{place}: {error}") from error
    return Operator(kind, arrays)


def with_operator(knob: Knob, packed: Iterable[Mapping[str, Any]]) -> Knob:
    """
    A knob whose operator's hash alone is there, with the operator of what :func:`packed_arrays` gives.

    Raises:
        ValueError: The arrays are not those of an operator of its kind, or not those of its hash.
    """
    operator = operator_of(knob.kind, packed)
    if operator.sha256 != knob.operator_sha256:
        raise ValueError(f"the operator of knob {knob.name!r} ({knob.fit}) is not the one of its hash")
    return evolve(knob, operator=operator)


def to_knob(facts: Mapping[str, Any], arrays: Sequence[Mapping[str, Any]], where: str) -> Knob:
    """
    The knob of its rows.

    Args:
        facts: Its fields by name, but the operator.
        arrays: As :func:`packed_arrays` gives them; none where they are not kept or not wanted.
        where: The file, for messages.

    Raises:
        RegistryError: They are no knob's, or the operator is not the one that was stored.
    """
    try:
        knob = structure({**facts, "evidence": upgrade_evidence(facts["evidence"])}, Knob, "")
        if arrays:
            knob = with_operator(knob, arrays)
    except ValueError as error:
        what = f"knob {facts['name']!s} ({facts['fit']!s}) of run {facts['run_id']!s}"
        raise DamagedKnobError(_sentence(what, where, error), (facts["model_id"], facts["name"])) from error
    return knob


def to_run(facts: Mapping[Any, Any], knobs: Sequence[Knob | RegistryError], where: str) -> Run:
    """
    The run of its row and of its knobs, damaged ones left out.

    Raises:
        RegistryError: They are no run's.
    """
    sound = [i for i, knob in enumerate(knobs) if isinstance(knob, Knob)]
    out = {name: facts[name] for name in ("counts", "version", "started", "finished")}
    # Without a damaged knob the others move up; one that was the candidate is none any more.
    positions: dict[Any, int | None] = {i: sound.index(i) if i in sound else None for i in range(len(knobs))}
    out["current"] = positions.get(facts["candidate"], facts["candidate"])
    try:
        spec = structure({one.name: facts[one.name] for one in fields(RunSpec)}, RunSpec, "")
        return structure(out | {"spec": spec, "knobs": [knobs[i] for i in sound]}, Run, "")
    except ValueError as error:
        raise RegistryError(_sentence(f"run {facts['identity']!s}", where, error)) from error


class DamagedKnobError(RegistryError):
    """
    Raised in place of a knob whose rows are none.

    Args:
        sentence: What is wrong.
        key: Its model_id and name.
    """

    def __init__(self, sentence: str, key: tuple[str, str]) -> None:
        super().__init__(sentence)
        self.key = key


def key_of(item: Knob | RegistryError) -> tuple[str, str]:
    """The model_id and name of a knob, or of a damaged one."""
    if isinstance(item, Knob):
        return item.model_id, item.name
    return item.key if isinstance(item, DamagedKnobError) else ("", "")


def _sentence(what: str, where: str, error: ValueError) -> str:
    shown = what if len(what) < 200 else f"{what[:200]}..."
    return f"The {ascii(shown)[1:-1]} in {where} is damaged: {str(error).rstrip('.')}. Put a backup in its place."
