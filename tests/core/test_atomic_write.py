import errno
from pathlib import Path

import pytest

from latentknobs.core.atomic_write import write_file
from latentknobs.errors import OutputError, UsageError


def test_an_existing_file_is_left_alone_unless_said_otherwise(tmp_path):
    """Overwriting is asked for, never assumed."""
    path = tmp_path / "out.mid"
    write_file(path, b"one")

    with pytest.raises(UsageError, match=r"out\.mid exists already"):
        write_file(path, b"two")
    assert path.read_bytes() == b"one"

    write_file(path, b"two", overwrite=True)
    assert path.read_bytes() == b"two"


def test_a_missing_folder_is_one_sentence(tmp_path):
    """A file that cannot be made says why, and makes no folder."""
    with pytest.raises(OutputError, match="No such file or directory"):
        write_file(tmp_path / "no" / "out.mid", b"x")
    assert not (tmp_path / "no").exists()


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    """The old file stays whole when writing the new one fails half way."""
    path = tmp_path / "folder" / "out.mid"
    path.parent.mkdir()
    path.write_bytes(b"old")

    def full(_self, _target):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OutputError, match="No space left on device"):
        write_file(path, b"new", overwrite=True)
    assert [p.name for p in path.parent.iterdir()] == ["out.mid"]
    assert path.read_bytes() == b"old"
