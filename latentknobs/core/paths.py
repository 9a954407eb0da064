"""What the environment says of where things are: LATENTKNOBS_REGISTRY, LATENTKNOBS_PLUGINS_DIR, LATENTKNOBS_CACHE."""

from __future__ import annotations

import os
from pathlib import Path


def default_plugins_dir() -> Path | None:
    """LATENTKNOBS_PLUGINS_DIR, else ``plugins`` in the current folder if it is there."""
    named = os.environ.get("LATENTKNOBS_PLUGINS_DIR")
    if named:
        return Path(named)
    here = Path("plugins")
    return here if here.is_dir() else None


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
