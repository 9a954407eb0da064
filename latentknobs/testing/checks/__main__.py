"""
``python -m latentknobs.testing.checks NAME|FILE OUT [MODEL]``: the process in which ``plugins check`` checks a plugin.

Each line of OUT is JSON: {"begun": check} before a check, then its result; the last line is {"done": true}. So a
plugin that hangs, or ends the process, can be told from one that passes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import IO, Any

from attrs import asdict

from latentknobs.core.containment.process_end import end_soon
from latentknobs.errors import LatentKnobsError
from latentknobs.hooks.built_ins import BUILTINS
from latentknobs.hooks.manager import Plugins
from latentknobs.testing.checks import Job, jobs_of, run
from latentknobs.workbench import load_plugins


def check(target: str, out: IO[str], model: str = "") -> None:
    """
    Check one plugin and write what is found.

    Args:
        target: Its name, or its file: then no other local file is loaded beside it; "" = that of the model's backend.
        out: Where lines of JSON go.
        model: BACKEND:FILE of a model to check too.
    """

    def tell(**facts: Any) -> None:
        out.write(json.dumps(facts) + "\n")
        out.flush()

    tell(begun="it loads")
    try:
        jobs = _jobs(target, model)
    except LatentKnobsError as error:  # no such plugin, no such folder
        tell(name="it loads", state="failed", message=str(error))
        jobs = ()
    for job in jobs:
        tell(begun=job.name)
        tell(**asdict(run(job)))
    tell(done=True)


def _jobs(target: str, model: str) -> tuple[Job, ...]:
    if target.endswith(".py"):
        plugins = Plugins.build(BUILTINS, plugins_dir=None)
        report = plugins.add_file(Path(target))
    else:
        plugins = load_plugins()
        if target and plugins.forget_failure(target):  # it was named, so it may try again
            plugins = load_plugins()
        report = plugins.report(target) if target else plugins.origin("backends", model.partition(":")[0])
    return jobs_of(plugins, report, model=model)


if __name__ == "__main__":
    with Path(sys.argv[2]).open("w", encoding="utf-8") as file:
        check(sys.argv[1], file, *sys.argv[3:])
    end_soon(0)
