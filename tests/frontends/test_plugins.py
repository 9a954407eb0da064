"""``latentknobs plugins``: new, list, show and check, as an author uses them."""

import os
from pathlib import Path

import pytest

FILE = "plugins/lift.py"
ODD = """
import os
import sys
import time
from latentknobs import Note, NoteAugmentation, hookimpl
LATENTKNOBS_API = 1
{load}

class Odd(NoteAugmentation):
    \"\"\"Flattens.\"\"\"
    name = knob_name = "odd"
    preserves = frozenset({{{preserves}}})
    def edit(self, notes, amount, rng):
        {edit}
        return [Note(n.onset, 60, n.length) for n in notes]

@hookimpl
def {hook}():
    return [Odd()]
"""


@pytest.fixture
def tiny_registry(tmp_path_factory):
    """An empty file: none of these commands looks at knobs, and making some takes long."""
    path = tmp_path_factory.mktemp("none") / "registry.db"
    path.touch()
    return path


@pytest.fixture
def here(monkeypatch, tmp_path):
    """An empty current folder, whose plugins folder is the default one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LATENTKNOBS_PLUGINS_DIR")
    return tmp_path


@pytest.fixture
def odd(here):
    """Writes a plugin file with something odd about it."""

    def write(load="", edit="pass", preserves="", hook="register_augmentations"):
        (here / "odd.py").write_text(ODD.format(load=load, edit=edit, preserves=preserves, hook=hook), encoding="utf-8")
        return "odd.py"

    return write


def test_what_plugins_offer_is_listed_with_what_it_needs(cli, here):
    """Augmentations, attributes and comparisons of all plugins stand in one list, each with its need of a format."""
    offers = {one["name"]: one for one in cli("plugins", "list", "--offers", "--json").json}
    shown = cli("plugins", "list", "--offers").out

    assert offers["delay"] == {
        "kind": "augmentation",
        "name": "delay",
        "unit": "sixteenths",
        "needs": ["monophonic", "sixteenths"],
        "clip_format": None,
        "doc": "Starts every note later by the amount in sixteenths, after a rest.",
        "plugin": "augmentations",
    }
    assert (offers["mean-pitch"]["kind"], offers["onset-f1"]["kind"]) == ("attribute", "comparison")
    assert offers["token-accuracy"]["needs"] == []
    assert all(name in shown for name in (*offers, "anything"))


def test_a_new_plugin_is_there_at_once(cli, here):
    """It is written with its test, listed, shown with what it offers, and passes the checks by file and by name."""
    made = cli("plugins", "new", "lift")
    assert (made.code, made.out.split()) == (0, [FILE, "tests/test_lift.py"])
    assert "latentknobs plugins check plugins/lift.py" in made.err

    (found,) = [one for one in cli("plugins", "list", "--json").json if one["name"] == "lift"]
    assert {"name", "version", "origin", "hooks", "state", "error"} <= set(found)
    assert (found["state"], found["origin"]) == ("loaded", "file")
    shown = cli("plugins", "show", "lift", "--json").json
    assert shown["offers"] == [
        {"kind": "augmentations", "name": "lift", "doc": "Moves the second bar up by the amount."}
    ]
    assert "Moves the second bar up" in cli("plugins", "show", "lift").out
    assert cli("plugins", "check", FILE).out == f"{FILE}: 16 of 16 checks passed\n"
    assert {one["state"] for one in cli("plugins", "check", "lift", "--json").json} == {"passed"}


def test_a_new_package_goes_where_it_is_told(cli, here):
    """Its folder is named after it."""
    made = cli("plugins", "new", "swing", "--kind", "selector", "--package", "-o", "elsewhere")

    assert made.code == 0
    assert (here / "elsewhere/latentknobs-swing/latentknobs_swing/__init__.py").is_file()
    assert "pip install elsewhere/latentknobs-swing" in made.err


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("transpose",), "taken: it is one of the augmentations"),
        (("pitch",), "taken: it is the knob of 'transpose'"),
        (("discovery", "--kind", "basis"), r"taken: it is a plugin (built-in)"),
        (("mean-pitch", "--kind", "attribute"), "taken: it is one of the attributes"),
        (("musicvae-folk-128", "--kind", "backend"), "taken: it is a model of"),
        (("Swing",), "cannot be named 'Swing'"),
        (("swing", "--kind", "metric"), "no template of kind 'metric'"),
    ],
)
def test_a_name_that_cannot_be_is_refused(cli, here, words, wanted):
    """Nothing is written, and the sentence says why."""
    done = cli("plugins", "new", *words)

    assert done.code == 2
    assert wanted in done.one_sentence()
    assert list(here.iterdir()) == []


def test_nothing_is_overwritten(cli, here):
    """A plugin that is there stays as it is, and so does its test."""
    assert cli("plugins", "new", "lift").code == 0
    (here / FILE).unlink()

    done = cli("plugins", "new", "lift")

    assert done.code == 2
    assert "tests/test_lift.py is there already" in done.one_sentence()
    assert not (here / FILE).exists()


def test_an_unknown_plugin_is_answered_with_the_nearest(cli, here):
    """By show and by check."""
    assert cli("plugins", "show", "augmentation").code == 2
    for words in (("show", "augmentation"), ("check", "augmentation")):
        done = cli("plugins", *words)
        assert "did you mean 'augmentations'?" in done.err + done.out


FAULTS = {
    "a promise": ({"preserves": "'contour'"}, "odd: preserved attributes hold: 'odd' says that it preserves 'contour'"),
    "an edit that fails": ({"edit": "1 / 0"}, "odd: grid and range are kept: augmentation 'odd' at amount 1"),
    "a misspelt hook": ({"hook": "register_augmentation"}, "did you mean 'register_augmentations'?"),
    "a heavy import": ({"load": "import scipy"}, "its import is light: Importing it loads scipy"),
    "a seeded import": ({"load": "import random; random.seed(1)"}, "Importing it draws from or seeds a global random"),
    "an import that ends it": (
        {"load": "os._exit(3)"},
        "it loads: Plugin 'odd' (odd.py) could not be loaded: it calls os._exit(3)",
    ),
    "a thread that is left": (
        {"load": "import threading; threading.Thread(target=time.sleep, args=(60,)).start()"},
        "it loads: When it was loaded, it left the thread",
    ),
    "an import that hangs": ({"load": "time.sleep(60)"}, "it loads: It was not done after 1 s and was ended"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_sentence(cli, odd, fault):
    """Each check that fails is one line with its name and a sentence; the exit code is 1."""
    facts, wanted = FAULTS[fault]
    limit = ("--seconds", "1") if "hangs" in fault else ()

    done = cli("plugins", "check", odd(**facts), *limit)

    assert done.code == 1
    lines = [line for line in done.out.splitlines() if line.startswith("failed: ")]
    assert any(wanted in line for line in lines), done.out
    assert done.err.startswith("Error: odd.py fails ")


HARMLESS = """
import functools
from concurrent.futures import ProcessPoolExecutor
assert hasattr(sys.stdout, "buffer") and sys.stdout.encoding and sys.stdout.errors

