"""Where a registry is: a file of SQLite's, or a database on a PostgreSQL server. Passwords are never shown."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TypeAlias

from attrs import field, frozen
from sqlalchemy import URL
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from latentknobs.errors import RegistryError, UsageError

DRIVER = "postgresql+psycopg"
FORMS = f"give a path or sqlite:///PATH, or {DRIVER}://USER@HOST/DATABASE"
_SECRETS = ("password", "sslpassword")
_SHORT = 4


@frozen
class ServerAddress:
    """
    A database on a PostgreSQL server; as text it is its URL without passwords.

    Attributes:
        url: How it is reached.
    """

    url: URL = field(repr=False)

    def __str__(self) -> str:
        return without_password(self.url.render_as_string(hide_password=False))

    def cleaned(self, text: str) -> str:
        """A text of the driver's without the passwords, which the driver may repeat."""
        for secret in (self.url.password, *(self.url.query.get(name) for name in _SECRETS)):
            if secret:
                # A short one as a word alone: what is left of other words without it would give it away.
                edge = r"\b" if len(str(secret)) < _SHORT else ""
                text = re.sub(f"{edge}{re.escape(str(secret))}{edge}", "***", text)
        return text


Address: TypeAlias = Path | ServerAddress


def without_password(url: str | Path) -> str:
    """A registry's path or URL as it may be shown."""
    text = re.sub(r"(?<=://)([^:/@]*):.*@", r"\1@", str(url), count=1)
    return re.sub(rf"\b({'|'.join(_SECRETS)})=[^&]*", r"\1=***", text)


def address_of(url: str | Address) -> Address:
    """
    What a registry's path or URL means: a file, absolute, links followed, or a database.

    Raises:
        UsageError: It is a URL of another database, or names no file.
        RegistryError: It is a folder.
    """
    if isinstance(url, ServerAddress):
        return url
    if isinstance(url, str) and "://" in url:
        shown = repr(without_password(url))
        try:
            parsed = make_url(url)
        except (ArgumentError, ValueError):
            # Without the cause, whose text may hold the password.
            raise UsageError(f"The registry {shown} is not a URL: {FORMS}.") from None
        if "@" in (parsed.host or ""):
            raise UsageError(f"The registry {shown} has an @ in its user or password, which is written %40: {FORMS}.")
        backend = parsed.get_backend_name()
        if backend == "postgresql" and parsed.drivername in (backend, DRIVER) and parsed.database:
            return ServerAddress(parsed.set(drivername=DRIVER))
        if backend != "sqlite" or not parsed.database or parsed.query:
            raise UsageError(f"The registry {shown} is neither an SQLite file nor a PostgreSQL database: {FORMS}.")
        url = parsed.database
    path = Path(url).resolve()
    if path.is_dir():
        raise RegistryError(f"The registry {path} is a folder: name a file in it.")
    return path
