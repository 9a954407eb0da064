"""What the import of a plugin may change for good, and what it may not: what was there before stays."""

from __future__ import annotations

import os
import sys
import threading
from types import ModuleType

from attrs import Factory, define

from latentknobs.core.containment.calls import LOCAL_PACKAGE, PluginCall


@define(eq=False)
class ImportState:
    """Modules, sys.path, environment and threads before a plugin is imported; it may add to the first three."""

    modules: dict[str, ModuleType] = Factory(lambda: dict(sys.modules))
    places: list[str] = Factory(lambda: list(sys.path))
    environment: dict[str, str] = Factory(lambda: dict(os.environ))
    threads: set[threading.Thread] = Factory(lambda: set(threading.enumerate()))

    def put_back(self, call: PluginCall) -> None:
        """Put back what is missing or another, and note it on the call."""
        modules = {name: module for name, module in self.modules.items() if sys.modules.get(name) is not module}
        modules = {name: module for name, module in modules.items() if not name.startswith(LOCAL_PACKAGE)}
        if modules:
            sys.modules.update(modules)
            call.note(f"replaced the modules {', '.join(sorted(modules)[:3])}")
        if [place for place in self.places if place not in sys.path]:
            sys.path[:] = dict.fromkeys([*sys.path, *self.places])
            call.note("removed places from sys.path")
        environment = {name: value for name, value in self.environment.items() if os.environ.get(name) != value}
        if environment:
            os.environ.update(environment)
            call.note(f"changed the environment variables {', '.join(sorted(environment)[:3])}")
        for thread in set(threading.enumerate()) - self.threads:
            call.note(f"left the thread {thread.name!r} behind")
