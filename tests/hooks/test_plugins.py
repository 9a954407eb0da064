import logging
import os
import pickle
import sys
import textwrap

import pytest
from attrs import asdict

from latentknobs.errors import PluginError, UnknownNameError
from latentknobs.hooks import hookimpl
from latentknobs.hooks.manager import Plugins

BUILTINS = ("latentknobs.attributes.plugin", "latentknobs.augmentations.plugin")
BUILT_IN = ["transpose", "note-split", "octave", "neighbour-swap", "tilt", "stretch", "alter"]
BUILT_IN += ["degree", "diatonic-inversion", "swap-mode", "smooth", "leap"]
BUILT_IN += ["fill", "anticipate", "detach", "delay", "swing-eighths"]
BUILT_IN += ["inversion", "reflection", "retrograde", "rotation", "ornament", "register-fold", "thinning"]
GOOD = """
    from latentknobs import NoteAugmentation, hookimpl
    LATENTKNOBS_API = 1

    class {cls}(NoteAugmentation):
        \"\"\"Does nothing to speak of. At all.\"\"\"
        name = "{name}"
        knob_name = "{name}"

        def edit(self, notes, amount, rng):
            return notes

    @hookimpl
    def register_augmentations():
        return [{cls}()]
"""


@pytest.fixture(autouse=True)
def _clean(monkeypatch):
    """No variable of the person who runs the tests, and no module of a test, reaches another test."""
    for name in [name for name in os.environ if name.startswith("LATENTKNOBS_") and name != "LATENTKNOBS_CACHE"]:
        monkeypatch.delenv(name)
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith(("latentknobs_plugins", "a_package")):
            del sys.modules[name]


@pytest.fixture
def folder(tmp_path):
    """An empty plugins folder."""
    path = tmp_path / "plugins"
    path.mkdir()
    return path


def write(folder, name, text):
    """A plugin file."""
    path = folder / f"{name}.py"
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return path


def good(folder, name, file=None):
    """A plugin file that offers a working augmentation."""
    return write(folder, file or name, GOOD.format(cls=name.title().replace("-", ""), name=name))


def build(folder, builtins=BUILTINS, **options):
    """The plugins of a folder, beside attributes and augmentations."""
    return Plugins.build(builtins, plugins_dir=folder, **{"entry_points": False, **options})


def report(plugins, name):
    """The report of one plugin."""
    (found,) = (r for r in plugins.reports() if r.name == name)
    return found


def test_builtins_come_first_then_files_by_name(folder):
    """Offers are in the order of loading: built-ins as given, then files by name."""
    good(folder, "zebra")
    good(folder, "alpha")

    plugins = build(folder)

    assert [r.name for r in plugins.reports()] == ["attributes", "augmentations", "alpha", "zebra"]
    assert list(plugins.augmentations()) == [*BUILT_IN, "alpha", "zebra"]
    assert {r.state for r in plugins.reports()} == {"loaded"}


def test_a_file_without_the_api_line_is_not_run(folder):
    """Such a file is skipped, with the reason, and none of its code runs."""
    write(folder, "stray", "raise SystemExit('it ran')")

    found = report(build(folder), "stray")

    assert (found.state, found.hooks) == ("skipped", ())
    assert "LATENTKNOBS_API = 1" in found.error


def test_files_with_a_leading_underscore_and_folders_are_no_plugins(folder):
    """They are not even listed."""
    write(folder, "_helper", "LATENTKNOBS_API = 1\nraise RuntimeError")
    (folder / "folder.py").mkdir()

    assert [r.name for r in build(folder).reports()] == ["attributes", "augmentations"]


