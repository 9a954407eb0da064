"""The documents of hooks and plugins: every hook is pinned, documented and tested, and every example runs."""

from __future__ import annotations

import inspect
import json
import os
import queue
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import latentknobs
from latentknobs.core.augmentation import in_context
from latentknobs.core.backend import VAEBackend
from latentknobs.core.clip import Note
from latentknobs.core.corpus import CorpusRequest
from latentknobs.core.edit_context import contexts_of
from latentknobs.core.knob import Operator
from latentknobs.core.melody_format import MELODY
from latentknobs.core.method_specs import BasisInput, FitInput, SelectInput
from latentknobs.core.metric_specs import LabelledCodes
from latentknobs.core.plugin_guard import run_augmentation
from latentknobs.errors import CorpusError, NotFittedError
from latentknobs.frontends.cli.app import run_command_line
from latentknobs.hooks import HOOK_API, PROJECT, specs
from latentknobs.hooks.built_ins import BUILTINS
from latentknobs.hooks.manager import Plugins
from latentknobs.hooks.plugin_types import KINDS
from latentknobs.registry.overlay import PACKAGED
from latentknobs.registry.store import KnobStore
from latentknobs.steering.batch_decoder import DecoderQueue
from latentknobs.studio.shared_session import SharedSession
from latentknobs.testing.checks import jobs_of, run
from latentknobs.testing.store import sample_run
from latentknobs.testing.tiny import TinyBackend, tiny_clips

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "how-to" / "plugins.md").read_text(encoding="utf-8")
REFERENCE = (ROOT / "docs" / "reference" / "hooks.md").read_text(encoding="utf-8")
HOOKS = {
    name: re.sub(r"\b(\w+\.)+", "", str(inspect.signature(value)).replace("'", ""))
    for name, value in vars(specs).items()
    if getattr(value, f"{PROJECT}_spec", None) is not None
}


def examples():
    """Each complete plugin in the documents, by the heading that it stands under."""
    plugins = {}
    for part in re.split(r"^## ", GUIDE + REFERENCE, flags=re.MULTILINE)[1:]:
        for block in re.findall(r"```python\n(.*?)```", part, flags=re.DOTALL):
            if f"LATENTKNOBS_API = {HOOK_API}" in block:
                plugins[part.splitlines()[0].strip("`").split("(")[0]] = block
    return plugins


EXAMPLES = examples()
FIRST = "Your first plugin in ten lines"


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Loads one of the examples as a file, strictly, beside the built-in plugins."""

    def loaded(heading):
        path = tmp_path / "example.py"
        path.write_text(EXAMPLES[heading], encoding="utf-8")
        plugins = Plugins.build(BUILTINS, plugins_dir=None, entry_points=False, strict=True)
        plugins.add_file(path)
        return plugins

    for name in ("DISABLE", "PLUGINS"):
        monkeypatch.delenv(f"LATENTKNOBS_{name}", raising=False)
    return loaded


def test_the_hook_api_is_pinned():
    """Names and arguments of the hooks are those of tests/data/hook_api.txt.

    HOW TO FIX: a plugin in somebody's folder relies on these. Adding a hook: add its line. Changing or removing
    one: raise HOOK_API as well.
    """
    pinned = (ROOT / "tests" / "data" / "hook_api.txt").read_text(encoding="utf-8").splitlines()

    assert pinned == [f"HOOK_API = {HOOK_API}", *sorted(f"{name}{signature}" for name, signature in HOOKS.items())]


@pytest.mark.parametrize("hook", sorted(HOOKS))
def test_every_hook_is_documented_and_tested(hook):
    """A hook's heading is its signature, an example implements it, and a test is named after it."""
    assert f"\n## `{hook}{HOOKS[hook]}`\n" in REFERENCE
    assert re.search(rf"^@hookimpl\ndef {hook}\(", REFERENCE, re.MULTILINE)
    assert f"def test_hook_{hook}(" in Path(__file__).read_text(encoding="utf-8")


def test_every_register_hook_has_a_kind_and_an_accessor():
    """What a hook registers can be asked for."""
    kinds = {kind.hook: kind.name for kind in KINDS}

    assert sorted(kinds) == sorted(hook for hook in HOOKS if hook.startswith("register_"))
    assert all(callable(getattr(Plugins, name)) for name in kinds.values())


def test_every_public_name_of_the_docs_exists():
    """The table of variables names what the code reads."""
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "latentknobs").glob("**/*.py"))

    for variable in re.findall(r"LATENTKNOBS_[A-Z_]+", GUIDE + REFERENCE):
        assert variable in code


