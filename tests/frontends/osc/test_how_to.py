"""What docs/how-to/osc.md shows can be done."""

from __future__ import annotations

import re
import shlex

import pytest

from tests.frontends.osc.conftest import PAGE, example
from tests.frontends.waiting import until

TABLE = PAGE.read_text(encoding="utf-8").split("## Addresses")[1].split("##")[0]
MESSAGES = [
    message for row in re.findall(r"^\| (`/.*?) \|", TABLE, re.MULTILINE) for message in re.findall(r"`([^`]+)`", row)
]


@pytest.mark.parametrize("message", MESSAGES)
def test_every_message_of_the_table_is_understood(dialogue, message):
    """None is answered with an error, where the snapshots that it names are there."""
    for name in ("1", "a", "b"):
        dialogue.say("/snapshot/store", name)
    dialogue.say("/morph/from", "a")
    dialogue.say("/morph/to", "b")
    address, *arguments = shlex.split(message)

    answers = dialogue.say(address, *(text if text.isalpha() or "-" in text else float(text) for text in arguments))
    assert [answer for answer in answers if answer.address == "/error"] == []


def test_the_table_names_every_parameter(session):
    """Besides the other knobs."""
    named = {shlex.split(message)[0][1:] for message in MESSAGES}

    assert [path for path in session.parameters if not path.startswith("knob/") and path not in named] == []


def test_the_python_example_runs(session, port, free_port):
    """It subscribes and turns a knob."""
    code = example("python").replace("7770", str(port)).replace("7771", str(free_port))
    names = {}
    exec(compile(code, "osc.md", "exec"), names)
    names["client"].close()

    until(lambda: session.values["knob/pitch"] == 3)
