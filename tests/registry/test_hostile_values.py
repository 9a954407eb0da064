"""Values that no knob has, from a file made elsewhere: what is asked for is refused, and all other knobs are there."""

import json
import sqlite3
import zlib
from contextlib import closing

import httpx
import pytest

from latentknobs.backends.loader import Models
from latentknobs.errors import RegistryError
from latentknobs.frontends.cli.app import run_command_line
from latentknobs.frontends.web.app import ServerConfig
from latentknobs.registry.overlay import Registry
from latentknobs.testing.store import MODEL, dump, sample_run
from latentknobs.workbench import Workbench
from tests.frontends.web.conftest import served

PITCH = "(SELECT knob_id FROM current WHERE name = 'pitch')"
OF_PITCH = f"WHERE knob_id = {PITCH}"
RUN_OF_PITCH = f"WHERE id = (SELECT run_id FROM knob WHERE id = {PITCH})"


def nested(depth):
    """Lists within lists, as JSON text."""
    return "[" * depth + "]" * depth


def packed(text):
    """JSON text as evidence is stored, in SQL."""
    return f"x'{zlib.compress(text.encode()).hex()}'"


def knob(change):
    """A change of the row of pitch, in SQL."""
    return f"UPDATE knob SET {change} WHERE id = {PITCH}"


IN_A_FILE = {
    "a low end above 0": (knob("low = 5"), "must be finite and hold 0"),
    "an end that is a text": (knob("high = 'far'"), "high: expected a number, got 'far'"),
    "an infinite end": (knob("high = 9e999"), "finite"),
    "a step of 0": (knob("step = 0"), "step of knob 'pitch' must be finite and above 0"),
    "a step below 0": (knob("step = -1"), "step of knob 'pitch' must be finite and above 0"),
    "an unknown verdict": (knob("verdict = 'splendid'"), "verdict: expected one of accepted"),
    "an unknown kind": (knob("kind = 'spiral'"), "kind: expected one of shift"),
    "arrays of another kind": (knob("kind = 'group'"), "an operator of kind 'group' with"),
    "a unit that is a number": (knob("unit = x'00'"), "unit: expected a text"),
    "a text that is no Unicode": (knob("fit = CAST(x'ff' AS TEXT)"), "fit: expected Unicode"),
    "evidence that is no JSON": (knob("evidence = '{'"), "evidence: expected an object"),
    "evidence of bytes": (knob("evidence = x'00'"), "evidence: expected an object"),
    "evidence that is a list": (knob(f"evidence = {packed('[]')}"), "evidence: expected an object"),
    "evidence of another version": (
        knob("evidence = " + packed('{"version": 7}')),
        "evidence.version: expected 2, got 7",
    ),
    "an unknown key": (knob("evidence = " + packed('{"version": 1, "mood": 1}')), "evidence: unknown key 'mood'"),
    "a text for a number": (
        knob("evidence = " + packed('{"version": 1, "spreads": {"rests": "x"}}')),
        "evidence.spreads.rests: expected a number, got 'x'",
    ),
    "a number that is none": (
        knob("evidence = " + packed('{"version": 1, "deviation": NaN}')),
        "expected a finite number",
    ),
    "a deep nest": (knob(f"evidence = {packed(nested(100_000))}"), "evidence"),
    "a nest that JSON reads": (
        knob("evidence = " + packed('{"version": 1, "fitting": {"a": ' + nested(40) + "}}")),
        "levels of nesting",
    ),
    "a dimension that the model does not have": (
        f"UPDATE knob_dimension SET dim = dim + 999 {OF_PITCH}",
        "count from 0",
    ),
    "a share above 1": (f"UPDATE knob_dimension SET share = 7 {OF_PITCH}", "share"),
    "a share that is a text": (f"UPDATE knob_dimension SET share = 'much' {OF_PITCH}", "share: expected a number"),
    "an infinite slope": (f"UPDATE knob_effect SET slope = 9e999 {OF_PITCH}", "slope: expected a finite number"),
    "an array too few": (f"DELETE FROM operator_array {OF_PITCH} AND name = 'offsets'", "without an array 'offsets'"),
    "an array too many": (
        f"INSERT INTO operator_array SELECT knob_id, 'z', shape, packing, data FROM operator_array {OF_PITCH} LIMIT 1",
        "with an array 'z'",
    ),
    "a shape that does not fit": (f"UPDATE operator_array SET shape = '[7]' {OF_PITCH}", "operator.amounts"),
    "a shape of no numbers": (f"UPDATE operator_array SET shape = '[\"x\"]' {OF_PITCH}", "expected a list of whole"),
    "a shape below 0": (
        f"UPDATE operator_array SET shape = '[-1]' {OF_PITCH}",
        "expected a list of whole numbers above 0",
    ),
    "a vast shape": (f"UPDATE operator_array SET shape = '[1000000000000]' {OF_PITCH}", "does not fill the shape"),
    "an unknown packing": (f"UPDATE operator_array SET packing = 'zip' {OF_PITCH}", "there is no packing 'zip'"),
    "other bytes": (f"UPDATE operator_array SET data = zeroblob(length(data)) {OF_PITCH}", ""),
    "bytes that are a text": (f"UPDATE operator_array SET data = 'text' {OF_PITCH}", "does not fill the shape"),
    "another hash": (knob("operator_sha256 = ''"), "not the one of its hash"),
    "a tag without end": (f"INSERT INTO knob_tag SELECT {PITCH}, hex(zeroblob(5000))", "tags"),
    "a note without end": (f"INSERT INTO knob_note SELECT {PITCH}, hex(zeroblob(6000))", "note"),
    "a time that is none": (f"UPDATE run SET finished = 'yesterday' {RUN_OF_PITCH}", "found: expected a time"),
    "a name that no knob has": ("UPDATE current SET name = 'Pitch!' WHERE name = 'pitch'", "'name' must match"),
}
"""A change of a registry as SQL, and what is said of the knob."""


