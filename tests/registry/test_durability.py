"""Programs that die, write at once, or find the disk full: what was committed stays, and nothing half is seen."""

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest

import latentknobs
from latentknobs.core.experiment import Settings
from latentknobs.errors import RegistryError
from latentknobs.registry import migrate
from latentknobs.registry.store import KnobStore
from latentknobs.testing.store import MODEL, dump, sample_run
from latentknobs.workbench import Workbench, load_plugins

ROUNDS = [
    pytest.param(3, id="few"),
    pytest.param(20, id="some", marks=pytest.mark.slow),
    pytest.param(100, id="many", marks=pytest.mark.evidence),
]
"""How often a program is killed at each of the two kinds of work."""
RUNS = [pytest.param(2, id="few"), pytest.param(20, id="many", marks=pytest.mark.slow)]
"""How many runs each of several writers stores."""
QUICK = Settings(trial_clips=8, controls=2, control_clips=4, halves=2, resamples=2, flips=2, fits=("mean",))
OLD = Path(__file__).parents[1] / "data" / "registry_0001.db"
SERVER = """
import os, resource, sys, time
from pathlib import Path
from sqlalchemy.orm import configure_mappers
from latentknobs.core.query_spec import KnobQuery
from latentknobs.core.experiment import Settings
from latentknobs.hooks.manager import Plugins
from latentknobs.registry import knob_edits, migrate
from latentknobs.registry.store import KnobStore
from latentknobs.testing.store import MODEL, sample_run
from latentknobs.hooks.built_ins import BUILTINS
from latentknobs.workbench import Workbench

settings = Settings(trial_clips=8, controls=2, control_clips=4, halves=2, resamples=2, flips=2, fits=("mean",))


def say(text):
    os.write(1, f"{text}\\n".encode())


def discovers(path, plugin, seed):
    # A plugin whose loading is killed is left out the next time, which is not what is tested here.
    os.environ["LATENTKNOBS_CACHE"] = f"{plugin}-cache-{seed}"
    plugins = Plugins.build(BUILTINS, plugins_dir=Path(plugin), entry_points=False)
    with Workbench.open(path, plugins=plugins) as bench:
        say(bench.discover("transpose", corpus="tiny", model="tiny", clips=500, seed=seed, settings=settings).run_id)
    # Then runs with large operators, one transaction each, for as long as it lives.
    for number in range(10_000):
        run = sample_run(10_000 * seed + number, size=96)
        KnobStore.open(path).save_run(run)
        say(run.run_id)


def upgrades(path):
    say(migrate.upgrade(path))


def saves(path):
    KnobStore.open(path).save_run(sample_run(9, size=200))


def tags(path):
    knob_edits.change_tags(KnobStore.open(path), MODEL, "pitch", ["t" * 60 + str(i) for i in range(900)], [])


def fills(size, work, path):
    # A limit on the size of files stands for the end of the disk; Python turns the signal off.
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    globals()[work](path)


def writes(path, first, last, timeout=10):
    store = KnobStore.open(path, timeout=timeout)
    for seed in range(first, last):
        assert store.save_run(sample_run(seed, name=f"knob-{seed}"))
        knob_edits.change_tags(store, MODEL, "shared", [f"tag-{seed}"], [])


def reads(path, writers):
    store, most, found, until = KnobStore.open(path), 0, 0, time.monotonic() + 300
    while found == 0 or most < writers:
        assert time.monotonic() < until, f"{most} runs of {writers}"
        runs = store.runs()
        assert all(len(run.knobs) == 2 and len(run.knobs[0].dimensions) == 1 for run in runs), "half a run"
        assert len(runs) >= most, "a run that was seen is gone"
        most = len(runs)
        found += len(store.find(KnobQuery(moves="mean-pitch", limit=5)))
        time.sleep(0.02)


def asks(path, writers):
    store, most, until = KnobStore.open(path, timeout=60), 0, time.monotonic() + 300
    while most < writers:
        assert time.monotonic() < until, f"{most} runs of {writers}"
        runs = store.run_outlines()
        assert all(run.knobs == 2 for run in runs), "half a run"
        assert len(runs) >= most, "a run that was seen is gone"
        most = len(runs)
        assert store.find(KnobQuery(moves="mean-pitch", limit=5), evidence=False)
        time.sleep(1)


configure_mappers()
say("ready")
for line in sys.stdin:
    # Each job is a process of its own, forked so that it need not import everything again.
    jobs = {}
    for work, *words in eval(line):
        pid = os.fork()
        if pid == 0:
            try:
                globals()[work](*words)
                os._exit(0)
            except BaseException as error:
                say(f"failed {error!r}")
                os._exit(1)
        jobs[pid] = work
        say(f"pid {pid}")
    while jobs:
        pid, status = os.wait()
        del jobs[pid]
        say(f"end {status}")
    say("over")
"""


