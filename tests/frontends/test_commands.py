from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from latentknobs.attributes.plugin import register_attributes, register_comparisons
from latentknobs.frontends.cli.app import COMMANDS, GROUPS, PATHS, run_command_line
from latentknobs.workbench import Workbench

ROOT = Path(__file__).parents[2]
KNOB_KEYS = {
    "name", "model", "augmentation", "kind", "fit", "unit", "step", "low", "high", "verdict", "dimensions",
}  # fmt: skip


def test_discover_finds_stores_and_prints(cli, tmp_path):
    """Discover prints a table of what it found and stores it in the registry that was named."""
    registry = tmp_path / "mine.db"
    words = ("--model", "tiny", "--corpus", "tiny", "--clips", 400, "--fit", "ridge", "--registry", registry)
    result = cli("discover", "transpose", *words)

    assert result.code == 0, result.err
    assert "pitch" in result.out
    assert "-12 to +12 semitones" in result.out
    assert "clips of test songs" in result.err
    assert "stored knob pitch" in result.err
    listed = cli("knobs", "list", "--model", "tiny", "--registry", registry, "--json").json
    assert [knob["name"] for knob in listed] == ["pitch"]


def test_a_discovery_takes_fits_selector_and_basis(cli, tmp_path):
    """Only the fits named are made, S is the named selector's, and the named basis is asked; a wrong name is exit 2."""
    words = ["--model", "tiny", "--corpus", "tiny", "--clips", 400, "--registry", tmp_path / "own.db"]
    chosen = ["--fit", "mean", "--fit", "ridge", "--selector", "threshold", "--basis", "pca"]
    chosen += ["--recombined", 200, "--layers", 3, "--all-keys"]
    result = cli("discover", "transpose", "--quick", *chosen, *words, "--json")

    assert result.code == 0, result.err
    (run,) = result.json["runs"]
    assert [knob["fit"] for knob in run["knobs"]] == ["mean", "ridge"]
    asked = cli("runs", "show", run["run"], "--registry", tmp_path / "own.db", "--json").json["parameters"]
    assert (asked["recombined"], asked["layers"], asked["one_key"]) == (200, 3, False)
    card = cli("knobs", "show", "pitch", "--model", "tiny", "--registry", tmp_path / "own.db").out
    assert "in pca" in card
    wrong = cli("discover", "transpose", "--fit", "rigde", *words)
    assert wrong.code == 2
    assert "no fit named 'rigde'" in wrong.one_sentence()


def test_a_quick_discovery_says_what_it_skips(cli, tmp_path):
    """--quick names on stderr the fits that it leaves out and its fewer controls, and no knob of it is accepted."""
    words = ["--model", "tiny", "--corpus", "tiny", "--clips", 400, "--registry", tmp_path / "quick.db", "--json"]
    result = cli("discover", "transpose", "--quick", *words)

    assert "20 random controls for 100" in result.err
    assert "network" in result.err
    knobs = result.json["runs"][0]["knobs"]
    assert [knob["fit"] for knob in knobs] == ["mean", "ridge"]
    assert "accepted" not in {knob["verdict"] for knob in knobs}