@pytest.fixture
def harmed(plugins_dir, own, monkeypatch):
    """Makes a registry of two knobs of the tiny model, changes it, and gives its path."""
    monkeypatch.setattr(Models, "names", ("tiny",))
    path = own / "registry.db"

    def harm(statement):
        with Workbench.open(str(path)) as bench:
            model_id = bench.model("tiny").spec.model_id
            for seed, name in enumerate(("pitch", "rhythm")):
                bench.registry.save_run(sample_run(seed, name=name, model_id=model_id, size=24))
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA ignore_check_constraints = ON")
            assert connection.execute(statement).rowcount > 0
            connection.commit()
        return path

    return harm


def command(capfd, *words):
    """Exit code, output and errors of a command."""
    capfd.readouterr()
    code = run_command_line([str(word) for word in words])
    captured = capfd.readouterr()
    assert "Traceback" not in captured.err
    return code, captured.out, captured.err


@pytest.mark.parametrize("case", IN_A_FILE)
def test_one_damaged_knob_hides_no_other(harmed, case, capfd, caplog):
    """It is left out of lists with one sentence, refused where it is asked for, and the other one is there."""
    statement, reason = IN_A_FILE[case]
    path = harmed(statement)
    before = path.read_bytes()
    name = "Pitch!" if case == "a name that no knob has" else "pitch"

    code, out, _ = command(capfd, "knobs", "list", "--json", "--model", "tiny")
    listed = [one["name"] for one in json.loads(out)]
    beneath = listed == ["pitch", "rhythm"]  # lists read neither operators nor evidence
    assert code == 0
    assert beneath or listed == ["rhythm"]
    assert command(capfd, "runs", "list")[0] == 0
    code, out, err = command(capfd, "knobs", "show", name, "--model", "tiny")
    assert (code, out) == (1, "")
    (sentence,) = [line for line in err.splitlines() if line.startswith("Error: ")]
    assert reason in sentence
    with Workbench.open(str(path)) as bench:
        model_id = bench.model("tiny").spec.model_id
        assert [one.name for one in bench.registry.knobs(model_id=model_id)] == ["rhythm"]
        assert len([record for record in caplog.records if record.message.startswith("The knob")]) == 1
        with pytest.raises(RegistryError, match="is damaged"):
            bench.registry.knob(model_id, name)
        with (
            served(bench, ServerConfig(model="tiny", warm=False)) as port,
            httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as client,
        ):
            rows = client.get("/api/v1/registry/knobs", params={"model": model_id})
            assert [one["name"] for one in rows.json()] == listed
            assert [one["name"] for one in client.get("/api/v1/models/tiny/knobs").json()][:1] == ["rhythm"]
            answer = client.get(f"/api/v1/models/tiny/knobs/{name}")
            assert 400 <= answer.status_code < 500
            assert answer.json()["error"]["message"]
    assert path.read_bytes() == before


def changed(data, path, to):
    """The exchange file with one place changed."""
    *steps, last = path
    place = data
    for step in steps:
        place = place[step]
    place[last] = to
    return data


