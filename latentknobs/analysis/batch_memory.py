"""
How much memory a batch takes: the growth of the peak of resident memory, in a process of its own.

    python -m latentknobs.analysis.batch_memory JOB.json ROWS.npy OUT.json

There nothing else has been allocated that a batch could use again. Linux alone lets a process reset its peak.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from attrs import asdict, frozen
from numpy.typing import NDArray

from latentknobs.core.containment.process_end import end_soon
from latentknobs.errors import BackendError
from latentknobs.workbench import Workbench

_RESET = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")


@frozen
class MemoryJob:
    """
    What is measured.

    Attributes:
        model: The model's name or location.
        device: Where it runs.
        precision: In which numbers.
        work: "encode" or "decode".
        batches: Clips of each batch, the smallest first.
    """

    model: str
    device: str
    precision: str
    work: str
    batches: tuple[int, ...]


def can_measure() -> bool:
    """Whether this system lets a process reset its peak."""
    return os.access(_RESET, os.W_OK) and _STATUS.exists()


def growth(job: MemoryJob, rows: NDArray[Any], plugins_dir: Path | None = None) -> dict[int, int]:
    """
    Bytes by which each batch raises the peak over what one clip has left.

    Args:
        job: What is measured.
        rows: Clips or codes, at least as many as the largest batch.
        plugins_dir: The folder of local plugins, None = what the environment says.

    Raises:
        BackendError: The process failed, as where the model cannot be loaded there.
    """
    env = dict(os.environ)
    if plugins_dir is not None:
        env["LATENTKNOBS_PLUGINS_DIR"] = str(plugins_dir)
    with TemporaryDirectory() as folder:
        asked, given, found = (Path(folder) / name for name in ("job.json", "rows.npy", "found.json"))
        asked.write_text(json.dumps(asdict(job)), encoding="utf-8")
        np.save(given, rows)
        command = [sys.executable, "-P", "-m", __name__, str(asked), str(given), str(found)]
        done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, check=False)  # noqa: S603 - our own module, in the interpreter that runs us
        if done.returncode or not found.is_file():
            lines = done.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"]
            raise BackendError(f"The process in which {job.model} was loaded again failed: {lines[-1][:300]}")
        facts: Mapping[str, int] = json.loads(found.read_text(encoding="utf-8"))
        return {int(batch): size for batch, size in facts.items()}


def _measure(job: Mapping[str, Any], rows: NDArray[Any]) -> dict[int, int]:
    with Workbench.open(device=job["device"], precision=job["precision"]) as workbench:
        model = workbench.model(job["model"])
    call = model.encode if job["work"] == "encode" else model.decode
    for _ in range(2):  # what the first clip brings into memory is not the batch's
        call(rows[:1])
    before, out = _resident("VmRSS"), {}
    for batch in job["batches"]:
        _RESET.write_text("5", encoding="ascii")
        call(rows[:batch])
        out[batch] = max(_resident("VmHWM") - before, 0)
    return out


def _resident(name: str) -> int:
    """A line of the process's status, in bytes."""
    return int(_STATUS.read_text(encoding="ascii", errors="replace").partition(f"{name}:")[2].split()[0]) * 1024


if __name__ == "__main__":
    asked, given, found = map(Path, sys.argv[1:])
    result = _measure(json.loads(asked.read_text(encoding="utf-8")), np.load(given))
    found.write_text(json.dumps(result), encoding="utf-8")
    end_soon(0)
