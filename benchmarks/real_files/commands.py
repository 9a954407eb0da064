"""
Commands as a user gives them: words, a folder, an exit code, what was printed, what was written.

Run as a program, this is the process that commands are forked from: it has imported the package and computed nothing.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from attrs import field, frozen

LONGEST = 120.0
"""Seconds that a command may take."""
LOADED = (
    "latentknobs.session",
    "latentknobs.frontends.cli.app",
    "latentknobs.frontends.cli.turn",
    "latentknobs.scores",
)


@frozen
class Outcome:
    """
    What a command did.

    Attributes:
        words: Its arguments.
        code: Exit code; 124 = it took too long.
        out: What it printed on stdout.
        err: What it printed on stderr.
        seconds: How long it took.
    """

    words: tuple[str, ...]
    code: int
    out: str
    err: str
    seconds: float

    @property
    def text(self) -> str:
        """The command as it is typed."""
        return shlex.join(("latentknobs", *self.words))

    @property
    def reason(self) -> str:
        """The line of stderr that says what was wrong."""
        lines = [line for line in self.err.splitlines() if line.strip()]
        return next((line for line in lines if line.startswith("Error: ")), lines[-1] if lines else "")

    def advised(self) -> list[tuple[str, ...]]:
        """The complete commands that a message names: lines of their own, indented."""
        lines = [line.strip() for line in self.err.splitlines() if line[:1].isspace()]
        return [tuple(shlex.split(line)[1:]) for line in lines if line.startswith("latentknobs turn ")]


def _server() -> subprocess.Popen[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("LATENTKNOBS_")}
    env |= {"COLUMNS": "200", "OMP_NUM_THREADS": "1"}
    root = Path(__file__).parents[2]
    return subprocess.Popen(
        [sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root, env=env
    )


@frozen
class Terminal:
    """Runs commands, each in a process of its own, until it is closed."""

    _process: subprocess.Popen[str] = field(factory=_server)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def run(self, words: Sequence[str], folder: Path) -> Outcome:
        """Run ``latentknobs WORDS`` in a folder."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([list(words), str(folder.resolve())]) + "\n")
        self._process.stdin.flush()
        code, seconds = json.loads(self._process.stdout.readline())
        printed = _printed(folder)
        out, err = (path.read_text(encoding="utf-8", errors="replace") for path in printed)
        for path in printed:
            path.unlink()
        return Outcome(tuple(words), code, out, err, seconds)


def _printed(folder: Path) -> list[Path]:
    return [folder / ".stdout", folder / ".stderr"]


def _serve() -> None:
    """Run the commands that stdin names, one a line, and say how each ended."""
    for name in LOADED:
        __import__(name)
    for line in sys.stdin:
        words, folder = json.loads(line)
        before = time.monotonic()
        child = os.fork()
        if child == 0:
            _command(words, Path(folder))
        code = None
        while code is None:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                code = os.waitstatus_to_exitcode(status)
            elif time.monotonic() - before > LONGEST:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                code = 124
            else:
                time.sleep(0.01)
        print(json.dumps([code, time.monotonic() - before]), flush=True)


def _command(words: Sequence[str], folder: Path) -> None:
    """What a forked process does; it never returns."""
    from latentknobs.__main__ import main

    code = 70
    try:
        os.chdir(folder)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for number, path in enumerate(_printed(folder), start=1):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        sys.stdin = os.fdopen(0, closefd=False)
        for number, name in ((1, "stdout"), (2, "stderr")):
            setattr(sys, name, os.fdopen(number, "w", encoding="utf-8", errors="backslashreplace", closefd=False))
        sys.argv = ["latentknobs", *words]
        code = main()
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:  # noqa: BLE001 - whatever ends a command is seen as a user sees it
        traceback.print_exc()  # as Python does at its end
        sys.stderr.flush()
    finally:
        os._exit(code)


if __name__ == "__main__":
    _serve()
