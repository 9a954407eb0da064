"""Plugins that do what no plugin should: each is run, named, and harms nothing beside itself."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

DRIVER = Path(__file__).with_name("hostile_driver.py")
CASES = sorted(path.stem for path in (DRIVER.parents[1] / "data" / "hostile_plugins").glob("*.txt"))
ENDS = {"segv", "segv_import", "catches_all", "holds_lock"}
"""Those that may end the process, each run alone."""
SLOW = {"hang_edit", "busy_import", "endless_offers"}
"""The same as others, once more."""
NOT_RUN = {"syntax", "nul", "new_api", "old_api", "str_api"}
LOADED = {
    # name: what is said of it when it is loaded
    "alarm": "left a timer running",
    "blocks_signals": "blocked signals",
    "clears_environment": "changed the environment variables",
    "no_streams": "replaced a standard stream",
    "numpy_errors": "changed what numpy does at errors",
    "replaces_modules": "replaced the modules json, numpy; it removed places from sys.path",
    "chdir": "changed the current folder",
    "closes_streams": "closed a standard stream",
    "exit_handler": "registered an exit handler",
    "exits_at_exit": "registered an exit handler",
    "fork_import": "copied the program",
    "handles_term": "changed the handler of SIGTERM",
    "locale_de": "changed the locale",
    "pool_left": "left the thread",
    "prints": "printed to stdout",
    "replaces_streams": "replaced a standard stream",
    "sets_hooks": "excepthook; it changed sys.displayhook; it changed sys.unraisablehook; it changed threading",
    "signal_": "tried to change the handler of SIGINT",
    "stdout": "printed to stdout",
    "thread_left": "left the thread 'left' behind",
    "thread_prints": "left the thread",
    "warn_error": "changed the recursion limit; it changed the warnings filters",
}
EDITS = {
    # name: what is said of it in use
    "async_edit": "TypeError",
    "base_exc": "it raised Stop: stop everything",
    "bad_metaclass": "it raised an error that cannot be shown",
    "exit_bad_repr": "it raised an error that cannot be shown",
    "exit_edit": r"it calls os._exit\(0\)",
    "exit_keyword": r"it calls os._exit\(3\)",
    "exit_no_code": "it raised TypeError",
    "gen_exit": "it raised GeneratorExit",
    "generator": "it raised",
    "hang_edit": "it took more than 1 s and was given up",
    "huge_memory": "it raised MemoryError",
    "kbd": "it raised KeyboardInterrupt",
    "memory_grow": "it raised MemoryError",
    "recursion": "it raised RecursionError",
    "stop_iteration": "it raised StopIteration",
    "sysexit": r"it calls sys.exit\(0\)",
}
REFUSED = {
    # name: why it is not loaded
    "bad_repr": "it raised KeyboardInterrupt",
    "badstr": "it raised E",
    "busy_import": "it took more than 1 s and was given up",
    "circ_a": "circ_b",
    "circ_b": "circ_a",
    "circ_self": "it raised ImportError",
    "empty_error": "it raised PluginError",
    "closes_files": r"it calls os.closerange\(3\)",
    "endless_hook": "returned an int in its list",
    "endless_offers": "it took more than 1 s and was given up",
    "event_loop": "no running event loop",
    "exec_import": "it calls os.execv",
    "hang_import": "it took more than 1 s and was given up",
    "hook_hangs": "it took more than 1 s and was given up",
    "kills_itself": "it sends SIGTERM to the program",
    "new_api": "a newer latentknobs is needed",
    "nul": "null bytes",
    "old_api": "version 0 of the hooks",
    "os_exit_import": r"it calls os._exit\(0\)",
    "patch_numpy": "it replaces numpy.mean, numpy.sum",
    "patches_builtins": "it replaces builtins",
    "patches_package": "it replaces latentknobs.core.atomic_write.write_file",
    "reads_stdin": "it raised EOFError",
    "same_knob": "the knob name 'pitch' of 'other-pitch' is that of 'transpose'",
    "same_name": "already offers 'transpose'",
    "stops_itself": "it sends SIGSTOP to the program",
    "syntax": "line 3: invalid syntax",
    "syntax_empty": "line 3: it raised SyntaxError",
    "syntax_number": "line 3: it raised SyntaxError: 5",
    "unicode_name": "small letters",
}


def environment(folder):
    """Variables of a program: an own cache, a second for each call, memory for one case at a time."""
    return {**os.environ, "LATENTKNOBS_CACHE": str(folder / "cache"), "LATENTKNOBS_PLUGIN_TIMEOUT": "1"}


def drive(folder, *names):
    """What became of the cases, and of the program that met them."""
    out = folder / "facts.json"
    command = [sys.executable, str(DRIVER), str(out), *names]
    env, none = environment(folder), subprocess.DEVNULL
    done = subprocess.run(command, capture_output=True, check=False, text=True, timeout=120, env=env, stdin=none)
    return json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}, done


@pytest.fixture(scope="module")
def met(tmp_path_factory):
    """All cases that may not end the program, in one program."""
    return drive(tmp_path_factory.mktemp("met"), *[name for name in CASES if name not in ENDS | SLOW])


@pytest.mark.parametrize("name", [name for name in CASES if name not in ENDS | SLOW])
def test_a_hostile_plugin_is_named_and_harms_nothing(met, name):
    """It has run, what it did is said, the process is as before, and other plugins work."""
    facts = met[0][name]

    assert ("load" in facts["ran"]) == (name not in NOT_RUN)
    # A stream object that was closed is replaced by one on the same file.
    changed = ["streams"] if name == "closes_streams" else []
    assert facts["changed when loaded"] == facts["changed when used"] == changed
    assert facts["others"]
    if name in REFUSED:
        assert facts["state"] == "failed"
        assert re.search(REFUSED[name], facts["reason"]), facts["reason"]
        assert name in facts["reason"]
    elif name == "str_api":
        assert facts["state"] == "skipped"
    else:
        assert facts["state"] == "loaded"
        assert re.search(LOADED.get(name, "^$"), facts["reason"]), facts["reason"]
        assert "edit" in facts["ran"] or not facts["edits"] or name == "async_edit"  # which nobody awaits
        for said in facts["edits"]:
            assert re.search(EDITS.get(name, "^done$"), said), said


def test_the_program_ends_with_its_own_exit_code(met):
    """Whatever threads and exit handlers are left, soon, and with nothing but results on stdout."""
    assert (met[1].returncode, met[1].stdout) == (0, "RESULT\n"), met[1].stderr
    assert "Ended without waiting for what plugins left behind" in met[1].stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SLOW))
def test_the_rest_of_them(tmp_path, name):
    """As above."""
    facts = drive(tmp_path, name)[0][name]

    assert re.search({**EDITS, **REFUSED}[name], " ".join([facts["reason"], *facts["edits"]]))


def test_a_plugin_that_ended_the_program_is_left_out_the_next_time(tmp_path):
    """With a traceback of the crash; the next program names it at once, until its bytes change."""
    facts, done = drive(tmp_path, "segv_import")
    assert facts == {}
    assert done.returncode == -signal.SIGSEGV

    plugin = tmp_path / "plugins" / "bad.py"
    plugin.parent.mkdir()
    plugin.write_text("LATENTKNOBS_API = 1\nimport os\nos.abort()\n")
    first = listed(tmp_path)
    assert (first.returncode, f'File "{plugin}", line 3' in first.stderr) == (-signal.SIGABRT, True)
    second = listed(tmp_path)
    assert (second.returncode, "hung or ended the program" in second.stderr) == (0, True)

    plugin.write_text("LATENTKNOBS_API = 1\nimport os\n")
    assert "it has no function marked with @hookimpl" in listed(tmp_path).stdout


@pytest.mark.parametrize("name", ["hang_import", "hook_hangs"])
def test_a_plugin_that_hung_is_left_out_the_next_time(tmp_path, name):
    """When it is imported or asked for its offers; until it is checked by name."""
    (tmp_path / "plugins").mkdir()
    text = (DRIVER.parents[1] / "data" / "hostile_plugins" / f"{name}.txt").read_text()
    (tmp_path / "plugins" / "bad.py").write_text(text)

    states = [{one["name"]: one["state"] for one in json.loads(listed(tmp_path).stdout)}["bad"] for _ in range(2)]

    assert states == ["failed", "disabled"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_program_that_is_ended_from_outside_blames_no_plugin(tmp_path, number):
    """A timeout, or a terminal that is closed, in the middle of an import."""
    here = tmp_path / "here"
    write_once(tmp_path / "plugins", here, "import time; time.sleep(60)")
    env = {**environment(tmp_path), "LATENTKNOBS_PLUGIN_TIMEOUT": "60"}
    env["LATENTKNOBS_PLUGINS_DIR"] = str(tmp_path / "plugins")
    with subprocess.Popen([sys.executable, "-m", "latentknobs", "plugins", "list"], env=env) as process:
        try:
            while not here.exists():
                time.sleep(0.05)
            process.send_signal(number)
            assert process.wait(timeout=30) == -number
        finally:
            process.kill()

    assert "it has no function marked with @hookimpl" in listed(tmp_path).stdout


def test_a_check_by_name_lets_an_installed_plugin_try_again(tmp_path, monkeypatch):
    """One that ended the program before: it is loaded again once its check has loaded it."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"), prepend=os.pathsep)
    (tmp_path / "plugins").mkdir()
    write_once(tmp_path / "site", tmp_path / "here", "os.abort()")
    facts = tmp_path / "site" / "bad-1.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: bad\nVersion: 1\n")
    (facts / "entry_points.txt").write_text("[latentknobs]\nbad = bad\n")

    assert listed(tmp_path).returncode == -signal.SIGABRT
    assert "latentknobs plugins check bad passes" in listed(tmp_path).stdout
    assert "it has no function marked with @hookimpl" in listed(tmp_path, "check", "bad").stdout
    assert "it has no function marked with @hookimpl" in listed(tmp_path).stdout


