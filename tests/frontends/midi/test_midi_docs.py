"""The examples of docs/how-to/midi.md; its commands are run with all others."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from latentknobs.frontends.midi import mapping
from latentknobs.frontends.midi.options import _parser, read_options

PAGE = (Path(__file__).parents[3] / "docs" / "how-to" / "midi.md").read_text(encoding="utf-8")


def test_the_mapping_of_the_page_is_one(session):
    """Its controls are read, and are of this piece."""
    text = re.search(r"^```toml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)[1]
    controls, others = mapping.from_file(tomllib.loads(text)["controls"], session)

    assert others == []
    assert [one.path for one in controls] == ["knob/pitch", "knob/rhythm", "bars/1-2/knob/pitch", "record"]


def test_the_commands_of_the_page_are_options():
    """The command line does not read what follows a front end's name: it does."""
    commands = re.findall(r"latentknobs serve midi ([^`\n]+)", PAGE)
    assert commands != []
    for words in commands:
        read_options([word for word in words.split() if word not in ("--file", "tune.mid")])


def test_the_options_of_the_page_are_all():
    """Each is told, and no other but the session's --file and what --in is called beside others."""
    option = r"--[a-z][a-z-]*"
    told = set(re.findall(option, PAGE)) - {"--file", "--midi-in"}

    assert told == set(re.findall(option, _parser().format_usage()))
