"""The console script: ``latentknobs`` and ``python -m latentknobs``."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line on the program's arguments; returns its exit code."""
    from latentknobs.frontends.cli.app import run_command_line

    return run_command_line(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
