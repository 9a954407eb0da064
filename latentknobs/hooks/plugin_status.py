"""What became of a plugin: what ``plugins list`` shows."""

from __future__ import annotations

from typing import Literal, TypeAlias

from attrs import frozen

from latentknobs.hooks.plugin_discovery import Origin

State: TypeAlias = Literal["loaded", "skipped", "failed", "disabled"]


@frozen
class PluginReport:
    """
    What became of one plugin.

    Attributes:
        name: Its name.
        version: Its version, "sha256:..." for a local file, None = not known.
        origin: "built-in", "entry point", "file" or "object".
        path: Its file, None = not known.
        hooks: The hooks of it that are in use, sorted.
        state: loaded: all of it is in use. skipped: a file that does not say it is a plugin. failed: all of
            it or some hooks are left out, for the reason in ``error``. disabled: a person switched it off.
        error: The reason, in full sentences, None = nothing to say.
    """

    name: str
    version: str | None
    origin: Origin
    path: str | None
    hooks: tuple[str, ...]
    state: State
    error: str | None
