"""How front ends read their own options."""

from __future__ import annotations

import argparse
from typing import NoReturn

from latentknobs.errors import UsageError


class FrontendParser(argparse.ArgumentParser):
    """
    A parser that refuses in one sentence, and takes options by their whole names only.

    Args:
        name: Of the front end, as ``serve`` calls it.
        description: One sentence.

    Raises:
        UsageError: From ``parse_args``: an option is unknown, or has no value that it can have.
    """

    def __init__(self, name: str, description: str) -> None:
        super().__init__(prog=f"latentknobs serve {name}", description=description, allow_abbrev=False)
        self._name = name

    def error(self, message: str) -> NoReturn:
        """Refuse the arguments."""
        raise UsageError(f"serve {self._name}: {message}.")


def port(text: str) -> int:
    """The type of an option that is a port; 0 = any free one."""
    number = int(text) if text.isdecimal() else -1
    if not 0 <= number < 65536:
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return number
