"""
The web server under load: python -m benchmarks.load.

Starts ``latentknobs serve`` in a process of its own, turns its knobs from clients on loopback, and prints a table:
first for one client that waits for each answer (from input to new notes), alone and beside one that works on pieces of
LONG clips, then for many that turn ten times a second without waiting. A turn that its client overtakes before it is
decoded is not answered; the table counts them. Each client has its own piece of CLIPS clips.
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

MODEL = "musicvae-broad-128"
LONG = 128
"""Clips of a long piece: the most that the server takes."""
THEME = (60, 60, 67, 67, 69, 69, 67, 67, 65, 65, 64, 64, 62, 62, 60, 60)


def piece(clips: int, shift: int) -> dict[str, Any]:
    """Quarter notes; every client has its own."""
    notes = [[4 * k, THEME[k % 16] + shift % 12, 4, 0] for k in range(8 * clips)]
    return {"name": f"client {shift}", "tempo": 120.0, "steps": 32 * clips, "notes": notes, "source": {"kind": "drawn"}}


def memory(process: int) -> float:
    """Resident memory of a process in MB."""
    resident = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{process}/status").read_text())
    return int(resident.group(1)) / 1024 if resident else float("nan")


async def record(link: ClientConnection, answers: dict[int, float], faults: list[str]) -> None:
    """Record when each answer arrives."""
    async for text in link:
        answer = json.loads(text)
        if answer["type"] == "error":
            faults.append(answer["error"]["message"])
        elif answer["type"] == "turned":
            answers[answer["seq"]] = time.perf_counter()


async def turn_steadily(url: str, number: int, clips: int, seconds: float, rate: float) -> tuple[dict[int, float], ...]:
    """One client that turns ``rate`` times a second; when it sent each turn, and when it was answered."""
    sent: dict[int, float] = {}
    answers: dict[int, float] = {}
    faults: list[str] = []
    async with connect(url, proxy=None) as link:
        await link.send(json.dumps({"type": "open", "seq": 0, "model": MODEL, "piece": piece(clips, number)}))
        assert json.loads(await link.recv())["type"] == "opened"
        recording = asyncio.create_task(record(link, answers, faults))
        began = time.perf_counter() + number / rate / 20
        for seq in count(1):
            at = began + seq / rate
            if at > began + seconds:
                break
            await asyncio.sleep(max(at - time.perf_counter(), 0))
            sent[seq] = time.perf_counter()
            knobs = {"pitch": round(6 * np.sin(seq / 7 + number), 3), "rhythm": round(np.cos(seq / 11), 3)}
            await link.send(json.dumps({"type": "turn", "seq": seq, "knobs": knobs}))
        await asyncio.sleep(1)
        recording.cancel()
    assert not faults, faults[:3]
    return sent, answers


async def alone(url: str, clips: int, turns: int) -> list[float]:
    """Milliseconds from input to new notes of one client that waits for each answer."""
    out = []
    async with connect(url, proxy=None) as link:
        await link.send(json.dumps({"type": "open", "seq": 0, "model": MODEL, "piece": piece(clips, 0)}))
        assert json.loads(await link.recv())["type"] == "opened"
        for seq in range(1, turns + 21):
            began = time.perf_counter()
            await link.send(json.dumps({"type": "turn", "seq": seq, "knobs": {"pitch": seq % 100 / 10}}))
            answer = json.loads(await link.recv())
            assert (answer["type"], answer["seq"]) == ("turned", seq)
            out.append((time.perf_counter() - began) * 1000)
            await asyncio.sleep(0.02)
    return out[20:]


async def many(url: str, clients: int, clips: int, seconds: float, rate: float) -> tuple[int, int, list[float]]:
    """Number of turns sent and answered, and the milliseconds until each answer."""
    clients_turns = await asyncio.gather(
        *(turn_steadily(url, number, clips, seconds, rate) for number in range(clients))
    )
    delays = [1000 * (answers[seq] - sent[seq]) for sent, answers in clients_turns for seq in answers]
    return sum(len(sent) for sent, _ in clients_turns), len(delays), delays


def long_piece(shift: int) -> dict[str, Any]:
    """As many clips as the server takes, another piece with each number."""
    return piece(LONG, shift)


async def work_long(url: str, done: asyncio.Event) -> int:
    """A client that opens long pieces and turns each a few times, one after the other; how many answers it had."""
    answers = seq = 0
    async with connect(url, proxy=None, max_size=None) as link:
        while not done.is_set():
            await link.send(json.dumps({"type": "open", "seq": seq, "model": MODEL, "piece": long_piece(seq)}))
            assert json.loads(await link.recv())["type"] == "opened"
            for turn in range(1, 4):
                await link.send(json.dumps({"type": "turn", "seq": seq + turn, "knobs": {"pitch": turn, "rhythm": 1}}))
                assert json.loads(await link.recv())["type"] == "turned"
                answers += 1
            seq += 4
    return answers


async def beside_long(url: str, turns: int) -> tuple[list[float], int]:
    """Milliseconds as of :func:`alone` while another client works on long pieces, and the answers that that one had."""
    done = asyncio.Event()
    other = asyncio.create_task(work_long(url, done))
    delays = await alone(url, 1, turns)
    done.set()
    return delays, await other


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
    options = parser.parse_args(arguments)
    words = [sys.executable, "-m", "latentknobs", "serve", "--port", "0", "--model", MODEL]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr is not None
            said = (re.search(r"127\.0\.0\.1:\d+", line) for line in server.stderr)
            address = next(found for found in said if found)  # there may be notes before it
            url = f"ws://{address.group()}/api/v1/live"
            one = asyncio.run(alone(url, options.clips, options.turns))
            beside, long_answers = asyncio.run(beside_long(url, options.turns))
            asyncio.run(many(url, options.clients, options.clips, 3, options.rate))  # until memory has settled
            before = memory(server.pid)
            turns, answered, delays = asyncio.run(
                many(url, options.clients, options.clips, options.seconds, options.rate)
            )
            after = memory(server.pid)
        finally:
            server.terminate()
    print("| from input to new notes, ms | median | 99th percentile |\n|---|---|---|")
    print(row("one client", one))
    print(row(f"one client beside another with pieces of {LONG} clips ({long_answers} turns)", beside))
    print(row(f"{options.clients} clients, {options.rate:g} times a second each", delays))
    print(
        f"\n{turns} turns in {options.seconds:g} s, {answered} answered ({answered / options.seconds:.0f} a second), "
        f"{turns - answered} overtaken by newer ones, no errors; memory {before:.0f} MB at the start, {after:.0f} MB "
        "at the end."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
