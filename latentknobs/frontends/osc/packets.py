"""
OSC packets: bytes to messages, and messages to bytes.

python-osc reads and writes the single values. Its reader of bundles never returns from an element of negative size, and
its reader of messages logs what it skips; both loops are here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from attrs import frozen
from pythonosc.osc_message_builder import build_msg
from pythonosc.parsing import osc_types

from latentknobs.errors import UsageError

Argument: TypeAlias = float | bool | str
"""What messages carry; bool is int's subclass, and int a float's stand-in."""
MOST_BYTES = 8192
"""Of a packet, in and out: some systems send no longer ones."""
MOST_DEPTH = 8
"""Bundles within one another."""
MOST_ADDRESS = 255
"""Characters of an address."""

_BUNDLE = b"#bundle\0"
_HEAD = _BUNDLE + osc_types.write_date(osc_types.IMMEDIATELY)
_READERS: dict[str, Callable[[bytes, int], tuple[Argument, int]]] = {
    "i": osc_types.get_int,
    "h": osc_types.get_int64,
    "f": osc_types.get_float,
    "d": osc_types.get_double,
    "s": osc_types.get_string,
    "S": osc_types.get_string,
}
_CONSTANTS: dict[str, tuple[Argument, ...]] = {"T": (True,), "F": (False,), "I": (True,), "N": ()}


@frozen
class OscMessage:
    """
    One message.

    Attributes:
        address: Where it goes, with its leading slash; may be a pattern.
        arguments: Its values.
        at: When it takes effect, in seconds since 1970; 0 = at once.
    """

    address: str
    arguments: tuple[Argument, ...] = ()
    at: float = 0.0


def read(packet: bytes) -> list[OscMessage]:
    """
    The messages of a packet, in order; those of a bundle have its time.

    Raises:
        UsageError: It is no OSC packet, too long, or has values of other types than numbers, texts, T, F, I and N.
    """
    if len(packet) > MOST_BYTES:
        raise UsageError(f"A packet has at most {MOST_BYTES} bytes: send several.")
    try:
        return list(_elements(packet, 0.0, 0))
    except UsageError:
        raise
    except Exception as error:
        # The library's own errors, and whatever else malformed bytes bring about in it.
        raise UsageError(f"A packet of {len(packet)} bytes is no OSC: {error}.") from error


def _elements(data: bytes, at: float, depth: int) -> Iterator[OscMessage]:
    if not data.startswith(_BUNDLE):
        yield _message(data, at)
        return
    if depth == MOST_DEPTH:
        raise UsageError(f"At most {MOST_DEPTH} bundles may lie within one another.")
    own, place = osc_types.get_date(data, len(_BUNDLE))
    while place < len(data):
        size, place = osc_types.get_int(data, place)
        if not 0 < size <= len(data) - place:
            raise UsageError(f"A bundle's element cannot have {size} bytes where {len(data) - place} are left.")
        yield from _elements(data[place : place + size], max(at, own), depth + 1)
        place += size


def _message(data: bytes, at: float) -> OscMessage:
    address, place = osc_types.get_string(data, 0)
    if not (address.startswith("/") and len(address) <= MOST_ADDRESS and address.isascii() and address.isprintable()):
        raise UsageError(f"An address begins with / and has at most {MOST_ADDRESS} ASCII characters.")
    tags, place = osc_types.get_string(data, place) if place < len(data) else (",", place)
    if not tags.startswith(","):
        raise UsageError(f"{address}: the types begin with a comma.")
    arguments: list[Argument] = []
    for tag in tags[1:]:
        if tag in _READERS:
            value, place = _READERS[tag](data, place)
            arguments.append(value)
        elif tag in _CONSTANTS:
            arguments += _CONSTANTS[tag]
        else:
            raise UsageError(f"{address}: values are of the types i, f, s, T, F, I, N, h and d, not {tag!r}.")
    return OscMessage(address, tuple(arguments), at)


def written(message: OscMessage) -> bytes:
    """The bytes of a message; on and off are 1 and 0, which every client reads."""
    return build_msg(message.address, [int(x) if isinstance(x, bool) else x for x in message.arguments]).dgram


def bundled(messages: Iterable[OscMessage]) -> list[bytes]:
    """Messages in bundles of at most ``MOST_BYTES``, as few as there can be."""
    out: list[bytes] = []
    for message in messages:
        data = written(message)
        element = osc_types.write_int(len(data)) + data
        if out and len(out[-1]) + len(element) <= MOST_BYTES:
            out[-1] += element
        else:
            out.append(_HEAD + element)
    return out
