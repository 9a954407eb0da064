"""
Loads each hostile plugin, uses it, and writes what became of it and of the process: hostile_driver.py OUT NAME...

A process of its own for all of them, since some leave threads and exit handlers behind.
"""

import json
import locale
import os
import signal
import sys
import threading
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from latentknobs.core.containment import memory_limit
from latentknobs.core.containment.process_end import end_soon, results_apart
from latentknobs.core.melody_format import MELODY
from latentknobs.core.plugin_guard import run_augmentation
from latentknobs.errors import PluginError
from latentknobs.hooks.manager import Plugins
from latentknobs.testing.tiny import tiny_clips

BUILTINS = ("latentknobs.attributes.plugin", "latentknobs.augmentations.plugin")
CASES = Path(__file__).parents[1] / "data" / "hostile_plugins"
CLIPS = tiny_clips(4)
MARK = "open({path!r}, 'a').write({what!r})\n"
"""Python that proves that a plugin has run: it stands at the beginning of its file and of its edit."""


def process():
    """What plugin code must leave as it was."""
    return {
        "folder": str(Path.cwd()),
        "locale": locale.setlocale(locale.LC_ALL),
        "recursion limit": sys.getrecursionlimit(),
        "warnings filters": repr(warnings.filters),
        "signals": repr({n: signal.getsignal(n) for n in signal.valid_signals()}),
        "mask": repr(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
        "timer": repr(signal.getitimer(signal.ITIMER_REAL)),
        "streams": repr([id(stream) for stream in (sys.stdin, sys.stdout, sys.stderr)]),
        "files": repr([(os.fstat(file).st_dev, os.fstat(file).st_ino) for file in (1, 2)]),
        "hooks": repr([sys.excepthook, sys.displayhook, sys.unraisablehook, threading.excepthook]),
        "functions": repr([np.mean, np.sum, open, print]),
    }


def marked(name, path):
    """A case's bytes with the marks."""
    lines = (CASES / f"{name}.txt").read_bytes().decode("latin-1").splitlines(keepends=True)
    out = [] if lines[0].startswith("# -*-") else [MARK.format(path=path, what="load ")]
    for number, line in enumerate(lines):
        out.append(line)
        if number == 0 and line.startswith("# -*-"):
            out.append(MARK.format(path=path, what="load "))
        if "def edit(" in line:
            out.append(" " * 8 + MARK.format(path=path, what="edit "))
    return "".join(out).encode("latin-1")


def look(name, folder):
    """What becomes of one of them."""
    before = process()
    ran = folder / "ran"
    (folder / "plugins").mkdir()
    (folder / "plugins" / f"{name}.py").write_bytes(marked(name, str(ran)))
    plugins = Plugins.build(BUILTINS, plugins_dir=folder / "plugins", entry_points=False)
    report = plugins.report(name)
    loaded, edits = process(), []
    for edit in plugins.offered_by(name).get("augmentations", {}).values():
        try:
            run_augmentation(edit, CLIPS, 1.0, np.random.default_rng(0), MELODY)
            edits.append("done")
        except PluginError as error:
            edits.append(str(error))
    return {
        "state": report.state,
        "reason": report.error or "",
        "edits": edits,
        "ran": ran.read_text() if ran.exists() else "",
        "changed when loaded": [what for what, value in before.items() if loaded[what] != value],
        "changed when used": [what for what, value in before.items() if process()[what] != value],
        "others": "transpose" in plugins.augmentations(),
    }


if __name__ == "__main__":
    memory_limit._free_memory = lambda: 2**28  # so that no case fills the machine
    with results_apart():
        facts = {}
        for name in sys.argv[2:]:
            with TemporaryDirectory() as folder:
                facts[name] = look(name, Path(folder))
                Path(sys.argv[1]).write_text(json.dumps(facts), encoding="utf-8")
        sys.stdout.write("RESULT\n")
    end_soon(0)
