"""Where the token comes from: a file that only its owner reads, the environment or a prompt."""

from __future__ import annotations

import argparse
import getpass
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from latentknobs.errors import UsageError
from latentknobs.frontends.web.token import add_token_options, token_of

TOKEN = "a-token-of-some-length"


def token(*words, required=False):
    """The token of these options."""
    parser = argparse.ArgumentParser()
    add_token_options(parser)
    return token_of(parser.parse_args([str(word) for word in words]), required=required)


@pytest.fixture
def secret(tmp_path):
    """A file with the token, of its owner alone."""
    path = tmp_path / "secret"
    path.write_text(f"{TOKEN}\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def typing(monkeypatch):
    """A person who types the token at a terminal."""
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(getpass, "getpass", lambda *_: TOKEN)


def test_it_comes_from_where_it_is_said(secret, typing, monkeypatch):
    """What is named goes before the environment; where nothing is, one is made only if one is required."""
    assert token() == ""
    assert len(token(required=True)) >= 32
    assert token(required=True) != token(required=True)
    monkeypatch.setenv("LATENTKNOBS_TOKEN", "the-environment-s-own")
    assert token("--token-file", secret) == TOKEN
    monkeypatch.setenv("LATENTKNOBS_TOKEN", "the-environment-s-own")
    assert token("--ask-token") == TOKEN
    monkeypatch.setenv("LATENTKNOBS_TOKEN", "the-environment-s-own")
    assert token() == "the-environment-s-own"
    assert "LATENTKNOBS_TOKEN" not in os.environ  # what the server starts does not get it


@pytest.mark.skipif(os.name != "posix", reason="other systems have no such modes")
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o602])
def test_a_file_of_others_is_refused(secret, mode):
    """As ssh does, with what to do."""
    secret.chmod(mode)

    with pytest.raises(UsageError, match=rf"Others can use the token file .* \(mode {mode:04o}\): run chmod 600"):
        token("--token-file", secret)


@pytest.mark.parametrize(
    "text", ["", "short", "has a blank in the middle", "ünprintable-in-ascii", "x" * 2000, "\x1b" * 20]
)
def test_what_is_no_token_is_refused(secret, monkeypatch, text):
    """From any place, without repeating it."""
    secret.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match="16 to 1024 printable ASCII characters") as refused:
        token("--token-file", secret)
    assert not text or text not in str(refused.value)
    if text:
        monkeypatch.setenv("LATENTKNOBS_TOKEN", text)
        with pytest.raises(UsageError, match="The token in LATENTKNOBS_TOKEN cannot be used"):
            token()


def test_a_folder_and_a_pipe_are_told(tmp_path, monkeypatch):
    """A folder has no token, and nobody can be asked without a terminal."""
    with pytest.raises(UsageError, match="cannot be read"):
        token("--token-file", tmp_path)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    with pytest.raises(UsageError, match="no terminal"):
        token("--ask-token")


@pytest.mark.parametrize("where", ["file", "environment"])
def test_the_token_is_not_in_the_process_list(secret, plugins_dir, own, where):
    """The server requires it and shows it in the address that it prints, and nowhere else."""
    words = [sys.executable, "-m", "latentknobs", "serve", "--port", "0", "--model", "tiny"]
    words += ["--token-file", str(secret)] if where == "file" else []
    more = {} if where == "file" else {"LATENTKNOBS_TOKEN": TOKEN}
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env={**os.environ, **more})
    try:
        url = re.search(rf"(http://127\.0\.0\.1:\d+/)\?token={TOKEN} ", process.stderr.readline())[1]
        shown = Path(f"/proc/{process.pid}/cmdline")
        assert not shown.exists() or TOKEN not in shown.read_text()
        assert httpx.get(url, timeout=60, trust_env=False).status_code == 401
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        assert httpx.get(url, timeout=60, trust_env=False, headers=bearer).status_code == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.stderr.close()
        process.wait()
