"""
Files as musicians have them: made, turned as a user would, and looked at.

    python -m benchmarks.real_files                     # the whole suite and its table, some minutes
    python -m benchmarks.real_files -o suite --json     # kept in a folder, with every file's verdict
    python -m benchmarks.real_files --only waltz        # the files with that in their name

Time signatures other than 4/4 and 2/4 count as turned where they are turned by rule.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from benchmarks.real_files.commands import Terminal
from benchmarks.real_files.report import as_json, judge, line, text
from benchmarks.real_files.suite import RECIPES


def main() -> int:
    """Make, turn, print; 1 where no file has such a name."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.real_files", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-o", "--output", type=Path, help="folder for the files and what came back [a temporary one]")
    parser.add_argument("--only", default="", metavar="NAME", help="files with this in their name")
    parser.add_argument("--json", action="store_true", help="print every verdict as JSON")
    options = parser.parse_args()
    recipes = [recipe for recipe in RECIPES.values() if options.only in recipe.name]
    if not recipes:
        print(f"no file has {options.only!r} in its name", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as temporary, Terminal() as terminal:
        folder = options.output or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        verdicts = []
        for k, recipe in enumerate(recipes, start=1):
            verdicts.append(judge(recipe, folder, terminal))
            print(f"{k} of {len(recipes)} {line(verdicts[-1])}", file=sys.stderr, flush=True)
    print(json.dumps(as_json(verdicts), indent=1) if options.json else text(verdicts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
