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
