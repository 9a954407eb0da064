"""
A front end in forty lines: turn knobs in a terminal, over the WebSocket of ``latentknobs serve``.

Run it beside the server, python live_client.py, and type amounts: pitch=3 rhythm=1
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from urllib.request import urlopen

from websockets.sync.client import connect

NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


def main(lines: Iterable[str], server: str = "127.0.0.1:8765") -> None:
    """Print what each line's amounts make of the example."""
    with urlopen(f"http://{server}/api/v1/info") as answer:
        info = json.load(answer)
    with urlopen(f"http://{server}/api/v1/examples/{info['examples'][0]['name']}") as answer:
        piece = json.load(answer)
    with connect(f"ws://{server}/api/v1/live", proxy=None) as live:
        live.send(json.dumps({"type": "open", "seq": 0, "model": info["model"], "piece": piece}))
        show(json.loads(live.recv()))
        for seq, line in enumerate(lines, 1):
            knobs = {name: float(amount) for name, _, amount in (word.partition("=") for word in line.split())}
            live.send(json.dumps({"type": "turn", "seq": seq, "knobs": knobs}))
            show(json.loads(live.recv()))


def show(answer: dict[str, object]) -> None:
    """Print the notes of an answer, or what was wrong."""
    notes = answer.get("notes")
    if isinstance(notes, list):
        print(*(f"{NAMES[pitch % 12]}{pitch // 12 - 1}" for _onset, pitch, _length, _voice in notes))  # noqa: T201 - what it is for
    else:
        print(answer["error"])  # noqa: T201 - as above


if __name__ == "__main__":
    main(sys.stdin, *sys.argv[1:])
