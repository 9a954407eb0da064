"""Containment of plugin code beside threads and forks of the program."""

import subprocess
import sys

FORK = """
import os, threading, time
from latentknobs.core.containment.contain import Containment
from latentknobs.core.containment.calls import PluginStopped
inside = threading.Event()
def work():
    with Containment("calling a plugin"):
        inside.set()
        time.sleep(1)
threading.Thread(target=work).start()
inside.wait()
child = os.fork()
if not child:
    try:
        with Containment("calling a plugin"):
            os._exit(0)
    except PluginStopped:
        print("contained in the copy", flush=True)
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_copy_of_the_process_contains_plugins_too():
    """Whatever plugin code another thread runs when the process is forked; and its own exit is its own."""
    done = subprocess.run([sys.executable, "-c", FORK], capture_output=True, check=False, text=True, timeout=60)

    assert done.stdout.splitlines() == ["contained in the copy", "7"], done.stderr


OVERDUE = """
import os, random, signal, threading, time
os.environ["LATENTKNOBS_PLUGIN_TIMEOUT"] = "0.0003"
from latentknobs.core.containment.calls import ENDS, PluginStopped, stack
from latentknobs.core.containment.contain import Containment
main, done = threading.main_thread().ident, threading.Event()
def interrupt():
    while not done.wait(0.00003):
        signal.pthread_kill(main, signal.SIGURG)
signal.signal(signal.SIGURG, lambda *_: None)
threading.Thread(target=interrupt).start()
for _ in range(1000):
    try:
        with Containment("calling a plugin"):
            end = time.monotonic() + random.uniform(0, 0.0006)
            while time.monotonic() < end: pass
    except PluginStopped:
        pass
done.set()
print(ENDS, stack())
"""


def test_a_call_whose_time_is_over_as_it_ends_leaves_nothing():
    """The interrupt comes before, in or after its end: what it changed is put back in any case."""
    done = subprocess.run([sys.executable, "-c", OVERDUE], capture_output=True, check=False, text=True, timeout=60)

    assert done.stdout.splitlines() == ["{} []"], done.stderr


BESIDE = """
import io, locale, sys, threading, warnings
from latentknobs.core.containment.contain import Containment
results, begun, go_on = sys.stdout, threading.Event(), threading.Event()
call = Containment("calling a plugin")
def work():
    with call:
        begun.set()
        go_on.wait()
        print("of the plugin")
worker = threading.Thread(target=work)
worker.start()
begun.wait()
kept, sys.stdout, sys.stderr = sys.stdout, io.StringIO(), io.StringIO()
own = Containment("calling another")
with own:
    pass
warnings.simplefilter("error")
sys.setrecursionlimit(999)
go_on.set()
worker.join()
print("to the main thread's own stream")
captured, sys.stdout = sys.stdout.getvalue(), kept
with Containment("calling a third"):
    pass
print(call.changes, own.changes, captured.strip(), sys.getrecursionlimit(), sys.stdout is results)
"""


def test_what_the_program_changes_beside_a_call_in_a_worker_thread_is_left_alone():
    """It is neither put back nor told of the call, and a stand-in that the program has kept does no harm."""
    done = subprocess.run([sys.executable, "-c", BESIDE], capture_output=True, check=False, text=True, timeout=60)

    said = "['printed to stdout, which is for results'] [] to the main thread's own stream 999 True"
    assert done.stdout.splitlines() == [said], done.stderr


SWITCHING = """
import io, sys, threading, time
from latentknobs.core.containment.contain import Containment
sys.setswitchinterval(1e-6)
done, calls = threading.Event(), []
def work():
    while not done.is_set():
        with Containment("calling a plugin"):
            calls.append(1)
worker = threading.Thread(target=work)
worker.start()
lost, results, streams = 0, sys.stdout, []
while len(calls) < 300:
    streams.append(own := io.StringIO())  # kept: the other thread may be looking at one
    sys.stdout = own
    time.sleep(0)
    print("mine")
    sys.stdout = results
    lost += own.getvalue() != "mine\\n"
done.set()
worker.join()
sys.stdout = results
print("lost:", lost)
"""


def test_a_stream_that_the_program_replaces_while_a_call_begins_or_ends_stays_replaced():
    """What it prints then goes to the stream that it has set."""
    done = subprocess.run([sys.executable, "-c", SWITCHING], capture_output=True, check=False, text=True, timeout=60)

    assert done.stdout.splitlines() == ["lost: 0"], done.stderr