BROKEN = {
    "syntax": ("LATENTKNOBS_API = 1\ndef f(:\n", "line 2: invalid syntax"),
    "missing": ("LATENTKNOBS_API = 1\nimport not_there_at_all\n", "needs the module 'not_there_at_all'"),
    "exits": ("LATENTKNOBS_API = 1\nimport sys\nsys.exit(3)\n", r"calls sys.exit\(3\)"),
    "raises": ("LATENTKNOBS_API = 1\n\nraise ValueError('too early')\n", "line 3: it raised ValueError: too early"),
    "newer": ("LATENTKNOBS_API = 2\n", "a newer latentknobs is needed"),
    "older": ("LATENTKNOBS_API = 0\n", "docs/reference/hooks.md"),
    "nothing": ("LATENTKNOBS_API = 1\n", "offers nothing"),
    "binary": ("LATENTKNOBS_API = 1\n\0", "null bytes|ValueError|SyntaxError"),
    "unmarked": ("LATENTKNOBS_API = 1\ndef register_fits(): return []\n", "write @hookimpl above it"),
    "misspelt": (
        "from latentknobs import hookimpl\nLATENTKNOBS_API = 1\n@hookimpl\ndef register_augmentation(): return []\n",
        "did you mean 'register_augmentations'",
    ),
    "argument": (
        "from latentknobs import hookimpl\nLATENTKNOBS_API = 1\n@hookimpl\ndef register_fits(registrar): return []\n",
        "registrar",
    ),
}


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_a_broken_file_is_reported_and_the_others_work(folder, name):
    """Whatever a file does when it is loaded, it becomes one sentence and the rest is there."""
    text, wanted = BROKEN[name]
    (folder / f"{name}.py").write_text(text, encoding="utf-8")
    good(folder, "zebra")

    plugins = build(folder)

    found = report(plugins, name)
    assert found.state == "failed"
    with pytest.raises(PluginError, match=wanted):
        build(folder, strict=True)
    assert f"Plugin '{name}' ({found.path})" in found.error
    assert found.error.endswith((".", "?"))
    assert {"transpose", "zebra"} <= set(plugins.augmentations())


RETURNS = {
    "none": ("None", "returned nothing"),
    "text": ("'lilt'", "returned a str"),
    "number": ("3", "returned an int"),
    "wrong": ("[object()]", "returned an object in its list"),
    "klass": ("[Lilt]", r"return Lilt\(\)"),
    "raises": ("1 / 0", "ZeroDivisionError"),
    "late": ("(1 / 0 for _ in range(1))", "ZeroDivisionError"),
    "exits": ("__import__('sys').exit()", r"calls sys.exit\(\)"),
    "half": ("[Lilt(), None]", "returned nothing in its list"),
    "twice": ("[Lilt(), Lilt()]", "two named 'lilt'"),
    "slug": ("[Lilt(name='My Lilt!')]", "small letters"),
    "reserved": ("[Lilt(knob_name='random')]", "control knobs"),
    "taken-ending": ("[Lilt(knob_name='lilt-auto')]", "'-auto' ends knobs found without an edit"),
    "amounts": ("[Lilt(amounts=(2.0, 1.0))]", "ascending"),
    "zero": ("[Lilt(amounts=(0.0, 1.0))]", "without 0"),
    "preserves": ("[Lilt(preserves='contour')]", "frozenset"),
    "both": (
        "[Lilt(preserves=frozenset({'contour'}), changes=frozenset({'contour'}))]",
        "both changes and preserves contour",
    ),
    "unknown": ("[Lilt(preserves=frozenset({'onsetf1'}))]", "did you mean 'onset-f1'"),
    "target": ("[Lilt(target='contour')]", "no attribute named 'contour'"),
}


@pytest.mark.parametrize("name", sorted(RETURNS))
def test_a_wrong_return_value_leaves_that_hook_out(folder, name):
    """What is not a list of offers takes that plugin's hook out, with a sentence; its other hook stays."""
    value, wanted = RETURNS[name]
    write(
        folder,
        "lilt",
        f"""
        from latentknobs import NoteAugmentation, hookimpl
        LATENTKNOBS_API = 1

        class Lilt(NoteAugmentation):
            name = knob_name = "lilt"
            def __init__(self, **facts):
                self.__dict__.update(facts)
            def edit(self, notes, amount, rng):
                return notes

        @hookimpl
        def register_augmentations():
            return {value}

        @hookimpl
        def register_comparisons():
            return []
        """,
    )

    plugins = build(folder)

    found = report(plugins, "lilt")
    assert (found.state, found.hooks) == ("failed", ("register_comparisons",))
    assert list(plugins.augmentations()) == BUILT_IN
    with pytest.raises(PluginError, match=wanted):
        build(folder, strict=True)


