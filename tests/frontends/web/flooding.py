"""
A flood: python flooding.py PORT CLIENTS connects as many clients, each of which takes a place and gives nothing for it.

Each begins again whenever the server ends its connection, until standard input ends; then it prints how often each kind
of client had to. A process of its own, so that it does not slow those down who ask for something.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from collections import Counter
from contextlib import suppress

HOST = b"Host: 127.0.0.1\r\n"
WAYS = {
    "silent": b"",
    "half a header": b"GET / HTTP/1.1\r\n" + HOST + b"X: ",
    "half a body": b"POST /api/v1/models/tiny/open HTTP/1.1\r\n" + HOST + b"Content-Length: 1000000\r\n\r\n{",
    "idle": b"GET /static/registry.html HTTP/1.1\r\n" + HOST + b"\r\n",
    "deaf": b"GET /static/app.js HTTP/1.1\r\n" + HOST + b"\r\n",
    "oversize": b"POST /api/v1/models/tiny/read HTTP/1.1\r\n" + HOST + b"Content-Length: 99999999\r\n\r\n",
    "nonsense": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20,
}
MORE = {"half a header": b"x", "half a body": b"x", "oversize": b"x" * 65536}


async def harm(port: int, way: str, over: asyncio.Event, begun: Counter[str]) -> None:
    """Connect in that way, and go on a little each second."""
    while not over.is_set():
        with suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
            begun[way] += 1
            try:
                writer.write(WAYS[way])
                while await is_open(reader, way) and not over.is_set():
                    writer.write(MORE.get(way, b""))
                    await writer.drain()
            finally:
                writer.transport.abort()
        await asyncio.sleep(0.2)


async def is_open(reader: asyncio.StreamReader, way: str) -> bool:
    """Whether, a second later, the server has not ended the connection; who is deaf never reads, but comes again."""
    if way == "deaf":
        await asyncio.sleep(15)
        return False
    try:
        async with asyncio.timeout(1):
            return await reader.read(65536) != b""
    except TimeoutError:
        return True


async def flood(port: int, clients: int) -> None:
    """All of them."""
    over, begun = asyncio.Event(), Counter[str]()
    ways = itertools.islice(itertools.cycle(WAYS), clients)
    tasks = [asyncio.create_task(harm(port, way, over, begun)) for way in ways]
    await asyncio.to_thread(sys.stdin.read)
    over.set()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    json.dump(begun, sys.stdout)


if __name__ == "__main__":
    asyncio.run(flood(*map(int, sys.argv[1:])))
