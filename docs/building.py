"""
What mkdocs calls while it builds the site.

It makes the pages that no mkdocs plugin can: README, CHANGELOG and CONTRIBUTING from the root, the ``--help`` of every
command, and tables of the built-in plugins. :class:`Docstrings` prepares docstrings for mkdocstrings.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import griffe
import typer

from latentknobs.core.format_capabilities import FORMAT_CAPABILITIES, needs_text
from latentknobs.frontends.cli.app import build_app
from latentknobs.hooks import PROJECT
from latentknobs.hooks.built_ins import BUILTINS
from latentknobs.hooks.manager import Plugins

ROOT = Path(__file__).parents[1]
WIDTH = 100
"""Columns of the terminal in which ``--help`` is printed."""
FROM_ROOT = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "LICENSE": "license.txt",
    "CITATION.cff": "citation.txt",
}
"""Files at the root of the repository that are part of the site, with their place in it."""
_LINK = re.compile(r"(!?\[[^\]]*\])\((?!https?:|#|mailto:)([^)#\s]+)(#[^)\s]*)?\)")
_FENCE = re.compile(r"(^```.*?^```$)", re.DOTALL | re.MULTILINE)


def from_root(name: str) -> str:
    """A page at the root of the repository with its links as seen from docs; links to other files become text."""

    def link(match: re.Match[str]) -> str:
        text, path, part = match[1], match[2], match[3] or ""
        place = path.removeprefix("docs/") if path.startswith("docs/") else FROM_ROOT.get(path)
        return f"{text}({place}{part})" if place else text.strip("[]")

    parts = _FENCE.split((ROOT / name).read_text(encoding="utf-8"))
    return "".join(part if part.startswith("```") else _LINK.sub(link, part) for part in parts)


def built_ins() -> Plugins:
    """The plugins that come with the package."""
    return Plugins.build(BUILTINS, plugins_dir=None, entry_points=False, strict=True)


def commands() -> dict[str, str]:
    """The help of every built-in command by the words that call it; "" is the program's own."""
    waiting: list[tuple[tuple[str, ...], Any]] = [((), typer.main.get_command(build_app(built_ins())))]
    texts = {}
    for path, command in waiting:
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            command.main(
                args=["--help"], prog_name=" ".join([PROJECT, *path]), standalone_mode=False, terminal_width=WIDTH
            )
        texts[" ".join(path)] = output.getvalue().strip()
        waiting += [((*path, name), part) for name, part in getattr(command, "commands", {}).items()]
    return dict(sorted(texts.items()))


def commands_page() -> str:
    """The help of every command."""
    sections = [f"## {PROJECT} {words}".rstrip() + f"\n\n```text\n{text}\n```" for words, text in commands().items()]
    return "\n\n".join(["# Commands", "What `--help` prints for each command.", *sections]) + "\n"


def built_ins_page() -> str:
    """The augmentations, attributes, comparisons, methods and corpora that come with the package."""
    plugins = built_ins()
    edits = [
        (f"`{e.name}`", e.knob_name, _amounts(e.amounts, e.unit), f"`{e.target}`", needs_text(e), _sentence(e.doc))
        for e in plugins.augmentations().values()
    ]
    parts = [
        "# Built-in plugins",
        "Everything that comes with the package is itself a plugin. `latentknobs plugins show NAME` lists one of them.",
        "## Augmentations",
        (
            "One unit of the amount moves the target attribute by 1 (for `tilt`, which moves notes by whole semitones, "
            "within a tenth). Where amounts are positive only, the knob's negative amounts are learned with before "
            "and after swapped. Clips to which an amount cannot be applied are masked and counted."
        ),
        _table(("augmentation", "knob", "amounts", "target", "needs", "what it does"), edits),
        "## What can be needed of a clip format",
        (
            "A format has a capability by its members. What needs none serves every format. "
            "`latentknobs plugins list --offers` lists what every loaded plugin needs."
        ),
        _table(("needs", "a format that has"), ((f"`{name}`", one.doc) for name, one in FORMAT_CAPABILITIES.items())),
    ]
    for title, offers in (
        ("Attributes", plugins.attributes()),
        ("Comparisons", plugins.comparisons()),
        ("Fits", plugins.fits()),
        ("Selectors", plugins.selectors()),
        ("Bases", plugins.bases()),
        ("Metrics", plugins.metrics()),
    ):
        of_clips = title in ("Attributes", "Comparisons")
        columns = {
            "name": [f"`{name}`" for name in offers],
            "unit": [getattr(offer, "unit", "") for offer in offers.values()],
            "needs": [needs_text(offer) if of_clips else "" for offer in offers.values()],
            "what it is": [_sentence(offer.doc) for offer in offers.values()],
        }
        used = {head: cells for head, cells in columns.items() if any(cells)}
        parts += [f"## {title}", _table(used, zip(*used.values(), strict=True))]
    corpora = [(f"`{c.name}`", c.takes, _sentence(c.doc), c.licence) for c in plugins.corpora().values()]
    parts += ["## Corpora", _table(("corpus", "argument", "what it is", "licence"), corpora)]
    return "\n\n".join(parts) + "\n"