def test_the_first_plugin_has_ten_lines(load):
    """The first plugin of the documents loads, has ten lines of code, and edits."""
    staccato = load(FIRST).augmentations()["staccato"]
    code = [line for line in EXAMPLES[FIRST].splitlines() if line.strip() and not line.strip().startswith('"""')]

    out = staccato(tiny_clips(4), 1, np.random.default_rng(0))

    assert len(code) == 10
    assert out.valid.all()
    assert all(note.length == 1 for clip in out.clips for note in MELODY.notes(clip))


def test_an_edit_that_knows_the_piece(load):
    """Both clips of a piece are turned around its first note, C."""
    mirror = load("An edit that knows the piece").augmentations()["mirror"]
    clips = np.stack([MELODY.tokens([Note(0, 60, 4), Note(4, 64, 4)]), MELODY.tokens([Note(0, 67, 4)])])
    told = in_context(mirror, contexts_of(clips, MELODY))

    out = run_augmentation(told, clips, 1, np.random.default_rng(0), MELODY)

    assert [[note.pitch for note in MELODY.notes(clip)] for clip in out.clips] == [[60, 56], [53]]


@pytest.mark.slow
def test_the_docs_test_of_the_first_plugin_passes(tmp_path):
    """The contract runs under pytest on the first plugin, from the folder that it is in."""
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "staccato.py").write_text(EXAMPLES[FIRST], encoding="utf-8")
    (test,) = re.findall(r"```python\n(from pathlib.*?)```", GUIDE, flags=re.DOTALL)
    (tmp_path / "test_staccato.py").write_text(test, encoding="utf-8")

    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_staccato.py"]
    environ = {**os.environ, "PYTHONPATH": str(Path(latentknobs.__file__).parents[1])}
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "16 passed" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("heading", [heading for heading in EXAMPLES if heading != FIRST])
def test_every_example_keeps_its_promises(load, heading):
    """What plugins check looks at holds for each example."""
    plugins = load(heading)

    results = [run(job) for job in jobs_of(plugins, plugins.report("example"))]

    assert [f"{each.name}: {each.message}" for each in results if not each.ok] == []
    assert sum(each.state == "passed" for each in results) >= 3


def test_hook_register_augmentations(load):
    """Both bars of every edited clip are the first one."""
    clips = tiny_clips(8)
    out = load("register_augmentations").augmentations()["repeat"](clips, 1, np.random.default_rng(0))

    assert out.valid.all()
    assert np.array_equal(out.clips, np.tile(clips[:, :16], 2))


def test_hook_register_attributes(load):
    """A clip of quarter notes has its longest note measured, one without notes has none."""
    measure = load("register_attributes").attributes()["longest-note"].measure
    clips = np.stack([tiny_clips(1)[0], np.full(32, 129, np.int16)])

    assert np.array_equal(measure(clips), [max(n.length for n in MELODY.notes(clips[0])), np.nan], equal_nan=True)


def test_hook_register_comparisons(load):
    """A melody and the same melody higher agree."""
    clips = tiny_clips(4)
    higher = np.where(MELODY.onsets(clips), clips + 1, clips).astype(np.int16)

    assert (load("register_comparisons").comparisons()["same-onsets"].measure(clips, higher) == 1).all()


def test_hook_register_backends(load):
    """The example loads a model when it is asked to."""
    model = load("register_backends").backends()["by-hand"].load("", "cpu")

    assert isinstance(model, VAEBackend)
    assert np.array_equal(model.encode(tiny_clips(4)).mean, TinyBackend().encode(tiny_clips(4)).mean)


def test_hook_register_bases(load):
    """A move of one standard deviation has the coordinate 1, also beside an inactive dimension."""
    basis = load("register_bases").bases()["in-spreads"].compute(BasisInput(2, np.diag([4.0, 0.0])))

    assert basis.of_moves(np.array([2.0, 0.0])).tolist() == [1, 0]


def test_hook_register_selectors(load):
    """Five active dimensions, by mean change in units of their spread."""
    data = SelectInput(
        np.array([[9.0, 1, 2, 3, 4, 5, 6]]),
        np.full(7, 1 / 7),
        kept=lambda _dims: 1.0,
        active=np.array([False] + [True] * 6),
    )

    chosen = load("register_selectors").selectors()["largest-moves"].select(data)

    assert chosen.tolist() == [6, 5, 4, 3, 2]