def test_discover_as_json(cli, tmp_path):
    """With --json stdout has the run: its counts and all knobs that were tried, with the promised keys."""
    words = ("--model", "tiny", "--corpus", "tiny", "--clips", 400, "--fit", "mean", "--fit", "ridge")
    run = cli("discover", "transpose", *words, "--registry", tmp_path / "mine.db", "--json").json["runs"][0]

    assert run["augmentation"] == "transpose"
    assert run["counts"]
    assert all(set(knob) >= KNOB_KEYS for knob in run["knobs"])


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["transpoze"], 2, "did you mean 'transpose'"),
        (["--corpus", "tinny"], 2, "did you mean 'tiny'"),
        (["--corpus", "tiny+tiny"], 2, "same source twice"),
        (["--corpus", "tiny:here"], 2, "takes nothing after a colon"),
        (["--corpus", "midi"], 2, "after a colon"),
        (["--corpus", "midi:{tmp}/nowhere"], 1, "nowhere"),
        (["--model", "nothing"], 2, "no model named"),
        (["--clips", "20"], 1, "more clips"),
        (["--registry", "{tmp}/no/registry.db"], 1, "does not exist"),
        (["--registry", "{tmp}/foreign.db"], 1, "not a latentknobs registry"),
        (["--registry", "mysql://me:secret@there/db"], 2, "neither an SQLite file nor a PostgreSQL database"),
    ],
)
def test_discovery_asked_for_wrongly(cli, tmp_path, listing, words, code, says):
    """One sentence, the right exit code, and no file made or changed."""
    with closing(sqlite3.connect(tmp_path / "foreign.db")) as connection:
        connection.execute("CREATE TABLE tune (name TEXT)")
    there = listing()
    base = ["discover", "--model", "tiny", "--corpus", "tiny", "--clips", 400]
    result = cli(*base, *(word.format(tmp=tmp_path) for word in words))

    assert says in result.one_sentence()
    assert "secret" not in result.err
    assert result.code == code
    assert listing() == there


def test_a_seed_too_large_to_be_kept_is_refused(cli, listing):
    """A seed that the registry cannot keep is wrong use, found out before any work."""
    there = listing()
    result = cli("discover", "transpose", "--model", "tiny", "--corpus", "tiny", "--clips", 400, "--seed", 2**63)

    assert result.code == 2
    assert "--seed" in result.err
    assert listing() == there


def test_ctrl_c_in_discover_writes_nothing(cli, listing, monkeypatch):
    """Ctrl-C while songs are read: one line, exit code 130, the registry as it was."""
    from latentknobs.testing.tiny import TinyBackend

    def interrupt(*_args):
        signal.raise_signal(signal.SIGINT)

    there = listing()
    monkeypatch.setattr(TinyBackend, "encode", interrupt)
    result = cli("discover", "transpose", "--model", "tiny", "--corpus", "tiny", "--clips", 400)

    assert result.code == 130
    assert result.err.strip().splitlines() == ["Interrupted: what was not finished is not written."]
    assert listing() == there


@pytest.mark.slow
def test_a_real_interrupt_of_discover(plugins_dir, tmp_path, listing):
    """SIGINT to the running program: exit code 130, one line, nothing written."""
    there = listing()
    words = ["discover", "transpose", "--model", "tiny", "--corpus", "tiny", "--clips", "1000000"]
    process = subprocess.Popen(
        [sys.executable, "-m", "latentknobs", *words],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
    )
    time.sleep(4)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)

    assert process.returncode == 130, err
    assert out == ""
    assert "Traceback" not in err
    assert listing() == there


def test_knob_cards(cli):
    """Knobs show prints the card: range, verdict, dimensions, effects and acceptance criteria."""
    card = cli("knobs", "show", "pitch", "--model", "tiny").out

    lines = [" ".join(line.split()) for line in card.splitlines()]
    assert "usable range -12 to +12 semitones" in lines
    assert "verdict provisional" in lines
    assert "mean-pitch" in card
    assert "equivariance" in card
    assert any(line.startswith("dimensions by effect 1 dimension,") and line.endswith(" stable") for line in lines)
    assert any(
        line.startswith("dimensions by max-t") and " stable, overlap with the selected dimensions" in line
        for line in lines
    )
    assert any(line.startswith("basis standard") and line.endswith("hold 90 % of the moved energy") for line in lines)
    assert "basis decoder-fisher The basis decoder-fisher is left out: the model tiny has no LatentGradient." in lines


def test_knobs_as_json(cli):
    """Knobs list and show print the promised keys; show the evidence too."""
    listed = cli("knobs", "list", "--model", "tiny", "--json").json
    shown = cli("knobs", "show", "pitch", "--model", "tiny", "--json").json

    assert [knob["name"] for knob in listed] == ["pitch", "rhythm"]
    assert set(shown) >= KNOB_KEYS | {"evidence"}
    assert {"dim", "share", "weight"} == set(shown["dimensions"][0])
    assert cli("knobs", "list", "--model", "tiny").out.count("tiny") == 2