@functools.cache
def elsewhere():
    with ProcessPoolExecutor(1) as pool:
        assert pool.submit(abs, -1).result() == 1
"""


def test_looking_at_stdout_is_no_fault(cli, odd):
    """Nor is flushing it, which a process pool does too: only printing is."""
    path = odd(load=HARMLESS, edit="sys.stdout.flush(); sys.stdout.buffer.flush(); elsewhere()")

    assert cli("plugins", "check", path).out == f"{path}: 16 of 16 checks passed\n"


def test_a_check_that_ends_the_process_is_named(cli, odd):
    """What was under way when the process ended has failed, and the checks before it count."""
    found = cli("plugins", "check", odd(edit="os.abort()"), "--json").json

    assert [one["state"] for one in found][-1] == "failed"
    assert found[-1]["name"] == "odd: input is unchanged"
    assert found[-1]["message"].startswith("It ended the process with exit code -6")
    assert {one["state"] for one in found[:-1]} == {"passed"}


BY_FILE = """
from pathlib import Path
from latentknobs import BackendFactory, hookimpl
LATENTKNOBS_API = 1

def load(location, device):
    from latentknobs.testing.tiny import TinyBackend
    Path(location).read_bytes()
    return TinyBackend()

@hookimpl
def register_backends():
    return [BackendFactory("mine", "Mine.", load)]
"""


def test_a_model_that_needs_a_file_is_checked(cli, here):
    """--model names the backend and the file; what cannot be loaded is told once, and a wrong name is answered."""
    (here / "mine.py").write_text(BY_FILE)
    (here / "weights").touch()

    assert "left out: mine: all checks of a model: It ships no model" in cli("plugins", "check", "mine.py").out
    done = cli("plugins", "check", "mine.py", "--model", "mine:weights")
    assert (done.code, "all checks of a model" in done.out) == (0, False), done.out
    missing = cli("plugins", "check", "mine.py", "--model", "mine:nothing")
    assert [line for line in missing.out.splitlines() if "FileNotFoundError" in line and "mine:nothing: loads" in line]
    assert missing.err.startswith("Error: mine.py fails 1 of ")
    assert "did you mean 'mine'?" in cli("plugins", "check", "mine.py", "--model", "mind:weights").out
    assert cli("plugins", "check", "mine.py", "--model", "weights").code == cli("plugins", "check").code == 2


def test_it_is_run_in_a_process_of_its_own(cli, odd, here):
    """Neither the file that is checked nor the folder's other plugins are run by the command itself."""
    (here / "plugins").mkdir()
    noted = "from pathlib import Path\nPath('{0}').write_text(str(os.getpid()))"
    (here / "plugins" / "other.py").write_text("LATENTKNOBS_API = 1\nimport os\n" + noted.format("other"))

    assert cli("plugins", "check", odd(load=noted.format("pid"))).code == 0

    assert int(Path("pid").read_text()) != os.getpid()
    assert not Path("other").exists()


def test_a_file_beside_it_takes_no_modules_place(cli, odd, here):
    """What lies in the current folder is not imported in place of a library."""
    (here / "attrs.py").write_text("raise RuntimeError('shadowed')")

    assert cli("plugins", "check", odd()).code == 0


def test_a_file_that_is_not_there(cli, here):
    """It is a wrong use, and says so."""
    done = cli("plugins", "check", "nothing.py")

    assert done.code == 2
    assert "There is no file nothing.py" in done.one_sentence()


def test_hooks_are_traced_on_request(cli, here, monkeypatch):
    """LATENTKNOBS_TRACE=1 tells on stderr what is loaded and called, and how long it takes."""
    monkeypatch.setenv("LATENTKNOBS_TRACE", "1")

    done = cli("plugins", "list", "--json")

    assert "trace: plugin 'augmentations' (built-in): register_augmentations, " in done.err
    assert "trace: plugin 'discovery' (built-in): loaded, " in done.err
    assert done.json
