"""What a worker does: it loads plugins and models once, keeps them, and does one piece of work after another."""

from __future__ import annotations

import importlib
import os
import pickle
import platform
import threading
import traceback
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from attrs import define, frozen

from latentknobs import __version__
from latentknobs.core.executor_specs import ShardTask
from latentknobs.errors import ExecutorError, LatentKnobsError
from latentknobs.executors.shipping import WorkerHost, loads
from latentknobs.hooks.manager import Plugins
from latentknobs.hooks.plugin_discovery import short_name
from latentknobs.hooks.plugin_status import PluginReport


@frozen
class WorkerSpec:
    """
    What a worker must have, to be what the program is.

    Attributes:
        versions: Of latentknobs, and of what computes, whose last bits may differ from version to version.
        plugins: Those that the program has loaded.
        modules: Modules of plugins that were registered from memory, by name.
        build: Makes the host, in the worker.
    """

    versions: tuple[tuple[str, str], ...]
    plugins: tuple[PluginReport, ...]
    modules: tuple[tuple[str, str], ...]
    build: Callable[[WorkerSpec], WorkerHost]

    @classmethod
    def of(cls, plugins: Plugins, build: Callable[[WorkerSpec], WorkerHost]) -> WorkerSpec:
        """
        That of a program with these plugins.

        Raises:
            ExecutorError: A plugin is an object in memory, which no worker can load.
        """
        reports = tuple(report for report in plugins.reports() if report.state == "loaded")
        modules = []
        for report in reports:
            if report.origin == "object":
                module = getattr(plugins.loaded(report.name), "__spec__", None)
                if module is None:
                    raise ExecutorError(
                        f"The plugin {report.name!r} is in this program's memory alone, where workers cannot load it: "
                        "write it into a file of the plugins folder."
                    )
                modules.append((report.name, module.name))
        return cls(_versions(), reports, tuple(modules), build)

    def load_plugins(self, builtins: tuple[str, ...]) -> Plugins:
        """
        The plugins, in the worker.

        Args:
            builtins: Modules of the package's own plugins.

        Raises:
            ExecutorError: The worker lacks one, or has another version of it or of what is compared.
        """
        for (package, wanted), (_, there_is) in zip(self.versions, _versions(), strict=True):
            if wanted != there_is:
                raise ExecutorError(
                    f"The worker on {platform.node()} has {package} {there_is}, and this program has {wanted}: install "
                    "the same version there."
                )
        names = {report.name for report in self.plugins if report.origin == "built-in"}
        installed = any(report.origin == "entry point" for report in self.plugins)
        own = [module for module in builtins if short_name(module) in names]
        out = Plugins.build(own, plugins_dir=None, entry_points=installed, strict=False)
        for report in self.plugins:
            if report.origin == "file" and report.path and Path(report.path).is_file():
                out.add_file(Path(report.path))
        for name, module in self.modules:
            out.register(importlib.import_module(module), name)
        there = {report.name: report for report in out.reports() if report.state == "loaded"}
        for report in self.plugins:
            if (found := there.get(report.name)) is None or found.version != report.version:
                what = "lacks it" if found is None else f"has {found.version or 'another version'}"
                raise ExecutorError(
                    f"The plugin {report.name!r} ({report.version or report.origin}) is not the same on the worker on "
                    f"{platform.node()}, which {what}: install it there, or put its file at {report.path}."
                )
        return out


def _versions() -> tuple[tuple[str, str], ...]:
    others = [(name, version(name).partition("+")[0]) for name in ("torch", "numpy")]  # +cpu, +cu130: the same version
    return ("latentknobs", __version__), *others


@define(eq=False)
class _WorkerState:
    """What this process has loaded: the host and the task, each with the bytes that it was made of."""

    spec: bytes = b""
    host: WorkerHost | None = None
    task: bytes = b""
    work: ShardTask[Any, Any, Any] | None = None


_KEPT = _WorkerState()
_ONE_AT_A_TIME = threading.Lock()


@frozen
class Raised:
    """What work raised, as its result: what a future raises is about workers alone."""

    error: Exception


def run(spec: bytes, task: bytes, item: bytes) -> Any:
    """
    Do a task to an item, on one thread.

    Args:
        spec: A :class:`WorkerSpec`, pickled; the host is kept until another comes.
        task: The task, of :func:`~latentknobs.executors.shipping.dumps`; kept likewise.
        item: The item.

    Returns:
        The result, or :class:`Raised`: the task failed, or the worker is not what the program is.
    """
    for library in ("OMP", "MKL", "OPENBLAS"):
        os.environ[f"{library}_NUM_THREADS"] = "1"  # read when torch is loaded
    from threadpoolctl import threadpool_limits

    with _ONE_AT_A_TIME, threadpool_limits(limits=1):
        try:
            return _done(spec, task, item)
        except Exception as error:  # noqa: BLE001 - raised in the program
            if not isinstance(error, LatentKnobsError):
                error.add_note(traceback.format_exc())  # which does not travel otherwise
            return Raised(error)


def _done(spec: bytes, task: bytes, item: bytes) -> Any:
    if _KEPT.spec != spec or _KEPT.host is None:
        _KEPT.task, _KEPT.work, _KEPT.host = b"", None, None
        wanted: WorkerSpec = _unpickled(spec)
        _KEPT.host, _KEPT.spec = wanted.build(wanted), spec
    if _KEPT.task != task or _KEPT.work is None:
        _KEPT.work, _KEPT.task = loads(task, _KEPT.host), task
    given = loads(item, _KEPT.host)
    return _KEPT.work.work(given, _KEPT.work.prepare(given))


def _unpickled(spec: bytes) -> WorkerSpec:
    try:
        out = pickle.loads(spec)  # noqa: S301 - of the program that gives the work
    except LatentKnobsError:
        raise
    except Exception as error:
        raise ExecutorError(
            f"The worker on {platform.node()} has another version of latentknobs than this program "
            f"({' '.join(str(error).split())}): install the same there."
        ) from error
    assert isinstance(out, WorkerSpec)
    return out
