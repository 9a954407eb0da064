"""
What mkdocs asks for while it builds the site: pages made from the code, and links as they are in the site.

Made here: the reference of hooks from latentknobs/hooks/specs.py, the reference of commands from the program's own
help, the first page from README.md, and the changes from CHANGELOG.md. Nothing is written twice by hand.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import re
import textwrap
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import typer

import latentknobs
from latentknobs.core import (
    attribute,
    augmentation,
    backend,
    clip,
    corpus,
    frontend_specs,
    knob,
    method_specs,
    metric_specs,
    run,
)
from latentknobs.frontends.cli.app import build_app
from latentknobs.hooks import HOOK_API, PROJECT, specs
from latentknobs.hooks.manager import Plugins
from latentknobs.hooks.plugin_types import KINDS
from latentknobs.workbench import BUILTINS

ROOT = Path(__file__).parents[1]
HOMES = (attribute, augmentation, backend, clip, corpus, frontend_specs, knob, method_specs, metric_specs, run)
WIDTH = 100
_LINK = re.compile(r"(?<=\]\()(?!https?:|#|mailto:)([^)#\s]+)(?=[)#])")
_FENCE = re.compile(r"(^```.*?^```$)", re.DOTALL | re.MULTILINE)


def hooks() -> dict[str, str]:
    """Every hook's name with its signature, in the order of latentknobs/hooks/specs.py."""
    found = {name: value for name, value in vars(specs).items() if hasattr(value, f"{PROJECT}_spec")}
    return {name: _signature(hook) for name, hook in found.items()}


def values() -> dict[str, type]:
    """The classes whose values hooks are given and give, by name: the offers, and all that these speak of."""
    known = {
        name: value
        for home in HOMES
        for name, value in vars(home).items()
        if inspect.isclass(value) and value.__module__ == home.__name__ and not name.startswith("_")
    }
    out: dict[str, type] = {}
    waiting = [kind.type.__name__ for kind in KINDS] + ["NoteAugmentation", "TokenAugmentation"]
    waiting += _words(" ".join(hooks().values()), known)
    for name in waiting:
        if name not in out:
            out[name] = known[name]
            waiting += _words(" ".join(_class(known[name])), known)
    return out


def _words(text: str, known: Collection[str]) -> list[str]:
    return [word for word in re.findall(r"\w+", text) if word in known]


def fields(value: type) -> Iterator[tuple[str, str, str]]:
    """Each field of a class: name, type, and what it is where it is left out ("" = it must be there)."""
    for each in attrs.fields(value) if attrs.has(value) else ():
        yield each.name, _plain(each.type), "" if each.default is attrs.NOTHING else _default(each.default)
    for name, member in vars(value).items():
        if isinstance(member, property) and member.fget and not name.startswith("_") and not attrs.has(value):
            yield name, _plain(inspect.get_annotations(member.fget).get("return", "")), ""


def methods(value: type) -> Iterator[tuple[str, str]]:
    """Each method of a protocol or of a base class that people derive from: name and signature, docstring."""
    for name, member in vars(value).items():
        if inspect.isfunction(member) and (name == "__call__" or not name.startswith("_")) and not attrs.has(value):
            yield f"{name}{_signature(member)}", inspect.getdoc(member) or ""


def described(value: type) -> dict[str, str]:
    """What a class's docstring says of each attribute, by name, and of the class itself, under ""."""
    out = {"": ""}
    name, section = "", ""
    for line in (inspect.getdoc(value) or "").splitlines():
        if re.fullmatch(r"[A-Z]\w+:", line):
            section = line
        elif not section:
            out[""] += f"{line}\n"
        elif section == "Attributes:" and (found := re.match(r" {4}(\w+): (.*)", line)):
            name = found[1]
            out[name] = found[2]
        elif section == "Attributes:" and line.strip():
            out[name] += f" {line.strip()}"
    return {key: _markdown(text.strip()) for key, text in out.items()}


