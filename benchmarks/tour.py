"""
Puts what the commands of README.md print beneath them.

    python -m benchmarks.tour

Every ``console`` block is run from its top, all in one new folder, with the package's own knobs and no plugins but
the built-in ones. Output of more than 30 lines is cut to its first paragraph, and its last where that is short.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)
MOST_LINES, SHORT = 30, 6


def run(command: str, folder: Path) -> str:
    """
    What a command prints, stdout and stderr as they come.

    Raises:
        subprocess.CalledProcessError: It failed.
    """
    env = {name: value for name, value in os.environ.items() if not name.startswith("LATENTKNOBS_")}
    env |= {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}", "PYTHONUNBUFFERED": "1"}
    done = subprocess.run(
        command, shell=True, cwd=folder, env=env, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    return done.stdout.decode()


def shortened(text: str) -> str:
    """The text without empty lines at its end; where it is long, its first paragraph and its last if that is short."""
    lines = [line.rstrip() for line in text.rstrip().splitlines()]
    if len(lines) > MOST_LINES:
        paragraphs = "\n".join(lines).split("\n\n")
        last = paragraphs[-1] if paragraphs[-1].count("\n") < SHORT else ""
        lines = [paragraphs[0], "..." + (f"\n{last}" if last else "")]
    return "".join(f"{line}\n" for line in lines)


def shown(block: str, folder: Path) -> str:
    """A block with its commands run again."""
    commands = [line for line in block.splitlines() if line.startswith("$ ")]
    return "".join(f"{command}\n{shortened(run(command[2:], folder))}" for command in commands)


def main() -> int:
    """Rewrite README.md."""
    text = README.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        new = BLOCK.sub(lambda match: f"```console\n{shown(match[1], Path(folder))}```", text)
    README.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
