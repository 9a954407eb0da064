"""The layers of docs/architecture.md, checked by reading every import of every module."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "latentknobs"

LAYERS = (
    "errors",
    "core",
    "hooks scores plots scaffold",
    "registry audio",
    "corpora",
    "augmentations attributes metrics",
    "backends",
    "steering executors",
    "evaluation",
    "discovery",
    "workbench",
    "session",
    "studio",
    "analysis",
    "report",
    "packs",
    "testing",
    "frontends",
    "__init__ __main__",
)
"""From the bottom to the top: a module imports lower layers and its own folder."""
LEVELS = {part: level for level, names in enumerate(LAYERS) for part in names.split()}
ROOT_MODULES = {"__init__", "__main__", "errors", "workbench", "session"}

THIRD_PARTY = {
    "core": {"cattrs", "platformdirs", "pyparsing", "threadpoolctl"},
    "hooks": {"pluggy"},
    "registry": {"sqlalchemy", "alembic"},
    "scores": {"music21"},
    "corpora": {"music21"},
    "metrics": {"scipy"},
    "plots": {"matplotlib"},
    "backends": {"torch", "safetensors"},
    "steering": {"scipy"},
    "evaluation": {"scipy"},
    "discovery": {"scipy", "torch"},
    "executors": {"dask", "distributed", "threadpoolctl"},
    "analysis": {"scipy"},
    "packs": {"safetensors"},
    "testing": {"pytest", "pytest_benchmark", "scipy"},
    "frontends": {
        "aalink",
        "anywidget",
        "fastapi",
        "mido",
        "pydantic",
        "pythonosc",
        "rich",
        "rtmidi",
        "starlette",
        "traitlets",
        "typer",
        "uvicorn",
        "websockets",
        "zeroconf",
    },
}
"""Third-party packages of each part, besides numpy and attrs."""


def _modules() -> dict[str, Path]:
    """Every module of the package by its dotted name."""
    paths = sorted(PACKAGE.rglob("*.py"))
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


MODULES = _modules()


def _imports(name: str) -> Iterator[tuple[int, str]]:
    """Line and dotted name of all that a module imports, also inside functions and for type checkers."""
    path = MODULES[name]
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


def _part(name: str) -> str:
    """The root module or folder that a dotted name of the package means; the package's own names are __init__'s."""
    part = name.removeprefix("latentknobs").strip(".").partition(".")[0]
    return part if part in LEVELS else "__init__"


PARTS = sorted({_part(name) for name in MODULES})


def _of_part(part: str) -> list[str]:
    return [name for name in MODULES if _part(name) == part]


def test_every_part_has_a_layer():
    """Each module and folder of the package stands in exactly one layer, and no layer names one that is gone."""
    assert {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()} == set(
        LEVELS
    )


def test_the_root_holds_only_its_five_modules():
    """What is not an entry point of the package lives in a folder."""
    assert {path.stem for path in PACKAGE.glob("*.py")} == ROOT_MODULES


@pytest.mark.parametrize("part", PARTS)
def test_imports_point_down(part):
    """A part imports lower layers and itself: neither a sibling nor anything above. ``__version__`` is a constant."""
    wrong = [
        f"{name}:{line} imports {imported}"
        for name in _of_part(part)
        for line, imported in _imports(name)
        if imported.split(".")[0] == "latentknobs"
        and imported != "latentknobs.__version__"
        and _part(imported) != part
        and LEVELS[_part(imported)] >= LEVELS[part]
    ]

    assert not wrong, "\n".join(wrong)


def test_no_module_imports_itself_in_a_circle():
    """The modules can be put in an order in which each imports only earlier ones."""
    graph: dict[str, set[str]] = {}
    for name in MODULES:
        known = {imported if imported in MODULES else imported.rpartition(".")[0] for _, imported in _imports(name)}
        # A folder's own names may come from its modules, as they do in latentknobs itself.
        graph[name] = {other for other in known if other in MODULES and other not in {name, "latentknobs"}}

    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


@pytest.mark.parametrize("part", PARTS)
def test_third_party_packages_stay_where_they_belong(part):
    """A part imports the standard library, numpy, attrs and the packages of its row in the table."""
    allowed = sys.stdlib_module_names | THIRD_PARTY.get(part, set()) | {"latentknobs"}
    allowed |= set() if part == "errors" else {"numpy", "attrs"}
    wrong = [
        f"{name}:{line} imports {imported}"
        for name in _of_part(part)
        for line, imported in _imports(name)
        if imported.split(".")[0] not in allowed
    ]

    assert not wrong, "\n".join(wrong)


def test_front_ends_do_not_import_one_another():
    """A module of one front end imports no other front end."""
    wrong = [
        f"{name}:{line} imports {imported}"
        for name in _of_part("frontends")
        for line, imported in _imports(name)
        if imported.startswith("latentknobs.frontends.") and imported.split(".")[2] != name.split(".")[2]
    ]

    assert not wrong, "\n".join(wrong)


def test_class_names_are_unique():
    """A class's name says which one is meant."""
    places: dict[str, list[str]] = {}
    for name, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(name)

    assert {name: where for name, where in places.items() if len(where) > 1} == {}


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
    """``latentknobs --help``, with every built-in plugin loaded, needs little but attrs, pluggy and typer."""
    code = "from latentknobs.frontends.cli.app import run_command_line\nassert run_command_line(['--help']) == 0"
    loaded = _loaded_after(code, tmp_path)

    assert not loaded & {"torch", "music21", "sqlalchemy", "alembic", "psycopg", "scipy", "matplotlib", "safetensors"}
    assert not loaded & {"numpy", "rich", "pydantic", "cattrs", "pyparsing"}


def test_completion_is_light(tmp_path):
    """A shell that asks which commands there are imports none of them."""
    code = (
        "import os\nfrom latentknobs.frontends.cli.app import run_command_line\n"
        "os.environ.update(_LATENTKNOBS_COMPLETE='complete_bash', COMP_WORDS='latentknobs knobs ', COMP_CWORD='2')\n"
        "assert run_command_line([]) == 0"
    )

    assert not _loaded_after(code, tmp_path) & {"torch", "music21", "sqlalchemy", "numpy", "rich"}


def test_public_names_are_there():
    """Every name that the package promises can be had, and one that it does not have is an AttributeError."""
    import latentknobs

    for name in latentknobs._HOME_OF:
        assert getattr(latentknobs, name) is not None
        assert name in dir(latentknobs)
    with pytest.raises(AttributeError, match="nothing"):
        latentknobs.nothing  # noqa: B018 - the look-up is what is tested