class Server:
    """Starts jobs, each a process of its own, and reads what they say."""

    def __init__(self, process):
        self.process = process
        assert process.stdout.readline() == "ready\n"

    def start(self, *jobs):
        """Start jobs at once: a list of name and arguments each."""
        print(
            [[str(word) if isinstance(word, Path) else word for word in job] for job in jobs], file=self.process.stdin
        )
        self.process.stdin.flush()

    def said(self):
        """What is said next."""
        return self.process.stdout.readline().strip()

    def rest(self):
        """What is said until all jobs are over."""
        return list(iter(self.said, "over"))


@pytest.fixture(scope="module")
def server():
    """A program that starts jobs; it is ended with all of them."""
    env = os.environ | {"PYTHONPATH": str(Path(latentknobs.__file__).parents[1])}
    command = [sys.executable, "-c", SERVER]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=env, stdin=pipe, stdout=pipe, text=True) as process:
        yield Server(process)
        process.stdin.close()


def sound(path):
    """Fail where SQLite finds anything wrong with a file, or a part of a run is missing."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        half = "SELECT count(*) FROM run WHERE id NOT IN (SELECT run_id FROM knob)"
        bare = "SELECT count(*) FROM current WHERE knob_id NOT IN (SELECT knob_id FROM operator_array)"
        assert [connection.execute(query).fetchone() for query in (half, bare)] == [(0,), (0,)]


@pytest.mark.parametrize("rounds", ROUNDS)
def test_discoveries_that_are_killed_lose_nothing(path, server, plugins_dir, rounds):
    """After kill -9 at any moment of discoveries the file is sound, and holds every run that was stored, whole."""
    chance = random.Random(0)
    stored = set()
    for number in range(rounds):
        server.start(("discovers", path, plugins_dir, number))
        pid = int(server.said().removeprefix("pid "))
        if number % 2:  # in the middle of the saves that follow the discovery; else at any moment
            stored.add(server.said())
            time.sleep(chance.uniform(0, 0.1))
        else:
            time.sleep(chance.uniform(0, 1))
        os.kill(pid, signal.SIGKILL)
        said = server.rest()
        assert f"end {int(signal.SIGKILL)}" in said
        told = {line for line in said if len(line) == 16}
        stored |= told
        if not path.exists():
            assert not stored
            continue
        runs = {run.run_id: run for run in KnobStore.open(path).runs()}
        assert stored <= set(runs)
        assert len(runs) <= len(stored) + number + 1, "a run that was committed need not have been said"
        sound(path)
    assert len(stored) >= rounds // 2
    assert KnobStore.open(path).save_run(sample_run(2_000_000))
    left = {item.name for item in path.parent.iterdir()}
    assert all(name == "registry.db" or name.startswith(".registry.db.") for name in left)


@pytest.mark.parametrize("rounds", ROUNDS)
def test_upgrades_that_are_killed_leave_the_old_file_or_the_new_one(tmp_path, server, rounds):
    """After kill -9 at any moment of an upgrade the file is the old one, to the row, or the new one, and sound."""
    chance = random.Random(1)
    old = tmp_path / "old.db"
    shutil.copyfile(OLD, old)
    _grow(old)
    rows, kept = dump(old), _unchanged(old)
    took = _seconds(tmp_path, old, server)
    ends = {"old": 0, "new": 0}
    for number in range(rounds):
        folder = tmp_path / str(number)
        folder.mkdir()
        path = folder / "registry.db"
        shutil.copyfile(old, path)
        server.start(("upgrades", path))
        pid = int(server.said().removeprefix("pid "))
        time.sleep(chance.uniform(0, took))
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        server.rest()
        _settle(path)
        with closing(sqlite3.connect(path)) as connection:
            revision = connection.execute("SELECT version_num FROM alembic_version").fetchone()[0]
        sound(path)
        now = dump(path)
        if revision == "0001":
            ends["old"] += 1
            assert now == rows
            migrate.upgrade(path)
        else:
            ends["new"] += 1
        assert _unchanged(path) == kept
        assert len(KnobStore.open(path).runs()) == 25
        for backup in folder.glob("registry.db.bak-*"):
            assert dump(backup) == rows
        shutil.rmtree(folder)
    assert ends["old"] > 0
    assert rounds < 100 or ends["new"] > 0


CHANGED = ("alembic", "knob:", "operator_array:", "run:", "knob_effect:", "knob_criterion:")
"""Evidence and its rows, packed operators, the hash of both, and the name of an effect."""


def _unchanged(path):
    """The rows that no upgrade changes."""
    return [row for row in dump(path) if not row.startswith(CHANGED)]


def _grow(path):
    """More rows in an old file: as many runs again, four times over, with evidence of a real one's size."""
    with closing(sqlite3.connect(path)) as connection:
        for _ in range(4):
            top = connection.execute("SELECT max(id) FROM run").fetchone()[0]
            last = connection.execute("SELECT max(id) FROM knob").fetchone()[0]
            connection.execute(
                "INSERT INTO run SELECT id + ?, identity, printf('%064x', id + ?), model_id, model_name, augmentation, "
                "corpus, seed, parameters, counts, NULL, version, started, finished FROM run WHERE id <= 5",
                (top, top),
            )
            connection.execute(
                "INSERT INTO knob SELECT id + ?, run_id + ?, position, name, kind, fit, unit, step, low, high, "
                "verdict, operator_sha256, json_object('fitting', json_object('a', hex(randomblob(4900)), "
                "'b', hex(randomblob(4900)), 'c', hex(randomblob(4900)), 'd', hex(randomblob(4900)))) "
                "FROM knob WHERE id <= 10",
                (last, top),
            )
        connection.commit()


