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