def write_once(folder, here, harm):
    """A plugin that does something the first time it is imported: then it makes a file."""
    folder.mkdir()
    (folder / "bad.py").write_text(
        f"LATENTKNOBS_API = 1\nimport os\nhere = {str(here)!r}\n"
        f"if not os.path.exists(here):\n    open(here, 'w')\n    {harm}\n"
    )


def listed(folder, *words):
    """``plugins list`` on a folder, or another of these commands."""
    env = {**environment(folder), "LATENTKNOBS_PLUGINS_DIR": str(folder / "plugins")}
    command = [sys.executable, "-m", "latentknobs", "plugins", *(words or ("list",)), "--json"]
    return subprocess.run(command, capture_output=True, check=False, text=True, timeout=120, env=env)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["catches_all", "holds_lock"])
def test_what_cannot_be_interrupted_is_ended(tmp_path, name):
    """It is told while it hangs, and named when the program is ended."""
    facts, done = drive(tmp_path, name)

    assert (facts, done.returncode) == ({}, -signal.SIGKILL)
    told, ended = [line for line in done.stderr.splitlines() if "plugin" in line]
    assert re.search(rf"^Loading plugin '{name}' .* so far\. Ctrl-C ends it; LATENTKNOBS_DISABLE={name} leaves", told)
    assert "could not be interrupted, so the program was ended" in ended


