"""Where plugins are found and how each is loaded. Loading runs a plugin's code."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib.machinery import PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from attrs import frozen

from latentknobs import __version__
from latentknobs.core.containment.calls import LOCAL_PACKAGE
from latentknobs.errors import PluginError
from latentknobs.hooks import HOOK_API, PROJECT

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

Origin: TypeAlias = Literal["built-in", "entry point", "file", "object"]
API_LINE = re.compile(r"^LATENTKNOBS_API\s*=\s*(\d+|\([\d\s,]+\))\s*(?:#.*)?$", re.MULTILINE)
"""The line of a file that states the version of the hooks it serves, or several: ``LATENTKNOBS_API = (1, 2)``."""


class _NoCacheLoader(SourceFileLoader):
    """Compiles the source itself: nothing is written beside a plugin, and a changed file is never read stale."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


class NotAPlugin(Exception):  # noqa: N818 - not a fault: the file is skipped
    """Raised when a file does not say that it is a plugin."""


@frozen
class PluginSource:
    """
    A plugin that has been found and not yet loaded.

    Attributes:
        name: What people call it; LATENTKNOBS_DISABLE takes it.
        origin: How it was found.
        load: Gives the plugin (a module, mostly).
        version: Its version, "sha256:..." of a local file's text, None = not known.
        path: Its file, None = not known.
        identity: What is the same until the plugin changes, "" where its import is not marked.
    """

    name: str
    origin: Origin
    load: Callable[[], Any]
    version: str | None = None
    path: str | None = None
    identity: str = ""


def check_api(stated: object, *, required: bool = True) -> None:
    """
    See that a plugin serves our version of the hooks.

    Args:
        stated: Its LATENTKNOBS_API: a version, or a tuple of all that it serves.
        required: Whether it must state one.

    Raises:
        PluginError: Ours is not among them, or none is stated.
    """
    if stated is None and not required:
        return
    if stated is None:
        raise PluginError(f"it does not state LATENTKNOBS_API = {HOOK_API}")
    versions = stated if isinstance(stated, tuple) and stated else (stated,)
    if not all(isinstance(version, int) for version in versions):
        raise PluginError(f"it states LATENTKNOBS_API = {stated!r}, which is neither a whole number nor several")
    if HOOK_API not in versions:
        newer = min(versions) > HOOK_API
        what = "a newer latentknobs is needed" if newer else "see docs/reference/hooks.md for how to upgrade it"
        listed = " and ".join(map(str, versions))
        raise PluginError(f"it is written for version {listed} of the hooks, and this is version {HOOK_API}: {what}")


def short_name(module: str) -> str:
    """A built-in's name for people: "latentknobs.augmentations.plugin" is "augmentations"."""
    return module.removeprefix(f"{PROJECT}.").removesuffix(".plugin")


def builtin_candidates(modules: Sequence[str]) -> Iterator[PluginSource]:
    """The package's own plugins, in the order given; none is imported before it is loaded."""
    for module in modules:
        yield PluginSource(short_name(module), "built-in", partial(importlib.import_module, module), __version__)


def entry_point_candidates() -> Iterator[PluginSource]:
    """Installed packages that have an entry point in the group "latentknobs", by name."""
    from importlib.metadata import entry_points

    def load(point: EntryPoint) -> Any:
        plugin = point.load()
        check_api(getattr(plugin, "LATENTKNOBS_API", None))
        return plugin

    def of(point: EntryPoint) -> tuple[str, str, str]:
        return (point.name, point.dist.name if point.dist else "", point.value)

    for point in sorted(entry_points(group=PROJECT), key=of):
        version = point.dist.version if point.dist else None
        identity = f"{point.name} {point.value} {version} {_version_of(_file_of(point))}"
        yield PluginSource(point.name, "entry point", partial(load, point), version, identity=identity)


def _file_of(point: EntryPoint) -> Path:
    """The file of an entry point's module, or of its package, found without importing either."""
    top, *rest = point.module.split(".")
    try:
        spec = PathFinder.find_spec(top)
    except (ImportError, ValueError):
        spec = None
    folder = next(iter(spec.submodule_search_locations or ()), None) if spec else None
    inside = Path(folder or "", *rest).with_suffix(".py") if rest else None
    return inside if inside and inside.is_file() else Path((spec and spec.origin) or "")


def plugin_files(folder: Path | None) -> Iterator[Path]:
    """The files ``*.py`` of a folder without a leading underscore, by name."""
    if folder is None or not folder.is_dir():
        return
    for path in sorted(folder.glob("*.py")):
        if not path.name.startswith("_") and path.is_file():
            yield path


def states_api(path: Path) -> bool:
    """Whether a file says that it is a plugin, of whichever version of the hooks; its code is not run."""
    try:
        return API_LINE.search(path.read_bytes().decode("utf-8", "replace")) is not None
    except OSError:
        return False


def file_candidate(path: Path) -> PluginSource:
    """One file, whatever folder it is in."""
    version = _version_of(path)
    identity = f"{path.resolve()} {version}"
    return PluginSource(path.stem, "file", partial(_load_file, path), version, str(path), identity)


def _version_of(path: Path) -> str | None:
    import hashlib

    try:
        return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"
    except OSError:  # loading it says why
        return None


def _load_file(path: Path) -> Any:
    stated = API_LINE.search(path.read_bytes().decode("utf-8", "replace"))
    if stated is None:
        raise NotAPlugin(f"no line says LATENTKNOBS_API = {HOOK_API}, so it was not run")
    check_api(ast.literal_eval(stated[1]))
    name = f"{LOCAL_PACKAGE}.{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path, loader=_NoCacheLoader(name, str(path)))
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    package = sys.modules.setdefault(LOCAL_PACKAGE, ModuleType(LOCAL_PACKAGE))
    package.__path__ = []
    before = sys.modules.get(name)
    sys.modules[name] = module  # dataclasses, attrs and pickle look a class's module up
    try:
        spec.loader.exec_module(module)
    except BaseException:
        if before is None:
            del sys.modules[name]
        else:
            sys.modules[name] = before
        raise
    return module
