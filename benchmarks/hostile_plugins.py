"""
The table hostile plugins x commands: python -m benchmarks.hostile_plugins [NAME ...].

Each file of tests/data/hostile_plugins lies alone in a plugins folder, beside the tiny model. A cell is the exit code
and the seconds; "!" and a reason where the command was not usable: it hung, printed what is no result on stdout, showed
a traceback that no crash explains, wrote no file and said that it did, or changed the registry and failed. Python
started with what stands in :data:`RAN` proves that the plugin ran, unless it is one that must not.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from attrs import define, field

from tests.conftest import TINY_PLUGIN

CASES = Path(__file__).parents[1] / "tests" / "data" / "hostile_plugins"
RAN = "with open({path!r}, 'a') as ran: ran.write({what!r})"
NEVER_RUN = frozenset({"syntax", "nul", "new_api", "old_api", "str_api"})
"""Those that are refused by their text."""
CRASHES = frozenset({"segv", "segv_import", "catches_all", "holds_lock"})
"""Those of which a command may be ended, once where it is an import, with a code that is not 0."""
FINE = frozenset({"transpose", "numpy", "latin1", "ünïcode_file", "gen_hook", "warns"})
"""Those that only look odd."""
LONG = 150.0
"""Seconds after which a command hangs: the time limit of a plugin, and what commands take on a busy machine."""
MEMORY = 6 << 30
"""Bytes that a command may take at most: no case brings the machine to a stand."""


@define
class Outcome:
    """What a command did."""

    code: int
    seconds: float
    out: str
    err: str


@define
class Case:
    """One hostile plugin in a folder of its own."""

    name: str
    folder: Path
    problems: list[str] = field(factory=list)

    def prepare(self) -> None:
        """Write the folder: the plugin, which notes that it runs, the tiny model and an empty registry's place."""
        plugins = self.folder / "plugins"
        plugins.mkdir(parents=True)
        (plugins / "tiny_model.py").write_text(TINY_PLUGIN, encoding="utf-8")
        raw = (CASES / f"{self.name}.txt").read_bytes()
        text = raw.decode("latin-1")
        note = RAN.format(path=str(self.folder / "ran"), what="import ")
        first, line, rest = text.partition("\n") if text.startswith("# -*-") else ("", "", text)
        rest = re.sub(
            r"(\n    (?:async )?def edit\(.*\):\n)",
            lambda found: found[1] + "        " + RAN.format(path=str(self.folder / "ran"), what="edit ") + "\n",
            rest,
        )
        (plugins / f"{self.name}.py").write_bytes(f"{first}{line}{note}\n{rest}".encode("latin-1"))

    def ran(self) -> str:
        """What of it has run."""
        path = self.folder / "ran"
        return " ".join(dict.fromkeys(path.read_text(encoding="utf-8").split())) if path.exists() else "no"

    @property
    def env(self) -> dict[str, str]:
        """The program's variables: nothing of the user's."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("LATENTKNOBS_")}
        own = {name: str(self.folder / name.lower()) for name in ("CACHE", "CONFIG")}
        own |= {"PLUGINS_DIR": str(self.folder / "plugins"), "REGISTRY": str(self.folder / "registry.db")}
        return kept | {f"LATENTKNOBS_{name}": value for name, value in own.items()} | {"OMP_NUM_THREADS": "1"}

    def run(self, *words: str) -> Outcome:
        """Run a command."""
        began = time.monotonic()
        with subprocess.Popen(
            [sys.executable, "-m", "latentknobs", *words],
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        ) as process:
            try:
                out, err = process.communicate(timeout=LONG)
            except subprocess.TimeoutExpired:
                process.kill()
                out, err = process.communicate()
                return Outcome(-99, LONG, out, err)
        return Outcome(process.returncode, time.monotonic() - began, out, err)

    def serve(self) -> Outcome:
        """Start the page, ask for it, and end it with Ctrl-C."""
        began = time.monotonic()
        log = self.folder / "serve.log"
        with (
            log.open("w") as file,
            subprocess.Popen(
                [sys.executable, "-m", "latentknobs", "serve", "--port", "0"],
                cwd=self.folder,
                env=self.env,
                stdout=file,
                stderr=file,
            ) as process,
        ):
            code, answered = -99, 0.0
            while time.monotonic() - began < LONG and process.poll() is None:
                place = re.search(r"http://\S+", log.read_text(encoding="utf-8", errors="replace"))
                if place:
                    with urllib.request.urlopen(place[0], timeout=30) as answer:
                        assert answer.status == 200
                    answered = time.monotonic() - began
                    process.send_signal(signal.SIGINT)
                    break
                time.sleep(0.1)
            try:
                code = process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
        text = log.read_text(encoding="utf-8", errors="replace")
        return Outcome(code if answered else code or -98, answered or LONG, "", text)


def cells(case: Case) -> Iterator[str]:
    """Each command's cell."""
    crash = case.name in CRASHES
    listed = case.run("plugins", "list", "--json")
    first = listed
    if crash and listed.code:  # an import may end one command; the next one names it, at once
        listed = case.run("plugins", "list", "--json")
    yield cell(first, () if crash else (0,), "" if crash else json_fault(first))
    reports = {one["name"]: one for one in json.loads(listed.out)}
    report = reports[case.name]
    names = report["error"] or ""
    if not names and case.name not in FINE:
        names = "(nothing to say when it is loaded)"
    checked = case.run("plugins", "check", str(case.folder / "plugins" / f"{case.name}.py"), "--json")
    yield cell(checked, (0,) if case.name in FINE else (0, 1), json_fault(checked))
    offers = json.loads(case.run("plugins", "show", case.name, "--json").out)["offers"]
    edits = [offer["name"] for offer in offers if offer["kind"] == "augmentations"]
    before = digest(case.folder / "registry.db")
    tiny = ("--model", "tiny", "--corpus", "tiny", "--clips", "240", "--quick", "--json")
    found = case.run("discover", *(edits or ["transpose"]), *tiny)
    fault = json_fault(found) if not found.code else ""
    if found.code and digest(case.folder / "registry.db") != before:
        fault = "registry changed"
    if found.code == 1 and case.name not in found.err:
        fault = "not named"
    yield cell(found, (0, 1, -9, -11, 137, 139) if crash else (0, 1), fault)
    turned = case.run("turn", "--knob", "pitch=+2", "-o", "up.mid")
    yield cell(turned, (0,), "" if (case.folder / "up.mid").exists() else "no file")
    yield cell(case.serve(), (0,), "")
    knobs = case.run("knobs", "list", "--json")
    yield cell(knobs, (0,), json_fault(knobs))
    yield case.ran()
    yield f"{report['state']}. {names}"


