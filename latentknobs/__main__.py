"""The console script: ``latentknobs`` and ``python -m latentknobs``."""

from __future__ import annotations

import faulthandler
import sys


def main() -> int:
    """Run the command line on the program's arguments; returns its exit code."""
    if sys.stderr is not None:
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
