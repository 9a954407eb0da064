"""Built-in augmentations, attributes and comparisons on formats of others: they ask for what they need, not a name."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from attrs import evolve, frozen

from latentknobs import (
    MELODY,
    Attribute,
    BackendSpec,
    MelodyFormat,
    ModelError,
    Note,
    NoteAugmentation,
    PluginError,
    UsageError,
    Workbench,
)
from latentknobs.attributes.plugin import register_attributes, register_comparisons
from latentknobs.augmentations.plugin import register_augmentations
from latentknobs.core.experiment import Settings
from latentknobs.core.format_capabilities import misfit, offered_by, serves
from latentknobs.core.meter import order, weights
from latentknobs.core.plugin_guard import run_augmentation
from latentknobs.frontends.cli.app import run_command_line
from latentknobs.hooks.plugin_types import KINDS
from latentknobs.testing.checks import CHECKS, jobs_of, run, run_checks, sample_kit

DATA = Path(__file__).parents[1] / "data" / "plugins"
WALTZ = MelodyFormat("3/4", name="waltz-2bar")
JIG = MelodyFormat("6/8", name="jig-2bar")
TRIPLETS = MelodyFormat(steps_per_beat=3, name="triplets")
ATTRIBUTES = {a.name: a for a in register_attributes()}
COMPARISONS = {c.name: c for c in register_comparisons()}
EDITS = {e.name: e for e in register_augmentations()}
FITTING = [edit for edit in EDITS.values() if serves(edit, WALTZ)]
QUICK = Settings(trial_clips=24, controls=5, control_clips=8, halves=5, resamples=5, fits=("mean", "ridge"))


@frozen
class Pairs:
    """A stranger's melodies: a row of pitches from 1 (0 = none) and a row that says where notes start."""

    name: str = "pairs"
    shape: tuple[int, ...] = (2, 24)
    vocabulary: int = 129
    groups: tuple = ()
    steps: int = 24
    steps_per_beat: int = 4
    beats_per_bar: int = 3

    def valid(self, clips):
        return (clips[:, 1] <= 1).all(axis=1)

    def repair(self, clips):
        return np.minimum(clips, [[128], [1]]).astype(np.int16)

    def onsets(self, clips):
        return clips[:, 1] == 1

    def sounding(self, clips):
        return clips[:, 0] - 1

    def notes(self, clip):
        tokens = np.where(clip[1] == 1, clip[0] - 1, np.where(clip[0] > 0, 128, 129)).astype(np.int16)
        return WALTZ.notes(tokens)

    def tokens(self, notes):
        out = np.zeros((2, 24), dtype=np.int16)
        for note in WALTZ.notes(WALTZ.tokens(notes)):
            out[0, note.onset : note.end] = note.pitch + 1
            out[1, note.onset] = 1
        return out


@pytest.fixture
def waltzes(plugins_dir):
    """A workbench with the waltz model, its format and its corpus."""
    shutil.copy(DATA / "waltz.py", plugins_dir)
    with Workbench.open() as workbench:
        yield workbench


def test_a_strangers_model_is_judged_by_the_built_in_edits_and_attributes(waltzes):
    """On a waltz format that nobody knew, the built-in transposition finds its knob with nothing subclassed."""
    run = waltzes.discover("transpose", model="waltz", corpus="waltzes", clips=600, settings=QUICK, keep=False)
    knob = run.knobs[run.current]
    slopes = {effect.attribute: effect.slope for effect in knob.effects}

    assert (knob.low, knob.high) == (-12, 12)
    assert slopes["mean-pitch"] == pytest.approx(1, abs=0.02)
    assert set(slopes) == set(ATTRIBUTES)
    assert set(knob.evidence.test.amounts[0].content) == set(COMPARISONS)


HATS = """
from latentknobs import NoteAugmentation, hookimpl
LATENTKNOBS_API = 1

class Hats(NoteAugmentation):
    \"\"\"Opens the hats.\"\"\"
    name = knob_name = "hats"
    needs = ({needs!r},)
    def edit(self, notes, amount, rng):
        return notes

@hookimpl
def register_augmentations():
    return [Hats()]
"""


@pytest.fixture
def hats(tmp_path):
    """The file of an edit that needs drums, or something else."""

    def write(needs="drums"):
        path = tmp_path / "hats.py"
        path.write_text(HATS.format(needs=needs), encoding="utf-8")
        return path

    return write


def test_what_does_not_fit_is_said_before_a_discovery(waltzes, hats):
    """The sentence names the need, what the model's clips offer, and the augmentations that would fit."""
    assert waltzes.plugins.add_file(hats()).error is None
    with pytest.raises(UsageError, match=r"^hats needs drums, and waltz-2bar offers .*; what fits is transpose"):
        waltzes.discover("hats", model="waltz", corpus="waltzes")