def cell(outcome: Outcome, codes: Sequence[int], fault: str) -> str:
    """One cell."""
    if outcome.code == -99:
        fault = "hangs"
    elif codes and outcome.code not in codes:
        last = (outcome.err.strip().splitlines() or [""])[-1]
        fault = f"exit code {outcome.code} {last[:90]}"
    elif "Traceback" in outcome.err and outcome.code >= 0:
        fault = "traceback"
    elif "NOISE" in outcome.out:
        fault = "stdout"
    return f"{outcome.code} {outcome.seconds:.0f} s" + (f" **! {fault}**" if fault else "")


def json_fault(outcome: Outcome) -> str:
    """Why stdout is not JSON and nothing else, "" if it is."""
    try:
        json.loads(outcome.out)
    except ValueError:
        return f"stdout {outcome.out[:40]!r}"
    return ""


def digest(path: Path) -> bytes:
    """A file's bytes, none if it is not there."""
    return path.read_bytes() if path.exists() else b""


def main() -> int:
    """Print the table; 1 where a cell is marked as wrong, or a plugin did not run that should have."""
    wrong = False
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("names", nargs="*", help="Cases [all].")
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))  # of the commands, too
    names = parser.parse_args().names or sorted(path.stem for path in CASES.glob("*.txt"))
    print("| plugin | list | check | discover | turn | serve | knobs list | ran | state and reason |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name in names:
        with TemporaryDirectory() as folder:
            case = Case(name, Path(folder) / "here")
            case.prepare()
            shown = list(cells(case))
            if shown[-2] == "no" and name not in NEVER_RUN:
                shown[-2] = "**! no**"
            wrong |= any("!" in cell for cell in shown[:-1])
            reason = shown[-1].replace(str(case.folder / "plugins") + "/", "").replace("|", "/")
            print(f"| {name} | {' | '.join(shown[:-1])} | {reason} |", flush=True)
            shutil.rmtree(case.folder, ignore_errors=True)
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