def _seconds(tmp_path, old, server):
    """How long an upgrade takes here."""
    path = tmp_path / "timed.db"
    shutil.copyfile(old, path)
    began = time.monotonic()
    server.start(("upgrades", path))
    assert any("bak-0001" in line for line in server.rest())
    return time.monotonic() - began


def _settle(path):
    """Have SQLite take back what was cut off, as it does when a file is next opened to write."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()


@pytest.mark.parametrize("runs", RUNS)
def test_two_writers_and_ten_readers_at_once(path, server, runs):
    """Nothing of either writer is lost, readers see whole runs that never go away, and nobody is told of a lock."""
    store = KnobStore.open(path)
    store.save_run(sample_run(0, name="shared"))
    writers = [("writes", path, first, first + runs) for first in (100, 1000)]
    server.start(*writers, *[("reads", path, 2 * runs + 1)] * 10)
    said = [line for line in server.rest() if not line.startswith("pid")]

    assert said == ["end 0"] * 12
    seeds = {seed for first in (100, 1000) for seed in range(first, first + runs)}
    assert {run.spec.seed for run in store.runs()} == seeds | {0}
    assert {f"tag-{seed}" for seed in seeds} <= set(store.knob(MODEL, "shared").tags)
    sound(path)


@pytest.mark.slow
def test_twenty_writers_and_fifty_readers_share_a_database(database, server):
    """On a server, too, nothing of a writer is lost, readers see whole runs, and nobody is told of a lock."""
    store = KnobStore.open(database)
    store.save_run(sample_run(0, name="shared"))
    runs, firsts = 2, range(100, 2100, 100)
    # All of them share this machine, where each waits for its turn at a processor too.
    writers = [("writes", database, first, first + runs, 60) for first in firsts]
    server.start(*writers, *[("asks", database, 20 * runs + 1)] * 50)
    said = [line for line in server.rest() if not line.startswith("pid")]

    assert said == ["end 0"] * 70
    seeds = {seed for first in firsts for seed in range(first, first + runs)}
    assert {run.spec.seed for run in store.runs()} == seeds | {0}
    assert {f"tag-{seed}" for seed in seeds} <= set(store.knob(MODEL, "shared").tags)


@pytest.mark.parametrize("rounds", ROUNDS)
def test_writers_of_a_database_that_are_killed_lose_nothing(database, server, plugins_dir, rounds):
    """After kill -9 at any moment of discoveries a database holds every run that was stored, whole, and no other."""
    chance = random.Random(2)
    stored = set()
    for number in range(rounds):
        server.start(("discovers", database, plugins_dir, number))
        pid = int(server.said().removeprefix("pid "))
        if number % 2:
            stored.add(server.said())
            time.sleep(chance.uniform(0, 0.1))
        else:
            time.sleep(chance.uniform(0, 1))
        os.kill(pid, signal.SIGKILL)
        stored |= {line for line in server.rest() if len(line) == 16}
        store = KnobStore.open(database)
        runs = {run.run_id: run for run in store.runs()}
        assert stored <= set(runs)
        assert len(runs) <= len(stored) + number + 1, "a run that was committed need not have been said"
        assert all(run.knobs for run in runs.values())
        assert len(store.knobs()) == len(store.knobs(operators=False))
        assert all(knob.operator is not None for knob in store.knobs())
    assert len(stored) >= rounds // 2
    assert KnobStore.open(database, timeout=5).save_run(sample_run(2_000_000))


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_server_that_is_restarted_in_the_middle_of_a_run_keeps_it(postgres, database, plugins_dir, mode):
    """A discovery that began before its server was restarted, or crashed, is stored after that."""
    restarts = []

    def progress(*_):
        if not restarts:
            restarts.append(mode)
            postgres.stop(mode)
            postgres.start()

    with Workbench.open(database, plugins=load_plugins(plugins_dir), progress=progress) as bench:
        run = bench.discover("transpose", corpus="tiny", model="tiny", clips=500, settings=QUICK)

    assert restarts == [mode]
    assert [one.run_id for one in KnobStore.open(database).runs()] == [run.run_id]


def test_a_run_waits_for_a_server_that_is_being_restarted(postgres, database):
    """Who has reached a server before waits for it while it is down, as for another program's lock."""
    store = KnobStore.open(database)
    store.save_run(sample_run(0))
    postgres.stop()
    back = threading.Timer(1, postgres.start)
    back.start()

    assert store.save_run(sample_run(1))

    back.join()
    assert len(store.runs()) == 2