def test_unknown_knob_is_named(cli):
    """A knob that is not there is named, with the nearest that is."""
    result = cli("knobs", "show", "pich", "--model", "tiny")

    assert result.code == 2
    assert "did you mean 'pitch'" in result.one_sentence()


def test_models(cli):
    """Model list has the models with their knobs, model show what one is."""
    listed = {model["name"]: model for model in cli("model", "list", "--json").json}
    shown = cli("model", "show", "tiny", "--json").json

    assert listed["tiny"]["knobs"] == ["pitch", "rhythm"]
    assert listed["tiny"]["model_id"] == shown["model_id"]
    assert (shown["latent_size"], shown["encodes"]) == (24, True)
    assert "latent_size: 24" in cli("model", "show", "tiny").out


def test_model_evaluate(cli):
    """Model evaluate measures reconstruction, prior and paths, an object for each corpus: the tiny model is exact."""
    (facts,) = cli("model", "evaluate", "tiny", "--corpus", "tiny", "--clips", 200, "--json").json

    assert facts["corpus"] == "tiny"
    assert facts["mean"]["greedy"]["value"] == 1.0
    assert set(facts["mean"]["comparisons"]) == {c.name for c in register_comparisons()}
    assert set(facts["prior"]["attributes"]) == {a.name for a in register_attributes()}
    assert facts["smoothness"]["pairs"] == 200
    assert cli("model", "evaluate", "tiny", "--split", "some").code == 2


def test_model_evaluate_takes_several_corpora(cli):
    """Each corpus named by --corpus is evaluated alone, joined ones as one, in the order they are named."""
    words = ("model", "evaluate", "tiny", "--corpus", "tiny", "--corpus", "tiny+factors", "--clips", 200)

    facts = cli(*words, "--json").json
    shown = cli(*words).out

    assert [one["corpus"] for one in facts] == ["tiny", "tiny+factors"]
    assert facts[0] == cli("model", "evaluate", "tiny", "--corpus", "tiny", "--clips", 200, "--json").json[0]
    assert shown.index("tiny on tiny:") < shown.index("tiny on tiny+factors:")


def test_model_compare(cli):
    """Model compare measures both models on the same clips: the tiny one agrees with itself in every token."""
    words = ("model", "compare", "tiny", "tiny", "--corpus", "tiny", "--clips", 200)
    facts = cli(*words, "--json").json
    shown = cli(*words).out

    assert facts["a"] == facts["b"]
    assert facts["agreement"]["tokens"]["value"] == facts["a"]["mean"]["greedy"]["value"] == 1
    for text in ("clips of", "A: tiny", "B: tiny", "active units", "tokens that both decode alike", "KS of B"):
        assert text in shown
    assert cli("model", "compare", "tiny", "tiny", "--split", "some").code == 2


@pytest.mark.parametrize(
    ("words", "says"),
    [(("--corpus", "tiny", "--corpus", "tiny"), "name each once"), (("--corpus", "tiny", "--corpus", "tinny"), "tiny")],
)
def test_model_evaluate_refuses_before_the_work(cli, words, says):
    """A corpus named twice, or one that is not there, is told before anything is measured."""
    result = cli("model", "evaluate", "tiny", *words)

    assert result.code == 2
    assert says in result.one_sentence()


def test_model_evaluate_says_what_it_measured_how(cli):
    """The tables name the protocol, how many of what were measured, and what each figure is."""
    shown = cli("model", "evaluate", "tiny", "--corpus", "tiny", "--clips", 400).out

    for text in (
        "z is drawn from the posterior, as in MusicVAE's protocol",
        "| tokens, greedy ",
        "| hold tokens, greedy ",
        "| rest tokens, greedy ",
        "| onset-pitch-f1, greedy ",
        "100.0% (100.0% to 100.0%)",
        "Prior: 1000 codes from N(0, I)",
        "before repair",
        "| mean-pitch (semitones) ",
        "Interpolation: 200 pairs of clips",
        "10.0% = even",
        "active units: 16 of 24",
    ):
        assert text in shown


