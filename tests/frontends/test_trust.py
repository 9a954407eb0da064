"""Plugins in the current folder run only where a person has named or trusted them."""

import os

import pytest

from latentknobs.frontends.cli.app import run_command_line
from latentknobs.hooks.trust import trusted_paths
from latentknobs.workbench import Workbench

PLUGIN = """
from pathlib import Path
from latentknobs import Note, NoteAugmentation, hookimpl
LATENTKNOBS_API = 1
with Path({sentinel!r}).open("a") as file:
    file.write("x")

class Edit(NoteAugmentation):
    \"\"\"Does nothing to speak of.\"\"\"
    name = knob_name = {name!r}
    def edit(self, notes, amount, rng):
        return [Note(note.onset, note.pitch) for note in notes]

@hookimpl
def register_augmentations():
    return [Edit()]
"""


@pytest.fixture
def tiny_registry(tmp_path_factory):
    """An empty file: none of these commands looks at knobs, and making some takes long."""
    path = tmp_path_factory.mktemp("none") / "registry.db"
    path.touch()
    return path


@pytest.fixture
def here(monkeypatch, tmp_path):
    """A folder, now the current one, that somebody has filled with a plugin."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LATENTKNOBS_PLUGINS_DIR")
    fill(tmp_path / "plugins", "theirs")
    return tmp_path


def fill(folder, name):
    """A folder with a plugin that notes beside the folder that it ran."""
    folder.mkdir(exist_ok=True)
    text = PLUGIN.format(sentinel=str(folder.parent / f"{name}-ran"), name=name)
    (folder / f"{name}.py").write_text(text, encoding="utf-8")


def ran(here, name="theirs"):
    """How often a plugin has run."""
    path = here / f"{name}-ran"
    return len(path.read_text()) if path.exists() else 0


@pytest.mark.parametrize("words", [("plugins", "list"), ("doctor",), ("plugins", "check", "attributes")])
def test_nobodys_plugins_do_not_run(cli, here, words):
    """They are told in one line on stderr that says how to allow them, and the command does its work."""
    done = cli(*words)

    assert done.code == 0
    assert ran(here) == 0
    if words != ("plugins", "check", "attributes"):  # whose process of its own is silent
        assert [line for line in done.err.splitlines() if "latentknobs plugins trust plugins" in line]


def test_the_list_says_why(cli, here):
    """A plugin that is not trusted is disabled, with the command that allows it."""
    (report,) = (one for one in cli("plugins", "list", "--json").json if one["name"] == "theirs")

    assert report["state"] == "disabled"
    assert "latentknobs plugins trust plugins allows this folder" in report["error"]


def test_a_trusted_folder_runs_until_trust_is_withdrawn(cli, here):
    """Once is enough, by resolved path, and --list shows it."""
    assert cli("plugins", "trust").code == 0
    assert cli("plugins", "trust").code == 0
    assert ran(here) == 0
    assert cli("plugins", "trust", "--list", "--json").json == [str(here / "plugins")]

    assert cli("plugins", "show", "theirs", "--json").json["state"] == "loaded"
    (here / "elsewhere").mkdir()
    os.chdir(here / "elsewhere")
    (here / "elsewhere" / "plugins").symlink_to(here / "plugins")
    assert cli("plugins", "show", "theirs", "--json").json["state"] == "loaded"

    assert cli("plugins", "trust", "--withdraw").code == 0
    assert cli("plugins", "show", "theirs", "--json").json["state"] == "disabled"
    assert ran(here) == 2


@pytest.mark.parametrize("way", ["option", "variable", "python"])
def test_a_named_folder_runs(cli, here, monkeypatch, way):
    """Naming it says that it may."""
    if way == "variable":
        monkeypatch.setenv("LATENTKNOBS_PLUGINS_DIR", "plugins")
    if way == "python":
        with Workbench.open(plugins_dir=here / "plugins") as workbench:
            assert "theirs" in workbench.plugins.augmentations()
    else:
        option = ("--plugins-dir", "plugins") if way == "option" else ()
        assert cli(*option, "plugins", "show", "theirs", "--json").json["state"] == "loaded"
    assert ran(here) == 1


def test_python_runs_no_strange_plugins_either(here, caplog):
    """A workbench that is opened in a folder runs nothing of it, and says so."""
    with Workbench.open() as workbench:
        assert "theirs" not in workbench.plugins.augmentations()

    assert "latentknobs plugins trust plugins" in caplog.text
    assert ran(here) == 0


def test_a_new_plugin_is_trusted_alone(cli, here):
    """What plugins new writes runs; what lay beside it does not."""
    assert cli("plugins", "new", "mine").code == 0

    states = {one["name"]: one["state"] for one in cli("plugins", "list", "--json").json}
    assert (states["mine"], states["theirs"]) == ("loaded", "disabled")
    assert trusted_paths() == (here / "plugins" / "mine.py",)
    assert ran(here) == 0


@pytest.mark.parametrize(
    "words",
    [
        ("--help",),
        ("--version",),
        (),
        ("knobs",),
        ("knobs", "--help"),
        ("turn", "--help"),
        ("knobs", "list", "--help"),
        ("serve", "--help"),
        ("plugins", "trust"),
    ],
    ids=" ".join,
)
def test_help_runs_no_plugin(here, monkeypatch, capsys, words):
    """Not even one of a folder that is named."""
    monkeypatch.setenv("LATENTKNOBS_PLUGINS_DIR", "plugins")

    run_command_line(words)

    assert ran(here) == 0


def test_completion_runs_no_plugin(here, monkeypatch, capsys):
    """A shell asks for completions at every press of a key."""
    monkeypatch.setenv("LATENTKNOBS_PLUGINS_DIR", "plugins")
    monkeypatch.setenv("_LATENTKNOBS_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "latentknobs knobs ")
    monkeypatch.setenv("COMP_CWORD", "2")

    run_command_line(())

    assert "show" in capsys.readouterr().out
    assert ran(here) == 0


def test_other_files_are_no_plugins(cli, here):
    """A folder named plugins that has none of ours is not spoken of."""
    (here / "plugins" / "theirs.py").write_text("raise SystemExit\n")

    assert "trust" not in cli("plugins", "list").err


def test_wrong_uses_are_told(cli, here):
    """A folder that is not there, one around that of the plugins, no folder, and one that was never trusted."""
    (here / "notes.txt").touch()
    assert "did you mean plugins?" in cli("plugins", "trust", ".").one_sentence()
    assert "is no folder" in cli("plugins", "trust", "notes.txt").one_sentence()
    assert trusted_paths() == ()
    assert "There is no folder nowhere" in cli("plugins", "trust", "nowhere").one_sentence()
    assert "is not trusted" in cli("plugins", "trust", "--withdraw").one_sentence()
