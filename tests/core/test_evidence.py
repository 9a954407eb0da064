"""Evidence and its JSON form."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Mapping
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin

import pytest
from attrs import fields, has, resolve_types
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latentknobs.core.evidence import (
    Criterion,
    Evidence,
    structure_evidence,
    unstructure_evidence,
)
from latentknobs.core.evidence_upgrade import upgrade_evidence
from latentknobs.core.latent_structure import BlockShare
from latentknobs.core.reasons import reasons
from latentknobs.core.strict_json import MOST_CHARACTERS

REGISTRY = Path(__file__).parents[2] / "registry.db"
WORDS = st.text(max_size=8)
LEAVES: Mapping[Any, st.SearchStrategy[Any]] = {
    NoneType: st.none(),
    bool: st.booleans(),
    int: st.integers(-(2**60), 2**60),
    float: st.floats(allow_nan=False, allow_infinity=False),
    str: WORDS,
}
FIXED: Mapping[str, st.SearchStrategy[Any]] = {
    "version": st.just(2),
    "blocks": st.sampled_from([(), (BlockShare("pitch", 2, 0.5), BlockShare("style", 1, None))]),
    "latent_shape": st.just(()),
}
"""What may not be any value of its type."""


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Every value of a type of evidence, small ones."""
    args = get_args(kind)
    if kind in LEAVES:
        return LEAVES[kind]
    if has(kind):
        resolve_types(kind)
        return st.builds(kind, **{f.name: FIXED[f.name] if f.name in FIXED else values(f.type) for f in fields(kind)})
    if get_origin(kind) is Literal:
        return st.sampled_from(args)
    if get_origin(kind) is tuple:
        return st.lists(values(args[0]), max_size=2).map(tuple)
    if get_origin(kind) is Mapping:
        return st.dictionaries(WORDS, values(args[1]), max_size=2)
    return st.one_of(*map(values, args))


def evidence_json() -> dict[str, Any]:
    """Evidence with something of everything, as JSON."""
    metrics = {
        "amount": 1.0,
        "clips": 64,
        "equivariance": {"value": 0.9, "low": 0.8, "high": 1, "error": 0.1, "accuracy": 1, "floor": 0, "ceiling": 1},
        "effects": {"rests": {"value": 0.9, "low": 0.8, "high": 1, "error": 0.1, "spread": 1, "clips": 64}},
        "leakage": {"rests": {"value": 0.1, "upper": 0.2, "lost": 0}},
        "content": {"contour": None},
    }
    return {
        "version": 2,
        "fitted": [1.0],
        "mean_change": [[0.5, 0.25]],
        "adds_up": True,
        "test_clips": 64,
        "fitting": {"penalty": [0.5, None], "steps": 3, "variant": "linear"},
        "selected": {"effect": {"dims": [0], "kept": 0.9, "frequency": {"0": 1}, "stable": 1}},
        "validation": {"amounts": [metrics], "response": None, "round_trip": None},
        "criteria": [
            {"kind": "leakage", "of": "rests", "amount": 1.0, "value": 0.2, "limit": 0.25, "passed": True},
            {"kind": "monotone", "of": None, "amount": None, "value": 0.5, "limit": 0.9, "passed": False},
        ],
        "preserves": ["rests"],
        "spreads": {"rests": 0.5},
    }


def nested(levels: int) -> list[Any]:
    """Lists within lists."""
    out: list[Any] = []
    for _ in range(levels):
        out = [out]
    return out


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(values(Evidence))
def test_the_json_text_gives_the_same_evidence(evidence):
    """Whatever was measured, its JSON text gives it back."""
    text = json.dumps(unstructure_evidence(evidence), allow_nan=False)
    assert structure_evidence(json.loads(text)) == evidence