@pytest.mark.parametrize("act", ["saves", "tags", "upgrades", "saves first"])
def test_a_disk_that_is_full_leaves_the_file_as_it_was(act, tmp_path, server):
    """Where a file can grow no more every way of writing is one clear sentence, and the file is intact."""
    path = tmp_path / "registry.db"
    if act == "upgrades":
        shutil.copyfile(OLD, path)
    elif act != "saves first":
        KnobStore.open(path).save_run(sample_run(1))
    before = dump(path) if path.exists() else None
    size = max(path.stat().st_size if path.exists() else 0, 50_000)
    server.start(("fills", size, act.split()[0], path))
    (told,) = (line for line in server.rest() if line.startswith(("failed", "wrong")))

    assert "RegistryError" in told
    assert "The disk" in told
    assert str(path) in told
    if before is None:
        assert list(tmp_path.iterdir()) == []
    else:
        _settle(path)
        assert dump(path) == before
        sound(path)


def test_a_read_only_folder_takes_no_tags(unprivileged):
    """Tags are refused with a sentence where the folder may not be written, and nothing changes."""
    from latentknobs.registry import knob_edits

    path = unprivileged / "first.db"
    before = path.read_bytes()
    unprivileged.chmod(0o555)

    with pytest.raises(RegistryError, match=r"cannot be written|is read-only"):
        knob_edits.change_tags(KnobStore.open(path), MODEL, "pitch", ["new"], [])

    assert path.read_bytes() == before
    assert KnobStore.open(path).knobs()[0].tags == ("melody", "shipped")
