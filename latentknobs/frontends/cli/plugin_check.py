"""A plugin's checks in a process of their own: what hangs, leaves or crashes there is told here."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from attrs import frozen

from latentknobs.core.containment.watchdog import TELL
from latentknobs.frontends.cli.context import say

TIME_LIMIT = 120.0
"""Seconds for all checks of a plugin: those of the package's own models take ten."""


@frozen
class CheckOutcome:
    """
    What became of one check.

    Attributes:
        name: The offer and the check.
        state: "passed", "failed", "left out" or "expected failure".
        message: Why not passed, in a sentence.
    """

    name: str
    state: str
    message: str


def check(
    target: str, model: str = "", *, plugins_dir: Path | None = None, seconds: float = TIME_LIMIT
) -> tuple[CheckOutcome, ...]:
    """
    Have a plugin checked.

    Args:
        target: Its name, or its file (which ends in ".py"); "" = the plugin of the model's backend.
        model: BACKEND:FILE of a model to check too, "" for those that it ships alone.
        plugins_dir: The folder of local plugins, None = what the environment says.
        seconds: After these it is ended, with all that it started.

    Returns:
        What each check found; a check that hangs or ends the process has failed, and none follows it.
    """
    env = {**os.environ, "LATENTKNOBS_STRICT": "0"}  # a broken plugin is what is to be told
    if plugins_dir is not None:
        env["LATENTKNOBS_PLUGINS_DIR"] = str(plugins_dir)
    with TemporaryDirectory() as folder:
        out = Path(folder) / "found"
        # -P: what lies in the current folder takes no module's place, as for the program itself.
        command = [sys.executable, "-P", "-m", "latentknobs.testing.checks", target, str(out), model]
        message = _run(command, env, seconds)
        lines = out.read_text(encoding="utf-8").splitlines() if out.is_file() else []
    return _outcomes([json.loads(line) for line in lines if line.endswith("}")], message)


def _run(command: Sequence[str], env: Mapping[str, str], seconds: float) -> str:
    """Run it; what is to be said of the check that is under way when it ends."""
    with subprocess.Popen(  # noqa: S603 - our own module, in the interpreter that runs us
        command,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # so that what the plugin starts is ended with it
    ) as process:
        try:
            stderr = _ends(process, seconds)
        except subprocess.TimeoutExpired:
            _end(process.pid)
            return f"It was not done after {seconds:g} s and was ended: it hangs, or is slow."
        except BaseException:
            _end(process.pid)
            raise
    last = (stderr.strip().splitlines() or ["it said nothing"])[-1]
    return f"It ended the process with exit code {process.returncode}: {last}"


def _ends(process: subprocess.Popen[str], seconds: float) -> str:
    """What it says on stderr until it ends; after a while people are told that it goes on."""
    try:
        return process.communicate(timeout=min(TELL, seconds))[1]
    except subprocess.TimeoutExpired:
        if seconds <= TELL:
            raise
    say(f"The checks have taken {TELL:g} s so far; they are ended after {seconds:g} s.")
    return process.communicate(timeout=seconds - TELL)[1]


def _end(group: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def _outcomes(facts: Sequence[Mapping[str, Any]], message: str) -> tuple[CheckOutcome, ...]:
    results = [CheckOutcome(one["name"], one["state"], one["message"]) for one in facts if "state" in one]
    if not (facts and facts[-1].get("done")):
        under_way = next((one["begun"] for one in reversed(facts) if "begun" in one), "it loads")
        results.append(CheckOutcome(under_way, "failed", message))
    return tuple(results)


def failures(outcomes: Sequence[CheckOutcome]) -> list[CheckOutcome]:
    """Those that failed."""
    return [one for one in outcomes if one.state == "failed"]


def summary(outcomes: Sequence[CheckOutcome]) -> str:
    """How many there are of each state, as words."""
    count = {state: sum(one.state == state for one in outcomes) for state in ("passed", "expected failure", "left out")}
    parts = [f"{count['passed']} of {len(outcomes)} checks passed"]
    parts += [f"{n} {state}" for state, n in count.items() if n and state != "passed"]
    return ", ".join(parts)