def test_shipped_evidence_comes_back_as_it_was():
    """Every evidence of the shipped registry is read, and its JSON text gives it back."""
    with sqlite3.connect(REGISTRY) as database:
        stored = [json.loads(zlib.decompress(data)) for (data,) in database.execute("SELECT evidence FROM knob")]
    database.close()
    assert stored
    for data in stored:
        evidence = structure_evidence(upgrade_evidence(data))
        assert structure_evidence(json.loads(json.dumps(unstructure_evidence(evidence)))) == evidence


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("validation.amounts[0].equivariance.value", "x", "expected a number, got 'x'"),
        ("validation.amounts[0].equivariance.value", float("nan"), "expected a finite number, got nan"),
        ("validation.amounts[0].equivariance.value", 10**400, "expected a number"),
        ("validation.amounts[0].equivariance.value", None, "expected a number, got None"),
        ("validation.amounts[0].equivariance.value", True, "expected a number, got True"),
        ("validation.amounts[0].effects.rests", [], "expected an object, got []"),
        ("validation.amounts[0].clips", 64.0, "expected a whole number, got 64.0"),
        ("validation.amounts[0].clips", True, "expected a whole number, got True"),
        ("validation.amounts[0].leakage", ["rests"], "expected an object"),
        ("validation", "all", "expected an object, got 'all'"),
        ("adds_up", 1, "expected true or false, got 1"),
        ("target", 1, "expected a text, got 1"),
        ("target", "x" * (MOST_CHARACTERS + 1), "expected at most 10,000 characters"),
        ("fitted", "abc", "expected a list of numbers, got 'abc'"),
        ("preserves", "abc", "expected a list, got 'abc'"),
        ("preserves[0]", None, "expected a text, got None"),
        ("mean_change[0]", [1, "2"], "expected a list of numbers"),
        ("spreads.rests", {}, "expected a number, got {}"),
        ("fitting.penalty", {"deep": {}}, "expected a number, a text"),
        ("fitting.penalty", float("inf"), "expected a finite number, got inf"),
        ("fitting.penalty", nested(100_000), "levels of nesting"),
        ("criteria[1].kind", "taste", "expected one of effect,"),
        ("criteria[1].passed", "yes", "expected true or false, got 'yes'"),
        ("version", 3, "expected 2, got 3"),
    ],
)
def test_what_is_not_evidence_is_refused_with_its_path(path, value, message):
    """A value of another type or beyond all bounds is refused in one sentence, with the path of the field."""
    data = evidence_json()
    structure_evidence(data)
    *parents, last = path.replace("[", ".[").split(".")
    place: Any = data
    for key in parents:
        place = place[int(key[1:-1]) if key.startswith("[") else key]
    place[int(last[1:-1]) if last.startswith("[") else last] = value
    with pytest.raises(ValueError) as caught:
        structure_evidence(data)
    text = str(caught.value)
    assert text.startswith(f"evidence.{path}")
    assert message in text
    assert "\n" not in text


@pytest.mark.parametrize("data", [None, [], "evidence", 1, nested(100_000)])
def test_what_is_no_object_is_refused(data):
    """Evidence is an object."""
    with pytest.raises(ValueError, match=r"^evidence.*: expected"):
        structure_evidence(upgrade_evidence(data))


def test_unknown_and_missing_keys_are_refused():
    """A key that evidence does not have, and one that it lacks, are refused."""
    with pytest.raises(ValueError, match=r"^evidence: unknown key 'mood'$"):
        structure_evidence(evidence_json() | {"mood": 1})
    data = evidence_json()
    del data["validation"]["amounts"][0]["leakage"]["rests"]["upper"]
    with pytest.raises(ValueError, match=r"^evidence\.validation\.amounts\[0\]\.leakage\.rests\.upper: missing$"):
        structure_evidence(data)


