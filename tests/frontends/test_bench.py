"""``bench``: its tables, its JSON, its files, two results side by side, and what it refuses."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

import jsonschema
import pytest

import latentknobs
from latentknobs.core.bench_result import SCHEMA, read_bench_result

WORDS = ("bench", "--model", "tiny", "--batch", 1, "--batch", 8, "--rounds", 1)
PLUGIN = '''"""Models in two precisions, and one without an encoder, and one whose decoder fails."""

import numpy as np
from attrs import evolve

from latentknobs.core.backend import BackendFactory, Posterior
from latentknobs.errors import UsageError
from latentknobs.hooks import hookimpl
from latentknobs.testing.tiny import TinyBackend

LATENTKNOBS_API = 1


class Model:
    def __init__(self, kind, precision):
        self.tiny, self.precision, self.kind = TinyBackend(), precision, kind
        self.spec = evolve(self.tiny.spec, name=kind, encodes=kind != "decoder")

    def accepts(self, clips):
        return self.tiny.accepts(clips)

    def encode(self, clips):
        posterior = self.tiny.encode(clips)
        off = 0.05 if self.precision == "bf16" else 0.0
        return Posterior((posterior.mean + off).astype(np.float32), posterior.scale)

    def decode(self, z):
        if self.kind == "broken":
            raise RuntimeError("the decoder was never trained")
        return self.tiny.decode(z)

    def decode_log_probs(self, z, given=None):
        return self.tiny.decode_log_probs(z, given)

    def flops(self):
        return {"encode": 1e6, "decode": 2e6}


def load(location, device, precision="float32"):
    if precision == "int8":
        raise UsageError("This device has no int8.")
    return Model(location, precision)


@hookimpl
def register_backends():
    kinds = ("two", "decoder", "broken")
    shipped = {kind: kind for kind in kinds}
    return [BackendFactory("odd", "Odd models.", load, shipped, precisions=("float32", "bf16", "int8"))]
'''


@pytest.fixture
def odd(plugins_dir: Path) -> None:
    """The models of the plugin above."""
    (plugins_dir / "odd.py").write_text(PLUGIN)


def test_the_tables(cli):
    """Machine, a row for each work and batch, how exact, what is not known, and what to take."""
    result = cli(*WORDS)

    assert result.code == 0, result.err
    for text in ("tiny, ", "encode", "decode", "clips a second", "tokens as float32", "100.00%"):
        assert text in result.out
    assert "does not say how many operations" in result.out
    assert result.out.rstrip().splitlines()[-1].startswith("Take float32 in batches of ")


def test_the_json_meets_its_schema(cli):
    """And states machine, versions, date, settings and the model."""
    facts = cli(*WORDS, "--seed", 3, "--json").json

    jsonschema.validate(facts, json.loads(SCHEMA.read_text(encoding="utf-8")))
    assert (facts["model"], len(facts["model_id"])) == ("tiny", 64)
    assert facts["versions"]["latentknobs"] == latentknobs.__version__
    assert facts["settings"]["batches"] == [1, 8]
    assert facts["settings"]["seed"] == 3
    assert [(row["work"], row["batch"]) for row in facts["timings"]] == [
        (work, batch) for work in ("encode", "decode") for batch in (1, 8)
    ]
    assert facts["exactness"][0]["tokens_equal"] == 1
    assert facts["peak"]["float32"] > 0
    assert all(row["share_of_peak"] is None for row in facts["timings"])


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process reset its peak memory")
def test_memory_is_measured(cli):
    """In a process of its own, which loads the same plugin; the largest batch takes memory."""
    facts = cli("bench", "--model", "tiny", "--batch", 1, "--batch", 2000, "--rounds", 1, "--json").json

    assert all(row["memory"] > 0 for row in facts["timings"] if row["batch"] == 2000), facts["notes"]
    assert any("in a process of its own" in note for note in facts["notes"])


def test_a_process_that_fails_is_told(cli, monkeypatch):
    """Where the model cannot be loaded again, times are given all the same, and a note says why memory is not."""
    monkeypatch.setattr(sys, "executable", shutil.which("false"))

    result = cli(*WORDS, "--json")

    assert result.code == 0, result.err
    assert all(row["memory"] is None for row in result.json["timings"])
    assert any(note.startswith("Memory is not measured. The process") for note in result.json["notes"])


def test_files_and_two_results_side_by_side(cli, tmp_path):
    """The result and the picture are written; compared with itself every ratio is 1."""
    one, picture = tmp_path / "one.json", tmp_path / "one.png"

    made = cli(*WORDS, "-o", one, "--plot", picture, "--json")
    shown = cli("bench", "--compare", one, one)
    facts = cli("bench", "--compare", one, one, "--json").json

    assert made.code == shown.code == 0, made.err + shown.err
    assert read_bench_result(one).as_dict() == made.json
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "B / A" in shown.out
    assert [(row["work"], row["batch"], row["speed_ratio"]) for row in facts] == [
        (work, batch, 1) for work in ("encode", "decode") for batch in (1, 8)
    ]


def test_precisions_are_compared_with_the_first(cli, odd):
    """Errors of codes are in posterior standard deviations, and what the device lacks is left out with a note."""
    facts = cli("bench", "--model", "two", "--batch", 4, "--rounds", 1, "--json").json
    reference, other = facts["exactness"]

    assert (reference["precision"], reference["code_mean"]) == ("float32", 0)
    assert (other["precision"], other["tokens_equal"]) == ("bf16", 1)
    assert other["code_mean"] == pytest.approx((16 * 0.5 + 8 * 0.05) / 24, rel=1e-3)
    assert other["code_largest"] == pytest.approx(0.5, rel=1e-3)
    assert any(note.startswith("int8 is left out: This device has no int8.") for note in facts["notes"])
    for row in facts["timings"]:
        if row["precision"] == "float32":
            expected = row["clips_a_second"] * facts["flops"][row["work"]] / facts["peak"]["float32"]
            assert row["share_of_peak"] == pytest.approx(expected)


def test_a_decoder_alone(cli, odd):
    """It is decoded only, and a note says so."""
    result = cli("bench", "--model", "decoder", "--precision", "float32", "--batch", 4, "--rounds", 1, "--json")

    assert result.code == 0, result.err
    assert {row["work"] for row in result.json["timings"]} == {"decode"}
    assert result.json["exactness"][0]["code_mean"] is None
    assert any("decoder alone" in note for note in result.json["notes"])


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("--model", "tinny"), 2, "did you mean 'tiny'"),
        (("--model", "tiny", "--precision", "int8"), 2, "no precision named 'int8'"),
        (("--model", "two", "--precision", "int8"), 2, "no int8"),
        (("--model", "broken"), 1, "never trained"),
        (("--model", "tiny", "--plot", "a.pdf"), 2, "should end in .png, .svg"),
        (("--model", "tiny", "-o", "none/a.json"), 2, "not there"),
        (("--compare", "a.json", "b.json"), 2, "a.json is not a result of latentknobs bench"),
        (("--compare", "a.json", "b.json", "-o", "c.json"), 2, "--compare writes no file"),
    ],
)
def test_what_is_refused(cli, odd, words, code, says):
    """One sentence, and the exit code of its kind."""
    result = cli("bench", *words)

    assert result.code == code
    assert says in result.one_sentence()


def test_results_with_nothing_in_common(cli, tmp_path):
    """Other batches cannot be compared."""
    paths = [tmp_path / f"{batch}.json" for batch in (1, 2)]
    for batch, path in enumerate(paths, 1):
        assert cli("bench", "--model", "tiny", "--batch", batch, "--rounds", 1, "-o", path).code == 0

    result = cli("bench", "--compare", *paths)

    assert result.code == 2
    assert "in common" in result.one_sentence()


def test_an_existing_file_is_left(cli, tmp_path):
    """Before anything is measured, and replaced with --force alone."""
    path = tmp_path / "one.json"
    path.write_text("mine")

    refused = cli(*WORDS, "-o", path)

    assert (refused.code, path.read_text()) == (2, "mine")
    assert "--force" in refused.one_sentence()
    assert cli(*WORDS, "-o", path, "--force").code == 0
    assert read_bench_result(path).model == "tiny"


@pytest.mark.parametrize("where", ["latentknobs.analysis.model_benchmark.in_turns", "subprocess.run"])
def test_an_interruption_leaves_nothing(cli, tmp_path, monkeypatch, where):
    """Ctrl-C while it times or measures memory ends it with 130, and no file is there, not even a part of one."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))

    def interrupted(*_words, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(where, interrupted)
    result = cli(*WORDS, "-o", tmp_path / "one.json", "--plot", tmp_path / "one.png")

    assert result.code == 130
    assert "Interrupted" in result.err
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert list((tmp_path / "temporary").iterdir()) == []
