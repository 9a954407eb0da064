"""Every way in which a plugin may misbehave, row by row: it is said in a sentence, and the others go on as before."""

import re
import textwrap

import numpy as np
import pytest

from latentknobs.core.melody_format import MELODY
from latentknobs.core.plugin_guard import run_augmentation
from latentknobs.errors import PluginError
from latentknobs.hooks.built_ins import BUILTINS
from latentknobs.hooks.manager import Plugins
from latentknobs.testing.tiny import tiny_clips

CLIPS = tiny_clips(6)
PLUGIN = '''
import random
import sys
import numpy as np
from latentknobs import Attribute, Augmented, hookimpl
LATENTKNOBS_API = {api}
{load}

class Edit:
    """A whole augmentation, without a base class that would hold it back."""
    name = knob_name = {name!r}
    unit, amounts, target, changes, preserves = "", (1.0,), None, frozenset(), frozenset()
    clip_format, doc = "melody-2bar", "Edits."
    def __call__(self, clips, amount, rng):
        valid = np.ones(len(clips), bool)
        {edit}
        return Augmented(clips.copy(), valid)

def measure(clips):
    {measure}
    return np.zeros(len(clips))

@hookimpl
def register_augmentations():
    {hook}
    return [Edit()]

@hookimpl
def register_attributes():
    return [Attribute({name!r}, "", "Measures.", "melody-2bar", measure)]

@hookimpl
def knob_saved(knob):
    {observe}
    knob.told.append({name!r})
'''
NOTHING = {"api": 1, "load": "", "edit": "", "measure": "", "hook": "", "observe": "", "name": "bad"}

ROWS = {
    # name: what is odd about it, where it shows, and what is said
    "raises when it is loaded": ({"load": "1 / 0"}, "load", "ZeroDivisionError"),
    "raises in a hook": ({"hook": "1 / 0"}, "load", "ZeroDivisionError"),
    "raises in an edit": ({"edit": "1 / 0"}, "edit", "ZeroDivisionError"),
    "raises in a measure": ({"measure": "1 / 0"}, "measure", "ZeroDivisionError"),
    "raises in an observer": ({"observe": "1 / 0"}, "observe", "ZeroDivisionError"),
    "exits when it is loaded": ({"load": "sys.exit(3)"}, "load", r"sys.exit\(3\)"),
    "exits in a hook": ({"hook": "sys.exit(3)"}, "load", r"sys.exit\(3\)"),
    "exits in an edit": ({"edit": "sys.exit(3)"}, "edit", r"sys.exit\(3\)"),
    "exits in a measure": ({"measure": "sys.exit(3)"}, "measure", r"sys.exit\(3\)"),
    "exits in an observer": ({"observe": "sys.exit(3)"}, "observe", r"sys.exit\(3\)"),
    "wrong type from a hook": ({"hook": "return 'bad'"}, "load", "returned a str; it must return a list"),
    "wrong type from an edit": ({"edit": "return clips.copy()"}, "edit", "returned an array of int16"),
    "wrong type from a measure": ({"measure": "return [0.0] * len(clips)"}, "measure", "returned a list"),
    "wrong shape from an edit": ({"edit": "return Augmented(clips[1:].copy(), valid[1:])"}, "edit", r"\(5, 32\)"),
    "wrong shape from a measure": ({"measure": "return np.zeros(2)"}, "measure", r"of shape \(2,\)"),
    "NaN from an edit": ({"edit": "return Augmented(clips * np.nan, valid)"}, "edit", "an array of float64"),
    "infinity from a measure": ({"measure": "return np.full(len(clips), np.inf)"}, "measure", "an infinite number"),
    "mutates its input in an edit": ({"edit": "clips[:] = 60"}, "edit", "writes into an array it is given"),
    "mutates its input in a measure": ({"measure": "clips[:] = 60"}, "measure", "writes into an array it is given"),
    "duplicates an edit's name": ({"name": "transpose"}, "load", "'augmentations' .* already offers 'transpose'"),
    "duplicates an attribute's name": ({"name": "mean-pitch"}, "load", "'attributes' .* already offers 'mean-pitch'"),
    "another version of the hooks, newer": ({"api": 2}, "load", "a newer latentknobs is needed"),
    "another version of the hooks, older": ({"api": 0}, "load", "written for version 0 of the hooks"),
}
WAYS = ("raises", "exits", "wrong type", "wrong shape", "NaN", "mutates its input", "duplicates")


class Saved:
    """As much of a knob as observers look at, and who was told."""

    name = kind = fit = verdict = "saved"

    def __init__(self):
        self.told = []


def write(folder, file, /, **odd):
    """A plugin file with something odd about it."""
    words = {**NOTHING, **odd}
    (folder / f"{file}.py").write_text(textwrap.dedent(PLUGIN).format(**words), encoding="utf-8")


def what_others_do(plugins):
    """All that the good plugin and a built-in one do, and whether an observer was notified."""
    out = []
    for name in ("good", "transpose"):
        edited = run_augmentation(plugins.augmentations()[name], CLIPS, 1, np.random.default_rng(0), MELODY)
        out += [edited.clips.tolist(), edited.valid.tolist()]
    for name in ("good", "mean-pitch"):
        out.append(plugins.attributes()[name].measure(CLIPS).tolist())
    knob = Saved()
    plugins.knob_saved(knob)
    return out, "good" in knob.told


@pytest.fixture
def folder(tmp_path):
    """A plugins folder with a good plugin that is loaded after the bad one."""
    path = tmp_path / "plugins"
    path.mkdir()
    write(path, "good", name="good")
    return path


def use(plugins, part):
    """Use the bad plugin's part."""
    if part == "edit":
        run_augmentation(plugins.augmentations()["bad"], CLIPS, 1, np.random.default_rng(0), MELODY)
    if part == "measure":
        plugins.attributes()["bad"].measure(CLIPS)
    if part == "observe":
        plugins.knob_saved(Saved())


@pytest.mark.parametrize("row", ROWS)
def test_a_plugin_that_misbehaves_breaks_no_other(folder, caplog, row):
    """What it does is told in one sentence that names it, and the others give what they give without it."""
    odd, shows, wanted = ROWS[row]
    before = what_others_do(Plugins.build(BUILTINS, plugins_dir=folder, entry_points=False))
    write(folder, "bad", **odd)

    plugins = Plugins.build(BUILTINS, plugins_dir=folder, entry_points=False)

    found = plugins.report("bad")
    assert found.state == ("failed" if shows == "load" else "loaded")
    said = found.error or ""
    if shows in ("edit", "measure"):
        with pytest.raises(PluginError) as caught:
            use(plugins, shows)
        said = str(caught.value)
    elif shows == "observe":
        use(plugins, shows)
        said = " ".join(caplog.messages)
    assert re.search(wanted, said), said
    assert "bad" in said
    assert "Traceback" not in said
    assert what_others_do(plugins) == before


def test_the_table_is_whole():
    """Each way to misbehave that people know has a row."""
    assert [way for way in (*WAYS, "another version") if not any(row.startswith(way) for row in ROWS)] == []
