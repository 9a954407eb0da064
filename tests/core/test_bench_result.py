"""The file of ``latentknobs bench``: what is written is what is read, and the published schema says the same."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import pytest
from attrs import evolve

from latentknobs.core.bench_result import (
    FORMAT,
    SCHEMA,
    BatchTiming,
    BenchChoice,
    BenchMachine,
    BenchResult,
    BenchSettings,
    BenchVersions,
    PrecisionError,
    read_bench_result,
)
from latentknobs.errors import UsageError
from tests.schemas import schema_of

KEPT = sorted((Path(__file__).parents[2] / "benchmarks" / "results").glob("*.json"))
TIMING = BatchTiming("decode", "float32", 32, 0.5, 0.25, 1.0, 64.0, 0.5, 2**20)
RESULT = BenchResult(
    format=FORMAT,
    version=1,
    date=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    model="mine",
    model_id="0" * 64,
    machine=BenchMachine("A processor", 2, 2**34, ("avx2",), 0.0),
    versions=BenchVersions("1.0", "3.11", "2.4", "2.0"),
    settings=BenchSettings("cpu", 2, (1, 32), ("float32",), 3, 0),
    peak={"float32": 2e11},
    flops={"decode": 1e6},
    timings=(TIMING,),
    exactness=(PrecisionError("float32", 32, 1.0, 1.0, None, None),),
    choice=BenchChoice("float32", 32, "There is no other."),
    notes=("A note.",),
)
LINES = RESULT.text()


def changed(old: str, new: str) -> str:
    """The file with one place changed."""
    assert LINES.count(old) == 1
    return LINES.replace(old, new)


def test_the_schema_is_generated():
    """The published schema is that of the classes that read the file."""
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "latentknobs-bench-1",
        "title": "A result of latentknobs bench, version 1",
    }

    assert SCHEMA.read_text(encoding="utf-8") == json.dumps(head | schema_of(BenchResult), indent=2) + "\n"


def test_what_is_written_is_read(tmp_path):
    """The file meets the schema, and gives the same value."""
    path = tmp_path / "bench.json"
    path.write_text(LINES, encoding="utf-8")

    jsonschema.validate(json.loads(LINES), json.loads(SCHEMA.read_text(encoding="utf-8")))
    assert read_bench_result(path) == RESULT


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "it is no JSON"),
        ("[1, 2", "it is no JSON"),
        ("[" * 100_000, "nested too deeply"),
        ('{"benchmarks": []}', "format: missing"),
        (changed('"latentknobs-bench"', '"latentknobs-pack"'), "format: expected latentknobs-bench"),
        (changed('"seconds": 0.5', '"seconds": 0'), "seconds"),
        (changed('"seconds": 0.5', '"seconds": NaN'), "finite"),
        (changed(f'"memory": {2**20}', f'"memory": {10**400}'), "memory"),
        (changed('"float32": 200000000000.0', '"float32": "fast"'), "peak"),
        (changed('"A processor"', '"A \\u001b[31mprocessor"'), "cpu"),
        (changed('"why": "There is no other."', '"why": "There\\nis no other."'), "why"),
        (changed('"work": "decode"', '"work": "train"'), "work"),
    ],
)
def test_what_is_no_result_is_refused(tmp_path, text, says):
    """One sentence says where it is wrong and how a result is made."""
    path = tmp_path / "bench.json"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(UsageError, match=r"is not a result of latentknobs bench \(.*make one with") as refused:
        read_bench_result(path)
    assert says in str(refused.value)
    assert str(refused.value).isprintable()


def test_what_cannot_be_read_is_refused(tmp_path):
    """A file that is not there, a folder, and bytes that are no text."""
    binary = tmp_path / "bench.json"
    binary.write_bytes(b"\xff\xfe\x00")

    for path in (tmp_path / "none.json", tmp_path, binary):
        with pytest.raises(UsageError, match="is not a result"):
            read_bench_result(path)


def test_a_machine_is_busy_by_its_load():
    """A quarter of each core for others is busy; a load that is not known is not."""
    loads = (None, 0.0, 0.24, 0.25, 4.0)

    assert [evolve(RESULT.machine, load=load).busy for load in loads] == [False, False, False, True, True]


def test_what_is_kept_can_be_set_side_by_side():
    """The results in benchmarks/results are of one model, and name nobody's folder."""
    results = [read_bench_result(path) for path in KEPT]

    assert len({result.model_id for result in results}) == 1
    assert not any(f"/{name}/" in path.read_text(encoding="utf-8") for path in KEPT for name in ("home", "root", "tmp"))
