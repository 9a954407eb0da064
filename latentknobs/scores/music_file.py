"""A file of MIDI or notation as it is on the disk: to be read, kept and given back."""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path

from attrs import field, frozen

from latentknobs.scores.input_bytes import read_bytes


@frozen(slots=False)
class MusicFile:
    """
    A file of music.

    Attributes:
        path: Where it is, or its bare name.
        data: Its bytes.
    """

    path: Path
    data: bytes = field(repr=False)

    @classmethod
    def read(cls, path: Path) -> MusicFile:
        """
        The file at a path.

        Raises:
            MidiError: It cannot be opened or is too large.
        """
        return cls(path, read_bytes(path))

    @cached_property
    def sha256(self) -> str:
        """Hash of its bytes, hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()
