"""What the documents show can be done: commands parse, Python compiles, links lead somewhere."""

from __future__ import annotations

import ast
import re
import shlex
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest

from latentknobs.frontends.cli import context, plugin_check
from latentknobs.frontends.cli.app import COMMANDS, GROUPS, run_command_line
from latentknobs.registry import copying
from latentknobs.registry.overlay import PACKAGED
from latentknobs.scaffold import new_plugin
from latentknobs.workbench import Workbench

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PARSED = 130


def _blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def _commands() -> list[tuple[str, str]]:
    out = []
    for page in PAGES:
        for block in _blocks(page, "console"):
            lines = block.replace("\\\n", " ").splitlines()
            out += [(page.name, line[2:]) for line in lines if line.startswith("$ latentknobs")]
        inline = re.findall(r"`(latentknobs [^`\n]+)`", page.read_text(encoding="utf-8"))
        out += [(page.name, text) for text in inline if "..." not in text and not re.search(r"[A-Z]{2}|/|[|\[]", text)]
    return sorted(set(out))


@pytest.mark.parametrize(("page", "command"), _commands(), ids=str)
def test_commands_of_the_documents_are_commands(page, command, monkeypatch, tmp_path, capsys):
    """Every command in README and docs is accepted by the command line, options and all."""

    @contextmanager
    def stop(*_args, **_kwargs):
        raise KeyboardInterrupt
        yield

    if re.search(r"serve \S*midi", command):  # missing extras are told before a model is opened
        pytest.importorskip("rtmidi", reason="python-rtmidi has no wheel for this Python")
    monkeypatch.setattr(context.Context, "workbench", stop)
    monkeypatch.setattr(Workbench, "open", stop)  # a front end that is served opens its own
    monkeypatch.setattr(copying, "copy", lambda *_args, **_kwargs: {"run": 0, "knob": 0})  # tests/test_registry_docs.py
    monkeypatch.setattr(plugin_check, "check", lambda *_args, **_kwargs: ())  # tests/frontends/test_plugins.py checks
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    if "--token-file" in command:
        (tmp_path / "secret").write_text("a-long-word-of-ones-own")
        (tmp_path / "secret").chmod(0o600)
    if "plugins trust" in command:
        (tmp_path / "plugins").mkdir()
    if "registry upgrade" in command or "registry datasette" in command:
        shutil.copyfile(PACKAGED, tmp_path / "registry.db")
    if "plugins new" not in command:
        for place in re.findall(r"plugins/\w+\.py", command):
            (tmp_path / "plugins").mkdir(exist_ok=True)
            (tmp_path / place).write_text(next(iter(new_plugin("lift", "augmentation").values())), encoding="utf-8")
    code = run_command_line(shlex.split(command, comments=True)[1:])

    assert code in (0, PARSED), capsys.readouterr().err


def test_every_command_is_documented():
    """The pages show every built-in command at work, except registry build, which is for `make registry`."""
    shown = "".join(block for page in PAGES for block in _blocks(page, "console"))
    words = [*COMMANDS, "train", "model import", "model export"]
    words += [
        name if command == group.meant else f"{name} {command}"
        for name, group in GROUPS.items()
        for command in group.commands
    ]

    assert [word for word in words if word != "registry build" and f"$ latentknobs {word}" not in shown] == []
    assert any("registry build" in page.read_text(encoding="utf-8") for page in PAGES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_of_the_documents_compiles(page):
    """Every Python block in README and docs is Python."""
    for block in _blocks(page, "python"):
        ast.parse(block)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    """Every relative link in README and docs names a file that is there, or a generated page of mkdocs.yml."""
    nav = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", page.read_text(encoding="utf-8"))

    missing = [link for link in links if not (page.parent / link).exists()]
    assert [link for link in missing if f": {link.removeprefix('../')}\n" not in nav] == []


def test_public_names_have_docstrings():
    """Every public module, class and function of the package says what it is."""
    silent = []
    for path in sorted((ROOT / "latentknobs").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        nodes = [n for n in tree.body if isinstance(n, ast.ClassDef | ast.FunctionDef) and not n.name.startswith("_")]
        empty = not path.read_text(encoding="utf-8").strip()
        silent += [] if empty or ast.get_docstring(tree) else [str(path)]
        silent += [f"{path}:{node.lineno} {node.name}" for node in nodes if not ast.get_docstring(node)]

    assert silent == []


def test_the_documents_are_short():
    """The pages in docs, generated ones not counted, have at most 27,000 words in all."""
    assert sum(len(page.read_text(encoding="utf-8").split()) for page in PAGES[1:]) <= 27_000


def test_a_clip_format_of_your_own_prints_what_is_shown(capsys):
    """Of a format in 5/8, the edit of a clip is drawn as in the document."""
    section = (ROOT / "docs" / "how-to" / "models.md").read_text(encoding="utf-8").split("## Your own clip format")[1]
    code, shown = (
        re.search(rf"^```{kind}\n(.*?)^```", section, re.DOTALL | re.MULTILINE)[1] for kind in ("python", "text")
    )

    exec(compile(code, "models.md", "exec"), {})

    printed = capsys.readouterr().out
    assert [line.rstrip() for line in printed.splitlines()] == [line.rstrip() for line in shown.splitlines()]
