"""What a file is instead of weights, from its first bytes: no file is trusted to be what its name says."""

from __future__ import annotations

from pathlib import Path

HEAD = 512
"""Bytes that are looked at."""
OTHERS = {
    b"version https://git-lfs": "is a Git LFS pointer, which stands for the file: fetch that with git lfs pull",
    b"\x89HDF": "is an HDF5 file, as Keras writes: convert its arrays to safetensors",
    b"\x1f\x8b": "is a gzip archive: unpack it and name the file in it",
    b"<!doctype html": "is a web page: download the file itself, not the page that shows it",
    b"<html": "is a web page: download the file itself, not the page that shows it",
}
"""First bytes, and a clause that follows the file's name."""
TEXT = "is text, and weights are not: name the file of weights"


def what_else(start: bytes) -> str:
    """
    What a file that begins so is instead of weights, a clause that follows its name; "" where it may be weights.

    Args:
        start: Its first bytes, :data:`HEAD` of them where there are so many.
    """
    if not start:
        return "is empty: copy or download it again"
    for first, clause in OTHERS.items():
        if start.lstrip().lower().startswith(first.lower()):
            return clause
    if start[257:262] == b"ustar":
        return "is a tar archive: unpack it and name the file or folder in it"
    if all(byte >= 32 or byte in b"\t\r\n" for byte in start) and start.isascii():
        return TEXT
    return ""


def what_else_is(path: Path) -> str:
    """
    The same of a file.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        return what_else(file.read(HEAD))
