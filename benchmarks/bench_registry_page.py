"""
The registry's page over 10,000 knobs with real evidence: each request that it makes, from request to answer.

``python -m pytest benchmarks/bench_registry_page.py --benchmark-enable --benchmark-columns=median,max,rounds``.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.bench_registry import fill
from latentknobs.core.evidence import unstructure_evidence
from latentknobs.frontends.web.app import ServerConfig
from latentknobs.workbench import Workbench
from tests.frontends.web.conftest import served

KNOBS = 10_000
ROUNDS = 20
RUN = f"{1000:016x}"
SHIPPED = "33768fb813f1fea5"
"""The run of the shipped pitch knob."""
REQUESTS = {
    "current knobs": "table/knobs",
    "all knobs": "table/knobs?history=true",
    "all by effect": "table/knobs?history=true&sort=effect",
    "all by verdict": "table/knobs?history=true&sort=verdict",
    "the last page": f"table/knobs?history=true&start={KNOBS - 50}",
    "searched by name": "table/knobs?history=true&name=*9*",
    "that move an attribute": "table/knobs?history=true&moves=attribute-1",
    "that use a dimension": "table/knobs?history=true&uses=17",
    "two verdicts and a seed": "table/knobs?history=true&verdict=accepted&verdict=provisional&seed=0",
    "a condition": "table/knobs?history=true&where=equivariance >= 0.9 and verdict = 'accepted'",
    "values to choose from": "values",
    "runs": "table/runs",
    "a run": f"runs/{SHIPPED}",
    "a knob": f"knobs/knob-0@{RUN}/fit-0",
    "a shipped knob": f"knobs/pitch@{SHIPPED}/ridge",
    "what is to be copied": f"seen?knob=knob-0@{RUN}/fit-0&knob=pitch@{SHIPPED}/ridge",
}


@pytest.fixture(scope="module")
def client(workbench: Workbench, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of a server over so many knobs, each with the evidence of the shipped rhythm knob, and the package's."""
    path = tmp_path_factory.mktemp("page") / "registry.db"
    fill(path, KNOBS)
    evidence = unstructure_evidence(workbench.knob("rhythm").evidence)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE knob SET evidence = ?", (zlib.compress(json.dumps(evidence).encode()),))
        connection.commit()
    with (
        Workbench.open(str(path), plugins=workbench.plugins) as bench,
        served(bench, ServerConfig(warm=False)) as port,
        httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1/registry/", timeout=60, trust_env=False) as out,
    ):
        yield out


@pytest.mark.parametrize("request_", REQUESTS, ids=str)
def test_request(benchmark: BenchmarkFixture, client: httpx.Client, request_: str) -> None:
    """A request of the page, twenty times."""
    answer = benchmark.pedantic(client.get, (REQUESTS[request_],), rounds=ROUNDS, warmup_rounds=1)

    assert answer.status_code == 200, answer.text
