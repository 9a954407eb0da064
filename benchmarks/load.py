"""
The web server under load: python -m benchmarks.load.

Starts ``latentknobs serve`` in a process of its own, turns its knobs from clients on loopback, and prints a table:
first one client that waits for each answer (from input to new notes), then many that turn ten times a second whether
they are answered or not, as hands do. A turn that the same client overtakes before it is decoded is not answered; the
table says how many were. Each client has a piece of its own of CLIPS clips.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from websockets.asyncio.client import ClientConnection, connect

MODEL = "musicvae-folk-128"
THEME = (60, 60, 67, 67, 69, 69, 67, 67, 65, 65, 64, 64, 62, 62, 60, 60)


def piece(clips: int, shift: int) -> dict[str, Any]:
    """Quarter notes, another piece for every client."""
    notes = [[4 * k, THEME[k % 16] + shift % 12, 4, 0] for k in range(8 * clips)]
    return {"name": f"client {shift}", "tempo": 120.0, "steps": 32 * clips, "notes": notes, "source": {"kind": "drawn"}}


def memory(process: int) -> float:
    """Resident memory of a process in MB."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{process}/status").read_text())
    return int(found.group(1)) / 1024 if found else float("nan")


async def hear(link: ClientConnection, answers: dict[int, float], faults: list[str]) -> None:
    """Note down when each answer came."""
    async for text in link:
        got = json.loads(text)
        if got["type"] == "error":
            faults.append(got["error"]["message"])
        elif got["type"] == "turned":
            answers[got["seq"]] = time.perf_counter()


async def hand(url: str, number: int, clips: int, seconds: float, rate: float) -> tuple[dict[int, float], ...]:
    """One client that turns so many times a second; when it asked, and when it was answered."""
    asked: dict[int, float] = {}
    answers: dict[int, float] = {}
    faults: list[str] = []
    async with connect(url, proxy=None) as link:
        await link.send(json.dumps({"type": "open", "seq": 0, "model": MODEL, "piece": piece(clips, number)}))
        assert json.loads(await link.recv())["type"] == "opened"
        hearing = asyncio.create_task(hear(link, answers, faults))
        began = time.perf_counter() + number / rate / 20
        for seq in count(1):
            at = began + seq / rate
            if at > began + seconds:
                break
            await asyncio.sleep(max(at - time.perf_counter(), 0))
            asked[seq] = time.perf_counter()
            knobs = {"pitch": round(6 * np.sin(seq / 7 + number), 3), "rhythm": round(np.cos(seq / 11), 3)}
            await link.send(json.dumps({"type": "turn", "seq": seq, "knobs": knobs}))
        await asyncio.sleep(1)
        hearing.cancel()
    assert not faults, faults[:3]
    return asked, answers


async def alone(url: str, clips: int, turns: int) -> list[float]:
    """Milliseconds from input to new notes of one client that waits for each answer."""
    out = []
    async with connect(url, proxy=None) as link:
        await link.send(json.dumps({"type": "open", "seq": 0, "model": MODEL, "piece": piece(clips, 0)}))
        assert json.loads(await link.recv())["type"] == "opened"
        for seq in range(1, turns + 21):
            began = time.perf_counter()
            await link.send(json.dumps({"type": "turn", "seq": seq, "knobs": {"pitch": seq % 100 / 10}}))
            got = json.loads(await link.recv())
            assert (got["type"], got["seq"]) == ("turned", seq)
            out.append((time.perf_counter() - began) * 1000)
            await asyncio.sleep(0.02)
    return out[20:]


async def many(url: str, clients: int, clips: int, seconds: float, rate: float) -> tuple[int, int, list[float]]:
    """Turns that were asked for, that were answered, and milliseconds until they were."""
    hands = await asyncio.gather(*(hand(url, number, clips, seconds, rate) for number in range(clients)))
    late = [1000 * (answers[seq] - asked[seq]) for asked, answers in hands for seq in answers]
    return sum(len(asked) for asked, _ in hands), len(late), late


def row(name: str, figures: Sequence[float]) -> str:
    """A line of the table with median and 99th percentile."""
    return f"| {name} | {np.median(figures):.1f} | {np.percentile(figures, 99):.1f} |"


def main(arguments: Sequence[str] | None = None) -> int:
    """Start the server, load it, and print what was measured."""
    parser = argparse.ArgumentParser(description="The web server under load.")
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--rate", type=float, default=10.0, help="turns a second of each client")
    parser.add_argument("--clips", type=int, default=1, help="clips of each client's piece")
    parser.add_argument("--turns", type=int, default=300, help="turns of the client that is alone")
    asked = parser.parse_args(arguments)
    words = [sys.executable, "-m", "latentknobs", "serve", "--port", "0", "--model", MODEL]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr is not None
            found = re.search(r"127\.0\.0\.1:\d+", server.stderr.readline())
            assert found
            url = f"ws://{found.group()}/api/v1/live"
            one = asyncio.run(alone(url, asked.clips, asked.turns))
            asyncio.run(many(url, asked.clients, asked.clips, 3, asked.rate))  # so that memory is at its level
            before = memory(server.pid)
            turns, answered, late = asyncio.run(many(url, asked.clients, asked.clips, asked.seconds, asked.rate))
            after = memory(server.pid)
        finally:
            server.terminate()
    print("| from input to new notes, ms | median | 99th percentile |\n|---|---|---|")
    print(row("one client", one))
    print(row(f"{asked.clients} clients, {asked.rate:g} times a second each", late))
    print(
        f"\n{turns} turns in {asked.seconds:g} s, {answered} answered ({answered / asked.seconds:.0f} a second), "
        f"{turns - answered} overtaken by newer ones, no errors; memory {before:.0f} MB at the start, {after:.0f} MB "
        "at the end."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