class _Bare(str):
    """An annotation that stands in a signature without quotation marks."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _signature(function: Any) -> str:
    """The arguments of a function and what it gives, types without their modules."""
    found = inspect.signature(function)
    arguments = [each.replace(annotation=_annotation(each.annotation)) for each in found.parameters.values()]
    return str(found.replace(parameters=arguments, return_annotation=_annotation(found.return_annotation)))


def _annotation(kind: Any) -> Any:
    return kind if kind is inspect.Signature.empty else _Bare(_plain(kind))


def _plain(kind: object) -> str:
    text = kind if isinstance(kind, str) else getattr(kind, "__name__", str(kind))
    return re.sub(r"\b([a-z_]\w*\.)+(?=\w)", "", text)


def _default(value: Any) -> str:
    if hasattr(value, "factory"):
        empty = value.factory in (dict, list, tuple)
        return f"`{value.factory()!r}`" if empty else "made by itself"
    return "a function" if callable(value) else f"`{value!r}`"


def _markdown(text: str) -> str:
    """A docstring's words as Markdown has them."""
    return re.sub(r":\w+:`([\w.]*\.)?([\w]+)`", r"`\2`", text).replace("``", "`")


def hooks_page() -> str:
    """The reference of hooks: signature, docstring and the fields of what is offered, then the other values."""
    kinds = {kind.hook: kind.type for kind in KINDS}
    rest = values()
    lines = [
        "# Hooks",
        (
            f"This is version {HOOK_API} of the hooks (`{PROJECT.upper()}_API = {HOOK_API}`), made from the program: "
            "what it asks plugins for, and the values that they give and are given. The "
            "[tutorial](plugins.md#the-hooks) has an example of each, [How to](howto.md) goes from a wish to a plugin, "
            "and [Versions](versioning.md) says what may change."
        ),
        (
            "A `register_` hook takes no arguments, is called once while the plugins are loaded, and returns an "
            "iterable of offers. The others are told of something that has happened."
        ),
        (
            "Arrays are numpy's: `ClipBatch` is int16 (N, *shape), `Codes` float32 (N, D), `Floats` float64, `Ints` "
            "int64, `Bools` bool. N counts clips, D the dimensions of the latent space."
        ),
    ]
    for name, signature in hooks().items():
        lines += [f"## {name}", f"`{name}{signature}`", inspect.getdoc(getattr(specs, name)) or ""]
        if name in kinds:
            lines += _class(rest.pop(kinds[name].__name__))
    lines.append("## Values")
    for name, value in sorted(rest.items()):
        lines += [f"### {name}", *_class(value)]
    return "\n\n".join(lines) + "\n"


def _class(value: type) -> Iterator[str]:
    """What a class is, where it comes from, its fields as a table, its methods with what they say."""
    said = described(value)
    home = PROJECT if value.__name__ in dir(latentknobs) else value.__module__
    yield f"`from {home} import {value.__name__}`"
    yield said[""]
    rows = [
        f"| `{name}` | `{kind}` | {left or 'must be there'} | {said.get(name, '')} |"
        for name, kind, left in ((n, k.replace("|", "\\|"), d) for n, k, d in fields(value))
    ]
    if rows:
        yield "\n".join(["| field | type | where left out | what it is |", "|---|---|---|---|", *rows])
    for signature, doc in methods(value):
        yield f"```text\n{signature}\n{textwrap.indent(_markdown(doc), '    ')}\n```"


def commands() -> dict[str, str]:
    """The help of every command of the built-in plugins by the words that call it; "" = the program's own."""
    app = build_app(Plugins.build(BUILTINS, plugins_dir=None, entry_points=False, strict=True))
    waiting: list[tuple[tuple[str, ...], Any]] = [((), typer.main.get_command(app))]
    out = {}
    for path, command in waiting:
        shown = io.StringIO()
        with contextlib.redirect_stdout(shown):
            app(args=[*path, "--help"], prog_name=PROJECT, standalone_mode=False, terminal_width=WIDTH)
        out[" ".join(path)] = shown.getvalue().strip()
        waiting += [((*path, name), part) for name, part in getattr(command, "commands", {}).items()]
    return dict(sorted(out.items()))


