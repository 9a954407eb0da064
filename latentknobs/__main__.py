"""The console script: ``latentknobs`` and ``python -m latentknobs``."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import sys


def _open_closed_streams() -> None:
    """Have stdout and stderr, which a shell may have closed, lead nowhere: files opened later take their place else."""
    for name, number in (("stdin", 0), ("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:
            with contextlib.suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_RDWR), number)
                mode = "r" if number == 0 else "w"
                setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))


def main() -> int:
    """Run the command line on the program's arguments; returns its exit code."""
    _open_closed_streams()
    faulthandler.enable()  # a crash of compiled code shows where
    from latentknobs.core.containment.process_end import end_soon
    from latentknobs.frontends.cli.app import run_command_line

    code = 1
    try:
        code = run_command_line(sys.argv[1:])
    finally:
        end_soon(code)
    return code


if __name__ == "__main__":
    sys.exit(main())
