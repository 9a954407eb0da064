"""``latentknobs serve``: any plugin's front end, and the start and end of ours."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest

from latentknobs.frontends.cli.context import Context

FRONTEND = """
from latentknobs import FrontendSpec, hookimpl

LATENTKNOBS_API = 1


def serve(arguments):
    print("served", arguments)
    return 3


@hookimpl
def register_frontends():
    return [FrontendSpec("shout", "Says what it is told.", serve)]
"""


@pytest.fixture
def shout(plugins_dir):
    """A plugin with a front end."""
    (plugins_dir / "shout.py").write_text(FRONTEND)


@pytest.fixture
def unopened(monkeypatch):
    """No session can be opened."""
    monkeypatch.setattr(Context, "workbench", None)


def test_a_strangers_front_end_is_served(cli, shout):
    """Its words are its own, options and --help too, and its exit code is the program's."""
    done = cli("serve", "shout", "--loud", "3", "--help")

    assert (done.code, done.out) == (3, "served ['--loud', '3', '--help']\n")


def test_what_is_no_front_end_is_said(cli, shout):
    """With those that there are."""
    done = cli("serve", "gone")

    assert done.code == 2
    assert done.one_sentence().endswith("there is: cli, midi, osc, shout, web.")


def test_the_page_is_what_is_served_unless_another_is_named(cli):
    """The command's help says how its options are told."""
    assert "serve web --help" in cli("serve", "--help").out
    assert "--token-file" in cli("serve", "web", "--help").out


@pytest.mark.parametrize(
    ("names", "options"),
    [("osc", ["--reply-port"]), ("midi", ["--takeover"]), ("web,osc", ["--token-file", "--reply-port"])],
)
def test_options_are_shown_at_once(cli, unopened, names, options):
    """Those of the session and of each front end, and no session is opened."""
    done = cli("serve", names, "--help")

    assert (done.code, "was not started" in done.err) == (0, False)
    assert all(option in done.out for option in ["--file", "--registry", *options])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["osc", "--colour"], "serve osc: unrecognized arguments: --colour."),
        (["midi", "--channel", "17"], "--channel goes from 1 to 16; 17 is outside."),
        (["web,osc", "--web-port", "x"], "serve web: argument --port: a port is a number from 0 to 65535."),
        (["web,osc", "--osc-port", "-1"], "serve osc: argument --port: a port is a number from 0 to 65535."),
        (["web,osc", "--file"], "serve web,osc: argument --file: expected one argument."),
    ],
)
def test_wrong_options_of_front_ends_are_one_sentence(cli, unopened, words, said):
    """Before a session is opened."""
    done = cli("serve", *words)

    assert (done.code, done.one_sentence()) == (2, f"Error: {said}")


def test_a_missing_extra_is_one_sentence(cli, monkeypatch):
    """That names it."""
    monkeypatch.delitem(sys.modules, "latentknobs.frontends.web.connections", raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)

    assert cli("serve").one_sentence() == (
        "Error: The web front end needs an extra that is not installed: pip install 'latentknobs[web]'."
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--port", "99999"], "a port is a number from 0 to 65535"),
        (["--token", "a-secret-of-some-length"], "use --token-file FILE, LATENTKNOBS_TOKEN or --ask-token"),
        (["--token-file", "gone"], "The token file gone cannot be read (No such file or directory)"),
        (["--token-file", "gone", "--ask-token"], "not allowed with argument"),
        (["--colour"], "unrecognized arguments"),
        (["--model", "gone", "--port", "0"], "There is no model named 'gone'"),
        (["--host", "999.999.999.999"], "cannot listen on"),
    ],
)
def test_wrong_options_are_usage(cli, words, said):
    """Exit code 2, and what is wrong."""
    done = cli("serve", *words)

    assert done.code == 2
    assert said in done.one_sentence()
    assert "a-secret" not in done.err


def test_a_port_that_is_taken_is_said(cli):
    """With what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = cli("serve", "--port", taken.getsockname()[1])

    assert done.code == 2
    assert "port 0" in done.one_sentence()


def test_it_starts_soon_says_where_and_ends_cleanly(cli, plugins_dir, own):
    """The page is there before the model is; Ctrl-C is its ordinary end."""
    words = [sys.executable, "-m", "latentknobs", "serve", "--port", "0", "--model", "tiny", "--no-open"]
    began = time.monotonic()
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=dict(os.environ))
    try:
        line = process.stderr.readline()
        url = re.search(r"http://127\.0\.0\.1:\d+/", line).group()
        assert httpx.get(url, timeout=30, trust_env=False).status_code == 200
        assert time.monotonic() - began < 60
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
        assert (process.wait(60), rest) == (0, "Ended.\n")
    finally:
        process.kill()
        process.stderr.close()
        process.wait()