@pytest.mark.parametrize("name", ["hang_import", "signal_", "catches_all"])
def test_ctrl_c_always_works(tmp_path, name):
    """Where a plugin hangs, has taken the signal, or catches what it raises: then the second time."""
    text = (DRIVER.parents[1] / "data" / "hostile_plugins" / f"{name}.txt").read_text()
    here = tmp_path / "here"
    hang = "import time\nwhile True: time.sleep(0.1)\n" if name == "signal_" else ""
    lines = [f"open({str(here)!r}, 'w')", *text.splitlines()]
    plugin = tmp_path / "plugins" / "bad.py"
    plugin.parent.mkdir()
    at = next(k for k, line in enumerate(lines) if line.startswith("class E")) if hang else len(lines)
    plugin.write_text("\n".join([*lines[:at], hang, *lines[at:]]))
    env = {**environment(tmp_path), "LATENTKNOBS_PLUGIN_TIMEOUT": "60"}
    env["LATENTKNOBS_PLUGINS_DIR"] = str(tmp_path / "plugins")
    command = [sys.executable, "-m", "latentknobs", "plugins", "list"]
    with subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True) as process:
        try:
            while not here.exists():
                time.sleep(0.05)
            time.sleep(0.2)
            process.send_signal(signal.SIGINT)
            if name == "catches_all":
                time.sleep(0.5)
                process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=60)
        finally:
            process.kill()

    assert process.returncode == 130
    assert "Interrupted: what was not finished is not written." in err


def test_two_programs_at_once_leave_each_others_plugins_alone(tmp_path):
    """An import that goes on elsewhere is no failed one."""
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "slow.py").write_text(
        "LATENTKNOBS_API = 1\nimport time\ntime.sleep(0.4)\nfrom latentknobs import hookimpl\n"
        "@hookimpl\ndef register_fits(): return []\n"
    )
    env = {**environment(tmp_path), "LATENTKNOBS_PLUGINS_DIR": str(tmp_path / "plugins")}
    command = [sys.executable, "-m", "latentknobs", "plugins", "show", "slow", "--json"]
    programs = [subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) for _ in range(3)]

    assert [json.loads(program.communicate(timeout=60)[0])["state"] for program in programs] == ["loaded"] * 3
