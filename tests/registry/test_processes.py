import signal
import sqlite3
from contextlib import closing

from latentknobs.registry.store import KnobStore
from latentknobs.testing.store import MODEL, sample_run

DIES = """
import sys, time
from latentknobs.registry import store
from latentknobs.testing.store import sample_run

settle = store.settle

def stop_here(session, *rest):
    settle(session, *rest)
    session.flush()
    print("writing", flush=True)
    time.sleep(600)

store.settle = stop_here
store.KnobStore.open(sys.argv[1]).save_run(sample_run(1, size=700))
"""

WRITES = """
import sys
from latentknobs.registry.store import KnobStore
from latentknobs.testing.store import sample_run

print("ready", flush=True)
store = KnobStore.open(sys.argv[1])
for seed in range(int(sys.argv[2]), int(sys.argv[3])):
    assert store.save_run(sample_run(seed))
"""


def sound(path):
    """Whether SQLite finds nothing wrong with a file."""
    with closing(sqlite3.connect(path)) as connection:
        faults = connection.execute("PRAGMA foreign_key_check").fetchall()
        return connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)] and not faults


def test_a_killed_writer_leaves_what_was_committed(saved, start):
    """After kill -9 in the middle of saving, no half run is visible, and the next one can be saved."""
    before = saved.read_bytes()
    process = start(DIES, saved)
    assert process.stdout.readline() == "writing\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert saved.read_bytes() != before

    store = KnobStore.open(saved)

    assert [run.spec.seed for run in store.runs()] == [0]
    assert store.knob(MODEL, "pitch").operator is not None
    assert saved.read_bytes() == before
    assert sound(saved)
    assert store.save_run(sample_run(2))


def test_a_writer_killed_at_the_first_save_leaves_no_registry(path, start):
    """After kill -9 in the middle of the very first save there is no registry, not half of one."""
    process = start(DIES, path)
    assert process.stdout.readline() == "writing\n"
    process.send_signal(signal.SIGKILL)
    process.wait()

    assert not path.exists()
    assert KnobStore.open(path).save_run(sample_run())


def test_two_writers_lose_nothing(path, start):
    """Two programs that make and write the same registry at once both keep all they saved."""
    writers = [start(WRITES, path, first, first + 5) for first in (0, 5)]
    for writer in writers:
        writer.wait()

    assert [writer.returncode for writer in writers] == [0, 0]
    store = KnobStore.open(path)
    assert sorted(run.spec.seed for run in store.runs()) == list(range(10))
    assert [knob.run_id for knob in store.knobs()] == [store.runs()[-1].run_id]
    assert sound(path)
    assert list(path.parent.iterdir()) == [path]
