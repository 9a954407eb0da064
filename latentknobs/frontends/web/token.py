"""The token that clients must present: from a file, the environment or a prompt, and never from the command line."""

from __future__ import annotations

import argparse
import getpass
import os
import secrets
import stat
import sys
from pathlib import Path

from latentknobs.errors import UsageError

VARIABLE = "LATENTKNOBS_TOKEN"
LEAST = 16
MOST = 1024


def add_token_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where the token is."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--token-file",
        metavar="FILE",
        type=Path,
        help=f"file with what clients must present [{VARIABLE}; outside loopback one is generated]",
    )
    where.add_argument("--ask-token", action="store_true", help="ask for it")
    # It is known here so that its refusal says what to do, and does not repeat it.
    where.add_argument("--token", type=_refused, help=argparse.SUPPRESS)


def token_of(options: argparse.Namespace, *, required: bool) -> str:
    """
    The token that the options or the environment give, else a new one where one is required, else "".

    Raises:
        UsageError: It cannot be read, others can read it too, or it is none.
    """
    # What the server starts, such as the process that parses files, does not need it.
    from_environment = os.environ.pop(VARIABLE, "")
    if options.token_file is not None:
        return _checked(_read(options.token_file), f"in {options.token_file}")
    if options.ask_token:
        return _checked(_asked(), "that was typed")
    if from_environment:
        return _checked(from_environment, f"in {VARIABLE}")
    return secrets.token_urlsafe(24) if required else ""


def _refused(_text: str) -> str:
    raise argparse.ArgumentTypeError(
        f"every program here can read it on the command line: use --token-file FILE, {VARIABLE} or --ask-token"
    )


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if os.name == "posix" and mode & 0o077:
                raise UsageError(f"Others can use the token file {path} (mode {mode:04o}): run chmod 600 on it first.")
            return file.read(MOST + 2).decode("ascii", "replace").strip()
    except OSError as error:
        raise UsageError(
            f"The token file {path} cannot be read ({error.strerror}): name one that has the token and nothing else."
        ) from error


def _asked() -> str:
    if not sys.stdin.isatty():
        raise UsageError(f"There is no terminal to ask for the token on: use --token-file or {VARIABLE}.")
    try:
        return getpass.getpass("Token: ", sys.stderr)
    except EOFError as error:
        raise UsageError("No token was typed.") from error


def _checked(token: str, where: str) -> str:
    if not LEAST <= len(token) <= MOST or not token.isascii() or not token.isprintable() or " " in token:
        raise UsageError(
            f"The token {where} cannot be used: it has {LEAST} to {MOST} printable ASCII characters and no blanks."
        )
    return token
