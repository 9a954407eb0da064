"""The command line where its output cannot be written, or its folder is gone."""

import subprocess
import sys

import pytest

FULL = "Error: No space left on device; nothing more was written."


@pytest.mark.parametrize(
    ("where", "code", "says"),
    [
        (">&-", 0, ""),
        (">&- 2>&-", 0, ""),
        ("> /dev/full", 1, FULL),
    ],
)
def test_output_that_cannot_be_written_is_told(where, code, says):
    """A closed stream is a reader who wants nothing; a full disk is an error in one line."""
    command = f"{sys.executable} -m latentknobs plugins list --json {where}"

    done = subprocess.run(["sh", "-c", command], capture_output=True, check=False, text=True, timeout=60)

    assert (done.returncode, done.stderr.strip()) == (code, says)


def test_a_deleted_current_folder_is_told(tmp_path):
    """In one line, before a library ends the program."""
    command = f"mkdir gone && cd gone && rmdir ../gone && {sys.executable} -m latentknobs knobs list"

    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, check=False, text=True, timeout=60)

    said = "Error: The current folder cannot be used (No such file or directory): go to another one first.\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", said)
