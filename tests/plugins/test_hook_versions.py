"""The versions of the hooks: how a plugin states those it serves, and that plugins of a version go on working."""

from __future__ import annotations

from pathlib import Path

import pytest

from latentknobs.errors import PluginError
from latentknobs.hooks import HOOK_API
from latentknobs.hooks.built_ins import BUILTINS
from latentknobs.hooks.manager import Plugins
from latentknobs.hooks.plugin_discovery import check_api
from latentknobs.testing.checks import jobs_of, run

API_1 = sorted((Path(__file__).parents[1] / "data" / "plugins" / "api_1").glob("*.py"))
"""The example plugins as they were when version 1 was released; they are never changed."""
SMALL = """
from latentknobs import NoteAugmentation, hookimpl
LATENTKNOBS_API = {stated}

class Same(NoteAugmentation):
    \"\"\"Changes nothing.\"\"\"
    name = knob_name = "same"
    def edit(self, notes, amount, rng):
        return notes

@hookimpl
def register_augmentations():
    return [Same()]
"""


@pytest.mark.parametrize("path", API_1, ids=lambda path: path.stem)
def test_plugins_of_version_1_load_and_keep_their_promises(path):
    """A plugin of version 1, that names formats as plugins did then, still passes every check, as it stands.

    HOW TO FIX: somebody's plugin has just been broken. Make the change so that these files work, or raise HOOK_API.
    """
    # Six of them are built in since.
    others = [name for name in BUILTINS if name != "latentknobs.augmentations.plugin"]
    plugins = Plugins.build(others, plugins_dir=None, entry_points=False, strict=True)
    report = plugins.add_file(path)
    # Whether an import is light is another process's work, and tested elsewhere.
    results = [run(job) for job in jobs_of(plugins, report) if job.name != "its import is light"]

    assert (HOOK_API, report.state) == (1, "loaded")
    assert [f"{each.name}: {each.message}" for each in results if not each.ok] == []
    assert sum(each.state == "passed" for each in results) > 12


def test_a_copy_of_what_is_built_in_now_can_be_deleted(latentknobs_plugins):
    """The built-in edit keeps its name, and the reason tells what to do with the file."""
    latentknobs_plugins.strict = False
    (path,) = (path for path in API_1 if path.stem == "inversion")
    report = latentknobs_plugins.add_file(path)

    assert report.state == "failed"
    assert report.error.endswith(
        "plugin 'augmentations' (built-in) already offers 'inversion'; delete this file if it is a copy of that, else "
        "choose another name."
    )
    assert latentknobs_plugins.origin("augmentations", "inversion").origin == "built-in"


@pytest.mark.parametrize(
    ("stated", "state", "says"),
    [
        ("1", "loaded", None),
        ("(1,)", "loaded", None),
        ("(1, 2)  # both", "loaded", None),
        ("(2, 3)", "failed", "for version 2 and 3 of the hooks, and this is version 1: a newer latentknobs is needed"),
        ("0", "failed", "for version 0 of the hooks, and this is version 1: see docs/reference/hooks.md"),
        ('"1"', "skipped", "No line says LATENTKNOBS_API = 1"),
    ],
)
def test_a_plugin_states_the_versions_that_it_serves(latentknobs_plugins, tmp_path, stated, state, says):
    """One number, or all that it serves; where ours is not among them, it is told which program to update."""
    (tmp_path / "same.py").write_text(SMALL.format(stated=stated), encoding="utf-8")
    latentknobs_plugins.strict = False
    report = latentknobs_plugins.add_file(tmp_path / "same.py")

    assert report.state == state
    assert (says or "") in (report.error or "")


def test_a_version_is_a_whole_number():
    """A plugin in memory that states something else is told so."""
    with pytest.raises(PluginError, match="neither a whole number nor several"):
        check_api("1")