def commands_page() -> str:
    """The reference of the command line: the help of every command."""
    lines = [
        "# All commands",
        "What `--help` prints, made from the program. [Command line](command-line.md) shows them at work.",
    ]
    for words, text in commands().items():
        lines += [f"## {f'{PROJECT} {words}'.strip()}", f"```text\n{text}\n```"]
    return "\n\n".join(lines) + "\n"


def first_page() -> str:
    """README.md, its links as from docs."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return relinked(text, lambda link: link[len("docs/") :] if link.startswith("docs/") else f"../{link}")


def changes_page() -> str:
    """CHANGELOG.md, its links as from docs."""
    return relinked((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), lambda link: f"../{link}")


def relinked(text: str, change: Callable[[str], str]) -> str:
    """The text with each relative link changed; what stands in fences is left alone."""
    parts = _FENCE.split(text)
    return "".join(part if part.startswith("```") else _LINK.sub(lambda m: change(m[1]), part) for part in parts)


PAGES: Mapping[str, Callable[[], str]] = {
    "index.md": first_page,
    "changelog.md": changes_page,
    "hooks.md": hooks_page,
    "commands.md": commands_page,
}
"""The pages that are made, by their place in docs."""


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that are made, and the files of the source tree that pages lead to."""
    from mkdocs.structure.files import File

    for place, page in PAGES.items():
        files.append(File.generated(config, place, content=page()))
    texts = [page.content_string for page in files.documentation_pages()]
    outside = {link for text in texts for link in _LINK.findall(text) if link.startswith("../")}
    for link in sorted(outside):
        path = (Path(config.docs_dir) / link).resolve()
        if path.is_file() and _made(link) is None:
            files.append(File.generated(config, _in_site(link), abs_src_path=str(path)))
    return files


def _made(link: str) -> str | None:
    return {"../README.md": "index.md", "../CHANGELOG.md": "changelog.md"}.get(link)


def _in_site(link: str) -> str:
    """Where a file of the source tree, named as from docs, lies in the site."""
    path = link.removeprefix("../")
    return f"source/{path}" if Path(path).suffix else f"source/{path}.txt"


def from_the_network(text: str) -> list[str]:
    """What a page or a style sheet would fetch from elsewhere: scripts, styles, fonts, pictures; links are not."""
    found = re.findall(
        r"<(?!a\b)\w+\b[^>]*?\b(?:src|href|srcset|data|poster)\s*=\s*[\"']?((?:https?:)?//[^\"'\s>]+)", text
    )
    return found + re.findall(r"(?:url\(|@import)\s*[\"']?((?:https?:)?//[^\"')\s]+)", text)


def on_post_build(config: Any) -> None:
    """Refuse a site that needs the network."""
    from mkdocs.exceptions import PluginError

    for path in sorted(Path(config.site_dir).rglob("*")):
        if path.suffix in (".html", ".css") and (found := from_the_network(path.read_text(encoding="utf-8"))):
            raise PluginError(f"{path.name} would fetch {', '.join(found)}: put it into docs, or leave it out.")


def on_page_markdown(markdown: str, **_given: Any) -> str:
    """Links to files outside docs lead to their copies, or to the pages made of them; bars in code need no stroke."""
    text = relinked(markdown, lambda link: (_made(link) or _in_site(link)) if link.startswith("../") else link)
    return re.sub(
        r"^\|.*", lambda row: re.sub(r"`[^`]*`", lambda m: m[0].replace("\\|", "|"), row[0]), text, flags=re.MULTILINE
    )