def _amounts(amounts: tuple[float, ...], unit: str) -> str:
    span = f"{amounts[0]:g}" if len(amounts) == 1 else f"{amounts[0]:g} to {amounts[-1]:g}"
    return f"{span} {unit}".strip()


def _sentence(doc: str) -> str:
    return " ".join((doc or "").split())


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(heads), *map(list, rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |" for line in lines)


PAGES: Mapping[str, Callable[[], str]] = {
    **{place: partial(from_root, name) for name, place in FROM_ROOT.items() if name.endswith(".md")},
    "reference/commands.md": commands_page,
    "reference/built-ins.md": built_ins_page,
}
"""The pages that are made while the site is built, by their place in docs."""


def on_files(files: Any, config: Any) -> Any:
    """Add the generated pages, and the files at the root that pages link to."""
    from mkdocs.structure.files import File

    for place, page in PAGES.items():
        files.append(File.generated(config, place, content=page()))
    for name, place in FROM_ROOT.items():
        if place not in PAGES:
            files.append(File.generated(config, place, abs_src_path=str(ROOT / name)))
    return files


def from_the_network(text: str) -> list[str]:
    """Addresses from which a page or a style sheet would fetch scripts, styles, fonts or pictures; links are fine."""
    tags = re.findall(
        r"<(?!a\b)\w+\b[^>]*?\b(?:src|href|srcset|data|poster)\s*=\s*[\"']?((?:https?:)?//[^\"'\s>]+)", text
    )
    return tags + re.findall(r"(?:url\(|@import)\s*[\"']?((?:https?:)?//[^\"')\s]+)", text)


def on_post_build(config: Any) -> None:
    """Refuse a site that needs the network."""
    from mkdocs.exceptions import PluginError

    for path in sorted(Path(config.site_dir).rglob("*")):
        if path.suffix in (".html", ".css") and (urls := from_the_network(path.read_text(encoding="utf-8"))):
            raise PluginError(f"{path.name} would fetch {', '.join(urls)}: put it into docs, or leave it out.")


class Docstrings(griffe.Extension):
    """Shows the fields of attrs classes as a signature, and reStructuredText roles as code."""

    def on_object(self, *, obj: griffe.Object, **_more: Any) -> None:
        """Replace roles, as in :class:`pathlib.Path`, by the last part of the name."""
        if obj.docstring:
            text = re.sub(r":\w+:`~?(?:[\w.]*\.)?(\w+)`", r"`\1`", obj.docstring.value)
            obj.docstring.value = text.replace("``", "`")

    def on_class(self, *, cls: griffe.Class, **_more: Any) -> None:
        """Give an attrs class the initializer that attrs makes."""
        if not any(str(decorator.value).split("(")[0] in ("frozen", "define") for decorator in cls.decorators):
            return
        kind = griffe.ParameterKind.positional_or_keyword
        fields = [
            griffe.Parameter(each.name.lstrip("_"), annotation=each.annotation, kind=kind, default=_default(each.value))
            for each in cls.attributes.values()
            if each.annotation is not None and "property" not in each.labels and "init=False" not in str(each.value)
        ]
        cls.set_member("__init__", griffe.Function("__init__", parameters=griffe.Parameters(*fields)))


def _default(value: Any) -> Any:
    """The default of an attrs field, without the validators and converters of ``field()``."""
    if not str(value).startswith("field("):
        return value
    match = re.search(r"\b(?:default|factory)=((?:[^,()]|\([^()]*\))+)", str(value))
    return f"{match[1]}()" if match and "factory=" in match[0] else match[1] if match else None
