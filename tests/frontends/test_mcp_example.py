"""The front end of docs/examples/mcp, written from the documents alone, with the protocol's own client over stdio."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from latentknobs import scores
from latentknobs.scores import read_piece

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "mcp" / "plugins" / "mcp_server.py"

needs_mcp = pytest.mark.skipif(find_spec("mcp") is None, reason="mcp is not installed")


def _with_client(folder: Path, use: Callable[[Any], Awaitable[None]]) -> None:
    """Do something with a client of the server, which is the installed program in a folder of its own."""
    from mcp import Client, StdioServerParameters

    kept = {name: value for name, value in os.environ.items() if name.startswith(("LATENTKNOBS_", "OMP_", "PYTHON"))}
    command = ["-m", "latentknobs", "--plugins-dir", str(EXAMPLE.parent), "serve", "mcp"]
    server = StdioServerParameters(
        command=sys.executable, args=command, cwd=folder, env={**kept, "PYTHONPATH": str(ROOT)}
    )

    async def run() -> None:
        async with Client(server) as client:
            await use(client)

    asyncio.run(run())


def test_it_is_one_short_file():
    """A front end for another protocol is a plugin of under a hundred lines."""
    assert len(EXAMPLE.read_text(encoding="utf-8").splitlines()) < 100


@needs_mcp
@pytest.mark.slow
def test_a_client_lists_knobs_turns_a_file_and_is_told_what_changed(tmp_path):
    """Three semitones up raise the mean pitch by three, and the result lies in the file that was named."""

    async def use(client):
        listed = await client.call_tool("list_knobs", {})
        pitch = next(knob for knob in listed.structured_content["result"] if knob["name"] == "pitch")
        assert (pitch["unit"], pitch["low"], pitch["high"]) == ("semitones", -12, 12)
        asked = {"file": str(scores.TWINKLE.path), "knobs": {"pitch": 3}, "write_to": "up.mid"}
        told = (await client.call_tool("turn_file", asked)).structured_content
        assert told["after"]["mean pitch"] - told["before"]["mean pitch"] == pytest.approx(3, abs=0.2)
        assert told["new notes"] == told["removed notes"] > 0

    _with_client(tmp_path, use)

    pairs = zip(scores.twinkle().notes, read_piece(tmp_path / "up.mid").notes, strict=True)
    assert {after.pitch - before.pitch for before, after in pairs} == {3}


@needs_mcp
@pytest.mark.slow
def test_what_is_wrong_is_told_the_client(tmp_path):
    """An unknown knob, an amount outside the range and a missing file are errors in words; the server goes on."""

    async def use(client):
        for knobs, file, said in (
            ({"pich": 3}, "", "did you mean 'pitch'?"),
            ({"pitch": 99}, "", "12"),
            ({"pitch": 3}, "nowhere.mid", "nowhere.mid"),
        ):
            answer = await client.call_tool("turn_file", {"file": file, "knobs": knobs})
            assert answer.is_error
            assert said in answer.content[0].text
        assert not (await client.call_tool("list_knobs", {})).is_error

    _with_client(tmp_path, use)
