"""Every hook is pinned, documented and tested, by machine."""

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import latentknobs
from latentknobs.core.backend import VAEBackend
from latentknobs.core.corpus import Corpus, CorpusRequest
from latentknobs.core.knob import Operator
from latentknobs.core.melody_format import MELODY
from latentknobs.core.method_specs import BasisInput, FitInput, SelectInput
from latentknobs.core.metric_specs import LabelledCodes
from latentknobs.hooks import HOOK_API, PROJECT, specs
from latentknobs.hooks.manager import Plugins
from latentknobs.hooks.plugin_types import KINDS
from latentknobs.testing.tiny import TinyBackend, tiny_clips

ROOT = Path(__file__).parents[2]
DOCS = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
HOOKS = {
    name: re.sub(r"\b(\w+\.)+", "", str(inspect.signature(value)).replace("'", ""))
    for name, value in vars(specs).items()
    if getattr(value, f"{PROJECT}_spec", None) is not None
}


def examples():
    """Each complete plugin in the docs, by the heading that it stands under."""
    out = {}
    for part in re.split(r"^##+ ", DOCS, flags=re.MULTILINE)[1:]:
        heading = part.splitlines()[0].strip("`")
        for block in re.findall(r"```python\n(.*?)```", part, flags=re.DOTALL):
            if "LATENTKNOBS_API" in block:
                out[heading.split("(")[0]] = block
    return out


EXAMPLES = examples()
FIRST = "Your first plugin in ten lines"


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Loads one of the docs' examples as a file, strictly, beside the attributes."""

    def loaded(heading):
        (tmp_path / "example.py").write_text(EXAMPLES[heading], encoding="utf-8")
        return Plugins.build(["latentknobs.attributes.plugin"], plugins_dir=tmp_path, entry_points=False, strict=True)

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
    """A hook's heading is its signature, and a test is named after it."""
    assert f"\n### `{hook}{HOOKS[hook]}`\n" in DOCS
    assert f"def test_hook_{hook}(" in Path(__file__).read_text(encoding="utf-8")


def test_every_register_hook_has_a_kind_and_an_accessor():
    """What a hook registers can be asked for."""
    kinds = {kind.hook: kind.name for kind in KINDS}

    assert sorted(kinds) == sorted(hook for hook in HOOKS if hook.startswith("register_"))
    assert all(callable(getattr(Plugins, name)) for name in kinds.values())


def test_every_public_name_of_the_docs_exists():
    """The table of variables names what the code reads."""
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "latentknobs").glob("**/*.py"))

    for variable in re.findall(r"LATENTKNOBS_[A-Z_]+", DOCS):
        assert variable in code


def test_hook_register_augmentations(load):
    """The first plugin of the docs loads, has ten lines of code, and edits."""
    staccato = load(FIRST).augmentations()["staccato"]
    code = [line for line in EXAMPLES[FIRST].splitlines() if line.strip() and not line.strip().startswith('"""')]

    out = staccato(tiny_clips(4), 1, np.random.default_rng(0))

    assert len(code) == 10
    assert out.valid.all()
    assert all(note.length == 1 for clip in out.clips for note in MELODY.notes(clip))


@pytest.mark.slow
def test_the_docs_test_of_the_first_plugin_passes(tmp_path):
    """The contract runs under pytest on the first plugin, from the folder that it is in."""
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "staccato.py").write_text(EXAMPLES[FIRST], encoding="utf-8")
    (test,) = re.findall(r"```python\n(from pathlib.*?)```", DOCS, flags=re.DOTALL)
    (tmp_path / "test_staccato.py").write_text(test, encoding="utf-8")

    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_staccato.py"]
    environ = {**os.environ, "PYTHONPATH": str(Path(latentknobs.__file__).parents[1])}
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "15 passed" in done.stdout


def test_hook_register_attributes(load):
    """The example measures the first pitch."""
    clips = tiny_clips(4)

    assert np.array_equal(load("register_attributes").attributes()["first-pitch"].measure(clips), clips[:, 0])


def test_hook_register_comparisons(load):
    """The example gives 1 for a clip and itself."""
    clips = tiny_clips(4)

    assert np.all(load("register_comparisons").comparisons()["same-silence"].measure(clips, clips) == 1)


def test_hook_register_backends(load):
    """The example loads a model when it is asked to."""
    model = load("register_backends").backends()["by-hand"].load("", "cpu")

    assert isinstance(model, VAEBackend)
    assert np.array_equal(model.encode(tiny_clips(4)).mean, TinyBackend().encode(tiny_clips(4)).mean)


def test_hook_register_bases(load):
    """The example's columns are orthonormal."""
    basis = load("register_bases").bases()["principal"].compute(BasisInput(3, np.diag([1.0, 3.0, 2.0])))

    assert np.allclose(basis.T @ basis, np.eye(3))
    assert np.abs(basis[:, 0]).argmax() == 1


def test_hook_register_selectors(load):
    """The example chooses the three largest shares."""
    given = SelectInput(np.zeros((1, 5)), np.array([0.1, 0.4, 0.0, 0.3, 0.2]), kept=lambda _dims: 1.0)

    assert load("register_selectors").selectors()["top-three"].select(given).tolist() == [1, 3, 4]


def test_hook_register_fits(load):
    """The example's shift is the mean change for one unit."""
    none = np.zeros((2, 4, 4))
    given = FitInput(3, (1.0, 2.0), np.array([[1.0, 0, 0], [4.0, 0, 0]]), none, none, none, none, np.zeros(2))

    operator, _ = load("register_fits").fits()["largest"].fit(given)

    assert isinstance(operator, Operator)
    assert operator.arrays["direction"].tolist() == [2, 0, 0]


def test_hook_register_metrics(load):
    """The example gives the part of dimensions that are active, and a part for each factor."""
    codes = np.asarray([[0.0, 1], [2, 1], [0, 1], [2, 1]])
    given = LabelledCodes(codes, codes[:, :1], ("pitch",), (False,))

    found = load("register_metrics").metrics()["active"].compute(given)

    assert found.overall.value == 0.5
    assert found.parts["pitch"].why == "it is about no factor"


def test_hook_register_corpora(load):
    """The example yields songs, the same for the same seed."""
    corpus = load("register_corpora").corpora()["scales"]
    first, second = (list(corpus.songs(CorpusRequest(clips=3, seed=1))) for _ in range(2))

    assert isinstance(corpus, Corpus)
    assert all(np.array_equal(a.clips, b.clips) for a, b in zip(first, second, strict=True))
    assert all(MELODY.valid(song.clips).all() for song in first)


def test_hook_register_frontends(load):
    """The example serves."""
    assert load("register_frontends").frontends()["silence"].serve([]) == 0


def test_hook_register_commands(load):
    """The example's command is called by its words."""
    plugins = load("register_commands")
    (command,) = plugins.commands()

    assert command.path == ("greet",)
    assert command.run(None, "Ada") == {"text": "Hello Ada. "}
    assert plugins.origin("commands", "greet").name == "example"


def test_hook_run_finished(load, capsys):
    """The example is told of a finished run."""

    class Run:
        knobs = (1, 2)

    load("run_finished").run_finished(Run())

    assert capsys.readouterr().out == "2 knobs tried\n"


def test_hook_knob_saved(load, capsys):
    """The example is told of a saved knob."""

    class Knob:
        name, verdict = "pitch", "accepted"

    load("knob_saved").knob_saved(Knob())

    assert capsys.readouterr().out == "pitch: accepted\n"
