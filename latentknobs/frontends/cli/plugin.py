"""Registers the command line as a front end, and has it report what a run did."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from latentknobs.core.frontend_specs import FrontendSpec
from latentknobs.hooks import hookimpl

if TYPE_CHECKING:
    from latentknobs.core.knob import Knob
    from latentknobs.core.run import Run

_log = logging.getLogger(__name__)


def _run_command_line(arguments: list[str]) -> int:
    from latentknobs.frontends.cli.app import run_command_line

    return run_command_line(arguments)


@hookimpl
def register_frontends() -> list[FrontendSpec]:
    """The command line."""
    return [FrontendSpec("cli", "The command line in a terminal.", _run_command_line)]


@hookimpl
def run_finished(run: Run) -> None:
    """Log what a run looked at; the command line shows it on stderr."""
    seconds = (run.finished - run.started).total_seconds()
    _log.info("run %s of %s took %.0f s", run.run_id, run.spec.augmentation or "no augmentation", seconds)


@hookimpl
def knob_saved(knob: Knob) -> None:
    """Log a stored knob."""
    _log.info("stored knob %s (%s, %s, %s)", knob.name, knob.kind, knob.fit, knob.verdict)
