"""Texts from elsewhere, as a terminal may show them."""

from __future__ import annotations

import re

_CONTROLS = "\x00-\x08\x0b-\x1f\x7f-\x9f"
_DIRECTIONS = "\u202a-\u202e\u2066-\u2069"
UNSAFE = re.compile(f"[{_CONTROLS}{_DIRECTIONS}\ud800-\udfff]")
"""Control characters besides tab and newline, marks that turn the direction of writing, and halves of characters."""


def printable(text: str) -> str:
    r"""
    A text without characters that a terminal obeys or that hide what a line says: they are shown as ``\x1b``.

    Names, notes and messages may come from a registry, a file or a plugin of somebody else.
    """
    return UNSAFE.sub(lambda found: _escape(ord(found[0])), text)


def _escape(code: int) -> str:
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
