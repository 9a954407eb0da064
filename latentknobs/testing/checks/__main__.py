"""
``python -m latentknobs.testing.checks NAME|FILE OUT``: the process in which ``plugins check`` has a plugin checked.

Each line of OUT is JSON: {"begun": check} before a check, then its result; the last line is {"done": true}. So a
plugin that hangs, or ends the process, can be told from one that passes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import IO, Any

from attrs import asdict

from latentknobs.errors import LatentKnobsError
from latentknobs.hooks.manager import Plugins
from latentknobs.testing.checks import Job, jobs_of, run
from latentknobs.workbench import BUILTINS, load_plugins


def check(target: str, out: IO[str]) -> None:
    """
    Check one plugin and write what is found.

    Args:
        target: Its name, or its file: then no other local file is loaded beside it.
        out: Where lines of JSON go.
    """

    def tell(**facts: Any) -> None:
        out.write(json.dumps(facts) + "\n")
        out.flush()

    tell(begun="it loads")
    try:
        jobs = _jobs(target)
    except LatentKnobsError as error:  # no such plugin, no such folder
        tell(name="it loads", state="failed", message=str(error))
        jobs = ()
    for job in jobs:
        tell(begun=job.name)
        tell(**asdict(run(job)))
    tell(done=True)


def _jobs(target: str) -> tuple[Job, ...]:
    if target.endswith(".py"):
        plugins = Plugins.build(BUILTINS, plugins_dir=None)
        return jobs_of(plugins, plugins.add_file(Path(target)))
    plugins = load_plugins()
    return jobs_of(plugins, plugins.report(target))


if __name__ == "__main__":
    with Path(sys.argv[2]).open("w", encoding="utf-8") as file:
        check(sys.argv[1], file)