def test_registry_upgrade(cli, own, tmp_path):
    """A registry of this version needs nothing; one that is not there is said so."""
    assert "up to date" in cli("registry", "upgrade", own / "registry.db").err
    assert cli("registry", "upgrade", tmp_path / "none.db").code == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("LATENTKNOBS_API = 1\ndef broken(:\n", "line 2"),
        ("LATENTKNOBS_API = 1\nimport nothing_of_that_name\n", "nothing_of_that_name"),
        ("LATENTKNOBS_API = 1\nimport sys\nsys.exit(3)\n", "sys.exit"),
        (
            (
                "from latentknobs import hookimpl\nLATENTKNOBS_API = 1\n"
                "@hookimpl\ndef register_augmentations():\n    return 7\n"
            ),
            "register_augmentations",
        ),
    ],
)
def test_a_broken_plugin_stops_nothing(cli, plugins_dir, text, says):
    """A broken plugin is told on stderr, the command runs; plugins list gives the reason; strict is exit code 1."""
    (plugins_dir / "broken.py").write_text(text)
    result = cli("knobs", "list", "--model", "tiny", "--json")
    reports = {report["name"]: report for report in cli("plugins", "list", "--json").json}

    assert result.code == 0
    assert len(result.json) == 2
    assert says in result.err
    assert reports["broken"]["state"] == "failed"
    assert says in reports["broken"]["error"]
    assert "broken" in cli("plugins", "list").out


def test_strict_plugins_raise(cli, plugins_dir, monkeypatch):
    """With LATENTKNOBS_STRICT=1 a broken plugin ends the program with one sentence and exit code 1."""
    (plugins_dir / "broken.py").write_text("LATENTKNOBS_API = 1\nimport nothing_of_that_name\n")
    monkeypatch.setenv("LATENTKNOBS_STRICT", "1")
    result = cli("knobs", "list")

    assert result.code == 1
    assert "nothing_of_that_name" in result.one_sentence()


def test_an_augmentation_that_changes_its_input_is_refused(cli, plugins_dir, listing):
    """A plugin's edit that writes into the clips it is given ends the discovery with a sentence that names it."""
    (plugins_dir / "vandal.py").write_text(
        """
import numpy as np
from latentknobs import hookimpl
from latentknobs.core.augmentation import Augmented

LATENTKNOBS_API = 1


class Vandal:
    name, knob_name, unit, amounts, target = "vandal", "vandal", "", (1.0,), None
    changes, preserves, clip_format, doc = frozenset(), frozenset(), "melody-2bar", "Spoils."

    def __call__(self, clips, amount, rng):
        clips[:] = 129
        return Augmented(clips, np.ones(len(clips), dtype=bool))


@hookimpl
def register_augmentations():
    return [Vandal()]
"""
    )
    there = {name: data for name, data in listing().items() if name.endswith(".db")}
    result = cli("discover", "vandal", "--model", "tiny", "--corpus", "tiny", "--clips", 400)

    assert result.code == 1
    assert "vandal" in result.one_sentence()
    assert {name: data for name, data in listing().items() if name.endswith(".db")} == there


COMMANDS_PLUGIN = """
from pathlib import Path
from typing import Annotated

from latentknobs import CommandSpec, Param, hookimpl

LATENTKNOBS_API = 1


def greet(
    host,
    name: Annotated[str, Param("Whom.")],
    count: Annotated[int, Param("How often.")] = 1,
    loud: bool = False,
    share: float | None = None,
    folder: Annotated[Path | None, Param("Where.", short="-f")] = None,
):
    host.note("greeting")
    return {"name": name, "count": count, "loud": loud, "share": share, "folder": str(folder)}


def odd(host, what: list = []):
    pass


@hookimpl
def register_commands():
    return [
        CommandSpec(("greet",), "Greet someone.", greet),
        CommandSpec(("model", "greet"), "Greet a model.", greet),
        CommandSpec(("new", "greet"), "Greet in a group of its own.", greet),
        CommandSpec(("turn",), "Takes a name that is taken.", greet),
        CommandSpec(("odd",), "Has a parameter that cannot be read.", odd),
        CommandSpec(("hostless",), "Takes no host.", lambda: None),
    ]
"""


