"""The bytes of a file, if they are not too many."""

from __future__ import annotations

from pathlib import Path

from latentknobs.errors import MidiError

MAX_BYTES = 10_000_000
"""Largest file that is read: some hours of a full arrangement."""


def read_bytes(path: Path) -> bytes:
    """
    The file's content.

    Raises:
        MidiError: It cannot be opened, or is larger than MAX_BYTES.
    """
    try:
        with path.open("rb") as opened:
            data = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise MidiError(f"{path} cannot be opened: {error.strerror or error}.") from error
    if len(data) > MAX_BYTES:
        raise MidiError(
            f"{path} is larger than {MAX_BYTES // 10**6} MB, more than any melody takes: "
            "export the melody's track alone, as MIDI."
        )
    return data