def test_ctrl_c_is_never_contained(folder):
    """Ctrl-C while a plugin is loaded ends the program; a KeyboardInterrupt of its own is its fault."""
    write(folder, "odd", "LATENTKNOBS_API = 1\nraise KeyboardInterrupt\n")
    assert "it raised KeyboardInterrupt" in report(build(folder), "odd").error

    write(folder, "slow", "LATENTKNOBS_API = 1\nimport signal\nsignal.raise_signal(signal.SIGINT)\n")
    with pytest.raises(KeyboardInterrupt):
        build(folder)


def test_two_offers_of_one_name_name_both_plugins(folder):
    """The first stays, and the second's report names both."""
    good(folder, "lilt", file="a")
    good(folder, "lilt", file="b")

    plugins = build(folder)

    assert plugins.origin("augmentations", "lilt").name == "a"
    error = report(plugins, "b").error
    assert "plugin 'a'" in error
    assert "Plugin 'b'" in error
    assert report(plugins, "a").state == "loaded"


def test_a_second_plugin_of_the_same_name_is_refused(folder):
    """A file named as a built-in does not take its place."""
    good(folder, "lilt", file="augmentations")

    plugins = build(folder)

    assert [r.state for r in plugins.reports()] == ["loaded", "loaded", "failed"]
    assert "has the same name" in plugins.reports()[-1].error
    assert "lilt" not in plugins.augmentations()


def test_a_broken_builtin_is_reported_too(folder):
    """A built-in that cannot be imported does not stop the others."""
    plugins = build(folder, builtins=("latentknobs.not_there.plugin", *BUILTINS))

    assert report(plugins, "not_there").state == "failed"
    assert "transpose" in plugins.augmentations()


def test_disabled_plugins_are_never_run(folder, monkeypatch):
    """LATENTKNOBS_DISABLE leaves out whatever it names."""
    write(folder, "bomb", "LATENTKNOBS_API = 1\nraise SystemExit\n")
    monkeypatch.setenv("LATENTKNOBS_DISABLE", "bomb, augmentations")

    plugins = build(folder)

    assert [r.state for r in plugins.reports()] == ["loaded", "disabled", "disabled"]
    assert plugins.augmentations() == {}


@pytest.mark.parametrize(("value", "wanted"), [("alpha", ["alpha"]), ("", [])])
def test_the_allow_list_is_about_strangers(folder, monkeypatch, value, wanted):
    """LATENTKNOBS_PLUGINS names the only files and packages to load; built-ins stay; empty means none."""
    good(folder, "alpha")
    good(folder, "beta")
    monkeypatch.setenv("LATENTKNOBS_PLUGINS", value)

    assert list(build(folder).augmentations()) == [*BUILT_IN, *wanted]


def test_strict_comes_from_the_environment(folder, monkeypatch):
    """LATENTKNOBS_STRICT=1 raises the sentence; 0 does not."""
    write(folder, "bad", BROKEN["raises"][0])
    monkeypatch.setenv("LATENTKNOBS_STRICT", "0")
    assert report(build(folder), "bad").state == "failed"

    monkeypatch.setenv("LATENTKNOBS_STRICT", "1")
    with pytest.raises(PluginError, match="too early"):
        build(folder)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An installed package with two entry points, one of which works."""
    site = tmp_path / "site"
    info = site / "a_package-1.2.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: a-package\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text("[latentknobs]\nlilt = a_package\nbroken = a_package.not_there\n")
    good(site, "lilt", file="a_package")
    monkeypatch.syspath_prepend(str(site))
    return site


def test_installed_packages_are_found_by_their_entry_points(folder, package):
    """Entry points of the group load by name, with their package's version, and a broken one is reported."""
    plugins = build(folder, entry_points=True)

    found = report(plugins, "lilt")
    assert (found.origin, found.version, found.state) == ("entry point", "1.2", "loaded")
    assert found.path == str(package / "a_package.py")
    assert report(plugins, "broken").state == "failed"
    assert "lilt" in plugins.augmentations()
    assert [r.name for r in plugins.reports()][2:] == ["broken", "lilt"]


