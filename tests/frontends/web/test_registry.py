"""The registry over HTTP: its tables, cards, files and what is to be copied agree with Python's answers."""

from __future__ import annotations

import csv
import io
import json
import shlex
import sqlite3
from contextlib import closing

import pytest

from latentknobs.core.query_spec import FILTERS
from latentknobs.frontends.cli.app import run_command_line
from latentknobs.frontends.web.responses import KnobTable, RegistryCard
from latentknobs.registry.store import KnobStore
from latentknobs.testing.store import OTHER_MODEL, sample_run
from latentknobs.workbench import Workbench
from tests.frontends.web.conftest import API

REGISTRY = f"{API}/registry"
TUNES: dict = {"name": "tune*", "history": True}
ASKED: list[dict] = [
    {},
    TUNES,
    TUNES | {"sort": "effect", "reverse": True},
    TUNES | {"augmentation": "transpose", "tag": "shipped"},
    TUNES | {"moves": "mean-pitch"},
    TUNES | {"uses": 1, "kind": "shift"},
    TUNES | {"verdict": "rejected", "sort": "share"},
    TUNES | {"run": sample_run(1, name="tune-1").run_id, "sort": "verdict"},
    {"name": "tune-1"},
    {"model": "model-cdcd"},
    {"augmentation": "none"},
    {"moves": "log2-onsets", "effect": 0.01},
    {"effect": 1.5, "sort": "name"},
    {"since": "2020-01-01", "until": "2100-01-01", "sort": "date"},
    {"sort": "dimensions", "limit": 3},
    TUNES | {"verdict": ["accepted", "rejected"], "kind": ["shift", "affine"], "seed": [0, 2], "corpus": "folk"},
    TUNES | {"plugin": ["lift", "fold@0.2"]},
    TUNES | {"plugin": "lift@0.1", "tag": ["shipped", "melody"], "augmentation": ["transpose", "none"]},
    TUNES | {"where": "leakage of log2-onsets@1 <= 0.02 and not (seed = 1 or name like '%-0')", "sort": "name"},
    {"where": "effect of mean-pitch > 1 or share of 1 > 0.5 or equivariance >= 0.9 or note contains '%''_'"},
    TUNES | {"sort": "leakage of log2-onsets@1", "reverse": True},
    {"sort": "equivariance", "history": True},
    {"where": "response@1 > 0.5 or accuracy > 0.5 or p < 0.05", "sort": "name"},
]


@pytest.fixture(scope="module", autouse=True)
def _filled(bench):
    """The bench's registry has some more runs, of two models."""
    for seed in range(4):
        bench.registry.save_run(sample_run(seed, name=f"tune-{seed}", verdict="accepted" if seed % 2 else "rejected"))
        used = {"plugins": {"lift": "file 0.1"} if seed % 2 else {"fold": "file 0.2"}}
        bench.registry.save_run(sample_run(seed, name=f"tune-{seed}", model_id=OTHER_MODEL, parameters=used))


def table(client, **asked):
    """A page of knobs, checked against its contract."""
    got = client.get(f"{REGISTRY}/table/knobs", params=asked)
    assert got.status_code == 200, got.text
    return KnobTable.model_validate(got.json())


def ids(knobs):
    """What knobs are known by."""
    return [f"{knob.name}@{knob.run_id}/{knob.fit}" for knob in knobs]


@pytest.mark.parametrize("asked", ASKED, ids=str)
def test_a_table_has_what_python_finds(client, bench, asked):
    """The pages of a table are the knobs that Workbench.knobs gives, in its order, but for its limit."""
    whole = table(client, **asked, count=200)
    pages = [table(client, **asked, start=start, count=15) for start in range(0, whole.total, 15)]
    known = ids(bench.knobs(**{name: value for name, value in asked.items() if name != "limit"}))

    assert [knob.id for knob in whole.knobs] == known
    assert [knob.id for page in pages for knob in page.knobs] == known
    assert whole.total == len(known)