KNOB = ("runs", 0, "knobs", 1)
ARRAY = ("knobs", 0, "operator", "offsets")
IN_AN_EXCHANGE_FILE = {
    "a low end above 0": ((*KNOB, "low"), 5.0, "must be finite and hold 0"),
    "an end that is a text": ((*KNOB, "high"), "1", "runs[0].knobs[1].high: expected a number, got '1'"),
    "an end that is too large": ((*KNOB, "high"), 10**400, "high: expected a number"),
    "a step of 0": ((*KNOB, "step"), 0.0, "finite and above 0"),
    "an unknown verdict": ((*KNOB, "verdict"), "splendid", "runs[0].knobs[1].verdict: expected one of accepted"),
    "a verdict of a list": ((*KNOB, "verdict"), [], "runs[0].knobs[1].verdict: expected one of accepted"),
    "another kind": ((*KNOB, "kind"), "group", "an operator of kind 'group'"),
    "a reserved name": ((*KNOB, "name"), "random", "reserved"),
    "a name with a line break": (("knobs", 0, "name"), "pitch\n", "knobs[0]: 'name' must match"),
    "a long name": (("knobs", 0, "name"), "p" * 500, "knobs[0]: 'name' must match"),
    "a dimension below 0": ((*KNOB, "dimensions", 0, "dim"), -1, "'dim' must be"),
    "a dimension past all": ((*KNOB, "dimensions", 0, "dim"), 2**70, "'dim' must be"),
    "a dimension that the operator does not have": ((*KNOB, "dimensions", 0, "dim"), 4, "count from 0"),
    "a dimension that is no whole number": ((*KNOB, "dimensions", 0, "dim"), 1.5, "dim: expected a whole number"),
    "a dimension twice": (
        (*KNOB, "dimensions"),
        [{"dim": 0, "share": 0.5, "weight": None}] * 2,
        "has the dimension 0 twice",
    ),
    "an effect twice": (
        (*KNOB, "effects"),
        [{"attribute": "rests", "slope": 0.5, "effect": 0.0}] * 2,
        "has the effect 'rests' twice",
    ),
    "evidence that is a list": ((*KNOB, "evidence"), [], "runs[0].knobs[1].evidence: expected an object"),
    "evidence of another version": ((*KNOB, "evidence", "version"), 3, "evidence.version: expected 2, got 3"),
    "an unknown key": ((*KNOB, "evidence", "mood"), 1, "runs[0].knobs[1].evidence: unknown key 'mood'"),
    "a criterion that is none": (
        (*KNOB, "evidence", "criteria", 0, "passed"),
        "yes",
        "runs[0].knobs[1].evidence.criteria[0].passed: expected true or false",
    ),
    "a deep nest": (("runs", 0, "parameters", "clips"), json.loads(nested(60)), "levels of nesting"),
    "a tag without end": ((*KNOB, "tags"), ["t" * 5000], "tags must have"),
    "too many tags": ((*KNOB, "tags"), [f"t{i}" for i in range(5000)], "1000 tags at most"),
    "a note without end": ((*KNOB, "note"), "n" * 50_000, "runs[0].knobs[1].note: expected at most"),
    "a text that is no Unicode": ((*KNOB, "note"), "\ud800", "runs[0].knobs[1].note: expected Unicode"),
    "an unknown packing": ((*ARRAY, "packing"), "zip", "there is no packing 'zip'"),
    "a shape that does not fit": ((*ARRAY, "shape"), [8], "'offsets' has shape (8,) instead of (2, 4)"),
    "a shape below 0": ((*ARRAY, "shape"), [-1, 4], "expected a list of whole numbers above 0"),
    "bytes that are none": ((*ARRAY, "data"), "AAAA", "are no packed array of shape"),
    "no base64": ((*ARRAY, "data"), "!", "Only base64 data"),
    "an array too many": (
        ("knobs", 0, "operator", "more"),
        {"shape": [1], "packing": "float32", "data": "AAAAAA=="},
        "with an array 'more'",
    ),
    "numbers that are none": (
        ARRAY,
        {"shape": [2, 4], "packing": "float32", "data": "AADAfwAAwH8AAMB/AADAfwAAwH8AAMB/AADAfwAAwH8="},
        "'offsets' holds numbers that are not finite",
    ),
    "no operator": (("knobs", 0, "operator"), None, "knobs[0].operator: expected an object"),
    "a position that is not there": (("knobs", 0, "position"), -1, "knobs[0] names a run or a position"),
    "another run": ((*KNOB, "run_id"), "0" * 16, "runs[0].knobs[1]: unknown key 'run_id'"),
    "a count that is a text": (("runs", 0, "counts", "clips"), "64", "runs[0].counts.clips: expected a whole number"),
    "a time without a zone": (("runs", 0, "started"), "2025-01-01T00:00:00", "runs[0].started: expected a time with"),
    "a model that is none": (("runs", 0, "model_id"), "x", "runs[0]: 'model_id' must match"),
}
"""A place of an exchange file, what it is changed to, and what is said of it."""


@pytest.mark.parametrize("case", IN_AN_EXCHANGE_FILE)
def test_an_import_stores_all_or_nothing(tmp_path, case, capfd):
    """The command says in one sentence which field is wrong, exits with 1 and leaves the registry as it was."""
    source = Registry.open(tmp_path / "source.db", packaged=tmp_path / "none.db")
    source.save_run(sample_run(1))
    place, value, reason = IN_AN_EXCHANGE_FILE[case]
    file = tmp_path / "knobs.json"
    file.write_text(json.dumps(changed(json.loads(source.export(source.knobs())), place, value)), encoding="utf-8")
    target = tmp_path / "target.db"
    registry = Registry.open(target, packaged=tmp_path / "none.db")
    registry.save_run(sample_run(2, name="rhythm"))
    before = dump(target)

    code, out, err = command(capfd, "knobs", "import", file, "--registry", target)

    assert (code, out) == (1, "")
    (sentence,) = err.splitlines()
    assert sentence.startswith(f"Error: {file} is no file of knobs that can be imported: ")
    assert reason in sentence
    assert dump(target) == before
    assert registry.knob(MODEL, "rhythm").operator is not None
