"""
Reads one file after the other in a process of its own, which is ended and made anew where a file takes too long.

A thread could not be ended, and a process for each of thousands of files would take longer than reading them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from latentknobs.core.containment.memory_limit import limit_memory
from latentknobs.core.melody_format import MELODY, MELODY_FORMATS, MelodyFormat
from latentknobs.corpora.melody_clips import SongClips, read_clips
from latentknobs.errors import CorpusError

SECONDS = 10.0
"""Longest that reading a file may take."""


class ReadingProcess:
    """
    Reads files; a context manager, at whose end the process ends.

    Args:
        seconds: Longest that reading a file may take.
    """

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._end()

    def read(self, path: Path, tune: str = "", clip_format: MelodyFormat = MELODY) -> SongClips:
        """
        What a file, or a tune of it, gives: see :func:`~latentknobs.corpora.melody_clips.read_clips`.

        Args:
            path: The file.
            tune: ABC text of one tune of it; "" = the whole file.
            clip_format: One of the formats that are known by name.

        Raises:
            CorpusError: No process can be started.
        """
        child = self._child = self._child or _start()
        late = threading.Event()

        def end() -> None:
            late.set()
            child.kill()

        timer = threading.Timer(self._seconds, end)
        timer.start()
        try:
            _send(child, (str(path), tune, clip_format.name))
            line = _answer(child)
        finally:
            timer.cancel()
        if line.endswith(b"\n"):
            clips, counts, fault, reason = json.loads(line)
            return SongClips(
                np.array(clips, dtype=np.int16).reshape(-1, clip_format.steps), Counter(counts), fault, reason
            )
        self._end()
        if late.is_set():
            kind = f"files that take over {self._seconds:g} seconds to read"
            return SongClips(fault=kind, reason=f"{path} takes over {self._seconds:g} seconds to read.")
        return SongClips(fault="files on which the reader fails", reason=f"{path} ends the process that reads it.")

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            with child:
                child.kill()


def _start() -> subprocess.Popen[bytes]:
    package = str(Path(__file__).parents[2])
    child = subprocess.Popen(  # noqa: S603 - the program itself
        (sys.executable, "-P", "-m", __name__),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))},
    )
    if not _answer(child):  # its imports are no file's time
        with child:
            child.kill()
        raise CorpusError("The process that reads files cannot be started: close other programs and try again.")
    return child


def _send(child: subprocess.Popen[bytes], song: tuple[str, str, str]) -> None:
    assert child.stdin is not None
    try:
        child.stdin.write(json.dumps(song).encode() + b"\n")
        child.stdin.flush()
    except BrokenPipeError:  # it has ended, as its answer will say
        pass


def _answer(child: subprocess.Popen[bytes]) -> bytes:
    assert child.stdout is not None
    return child.stdout.readline()


def main() -> None:
    """Answer songs, a line of JSON each, until there are no more."""
    limit_memory()
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)  # what a library prints is no answer
        answers.write(b"\n")
        answers.flush()
        for line in sys.stdin.buffer:
            path, tune, name = json.loads(line)
            result = read_clips(Path(path), tune, MELODY_FORMATS[name])
            facts = (result.clips.tolist(), dict(result.counts), result.fault, result.reason)
            answers.write(json.dumps(facts).encode() + b"\n")
            answers.flush()


if __name__ == "__main__":
    main()