def test_hook_register_fits(load):
    """The mean change for one unit in its eight largest dimensions; fewer are declined."""
    fit = load("register_fits").fits()["eight"].fit

    def data(size):
        none, rising = np.zeros((2, size + 1, size + 1)), np.arange(1.0, size + 1)
        return FitInput(size, (1.0, 2.0), np.stack([rising, 2 * rising]), none, none, none, none, np.zeros(2))

    operator, facts = fit(data(10))

    assert isinstance(operator, Operator)
    assert operator.arrays["direction"].tolist() == [0, 0, 3, 4, 5, 6, 7, 8, 9, 10]
    assert facts["kept"] == [9, 8, 7, 6, 5, 4, 3, 2]
    with pytest.raises(NotFittedError, match="fewer than eight"):
        fit(data(4))


def test_hook_register_metrics(load):
    """The example gives the share of active dimensions, and a reason for each factor."""
    codes = np.asarray([[0.0, 1], [2, 1], [0, 1], [2, 1]])
    result = (
        load("register_metrics").metrics()["active"].compute(LabelledCodes(codes, codes[:, :1], ("pitch",), (False,)))
    )

    assert result.overall.value == 0.5
    assert result.parts["pitch"].why == "it is about no factor"


def test_hook_register_corpora(load, tmp_path):
    """Every line that is in range is a song, in an order by the seed; the rest is counted."""
    (tmp_path / "tunes.txt").write_text("60 62 64 65 67 69 71 72\n72 71 69 67 65 64 62 60\n0 1 2 3 4 5 6 7\n", "utf-8")
    corpus, left_out = load("register_corpora").corpora()["lines"], []
    request = CorpusRequest(pitch_range=(21, 108), tally=lambda what, n: left_out.append((what, n)))

    songs = list(corpus.songs(request, str(tmp_path / "tunes.txt")))

    assert sorted(song.name for song in songs) == ["lines/0", "lines/1"]
    assert {MELODY.notes(song.clips[0])[0].pitch for song in songs} == {60, 72}
    assert left_out == [("outside the pitch range", 1)]
    assert len(list(corpus.songs(CorpusRequest(clips=1), str(tmp_path / "tunes.txt")))) == 1
    with pytest.raises(CorpusError, match="lines:FILE"):
        next(corpus.songs(request))


def test_hook_register_executors(load):
    """The example offers an executor that takes an address; tests/executors/test_ray.py runs it where ray is."""
    offer = load("register_executors").executors()["ray"]

    assert (offer.takes, offer.in_process) == ("[ADDRESS]", False)


def test_hook_register_frontends(load, capsys):
    """It prints the accepted knobs that come with the package, where nobody has stored one."""
    assert load("register_frontends").frontends()["names"].serve([]) == 0
    lines = capsys.readouterr().out.splitlines()
    accepted = KnobStore.open(PACKAGED).knobs(verdict="accepted")

    assert {"pitch: -12 to 12 semitones", "rhythm: -4 to 4 doublings"} <= set(lines)
    assert [line.split(":")[0] for line in lines] == [knob.name for knob in accepted]


def test_a_front_end_of_the_docs_shares_a_session(load, tiny_workbench, monkeypatch):
    """The other one prints what is set while it runs, and nothing once it is stopped."""
    printed = queue.Queue()
    plugins = load("register_frontends")
    monkeypatch.setattr("builtins.print", printed.put)
    with DecoderQueue() as decoder, SharedSession(tiny_workbench, decoder, ("tiny",)) as session:
        running = plugins.frontends()["printer"].start(session, [])
        session.set("tempo", 90, "somebody")
        assert printed.get(timeout=60) == "tempo = 90.0, set by somebody"
        running.stop()
        session.set("tempo", 91, "somebody")

    assert printed.empty()


def test_hook_register_commands(capsys, plugins_dir):
    """On the command line it counts the songs of a generated corpus."""
    (plugins_dir / "count.py").write_text(EXAMPLES["register_commands"], encoding="utf-8")

    assert run_command_line(["count", "whole-notes", "--clips", "50"]) == 0
    assert json.loads(capsys.readouterr().out)["clips"] >= 50


def test_hook_run_finished(load, monkeypatch, tmp_path):
    """The example logs a finished run."""
    monkeypatch.chdir(tmp_path)
    told = sample_run()
    load("run_finished").run_finished(told)

    line = f"{told.run_id}: {told.spec.augmentation} on {told.spec.corpus}, 2 tried\n"
    assert (tmp_path / "knobs.log").read_text("utf-8") == line


def test_hook_knob_saved(load, monkeypatch, tmp_path):
    """The example logs a saved knob."""
    monkeypatch.chdir(tmp_path)
    knob = sample_run().knobs[0]
    load("run_finished").knob_saved(knob)

    assert (tmp_path / "knobs.log").read_text("utf-8") == f"{knob.name}: {knob.verdict}\n"
