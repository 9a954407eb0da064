"""Rules for the whole project, held by looking at its files."""

from __future__ import annotations

import ast
import os
import re
import tomllib
from pathlib import Path

import pytest

import latentknobs

ROOT = Path(__file__).parents[1]
CODE = [path for folder in ("latentknobs", "plugins", "benchmarks", "tests") for path in (ROOT / folder).rglob("*.py")]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
BUILD = [
    ROOT / name
    for name in ("Makefile", "pyproject.toml", "constraints.txt", ".ci/run", ".ci/release-check", ".gitignore")
]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
TOP = {
    ".ci/run",
    ".gitignore",
    ".ci/release-check",
    ".github/ISSUE_TEMPLATE",
    ".github/pull_request_template.md",
    "CHANGELOG.md",
    "CITATION.cff",
    "CONTRIBUTING.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "benchmarks",
    "constraints.txt",
    "docs/architecture.md",
    "docs/how-to/plugins.md",
    "latentknobs/py.typed",
    "plugins/drums.py",
    "plugins/blue_notes.py",
    "plugins/dotted.py",
    "pyproject.toml",
    "registry.db",
    "tests",
}
SILENCED = re.compile(r"#\s*(?:noqa|type:\s*ignore|pragma)\b.*")
WITH_REASON = re.compile(r"# (?:noqa: [A-Z]+\d+(?:, [A-Z]+\d+)*|type: ignore\[[a-z-]+\])\s+(?:[-#] ?|\()\w.*")


def _lines(paths: list[Path], pattern: str) -> list[str]:
    """Where a pattern stands, but for this file, which has to name it."""
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in sorted(paths)
        if path != Path(__file__)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(pattern, line)
    ]


def test_the_top_of_the_tree():
    """What the documents send people to is there."""
    assert [name for name in sorted(TOP) if not (ROOT / name).exists()] == []


def test_licence():
    """The project is under the MIT licence, in the file and in the metadata."""
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("MIT License\n\nCopyright (c) ")
    assert (PYPROJECT["project"]["license"], PYPROJECT["project"]["license-files"]) == ("MIT", ["LICENSE"])


def test_the_version_is_the_same_everywhere():
    """CHANGELOG.md has a section for the package's version, and CITATION.cff states it."""
    assert f"\n## [{latentknobs.__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"\nversion: {latentknobs.__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


def test_every_dependency_is_pinned():
    """constraints.txt gives each declared dependency, and what builds the package, one exact version."""
    pins = [line.partition("==")[0].lower() for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines()]
    project = PYPROJECT["project"]
    wanted = [*project["dependencies"], *PYPROJECT["build-system"]["requires"]]
    wanted += [line for extra in project["optional-dependencies"].values() for line in extra]
    names = {re.split(r"[\[<>=!~; ]", line)[0].lower() for line in wanted} - {"latentknobs"}

    assert sorted(names - set(pins)) == []
    assert len(set(pins)) == len(pins)


def test_warnings_are_errors():
    """No warning is let through: pytest raises on every one, and no test asks to be let off."""
    assert PYPROJECT["tool"]["pytest"]["ini_options"]["filterwarnings"] == ["error"]
    assert _lines(CODE, r"mark\.filterwarnings") == []
    assert _lines(CODE, r"(simplefilter|filterwarnings)\(\s*[\"'](ignore|default|once)[\"'][^#]*$") == []


def test_what_is_silenced_has_a_reason():
    """Each remark that silences a checker names the rule and says why."""
    wrong = [where for where in _lines(CODE, SILENCED.pattern) if not WITH_REASON.search(where)]

    assert wrong == []


@pytest.mark.parametrize(
    ("remark", "good"),
    [
        ("# noqa: T201 - stderr is where notes go", True),
        ("# noqa: ARG002 (SQLAlchemy's)", True),
        ("# type: ignore[arg-type]  # every kind used here is an attrs class", True),
        ("# noqa: T201", False),
        ("# noqa", False),
        ("# type: ignore # why not", False),
        ("# type: ignore[arg-type]", False),
    ],
)
def test_what_counts_as_a_reason(remark, good):
    """A rule's name and words after it, for ruff and for mypy."""
    assert SILENCED.search(remark)
    assert bool(WITH_REASON.search(remark)) == good


def test_every_test_states_its_rule():
    """Each test function has a docstring of one sentence."""
    silent = []
    for path in CODE:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.FunctionDef) and node.name.startswith("test_")):
                continue
            if path.name.startswith(("test_", "bench_")) and not (ast.get_docstring(node) or "").endswith("."):
                silent.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")

    assert silent == []


def test_nothing_is_left_to_do():
    """Code and documents hold no notes of work put off and no places to be filled in."""
    # The brackets keep this line from being found itself.
    assert _lines(CODE + PAGES + BUILD, r"\b(TO[D]O|FIX[M]E|X[X]X)\b|@[A-Z]+@") == []


def test_nothing_names_one_machine():
    """No file names a folder of somebody's machine or a package index."""
    assert _lines(CODE + PAGES + BUILD, r"(?<![\w.])/(work|root|opt|home)/\w|index-url|find-links") == []


def test_no_melodies_of_others():
    """The only music files are ours: the Twinkle theme, a waltz, a jig, and scales with faults for tests."""
    folders = [ROOT / name for name in ("latentknobs", "plugins", "benchmarks", "tests", "docs")]
    found = {
        path for folder in folders for kind in ("*.mid", "*.midi", "*.abc", "*.krn") for path in folder.rglob(kind)
    }

    faulty = set((ROOT / "tests" / "data" / "midi").iterdir())
    ours = {f"latentknobs/data/{name}.mid" for name in ("twinkle", "waltz", "jig")}
    assert {str(path.relative_to(ROOT)) for path in found - faulty} == ours


def test_the_architecture_names_every_part():
    """docs/architecture.md says what every module and folder of the package, and every folder at the top, is for."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    package = ROOT / "latentknobs"
    parts = [f"{p.name}/" for p in package.iterdir() if p.is_dir() and any(p.iterdir()) and p.name != "__pycache__"]
    parts += [path.name for path in package.glob("*.py") if not path.name.startswith("__")]
    parts += [f"{name}/" for name in ("plugins", "benchmarks", "tests", "docs")]
    assert [part for part in sorted(parts) if part not in text] == []


def test_continuous_integration_runs_what_people_run():
    """.ci/run can be started and runs the Makefile's lint, docs, test and test-slow, on 3.13 what depends on it."""
    script = ROOT / ".ci" / "run"
    text = script.read_text(encoding="utf-8")
    targets = re.findall(r"^make (\S+)$", text, re.MULTILINE)

    assert os.access(script, os.X_OK)
    assert targets == ["lint", "docs", "test", "test-slow"]
    assert 'make test PYTHON="$newest"' in text
    for target in (*targets, "discover", "bench", "registry", "evidence", "release-check"):
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