@pytest.mark.parametrize("clip_format", [WALTZ, JIG, Pairs()], ids=lambda each: each.name)
@pytest.mark.parametrize("edit", FITTING, ids=lambda each: each.name)
def test_built_in_edits_keep_their_promises_on_every_monophonic_format(edit, clip_format):
    """What plugins check asks of a built-in edit holds on 3/4, 6/8 and on a stranger's tokens."""
    results = run_checks(edit, sample_kit(clip_format, ATTRIBUTES, COMPARISONS, clips=14), CHECKS)

    assert [f"{each.name}: {each.message}" for each in results if not each.ok] == []


@pytest.mark.parametrize("edit", FITTING, ids=lambda each: each.name)
def test_a_strangers_tokens_are_edited_as_melodies_are(edit):
    """The same melodies in a stranger's tokens and in melody tokens have the same edits and the same measures."""
    own = Pairs()
    melodies = sample_kit(WALTZ, {}, {}, clips=14).clips
    clips = np.stack([own.tokens(WALTZ.notes(clip)) for clip in melodies])
    for amount in edit.amounts[-2:]:
        wanted = run_augmentation(edit, melodies, amount, np.random.default_rng(0), WALTZ)
        found = run_augmentation(edit, clips, amount, np.random.default_rng(0), own)

        assert np.array_equal(found.valid, wanted.valid)
        for one, other in zip(found.clips[found.valid], wanted.clips[wanted.valid], strict=True):
            assert own.notes(one) == WALTZ.notes(other)
    for attribute in ATTRIBUTES.values():
        there, here = (attribute.for_format(f).measure(c) for f, c in ((own, clips), (WALTZ, melodies)))
        assert np.array_equal(there, here, equal_nan=True)


@pytest.mark.parametrize(
    ("name", "function", "says"),
    [
        ("onsets", lambda _self, _clips: 1 / 0, "The format pairs cannot read its clips: ZeroDivisionError"),
        (
            "sounding",
            lambda _self, clips: clips,
            r"sounding of shape \(4, 2, 24\) for 4 clips; both must have \(4, 24\)",
        ),
        ("tokens", lambda _self, notes: notes.steps, "The format pairs cannot make a clip of notes: AttributeError"),
    ],
)
def test_a_format_that_fails_is_named(monkeypatch, name, function, says):
    """A fault of a stranger's format is one sentence about the format, and not about the edit."""
    own = Pairs()
    clips = np.stack([own.tokens([Note(0, 60 + k, 4)]) for k in range(4)])
    monkeypatch.setattr(Pairs, name, function)

    with pytest.raises(PluginError, match=says):
        run_augmentation(EDITS["transpose"], clips, 1, np.random.default_rng(0), own)


def test_the_meter_is_the_formats():
    """Weights and order follow the divisions of the bar: three beats in 3/4, two dotted ones in 6/8, of thirds too."""
    assert weights(WALTZ)[:12].tolist() == [0, -3, -2, -3, -1, -3, -2, -3, -1, -3, -2, -3]
    assert weights(JIG)[:12].tolist() == [0, -3, -2, -3, -2, -3, -1, -3, -2, -3, -2, -3]
    assert weights(TRIPLETS)[:12].tolist() == [0, -3, -3, -2, -3, -3, -1, -3, -3, -2, -3, -3]
    for clip_format in (WALTZ, JIG, TRIPLETS):
        steps = np.argsort(order(clip_format))
        assert sorted(order(clip_format)) == list(range(24))
        assert (np.diff(weights(clip_format)[steps]) <= 0).all()
    assert np.argsort(order(WALTZ))[:6].tolist() == [0, 12, 4, 16, 8, 20]


def test_numbers_a_bar_are_of_the_formats_bars():
    """A waltz of six quarters has three notes a bar; three quarters and a rest leave twelve sixteenths of silence."""
    quarters = WALTZ.tokens(Note(4 * k, 60, 4) for k in range(6))
    half = WALTZ.tokens(Note(4 * k, 60, 4) for k in range(3))
    clips = np.stack([quarters, half])
    values = {name: ATTRIBUTES[name].for_format(WALTZ).measure(clips).tolist() for name in ("note-density", "rests")}

    assert values == {"note-density": [3, 1.5], "rests": [0, 6]}


FINER = ["anticipate", "detach", "delay", "swing-eighths", "rotation", "ornament"]
"""Edits that need sixteenths, or sixths of a beat."""


def test_what_a_format_offers_is_what_it_is_made_of():
    """One voice by its two views, drums by their list, sixteenths by the grid; what needs more is not used on it."""
    assert offered_by(MELODY) == offered_by(WALTZ) == offered_by(Pairs()) == ("monophonic", "sixteenths")
    assert offered_by(TRIPLETS) == ("monophonic",)
    assert [name for name, edit in EDITS.items() if not serves(edit, TRIPLETS)] == FINER
    assert misfit(EDITS["delay"], TRIPLETS, {"fill": EDITS["fill"]}) == (
        "delay needs monophonic, sixteenths, and triplets offers monophonic; what fits is fill."
    )