@pytest.mark.parametrize("asked", ASKED, ids=str)
def test_what_is_to_be_copied_gives_the_same(client, bench, asked, capsys):
    """SQL, command and Python of a table give its knobs."""
    seen = table(client, **asked).seen
    known = ids(bench.knobs(**asked))
    with closing(sqlite3.connect(bench.registry.path)) as connection:
        connection.row_factory = sqlite3.Row
        rows = [f"{row['name']}@{row['run']}/{row['fit']}" for row in connection.execute(seen.sql)]
    assert rows == ids(KnobStore.open(bench.registry.path).find(bench.query(**asked)))

    words = shlex.split(seen.command)[1:]
    assert run_command_line([*words, "--json", "--registry", str(bench.registry.path)]) == 0
    assert [f"{one['name']}@{one['run']}/{one['fit']}" for one in json.loads(capsys.readouterr().out)] == known

    scope: dict = {"workbench": bench}
    exec(seen.python.replace("with Workbench.open() as workbench:", "if True:"), scope)
    assert ids(scope["knobs"]) == known


def test_every_filter_is_asked_for():
    """The cases above have every filter, so that a new one is not forgotten in what is to be copied."""
    assert {name for asked in ASKED for name in asked} == {one.name for one in FILTERS}


def test_a_card_has_the_evidence(client, bench):
    """A knob by its id: its response, criteria, dimensions and effects as they were measured, and the run's others."""
    knob = bench.knob("pitch", "tiny")
    got = client.get(f"{REGISTRY}/knobs/{ids([knob])[0]}")
    card = RegistryCard.model_validate(got.json())

    assert (card.knob.id, card.knob.current) == (ids([knob])[0], True)
    assert sum(len(series.points) for series in card.criteria if not series.validation) == len(knob.evidence.criteria)
    assert [one.dim for one in card.selected] == [one.dim for one in knob.dimensions]
    assert {one.attribute for one in card.effects} == {one.attribute for one in knob.effects}
    assert [point.amount for point in card.curve.points] == [x.amount for x in knob.evidence.test.amounts]
    assert card.knob.id in [one.id for one in card.fits]
    assert card.run.run == knob.run_id


def test_a_knob_that_is_not_there_is_named(client, bench):
    """An id that nothing has is a 404 with a sentence that names the nearest."""
    knob = bench.knob("pitch", "tiny")
    got = client.get(f"{REGISTRY}/knobs/{ids([knob])[0]}x")

    assert got.status_code == 404
    assert ids([knob])[0] in got.json()["error"]["message"]


def test_runs(client, bench):
    """Runs come page by page, the newest first, and one has its settings, counts and knobs."""
    known = sorted(bench.registry.runs(), key=lambda run: run.started)
    listed = client.get(f"{REGISTRY}/runs").json()
    got = client.get(f"{REGISTRY}/table/runs", params={"start": 1, "count": 2}).json()
    one = client.get(f"{REGISTRY}/runs/{known[0].run_id}").json()

    assert listed == [run.as_row() for run in known]
    assert [run["run"] for run in got["runs"]] == [run.run_id for run in known[::-1][1:3]]
    assert got["total"] == len(known)
    assert one["counts"] == dict(known[0].counts)
    assert len(one["knobs"]) == len(known[0].knobs)


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"augmentation": "transpose", "seed": 1},
        {"model": "model-cdcd", "since": "2020-01-01"},
        {"plugin": "discovery"},
    ],
    ids=str,
)
def test_runs_to_be_copied(client, bench, asked):
    """SQL and Python of a table of runs give its runs."""
    seen = client.get(f"{REGISTRY}/table/runs", params=asked).json()["seen"]
    known = [run.run for run in bench.runs(**asked)]
    scope: dict = {"workbench": bench}
    exec(seen["python"].replace("with Workbench.open() as workbench:", "if True:"), scope)
    with closing(sqlite3.connect(bench.registry.path)) as connection:
        connection.row_factory = sqlite3.Row
        rows = [row["run"] for row in connection.execute(seen["sql"])]

    assert [run.run for run in scope["runs"]] == known
    assert rows == [run.run for run in bench.runs(**asked) if run.run in rows]
    assert {run.run for run in KnobStore.open(bench.registry.path).run_outlines(bench.query(**asked))} == set(rows)


