"""`latentknobs serve` as a process of its own, as a person starts it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[2]
PATIENCE = 30.0
"""Seconds that a test waits for anything; long, since it ends as soon as what it waits for is there."""


def environment(home: Path) -> dict[str, str]:
    """Variables for the program: none of the user's own, cache and registry in ``home``, this checkout's code."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LATENTKNOBS_")}
    own = {
        "LATENTKNOBS_CACHE": str(home / "cache"),
        "LATENTKNOBS_REGISTRY": str(home / "registry.db"),
        "LATENTKNOBS_PLUGINS_DIR": str(home / "plugins"),
        "PYTHONPATH": str(ROOT),
    }
    return kept | own


class Server:
    """A server on a port of loopback; ``port`` 0 is any that is free, and the same one after each start."""

    def __init__(self, home: Path, port: int = 0) -> None:
        self.home = home
        self.port = port
        self.began = 0.0
        self._process: subprocess.Popen[bytes] | None = None
        self._log = home / "server.log"

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self.port}/"

    def start(self) -> None:
        """Starts it, and returns when it says where it is."""
        self.began = time.monotonic()
        words = [sys.executable, "-m", "latentknobs", "serve", "--port", str(self.port)]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                words, cwd=self.home, env=environment(self.home), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        while not (said := re.search(r"Open http://127\.0\.0\.1:(\d+)/", self.log())):
            assert self._process.poll() is None, self.log()
            assert time.monotonic() < self.began + PATIENCE, "the server says nothing"
            time.sleep(0.02)
        self.port = int(said[1])

    def kill(self) -> None:
        """Ends it without a warning, as a crash does."""
        self._end("kill")

    def stop(self) -> None:
        """Ends it as Ctrl-C does; what it logged holds no fault."""
        self._end("terminate")
        assert "Traceback" not in self.log(), self.log()

    def log(self) -> str:
        """What it said."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def worked(self) -> float:
        """Seconds of processor time that it has had."""
        assert self._process is not None
        facts = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(facts[11]) + int(facts[12])) / os.sysconf("SC_CLK_TCK")

    def client(self) -> httpx.Client:
        """A client of the API, beside the page."""
        return httpx.Client(base_url=f"{self.url}api/v1", timeout=PATIENCE, trust_env=False)

    def _end(self, how: str) -> None:
        if self._process is not None:
            getattr(self._process, how)()
            self._process.wait(PATIENCE)
            self._process = None