def test_the_format_may_still_be_named():
    """An attribute and an edit that name one format serve it alone, whatever that format is made of."""
    count = Attribute("count", "notes", "Notes.", "waltz-2bar", lambda clips: WALTZ.onsets(clips).sum(axis=1))

    class Named(NoteAugmentation):
        """Nothing."""

        name = knob_name = "named"
        clip_format, format = WALTZ.name, WALTZ

        def edit(self, notes, amount, rng):
            return notes

    for offer in (count, Named()):
        assert serves(offer, WALTZ)
        assert not serves(offer, JIG)
    assert serves(Named(), evolve(TRIPLETS, name="waltz-2bar"))


def test_a_plugins_own_format_gives_the_samples_of_its_checks(plugins_dir, latentknobs_plugins):
    """The model and the corpus of a waltz format are checked on waltzes, though no waltz is built in."""
    jobs = jobs_of(latentknobs_plugins, latentknobs_plugins.add_file(DATA / "waltz.py"))
    results = [run(job) for job in jobs if job.name != "its import is light"]

    assert [f"{each.name}: {each.message}" for each in results if not each.ok] == []
    assert not [each for each in results if each.state == "left out" and "no samples" in each.message]


def test_what_does_not_fit_is_said_when_a_plugin_is_checked(latentknobs_plugins, hats):
    """Checks of an edit that nothing here can be edited by are left out, with its need, what there is and what fits."""
    jobs = jobs_of(latentknobs_plugins, latentknobs_plugins.add_file(hats()))
    (left,) = [found for job in jobs if (found := run(job)).state == "left out"]

    assert left.name == "hats: all checks"
    assert left.message.startswith(
        "hats needs drums, and melody-2bar offers monophonic, sixteenths; what fits is transpose, note-split, "
    )


def test_no_discovery_begins_where_one_of_several_does_not_fit(waltzes, hats, plugins_dir, capsys):
    """Of several edits on the command line all are looked at before the first takes its minutes."""
    shutil.copy(hats(), plugins_dir)
    code = run_command_line(["discover", "transpose", "hats", "--model", "waltz", "--corpus", "waltzes"])

    assert code == 2
    assert "hats needs drums, and waltz-2bar offers monophonic, sixteenths" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("needs", "says"),
    [
        ("polyphonic", "'hats' needs 'polyphonic'; a format can have monophonic, drums, sixteenths, thirds"),
        (3, "'hats' needs 3; a format can have"),
    ],
)
def test_an_unknown_need_is_refused_when_a_plugin_is_loaded(latentknobs_plugins, hats, needs, says):
    """What no format can have is told with what one can have."""
    latentknobs_plugins.strict = False
    report = latentknobs_plugins.add_file(hats(needs))

    assert report.state == "failed"
    assert says in report.error


def test_an_edit_says_which_clips_it_edits():
    """One without a base class that states neither needs nor a format is refused, with what it lacks."""
    offer = SimpleNamespace(
        name="odd", knob_name="odd", unit="", amounts=(1.0,), target=None, changes=frozenset(), preserves=frozenset()
    )
    (kind,) = [one for one in KINDS if one.name == "augmentations"]
    offer.doc = "Odd."

    assert "states neither 'needs' nor 'clip_format'" in kind.fault(offer)
    offer.needs = ()
    assert kind.fault(offer) == ""


def test_a_discovery_says_on_which_format_it_judges(waltzes, monkeypatch):
    """Of a model that lists several formats knobs are judged on the first, and a note says so."""
    notes = []
    monkeypatch.setattr(waltzes, "_note", notes.append)
    module = waltzes.plugins.loaded("waltz")
    both = BackendSpec("waltz", module.WALTZ, 6, "0" * 64, formats=(module.WALTZ, MELODY))
    monkeypatch.setattr(module.Beats, "spec", both)
    waltzes.discover("transpose", model="waltz", corpus="waltzes", clips=300, settings=QUICK, keep=False)

    assert notes == ["The model waltz reads melody-2bar too; its knobs are looked for and judged on waltz-2bar alone."]


def test_a_model_may_list_several_formats():
    """Its clip_format comes first, alone unless it lists more; two of a name, or another one first, are refused."""
    spec = BackendSpec("both", WALTZ, 4, "0" * 64, formats=[WALTZ, MELODY])

    assert (spec.formats, BackendSpec("one", WALTZ, 4, "0" * 64).formats) == ((WALTZ, MELODY), (WALTZ,))
    for formats in ((MELODY, WALTZ), (WALTZ, WALTZ)):
        with pytest.raises(ModelError, match="must be different ones, its clip_format waltz-2bar first, not"):
            BackendSpec("both", WALTZ, 4, "0" * 64, formats=formats)
