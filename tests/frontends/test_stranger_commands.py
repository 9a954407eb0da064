"""What a stranger's commands do wrong on the command line, and what people read then."""

from pathlib import Path

import pytest

PLUGIN = """\
import sys
import numpy as np
from latentknobs import CommandSpec, hookimpl
from latentknobs.errors import UsageError
LATENTKNOBS_API = 1

def work(host, name: str = "Ann"):
    {code}

@hookimpl
def register_commands():
    return [CommandSpec(("odd",), "Does odd things.", work)]
"""


@pytest.fixture
def odd(cli, plugins_dir: Path):
    """Runs the command ``odd`` of a plugin with this code."""

    def run(code, *words):
        (plugins_dir / "stranger.py").write_text(PLUGIN.format(code=code), encoding="utf-8")
        return cli("odd", *words)

    return run


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("1 / 0", "failed: line 8: it raised ZeroDivisionError: division by zero"),
        ("sys.exit(0)", "failed: line 8: it calls sys.exit(0), which a plugin must not do"),
        ("return np.ones(2)", "returned an array of float64 of shape (2,), which JSON cannot carry"),
        ("return {'loss': float('nan')}", "returned a dict, which JSON cannot carry"),
        ("host.nothing", "failed: line 8: it raised AttributeError"),
    ],
)
def test_a_broken_command_is_one_sentence(odd, plugins_dir, code, wanted):
    """What it raises, leaves or gives back wrongly names the command, the plugin and its file, with exit code 1."""
    result = odd(code)

    sentence = result.one_sentence()
    assert result.code == 1
    assert f"command 'odd' of plugin 'stranger' ({plugins_dir / 'stranger.py'})" in sentence
    assert wanted in sentence
    assert "it must return JSON data or nothing" in sentence


@pytest.mark.parametrize(
    ("code", "code_of_exit", "wanted"),
    [
        ("raise UsageError('Name somebody else.')", 2, "Error: Name somebody else."),
        ("raise OSError(28, 'No space left on device', name)", 1, "No space left on device (Ann); nothing more"),
        ("raise KeyboardInterrupt", 130, "Interrupted"),
    ],
)
def test_what_a_command_says_on_purpose_passes(odd, code, code_of_exit, wanted):
    """Our own errors, the system's and Ctrl-C are told as those of our own commands are."""
    result = odd(code)

    assert result.code == code_of_exit
    assert wanted in result.err
    assert "stranger" not in result.err


def test_a_command_that_works_is_left_alone(odd):
    """Its signature is read, and what it gives back printed."""
    assert odd("return {'name': name}", "--name", "Eve").json == {"name": "Eve"}
    assert odd("host.note(name)").out == ""