def test_a_package_must_state_the_version_of_the_hooks(folder, package):
    """An entry point without LATENTKNOBS_API is refused with a sentence."""
    (package / "a_package.py").write_text("x = 1\n")

    assert "does not state LATENTKNOBS_API = 1" in report(build(folder, entry_points=True), "lilt").error


def test_loading_leaves_no_trace(folder):
    """Neither sys.path nor the plugins folder changes, and a changed file is read anew."""
    path = good(folder, "first", file="lilt")
    before = list(sys.path)
    build(folder)
    path.write_text(path.read_text().replace("first", "again"))

    assert "again" in build(folder).augmentations()
    assert sys.path == before
    assert [p.name for p in folder.iterdir()] == ["lilt.py"]


def test_objects_of_a_local_file_can_be_pickled(folder):
    """The file's module is known by its name, so worker processes forked later can be handed its objects."""
    good(folder, "lilt")
    lilt = build(folder).augmentations()["lilt"]

    assert type(lilt).__module__ == "latentknobs_plugins.lilt"
    assert pickle.loads(pickle.dumps(lilt)).name == "lilt"


def test_a_file_that_fails_leaves_no_half_module(folder):
    """A module whose code raised cannot be imported by anybody."""
    write(folder, "raises", BROKEN["raises"][0])
    build(folder)

    assert "latentknobs_plugins.raises" not in sys.modules


def test_a_report_is_json(folder):
    """A report's dictionary holds only what JSON can carry, and the version of a file is its text's hash."""
    good(folder, "lilt")

    facts = asdict(report(build(folder), "lilt"))

    assert set(facts) == {"name", "version", "origin", "path", "hooks", "state", "error"}
    assert facts["hooks"] == ("register_augmentations",)
    assert facts["version"].startswith("sha256:")


def test_managers_share_nothing(folder):
    """What one workbench's plugins are given, another's do not have."""
    first, second = build(folder), build(folder)

    class Other:
        @hookimpl
        def register_comparisons(self):
            return list(first.comparisons().values())[:0]

    assert first.register(Other(), "other").state == "loaded"
    assert "other" not in [r.name for r in second.reports()]


def test_an_object_is_registered_like_a_file(folder):
    """An object's broken hook is reported, and raised where strict."""

    class Bad:
        LATENTKNOBS_API = 7

    assert build(folder).register(Bad(), "bad").state == "failed"
    with pytest.raises(PluginError, match="version 7"):
        build(folder, strict=True).register(Bad(), "bad")


def test_the_same_plugin_twice_is_refused(folder):
    """One object under two names counts once."""

    class Fine:
        @hookimpl
        def register_fits(self):
            return []

    plugins, fine = build(folder), Fine()

    assert plugins.register(fine, "one").state == "loaded"
    assert "the same as plugin 'one'" in plugins.register(fine, "two").error


def test_origin_of_what_is_not_there():
    """Asking for an unknown kind or name says what there is."""
    plugins = build(None)

    with pytest.raises(UnknownNameError, match="augmentations"):
        plugins.origin("augmentation", "transpose")
    with pytest.raises(UnknownNameError, match="transpose"):
        plugins.origin("augmentations", "transpos")


@pytest.mark.parametrize("hook", ["run_finished", "knob_saved"])
def test_an_observer_that_fails_is_logged_and_the_next_is_told(hook, caplog):
    """An observer's error, sys.exit too, never stops what is under way."""
    told = []
    plugins = build(None)

    def failing(**_given):
        sys.exit(1)

    for name, function in (("bad", failing), ("fine", told.append)):
        # An observer's one argument is named as in the hook.
        argument = "run" if hook == "run_finished" else "knob"
        scope = {"function": function, "hookimpl": hookimpl}
        exec(f"class P:\n    @hookimpl\n    def {hook}(self, {argument}):\n        function({argument})", scope)
        plugins.register(scope["P"](), name)

    with caplog.at_level(logging.WARNING, logger="latentknobs"):
        getattr(plugins, hook)("what happened")

    assert told == ["what happened"]
    assert "plugin 'bad'" in caplog.text
