"""The arrows of docs/architecture.md, held by reading every import of every module; no ignore list."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "latentknobs"

ROOT_PART = frozenset(
    {
        "workbench",
        "asked",
        "asking",
        "comparing",
        "comparing_models",
        "repeating",
        "transferring",
        "composing",
        "decoding",
        "decoupling",
        "shipping",
        "models",
        "sources",
        "steady",
        "environment",
    }
)
"""The composition root, split for length."""
LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"errors"}),
    frozenset({"core"}),
    frozenset({"hooks", "engine", "metrics", "registry", "midi", "audio", "plots", "scaffold"}),
    frozenset({"backends", "augmentations", "attributes", "corpora", "fitting", "methods"}),
    ROOT_PART,
    frozenset({"session", "turning", "disentanglement", "report"}),
    frozenset({"frontends"}),
    frozenset({"__init__", "__main__"}),
)
"""From the bottom to the top: a module imports lower layers and its own part, never a sibling or a higher one."""
ONE_PART = (
    ROOT_PART,
    frozenset({"session", "turning", "disentanglement", "report"}),
)
"""Modules that are one part, split for length: these may import one another."""
SIDE = {
    "conformance": {"core", "hooks", "workbench", "errors"},
    "testing": {"conformance", "core", "hooks", "attributes", "registry", "workbench", "errors"},
}
"""
The kit for authors stands beside the layers; production code imports it nowhere: ``plugins check`` runs it in a process
of its own. It takes from the workbench how plugins are loaded, and a workbench for tests.
"""

EVERYWHERE = {"numpy", "attrs"}
THIRD_PARTY = {
    "errors": set(),
    "core": EVERYWHERE,
    "hooks": EVERYWHERE | {"pluggy"},
    "engine": EVERYWHERE | {"scipy"},
    "metrics": EVERYWHERE | {"scipy"},
    "fitting": EVERYWHERE | {"torch"},
    "registry": EVERYWHERE | {"sqlalchemy", "alembic"},
    "midi": EVERYWHERE | {"mido"},
    "plots": EVERYWHERE | {"matplotlib"},
    "backends": EVERYWHERE | {"torch", "safetensors"},
    "corpora": EVERYWHERE | {"music21"},
    "environment": {"platformdirs"},
    "steady": {"threadpoolctl"},
    "frontends": EVERYWHERE | {"typer", "rich", "fastapi", "starlette", "pydantic", "uvicorn", "websockets"},
    "testing": EVERYWHERE | {"pytest", "scipy"},
}
"""Third-party packages of each part; of parts not named here, numpy and attrs."""


def _parts() -> dict[str, list[Path]]:
    out: dict[str, list[Path]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        part = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        out.setdefault(part, []).append(path)
    return out


PARTS = _parts()


def _imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and full name of everything that a module imports, inside functions and for type checkers too."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                yield node.lineno, f"{module}.{alias.name}"


def _own(name: str) -> str | None:
    """The part of latentknobs that an import means, None for others; ``__version__`` belongs to no part."""
    head, *rest = name.split(".")
    if head != "latentknobs" or rest == ["__version__"]:
        return None
    return rest[0] if rest and rest[0] in PARTS else "__init__"


def _level(part: str) -> int:
    return next(i for i, layer in enumerate(LAYERS) if part in layer)


def test_every_part_has_a_place():
    """Each module and folder of the package stands in one layer, or is the kit for authors."""
    placed = set().union(*LAYERS) | set(SIDE)

    assert set(PARTS) <= placed


@pytest.mark.parametrize("part", [part for part in PARTS if part not in SIDE])
def test_imports_go_one_way(part):
    """A part imports lower layers and itself: no sibling, nothing above, not the kit for authors."""
    wrong = []
    for path in PARTS[part]:
        for line, name in _imports(path):
            other = _own(name)
            if other is None or other == part or any({part, other} <= group for group in ONE_PART):
                continue
            if other in SIDE or _level(other) >= _level(part):
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {name}")

    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("part", [part for part in PARTS if part in SIDE])
def test_the_kit_for_authors_stands_on_little(part):
    """Conformance checks and the test kit import core and hooks, and the kit what it has contracts for."""
    wrong = []
    for path in PARTS[part]:
        for line, name in _imports(path):
            other = _own(name)
            if other is not None and other != part and other not in SIDE[part]:
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {name}")

    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("part", list(PARTS))
def test_third_party_packages_stay_where_they_belong(part):
    """A part imports the standard library and the third-party packages of its row in the table."""
    allowed = THIRD_PARTY.get(part, EVERYWHERE)
    wrong = []
    for path in PARTS[part]:
        for line, name in _imports(path):
            head = name.split(".")[0]
            if head != "latentknobs" and head not in sys.stdlib_module_names and head not in allowed:
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {name}")

    assert not wrong, "\n".join(wrong)


def test_front_ends_do_not_import_one_another():
    """A module of one front end imports no other front end."""
    wrong = []
    for path in PARTS["frontends"]:
        mine = path.relative_to(PACKAGE / "frontends").parts[0]
        for line, name in _imports(path):
            parts = name.split(".")
            if parts[:2] == ["latentknobs", "frontends"] and len(parts) > 2 and parts[2] != mine:
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {name}")

    assert not wrong, "\n".join(wrong)


def test_modules_are_short():
    """No module is longer than 500 lines."""
    long = {
        str(path): n for paths in PARTS.values() for path in paths if (n := len(path.read_text().splitlines())) > 500
    }

    assert not long


def _loaded_after(code: str, tmp_path: Path) -> set[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    script = f"import sys\n{code}\nprint(*sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=env, cwd=tmp_path
    )
    return {name.split(".")[0] for name in done.stderr.split()}


def test_importing_the_package_is_light(tmp_path):
    """``import latentknobs`` loads nothing but the standard library."""
    loaded = _loaded_after("import latentknobs", tmp_path)

    assert not loaded & {"torch", "music21", "sqlalchemy", "numpy", "attrs", "typer", "pluggy", "scipy"}


def test_a_plugins_import_is_light(tmp_path):
    """What the author of an augmentation imports loads neither torch nor music21 nor sqlalchemy nor scipy."""
    loaded = _loaded_after("from latentknobs import hookimpl, Note, NoteAugmentation, TokenAugmentation", tmp_path)

    assert not loaded & {"torch", "music21", "sqlalchemy", "typer", "scipy"}


def test_help_is_light(tmp_path):
    """``latentknobs --help``, with every built-in plugin loaded, leaves the heavy packages alone."""
    code = "from latentknobs.frontends.cli.app import run_command_line\nassert run_command_line(['--help']) == 0"
    loaded = _loaded_after(code, tmp_path)

    assert not loaded & {"torch", "music21", "sqlalchemy", "alembic", "scipy", "matplotlib", "safetensors"}


def test_public_names_are_there():
    """Every name that the package promises can be had, and one that it does not have is an AttributeError."""
    import latentknobs

    for name in latentknobs._HOME_OF:
        assert getattr(latentknobs, name) is not None
        assert name in dir(latentknobs)
    with pytest.raises(AttributeError, match="nothing"):
        latentknobs.nothing  # noqa: B018 - the look-up is what is tested
