"""
Which plugins of the current folder may run: those that a person has named or allowed once.

A folder that somebody else filled (a clone, a download) must not run code because a command is typed in it. What is
allowed is kept by resolved path, one a line, in the user's configuration folder.
"""

from __future__ import annotations

import os
from pathlib import Path

from latentknobs.core.atomic_write import write_file
from latentknobs.core.paths import LOCAL_PLUGINS, config_dir
from latentknobs.errors import OutputError, UsageError


def trusted_paths() -> tuple[Path, ...]:
    """The folders and files that are trusted, in the order in which they were."""
    try:
        lines = _store().read_bytes().split(b"\n")
    except OSError:  # nothing has been trusted, or it cannot be known: then nothing is
        return ()
    return tuple(dict.fromkeys(Path(os.fsdecode(line)) for line in lines if line))


def is_trusted(file: Path) -> bool:
    """Whether a plugin's file may run: it is trusted itself, or the folder in which it lies."""
    known = trusted_paths()
    return file.parent.resolve() in known or file.resolve() in known


def trust(path: Path) -> Path:
    """
    Trust a folder, or one plugin file; returns its resolved path.

    Raises:
        UsageError: It is not there or neither of both, it is the folder around one named ``plugins``, or its name has
            a line break.
        OutputError: The user's configuration cannot be written.
    """
    place = path.resolve()
    if not place.exists():
        raise UsageError(f"There is no folder {path} to trust; name the folder that holds the plugins.")
    if not place.is_dir() and not (place.is_file() and place.suffix == ".py"):
        raise UsageError(f"{path} is no folder, and no plugin file (FILE.py); name the folder that holds the plugins.")
    if (place / LOCAL_PLUGINS).is_dir() and not any(place.glob("*.py")):
        raise UsageError(f"{path} holds no plugins itself; did you mean {path / LOCAL_PLUGINS}?")
    if "\n" in str(place):
        raise UsageError(f"The path {str(place)!r} has a line break and cannot be kept; rename it.")
    if place not in trusted_paths():
        store = _store()
        try:
            store.parent.mkdir(parents=True, exist_ok=True)
            with store.open("ab") as file:  # one write at the end: two programs at once lose nothing
                file.write(os.fsencode(place) + b"\n")
        except OSError as error:
            raise OutputError(f"{store} could not be written: {error.strerror or error}.") from error
    return place


def withdraw(path: Path) -> Path:
    """
    Trust a folder or file no longer; returns its resolved path.

    Raises:
        UsageError: It was not trusted.
        OutputError: The user's configuration cannot be written.
    """
    place, known = path.resolve(), trusted_paths()
    if place not in known:
        raise UsageError(f"{place} is not trusted; latentknobs plugins trust --list shows what is.")
    kept = b"".join(os.fsencode(other) + b"\n" for other in known if other != place)
    write_file(_store(), kept, overwrite=True)
    return place


def _store() -> Path:
    return config_dir() / "trusted-plugins"
