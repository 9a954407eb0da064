"""A server as a person starts it, among 2,000 clients who mean it harm."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import httpx
import pytest
from websockets.sync.client import connect

from tests.frontends.web import flooding
from tests.frontends.web.conftest import API, as_message, tune

pytestmark = pytest.mark.slow
resource = pytest.importorskip("resource", reason="the number of open files can be raised on POSIX systems only")
CLIENTS = 2000
SECONDS = 40
PATIENCE = 120


@pytest.fixture
def many_files():
    """Lets the processes that are started have a connection for each client."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2 * CLIENTS:
        pytest.skip("this system does not let a program have so many connections")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2 * CLIENTS), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def server(plugins_dir, own, tiny_registry, many_files):
    """A server on a free port; gives it and its process."""
    shutil.copy(tiny_registry, own / "registry.db")
    words = [sys.executable, "-m", "latentknobs", "serve", "--port", "0", "--model", "tiny"]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=dict(os.environ))
    log = threading.Thread(target=lambda: [None for _ in process.stderr], daemon=True)
    try:
        port = int(re.search(r"http://127\.0\.0\.1:(\d+)/", process.stderr.readline())[1])
        log.start()
        httpx.get(f"http://127.0.0.1:{port}{API}/info", timeout=PATIENCE, trust_env=False)
        yield port, process
    finally:
        process.kill()
        process.wait()
        log.join()
        process.stderr.close()


@contextmanager
def flood(port):
    """While it lasts the clients are there; gives how often each kind of them has connected, once it is over."""
    begun = {}
    words = [sys.executable, flooding.__file__, str(port), str(CLIENTS)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield begun
            begun.update(json.loads(process.communicate("", PATIENCE)[0]))
        finally:
            process.kill()


def test_others_are_served_among_2000_slow_and_idle_clients(server):
    """Requests on new connections and turns on a WebSocket are answered as long as it lasts, and afterwards."""
    port, process = server
    piece = as_message(tune())

    def ask(live, seq):
        address = f"http://127.0.0.1:{port}{API}"
        assert httpx.get(f"{address}/info", timeout=PATIENCE, trust_env=False).status_code == 200
        state = {"piece": piece, "knobs": {"pitch": 2}}
        turned = httpx.post(f"{address}/models/tiny/turn", json=state, timeout=PATIENCE, trust_env=False)
        assert turned.status_code == 200
        live.send(json.dumps({"type": "turn", "seq": seq, "knobs": {"pitch": seq % 5}}))
        assert json.loads(live.recv(PATIENCE))["type"] == "turned"

    with connect(f"ws://127.0.0.1:{port}{API}/live", proxy=None) as live:
        live.send(json.dumps({"type": "open", "seq": 1, "model": "tiny", "piece": piece}))
        assert json.loads(live.recv(PATIENCE))["type"] == "opened"
        seqs = itertools.count(2)
        with flood(port) as begun:
            until = time.monotonic() + SECONDS
            while time.monotonic() < until:
                ask(live, next(seqs))
        ask(live, next(seqs))

    assert set(begun) == set(flooding.WAYS)
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE) == 0
