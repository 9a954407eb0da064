"""``latentknobs doctor``: what this installation has."""

from __future__ import annotations

import os
import platform
import socket
import sys
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Any

import typer

from latentknobs import __version__
from latentknobs.errors import LatentKnobsError
from latentknobs.frontends.cli import options
from latentknobs.frontends.cli.context import echo, program
from latentknobs.frontends.cli.output import as_json
from latentknobs.workbench import Workbench

EXTRAS = {
    "dask": ("distributed",),
    "link": ("aalink",),
    "midi": ("mido", "python-rtmidi"),
    "notebook": ("anywidget", "traitlets"),
    "osc": ("python-osc", "zeroconf"),
    "pandas": ("pandas",),
    "plugin-dev": ("pytest", "pytest-benchmark"),
    "postgres": ("psycopg",),
    "web": ("fastapi", "starlette", "uvicorn", "websockets"),
}
"""Each extra with the packages that it brings."""
MISSING = "missing"
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


def doctor(
    ctx: typer.Context,
    registry: options.Registry = None,
    json: options.Json = False,
) -> None:
    """Show versions, extras, folders, registry, plugins and threads, to include in a bug report."""
    with program(ctx).workbench(registry) as workbench:
        facts = _facts(workbench)
    if json:
        as_json(facts)
        return
    for name, value in facts.items():
        lines = [f"{k}: {v}" for k, v in value.items()] if isinstance(value, dict) else [str(value)]
        echo(f"{name:<12}{lines[0] if lines else 'none'}")
        for line in lines[1:]:
            echo(f"{'':<12}{line}")


def _facts(workbench: Workbench) -> dict[str, Any]:
    return {
        "latentknobs": __version__,
        "python": f"{platform.python_version()} ({sys.executable})",
        "machine": f"{platform.platform()}, {os.cpu_count()} processors",
        "threads": {name: os.environ.get(name, "not set") for name in THREADS},
        "packages": {name: _version(name) for name in _dependencies()},
        "extras": {
            name: f"missing: pip install 'latentknobs[{name}]'"
            if MISSING in map(_version, packages)
            else ", ".join(f"{package} {_version(package)}" for package in packages)
            for name, packages in EXTRAS.items()
        },
        "cache": str(workbench.cache_dir),
        "registry": _registry(workbench),
        "models": {name: kind for kind, f in workbench.models.factories.items() for name in f.shipped},
        **_ports(workbench),
        "network": _network(workbench),
        "plugins": {r.name: r.state + (f" ({r.error})" if r.error else "") for r in workbench.plugins.reports()},
    }


def _ports(workbench: Workbench) -> dict[str, Any]:
    """What the command that lists MIDI ports says, where its extra is installed."""
    command = next((one for one in workbench.plugins.commands() if one.path == ("ports",)), None)
    if command is None or MISSING in map(_version, EXTRAS["midi"]):
        return {}
    try:
        found = command.run(workbench, json=True)
    except LatentKnobsError as error:
        return {"MIDI ports": str(error)}
    return {"MIDI ports": {kind: ", ".join(names) or "none" for kind, names in found.items()}}


def _network(workbench: Workbench) -> dict[str, str]:
    """The interfaces, and whether front ends could listen where they do by default."""
    out = {"interfaces": ", ".join(name for _number, name in socket.if_nameindex())}
    for name, spec in workbench.plugins.frontends().items():
        if spec.port is not None:
            out[name] = f"port {spec.port} {'free' if _is_free(spec.port) else 'taken: is it running already?'}"
    return out


def _is_free(port: int) -> bool:
    """Whether nobody on this machine listens there, by TCP or UDP."""
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            if kind == socket.SOCK_STREAM and os.name == "posix":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that have just ended
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


def _registry(workbench: Workbench) -> dict[str, Any]:
    """Each file that is read, the upper first."""
    return {
        str(source.path): source.error
        or (f"{source.knobs} knobs" if source.exists else "not there yet") + (", written" if source.written else "")
        for source in workbench.registry.sources()
    }


def _dependencies() -> list[str]:
    """The packages that latentknobs is declared to need, without extras."""
    try:
        lines = requires("latentknobs") or []
    except PackageNotFoundError:
        return []
    plain = [line for line in lines if "extra ==" not in line]
    return [line.split(">")[0].split("=")[0].split(";")[0].split("[")[0].strip() for line in plain]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return MISSING