def test_plugins_bring_commands(cli, plugins_dir):
    """A CommandSpec becomes a command: no default = argument, default = option; what it returns is JSON on stdout."""
    (plugins_dir / "greeting.py").write_text(COMMANDS_PLUGIN)
    result = cli("greet", "Ann", "--count", 2, "--loud", "--share", 0.5, "-f", "there")

    assert result.code == 0, result.err
    assert result.json == {"name": "Ann", "count": 2, "loud": True, "share": 0.5, "folder": "there"}
    assert "greeting" in result.err
    assert cli("model", "greet", "Ann").json["count"] == 1
    assert cli("new", "greet", "Ann").code == 0
    assert cli("greet").code == 2
    assert cli("greet", "Ann", "--count", "many").code == 2
    assert "Whom." in cli("greet", "--help").out


def test_commands_that_cannot_be_added_are_left_out(cli, plugins_dir):
    """A command with a taken name or unreadable parameters is left out with a line; ours and the others work."""
    (plugins_dir / "greeting.py").write_text(COMMANDS_PLUGIN)
    result = cli("knobs", "list", "--model", "tiny", "--json")

    assert result.code == 0
    assert len(result.json) == 2
    assert "'turn': that is taken" in result.err
    assert "'odd' has a parameter 'what'" in result.err
    assert "'hostless' cannot be read" in result.err
    assert cli("turn", "--help").out.count("--knob")


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_the_list_of_commands_says_what_each_says_of_itself(cli, path):
    """The same sentence, though the list imports none of them."""
    *group, name = path
    sentence = GROUPS[group[0]].commands[name] if group else COMMANDS[name]
    own = cli(*path, "--help").out

    assert sentence in " ".join(own.split())
    assert name in cli(*group, "--help").out


def test_help_lists_every_command(cli):
    """--help names the commands, --version the version, and a word that is none is exit code 2."""
    text = cli("--help").out
    for word in (
        "discover",
        "knobs",
        "turn",
        "interpolate",
        "sample",
        "similar",
        "train",
        "model",
        "plugins",
        "doctor",
    ):
        assert word in text
    assert cli("--version").out.startswith("latentknobs ")
    assert cli("nonsense").code == 2
    assert cli("turn", "--nonsense").code == 2
    assert {"list", "show", "import", "evaluate"} <= set(cli("model", "--help").out.split())


def test_debug_shows_where_an_error_comes_from(cli, monkeypatch):
    """A traceback comes only with --debug or LATENTKNOBS_DEBUG=1."""
    from latentknobs.errors import UnknownNameError

    words = ("knobs", "show", "nothing", "--model", "tiny")
    assert cli(*words).code == 2
    with pytest.raises(UnknownNameError):
        run_command_line([*words, "--debug"])
    monkeypatch.setenv("LATENTKNOBS_DEBUG", "1")
    with pytest.raises(UnknownNameError):
        run_command_line([*words])


def test_faults_of_the_program_are_not_hidden(cli, monkeypatch):
    """An error that is none of ours keeps its traceback: it is a fault to be reported."""

    def broken(*_args, **_kwargs):
        raise ZeroDivisionError

    monkeypatch.setattr(Workbench, "model", broken)
    with pytest.raises(ZeroDivisionError):
        run_command_line(["model", "evaluate", "tiny"])


def test_plugins_dir_may_stand_anywhere(cli, tmp_path):
    """--plugins-dir is read before or after the command, with a space or =."""
    folder = tmp_path / "more"
    folder.mkdir()
    (folder / "greeting.py").write_text(COMMANDS_PLUGIN)
    for words in (("--plugins-dir", folder, "greet", "Ann"), ("greet", "Ann", f"--plugins-dir={folder}")):
        assert cli(*words).json["name"] == "Ann"
    assert cli("greet", "--plugins-dir").code == 2


def test_no_colour_where_nobody_looks(cli):
    """Piped output has no escape codes."""
    assert "\x1b" not in cli("knobs", "list").out + cli("turn", "--model", "tiny").out
