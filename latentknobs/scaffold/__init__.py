"""
What ``latentknobs plugins new`` writes: a plugin of each kind, with its test, that works as it stands.

The texts are in ``templates/``, with ``$name`` and the like where the plugin's own words go.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from string import Template

from latentknobs.core.knob import RESERVED_NAMES, UNAIDED
from latentknobs.errors import UsageError

HOOKS: Mapping[str, str] = {
    "augmentation": "augmentations",
    "attribute": "attributes",
    "selector": "selectors",
    "basis": "bases",
    "backend": "backends",
    "corpus": "corpora",
    "frontend": "frontends",
}
"""The kinds of plugin that there is a template of, each with its hook's name without ``register_``."""
_NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
TEMPLATES = files(__name__) / "templates"


def module_of(name: str) -> str:
    """The name of a plugin's module: "register-fold" is "register_fold"."""
    return name.replace("-", "_")


def class_of(name: str) -> str:
    """The name of a plugin's class: "register-fold" is "RegisterFold"."""
    return "".join(word.capitalize() for word in re.split("[-_]", name))


def new_plugin(name: str, kind: str, *, package: bool = False) -> dict[str, str]:
    """
    The files of a new plugin: place under a folder to text.

    Args:
        name: What people will call it, its file and what it offers.
        kind: One of :data:`HOOKS`.
        package: A package to install, in a folder of its own, in place of a single file in ``plugins/``.

    Raises:
        UsageError: There is no such kind, or the name cannot be one.
    """
    if kind not in HOOKS:
        raise UsageError(f"There is no template of kind {kind!r}; the kinds are {', '.join(HOOKS)}.")
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"A plugin cannot be named {name!r}: take small letters and digits, starting with a letter, with - between "
            "words, as in register-fold."
        )
    if kind == "augmentation" and (name in RESERVED_NAMES or name.endswith(UNAIDED)):
        raise UsageError(f"The knob name {name!r} is taken: {', '.join(RESERVED_NAMES)}, and what ends in {UNAIDED}.")
    module = f"latentknobs_{module_of(name)}" if package else module_of(name)
    words = {"name": name, "kind": kind, "kinds": HOOKS[kind], "module": module, "class_name": class_of(name)}
    plugin, test = _filled(f"{kind}.py", words), _filled(f"test_{kind}.py", words | _place(module, package=package))
    if not package:
        return {f"plugins/{module}.py": plugin, f"tests/test_{module}.py": test}
    top = f"latentknobs-{name}"
    return {
        f"{top}/pyproject.toml": _filled("pyproject.toml", words),
        f"{top}/README.md": _filled("README.md", words),
        f"{top}/.github/workflows/tests.yml": _filled("tests.yml", words),
        f"{top}/{module}/__init__.py": plugin,
        f"{top}/tests/test_{module}.py": test,
    }


def _place(module: str, *, package: bool) -> dict[str, str]:
    """How a test finds the plugin."""
    if package:
        return {"standard": "", "own": f"\nimport {module}\n", "plugin": module}
    place = f'Path(__file__).parents[1] / "plugins" / "{module}.py"'
    return {"standard": "from pathlib import Path\n\n", "own": "", "plugin": place}


def _filled(template: str, words: Mapping[str, str]) -> str:
    text = (TEMPLATES / f"{template}.txt").read_text(encoding="utf-8")
    return Template(text).substitute(words)
