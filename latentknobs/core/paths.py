"""What the environment says of where things are: LATENTKNOBS_REGISTRY, _PLUGINS_DIR, _CACHE and _CONFIG."""

from __future__ import annotations

import os
from pathlib import Path

LOCAL_PLUGINS = Path("plugins")
"""The plugins folder that nobody has named: of its files only trusted ones run."""


def named_plugins_dir() -> Path | None:
    """LATENTKNOBS_PLUGINS_DIR, None = not set."""
    named = os.environ.get("LATENTKNOBS_PLUGINS_DIR")
    return Path(named) if named else None


def default_registry() -> str:
    """LATENTKNOBS_REGISTRY, else ``registry.db`` in the current folder (made when a knob is first stored)."""
    return os.environ.get("LATENTKNOBS_REGISTRY") or "registry.db"


def cache_dir() -> Path:
    """LATENTKNOBS_CACHE, else the user's cache folder of this program; nothing is made here."""
    named = os.environ.get("LATENTKNOBS_CACHE")
    if named:
        return Path(named)
    from platformdirs import user_cache_path

    return user_cache_path("latentknobs", appauthor=False)


def config_dir() -> Path:
    """LATENTKNOBS_CONFIG, else the user's configuration folder of this program; nothing is made here."""
    named = os.environ.get("LATENTKNOBS_CONFIG")
    if named:
        return Path(named)
    from platformdirs import user_config_path

    return user_config_path("latentknobs", appauthor=False)
