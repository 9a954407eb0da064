"""``--executor`` and ``--workers`` on the command line: what is asked for wrongly, and Ctrl-C."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from latentknobs.executors import dask_cluster

DISCOVER = ("discover", "transpose", "--corpus", "tiny", "--model", "tiny", "--clips", "800", "--quick")
SLOW = '''
import os, time
from pathlib import Path
from latentknobs import TokenAugmentation, hookimpl
LATENTKNOBS_API = 1
HERE = Path(__file__).parent

class Slow(TokenAugmentation):
    """Takes long in workers."""
    name = knob_name = "slow"
    amounts = (1.0, 2.0)
    def edit_tokens(self, clips, amount, rng):
        if len(clips):
            (HERE / f"{os.getpid()}.pid").touch()
            time.sleep(50)
        return clips, (clips < 100).all(axis=1)

@hookimpl
def register_augmentations():
    return [Slow()]
'''


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--executor", "threads"), "There is no executor named 'threads'; there is: dask, processes, serial."),
        (("--executor", "proceses"), "There is no executor named 'proceses'; did you mean 'processes'?"),
        (("--workers", "2"), "The executor serial has no workers: leave out --workers, or add --executor processes."),
        (
            ("--executor", "serial:4"),
            "The executor serial takes nothing after its name: write 'serial', not 'serial:4'.",
        ),
        (("--executor", "dask:"), "The executor dask takes [ADDRESS] after the colon: write 'dask', or add it."),
    ],
)
def test_what_is_asked_for_wrongly_is_told(cli, listing, words, says):
    """One sentence and exit code 2, before any work; nothing is written."""
    before = listing()
    result = cli(*DISCOVER, *words)

    assert (result.code, result.one_sentence()) == (2, f"Error: {says}")
    assert listing() == before


def test_no_workers_are_refused(cli):
    """The number is 1 or more."""
    result = cli(*DISCOVER, "--executor", "processes", "--workers", "0")

    assert result.code == 2
    assert "Error: Invalid value for '--workers'" in result.err


@pytest.mark.parametrize(
    "command",
    [
        DISCOVER,
        ("disentangle", "--corpus", "tiny", "--model", "tiny"),
        ("model", "evaluate", "tiny", "--corpus", "tiny"),
        ("model", "metrics", "tiny", "--corpus", "tiny"),
        ("report", "-o", "out", "--model", "tiny", "--corpus", "tiny"),
        ("registry", "build"),
    ],
    ids=" ".join,
)
def test_every_long_command_takes_them(cli, monkeypatch, tmp_path, command):
    """They reach the workbench: nobody answers at this address, which is told in one sentence."""
    monkeypatch.setattr(dask_cluster, "ANSWER", 0.3)
    monkeypatch.chdir(tmp_path)
    address = f"tcp://127.0.0.1:{_free_port()}"
    result = cli(*command, "--executor", f"dask:{address}")

    assert result.code == 1
    assert result.one_sentence().startswith(f"Error: No dask scheduler answers at {address}")


@pytest.mark.parametrize("address", ["nonsense", "foo://bar:99"])
def test_an_address_that_is_none_is_told(cli, address):
    """By one sentence alone, as no client is begun, whose destructor would wait and tell of its own end."""
    result = cli(*DISCOVER, "--executor", f"dask:{address}")

    assert result.code == 1
    assert result.one_sentence().startswith(f"Error: No dask scheduler answers at {address} (")


def test_without_dask_the_extra_is_named(cli, monkeypatch):
    """What to install is told."""
    monkeypatch.setitem(sys.modules, "distributed", None)
    result = cli(*DISCOVER, "--executor", "dask")

    assert result.code == 1
    assert "pip install 'latentknobs[dask]'" in result.one_sentence()


@pytest.mark.slow
@pytest.mark.parametrize("executor", ["processes", "dask"])
def test_ctrl_c_ends_the_workers(plugins_dir, tmp_path, executor):
    """Ctrl-C in a terminal, which all processes get: code 130 at once, no worker is left, and nothing is stored."""
    (plugins_dir / "slow.py").write_text(SLOW, encoding="utf-8")
    command = [sys.executable, "-m", "latentknobs", "discover", "slow", *DISCOVER[2:], "--executor", executor]
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "LATENTKNOBS_REGISTRY": "new.db"}
    with subprocess.Popen(
        [*command, "--workers", "2"],
        cwd=tmp_path,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            until = time.monotonic() + 120
            while len(pids := list(plugins_dir.glob("*.pid"))) < 2:
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < until
                time.sleep(0.1)
            os.killpg(process.pid, signal.SIGINT)
            out, err = process.communicate(timeout=45)
        finally:
            process.kill()

    assert (process.returncode, out) == (130, "")
    assert err.splitlines()[1:] == ["Interrupted: what was not finished is not written."]  # after what quick skips
    assert [path for path in pids if Path(f"/proc/{path.stem}").exists()] == []
    assert not (tmp_path / "new.db").exists()