def test_evidence_without_a_version_is_upgraded():
    """Names of criteria become their parts, and old words the new ones; current evidence stays as it is."""
    rest = {"value": 0.5, "limit": 0.25, "passed": False}
    names = [
        "effect beyond random controls (p)",
        "all limits at some amount on validation songs",
        "usable range",
        "monotone",
        "equivariance at -12",
        "leakage of mean-pitch at +0.333333",
        "loss of rests at +1e+06",
        "content by onset-f1 at +1",
    ]
    old = {"fitted": [1 / 3], "keeps": ["rests"], "gates": [{"gate": name, **rest} for name in names]}
    evidence = structure_evidence(upgrade_evidence(old))
    assert [criterion.name for criterion in evidence.criteria] == names
    assert evidence.criteria[5] == Criterion(kind="leakage", of="mean-pitch", amount=1 / 3, **rest)
    assert (evidence.criteria[7].of, evidence.preserves, evidence.version) == ("onset-f1", ("rests",), 2)
    assert upgrade_evidence(evidence_json()) == evidence_json()


def test_of_many_amounts_that_fail_the_nearest_are_told():
    """A knob that fails at every amount of test songs has the two reasons nearest to 0, after those of the whole."""
    at = [Criterion(kind="equivariance", amount=a, value=0.1, limit=0.3, passed=False) for a in (-2.0, -1.0, 1.0, 2.0)]
    whole = Criterion(kind="monotone", value=0.5, limit=0.9, passed=False)

    told = reasons(Evidence(criteria=(*at, whole)))

    assert [one.amount for one in told] == [None, -1.0, 1.0]


def test_evidence_of_version_1_tells_its_reasons():
    """
    Criteria get their intervals, the target is no leakage, and validation songs say where the range ended.

    A fit that declined an edit without a target gets its true reason.
    """
    old = evidence_json() | {"version": 1, "target": "rests", "preserves": None}
    old["criteria"] = [{"kind": "range", "value": 0.0, "limit": 0.0, "passed": False}]
    old["validation"]["amounts"] = [
        old["validation"]["amounts"][0] | {"amount": a, "equivariance": e}
        for a, e in ((-1.0, _equal(0.2, 0.1, 0.0, 1.0)), (1.0, _equal(0.9, 0.8, 0.94, 0.95)), (2.0, _equal(0, 0, 0, 1)))
    ]
    evidence = structure_evidence(upgrade_evidence(old))
    assert [str(one) for one in reasons(evidence)] == [
        "at -1: equivariance 0.2 (0.1 to 0.9), the low end must be 0.3 or more: 0.2 short (validation songs)",
        (
            "at +1: ceiling 0.95 and floor 0.94 are 0.01 apart, less than the 0.05 without which equivariance is not "
            "measurable (validation songs)"
        ),
    ]
    assert (evidence.effects_at, evidence.validation.amounts[0].leakage) == ((2.0,), {})

    old |= {"target": None, "declined": {"ridge-reading": "0 training clips of the sample have the attribute"}}
    assert "names no target" in structure_evidence(upgrade_evidence(old)).declined["ridge-reading"]


def _equal(value, low, floor, ceiling):
    return {"value": value, "low": low, "high": 0.9, "error": 0.1, "accuracy": 1, "floor": floor, "ceiling": ceiling}


@pytest.mark.parametrize(
    "gates", [3, "abc", [3], [{}], [{"gate": 3}], [{"gate": "mood at noon"}], [{"gate": "mood"}], {"gate": "monotone"}]
)
def test_old_criteria_that_are_none_are_refused(gates):
    """What an old file holds in place of criteria is refused, with its path."""
    with pytest.raises(ValueError, match=r"^evidence\.criteria"):
        structure_evidence(upgrade_evidence({"gates": gates}))


def test_numbers_that_are_not_finite_are_not_written():
    """Evidence with a NaN has no JSON form."""
    with pytest.raises(ValueError, match=r"^evidence\.spreads\.rests: expected a finite number, got nan$"):
        unstructure_evidence(Evidence(spreads={"rests": float("nan")}))
