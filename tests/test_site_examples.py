"""The pages for authors of plugins: each example of docs/howto.md is a plugin that keeps its promises and works."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from latentknobs.core.backend import VAEBackend
from latentknobs.core.corpus import CorpusRequest
from latentknobs.core.knob import Operator
from latentknobs.core.melody_format import MELODY
from latentknobs.core.method_specs import BasisInput, FitInput, SelectInput
from latentknobs.core.metric_specs import Traversals
from latentknobs.errors import CorpusError, NotFittedError
from latentknobs.frontends.cli.app import run_command_line
from latentknobs.hooks import HOOK_API
from latentknobs.hooks.manager import Plugins
from latentknobs.hooks.plugin_types import KINDS
from latentknobs.registry.overlay import PACKAGED
from latentknobs.registry.store import KnobStore
from latentknobs.testing.checks import BACKEND_CHECKS, BackendFixtures, jobs_of, run, run_checks
from latentknobs.testing.checks.backends import sample_clips, sample_codes
from latentknobs.testing.store import sample_run
from latentknobs.testing.tiny import tiny_clips
from latentknobs.workbench import BUILTINS

TEXT = (Path(__file__).parents[1] / "docs" / "howto.md").read_text(encoding="utf-8")


def examples():
    """Each plugin of the page by its heading."""
    out = {}
    for part in re.split(r"^## ", TEXT, flags=re.MULTILINE)[1:]:
        blocks = re.findall(r"```python\n(.*?)```", part, flags=re.DOTALL)
        out[part.splitlines()[0]] = next(block for block in blocks if f"LATENTKNOBS_API = {HOOK_API}" in block)
    return out


EXAMPLES = examples()


@pytest.fixture
def load(tmp_path):
    """Loads one of the examples as a file, beside the built-in plugins."""

    def loaded(heading):
        path = tmp_path / "example.py"
        path.write_text(EXAMPLES[heading], encoding="utf-8")
        plugins = Plugins.build(BUILTINS, plugins_dir=None, entry_points=False, strict=True)
        plugins.add_file(path)
        return plugins

    return loaded


def test_every_kind_has_a_section():
    """The page has an example of every hook, and no hook twice."""
    shown = re.findall(r"^@hookimpl\ndef (\w+)\(", TEXT, re.MULTILINE)

    assert sorted(shown) == sorted([*(kind.hook for kind in KINDS), "run_finished", "knob_saved"])


@pytest.mark.slow
@pytest.mark.parametrize("heading", EXAMPLES)
def test_every_example_keeps_its_promises(load, heading):
    """What plugins check looks at holds for each example."""
    plugins = load(heading)

    found = [run(job) for job in jobs_of(plugins, plugins.report("example"))]

    assert [f"{each.name}: {each.message}" for each in found if not each.ok] == []
    assert sum(each.state == "passed" for each in found) >= 3


def test_the_edit_repeats_the_first_bar(load):
    """Both bars of every edited clip are the first one."""
    clips = tiny_clips(8)
    out = load("An edit to find a knob for").augmentations()["repeat"](clips, 1, np.random.default_rng(0))

    assert out.valid.all()
    assert np.array_equal(out.clips, np.tile(clips[:, :16], 2))


def test_the_attribute_is_the_longest_note(load):
    """A clip of quarter notes has 4, one without notes has none."""
    measure = load("A number that knobs may move").attributes()["longest-note"].measure
    clips = np.stack([tiny_clips(1)[0], np.full(32, 129, np.int16)])

    assert np.array_equal(measure(clips), [max(n.length for n in MELODY.notes(clips[0])), np.nan], equal_nan=True)


def test_the_comparison_sees_onsets_alone(load):
    """A melody and the same melody higher agree."""
    clips = tiny_clips(4)
    higher = np.where(MELODY.onsets(clips), clips + 1, clips).astype(np.int16)

    assert (load("A number that compares two clips").comparisons()["same-onsets"].measure(clips, higher) == 1).all()


def test_the_selector_takes_what_moves_most(load):
    """Five active dimensions, by mean change in units of their spread."""
    given = SelectInput(
        np.array([[9.0, 1, 2, 3, 4, 5, 6]]),
        np.full(7, 1 / 7),
        kept=lambda _dims: 1.0,
        active=np.array([False] + [True] * 6),
    )

    chosen = load("A rule for the dimensions of a knob").selectors()["largest-moves"].select(given)

    assert chosen.tolist() == [6, 5, 4, 3, 2]


def test_the_basis_is_in_units_of_spread(load):
    """A move of one standard deviation has the coordinate 1, also beside a dimension that is not used."""
    basis = load("A basis of the latent space").bases()["in-spreads"].compute(BasisInput(2, np.diag([4.0, 0.0])))

    assert basis.of_moves(np.array([2.0, 0.0])).tolist() == [1, 0]


def test_the_fit_keeps_eight_dimensions(load):
    """The mean change for one unit in its eight largest dimensions; fewer are declined."""
    fit = load("A way to fit a knob").fits()["eight"].fit

    def given(size):
        none, rising = np.zeros((2, size + 1, size + 1)), np.arange(1.0, size + 1)
        return FitInput(size, (1.0, 2.0), np.stack([rising, 2 * rising]), none, none, none, none, np.zeros(2))

    operator, facts = fit(given(10))

    assert isinstance(operator, Operator)
    assert operator.arrays["direction"].tolist() == [0, 0, 3, 4, 5, 6, 7, 8, 9, 10]
    assert facts["kept"] == [9, 8, 7, 6, 5, 4, 3, 2]
    with pytest.raises(NotFittedError, match="fewer than eight"):
        fit(given(4))


def test_the_metric_counts_clips_that_rise(load):
    """One of two clips rises with the first control; the second's target is not defined."""
    values = np.array([[[[0.0, 1], [1, 0]]], [[[np.nan, np.nan], [np.nan, 1]]]])
    given = Traversals([[0, 1], [0, 1]], values, ("a", "b"), ("pitch",), ("pitch", "pitch"), [1.0])

    found = load("A metric").metrics()["rises"].compute(given)

    assert (found.overall.value, found.parts["a"].value) == (0.5, 0.5)
    assert found.parts["b"].why == "its target is not defined on any clip"


