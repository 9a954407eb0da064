"""Devices: what torch does in a copy of the process."""

import os
import subprocess
import sys

import pytest

FORK = """
import os, torch
import latentknobs.backends.devices
torch.set_num_threads(2)
square = torch.ones(1000, 1000)
square.exp()
child = os.fork()
if not child:
    square.exp()
    os._exit(0)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a copy is made by os.fork")
def test_torch_works_in_a_copy_of_the_process_that_has_used_it():
    """It does not wait for the threads that stayed behind."""
    done = subprocess.run([sys.executable, "-c", FORK], capture_output=True, check=False, text=True, timeout=60)

    assert done.stdout == "0\n", done.stderr