def test_what_nothing_has_is_an_error(client):
    """A filter's value that nothing has is a 404 with the nearest one, not an empty table."""
    got = client.get(f"{REGISTRY}/table/knobs", params={"moves": "mean-pich"})

    assert (got.status_code, "mean-pitch" in got.json()["error"]["message"]) == (404, True)


def test_a_parameter_of_one_value_is_refused_twice(client):
    """Two values where one is taken are an error that names the parameter, not an answer for the last."""
    for place in ("knobs", "table/knobs", "csv"):
        got = client.get(f"{REGISTRY}/{place}?uses=12&uses=13")
        assert (got.status_code, "uses takes one value" in got.json()["error"]["message"]) == (422, True)


def test_values_to_choose_from(client, bench):
    """Models, edits, attributes, corpora and tags are those of all knobs."""
    got = client.get(f"{REGISTRY}/values").json()
    knobs = bench.knobs(history=True)

    assert got["models"] == sorted({knob.model_name for knob in knobs})
    assert got["augmentations"] == sorted({knob.augmentation for knob in knobs if knob.augmentation})
    assert got["attributes"] == sorted({e.attribute for knob in knobs for e in knob.effects})
    assert got["tags"] == sorted({tag for knob in knobs for tag in knob.tags})


def test_csv_is_the_commands(client, bench):
    """The CSV file has the rows of Workbench.knobs."""
    got = client.get(f"{REGISTRY}/csv", params={"verdict": "accepted"})
    rows = list(csv.DictReader(io.StringIO(got.text)))

    assert got.headers["content-disposition"].endswith("knobs.csv")
    assert [(row["name"], row["run"]) for row in rows] == [(k.name, k.run_id) for k in bench.knobs(verdict="accepted")]


def test_an_exchange_file_can_be_imported(client, tmp_path):
    """The exchange file of some knobs is stored by another registry."""
    got = client.get(f"{REGISTRY}/exchange", params={"model": "model-cdcd", "name": "tune-*"})

    with Workbench.open(str(tmp_path / "other.db")) as other:
        taken = other.registry.take(got.text, "knobs.json")
    assert [one.name for one in taken] == ["tune-0", "tune-1", "tune-2", "tune-3"]


def test_an_exchange_file_of_nothing_is_refused(client):
    """Filters that leave no current knob are told, in place of an empty file."""
    got = client.get(f"{REGISTRY}/exchange", params={"name": "nothing"})

    assert (got.status_code, "give 0" in got.json()["error"]["message"]) == (422, True)


def test_several_knobs_side_by_side(client, bench):
    """What is to be copied of a comparison names each knob, with its model where that is not the default one."""
    knobs = bench.knobs(name="tune-1")
    seen = client.get(f"{REGISTRY}/seen", params={"knob": ids(knobs)}).json()

    assert all(id_ in seen["python"] for id_ in ids(knobs))
    assert seen["command"].startswith("latentknobs knobs diff tune-1@")


def test_the_page_is_served(client):
    """Every address of the page answers with it, under the strict policy."""
    for path in ("/registry", "/registry/runs", "/registry/knobs/pitch@0123456789abcdef/ridge"):
        got = client.get(path)
        assert (got.status_code, got.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert "default-src 'none'" in got.headers["content-security-policy"]
        assert got.headers["cache-control"] == "no-cache"


def test_nothing_is_changed(client, bench):
    """The registry's addresses answer reading requests only."""
    before = bench.registry.path.read_bytes()
    for path in ("table/knobs", "table/runs", "values", "csv", "exchange", "seen", "knobs/pitch@0/mean", "runs/0"):
        assert client.post(f"{REGISTRY}/{path}").status_code == 405
    assert bench.registry.path.read_bytes() == before