def test_the_model_is_one(load, tmp_path):
    """It is recognised by its file's name, keeps a model's promises, and decodes what it remembers exactly."""
    melodies = tiny_clips(5)
    np.savez(tmp_path / "mine.shelf.npz", melodies=melodies)
    factory = load("A model").backends()["shelf"]
    model = factory.load(str(tmp_path / "mine.shelf.npz"), "cpu")

    found = run_checks(model, BackendFixtures(sample_clips(model), sample_codes(model)), BACKEND_CHECKS)

    assert factory.recognises(tmp_path / "mine.shelf.npz")
    assert isinstance(model, VAEBackend)
    assert [f"{each.name}: {each.message}" for each in found if not each.ok] == []
    assert np.array_equal(model.decode(model.encode(melodies).mean), melodies)


def test_the_corpus_reads_its_file(load, tmp_path):
    """Every line that is in range is a song, in an order by the seed; the rest is counted."""
    (tmp_path / "tunes.txt").write_text("60 62 64 65 67 69 71 72\n72 71 69 67 65 64 62 60\n0 1 2 3 4 5 6 7\n", "utf-8")
    corpus, left_out = load("A corpus").corpora()["lines"], []
    request = CorpusRequest(pitch_range=(21, 108), tally=lambda what, n: left_out.append((what, n)))

    songs = list(corpus.songs(request, str(tmp_path / "tunes.txt")))

    assert sorted(song.name for song in songs) == ["lines/0", "lines/1"]
    assert {MELODY.notes(song.clips[0])[0].pitch for song in songs} == {60, 72}
    assert left_out == [("outside the pitch range", 1)]
    assert len(list(corpus.songs(CorpusRequest(clips=1), str(tmp_path / "tunes.txt")))) == 1
    with pytest.raises(CorpusError, match="lines:FILE"):
        next(corpus.songs(request))


def test_the_front_end_prints_the_accepted_knobs(load, capsys):
    """Those that come with the package, where nobody has stored one."""
    assert load("A front end").frontends()["names"].serve([]) == 0
    lines = capsys.readouterr().out.splitlines()
    accepted = KnobStore.open(PACKAGED).knobs(verdict="accepted")

    assert {"pitch: -12 to 12 semitones", "rhythm: -4 to 4 doublings"} <= set(lines)
    assert [line.split(":")[0] for line in lines] == [knob.name for knob in accepted]


def test_the_command_counts(capsys, plugins_dir):
    """On the command line it counts the songs of a generated corpus."""
    (plugins_dir / "count.py").write_text(EXAMPLES["A command"], encoding="utf-8")

    assert run_command_line(["count", "whole-notes", "--clips", "50"]) == 0
    assert json.loads(capsys.readouterr().out)["clips"] >= 50


def test_observers_write_their_log(load, monkeypatch, tmp_path):
    """Both are told, in order."""
    monkeypatch.chdir(tmp_path)
    plugins, told = load("Being told"), sample_run()
    plugins.run_finished(told)
    plugins.knob_saved(told.knobs[0])

    assert (tmp_path / "knobs.log").read_text("utf-8").splitlines() == [
        f"{told.run_id}: {told.spec.augmentation} on {told.spec.corpus}, 2 tried",
        f"{told.knobs[0].name}: {told.knobs[0].verdict}",
    ]
