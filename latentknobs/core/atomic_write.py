"""Results are written whole or not at all, and never over a file that nobody said to replace."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from latentknobs.errors import OutputError, UsageError


def write_file(path: Path, data: bytes, *, overwrite: bool = False) -> None:
    """
    Write ``data`` to ``path``: into a file beside it first, which then takes its name.

    Args:
        path: Where to.
        data: The whole file.
        overwrite: Whether an existing file may be replaced.

    Raises:
        UsageError: The file exists and ``overwrite`` is False.
        OutputError: It cannot be written (no such folder, no right to, a full disk); nothing is left behind.
    """
    if not overwrite and path.exists():
        raise UsageError(f"{path} exists already and was left as it is: choose another name or allow overwriting.")
    part = path.with_name(f".{secrets.token_hex(6)}.part")
    try:
        try:
            with part.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{path} could not be written: {error.strerror or error}.") from error
