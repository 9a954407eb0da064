"""What other people put into folders and zips: names, links and sizes are refused before anything is used."""

from __future__ import annotations

import os
import stat
import zipfile
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentknobs.errors import PackError, UsageError
from latentknobs.packs import pack_files
from latentknobs.packs.pack_files import read_files, write_files, zip_bytes

FILES = {"README.md": b"# it\n", "knobs.json": b"{}\n", "operators/pitch.safetensors": bytes(99)}
BAD_NAMES = (
    "../out.md",
    "/etc/passwd",
    "operators/../../out.md",
    "C:evil.md",
    "operators\\out.md",
    "con.md",
    "operators/NUL.safetensors",
    "end.",
    ".hidden",
    "others/x.md",
    "operators/a/b.md",
    "é.md",
    "new\nline.md",
    "a" * 300,
)


def zipped(path, *entries):
    """A zip of entries: (a name or a ZipInfo, bytes)."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return path


def refused(path, says):
    """A pack is refused in one sentence that says so."""
    with pytest.raises(PackError, match=says) as caught:
        read_files(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["pack", "pack.zip"])
def test_what_is_written_is_what_is_read(tmp_path, name):
    """A folder and a zip give back the files; the same files make the same zip, which other programs open."""
    write_files(tmp_path / name, FILES)

    assert read_files(tmp_path / name) == FILES
    assert zip_bytes(FILES) == zip_bytes(dict(reversed(FILES.items())))
    with pytest.raises(UsageError, match="--force"):
        write_files(tmp_path / name, FILES)
    write_files(tmp_path / name, {"knobs.json": b"1"}, overwrite=True)
    assert read_files(tmp_path / name) == {"knobs.json": b"1"}
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_folder_that_is_no_pack_is_never_replaced(tmp_path):
    """What somebody else keeps there stays, with --force too."""
    (tmp_path / "mine.txt").write_text("mine")

    with pytest.raises(UsageError, match="no pack"):
        write_files(tmp_path, FILES, overwrite=True)
    assert (tmp_path / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_leads_elsewhere_is_refused(tmp_path, name):
    """Names out of the pack, of Windows' devices, in other folders or in other letters."""
    refused(zipped(tmp_path / "a.zip", (name, b"x")), "no name for a file of a pack")


def test_a_name_with_a_zero_byte_is_refused(tmp_path):
    """Zipfile cuts such a name short; the rest could hide another ending."""
    path = zipped(tmp_path / "a.zip", ("README.md_.py", b"x"))
    path.write_bytes(path.read_bytes().replace(b"README.md_.py", b"README.md\0.py"))

    refused(path, "no name for a file of a pack")


def test_two_names_for_one_file_are_refused(tmp_path):
    """The same name twice, or in letters of another case: some file systems have them in one place."""
    with pytest.warns(UserWarning, match="Duplicate"):
        twice = zipped(tmp_path / "a.zip", ("README.md", b"x"), ("README.md", b"y"))

    refused(twice, "twice")
    refused(zipped(tmp_path / "b.zip", ("README.md", b"x"), ("readme.MD", b"y")), "twice")


def test_links_are_refused(tmp_path):
    """A link in a zip, a link or a pipe in a folder: what it leads to is never read."""
    (tmp_path / "secret").write_text("secret")
    link = zipfile.ZipInfo("README.md")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    for name, make in {
        "file": lambda path: path.symlink_to(tmp_path / "secret"),
        "folder": lambda path: path.symlink_to(tmp_path),
        "pipe": os.mkfifo,
    }.items():
        (tmp_path / name).mkdir()
        make(tmp_path / name / ("operators" if name == "folder" else "README.md"))

        refused(tmp_path / name, "link")
    refused(zipped(tmp_path / "a.zip", (link, b"secret")), "link")


def test_a_name_that_is_no_unicode_is_refused(tmp_path):
    """A file system may have bytes that are no text; the sentence can be printed all the same."""
    (tmp_path / os.fsdecode(b"\xff.md")).write_text("x")

    refused(tmp_path, r"\\udcff")


def test_bombs_are_refused(tmp_path, monkeypatch):
    """A file, or all together, that unpacks to more than it may have, and a list of files longer than there may be."""
    monkeypatch.setattr(pack_files, "MOST_TEXT", 10_000)
    monkeypatch.setattr(pack_files, "MOST_FILE", 10_000)
    monkeypatch.setattr(pack_files, "MOST_BYTES", 15_000)
    monkeypatch.setattr(pack_files, "MOST_FILES", 5)
    bomb = zipped(tmp_path / "a.zip", ("README.md", bytes(1_000_000)))
    liar = tmp_path / "b.zip"
    liar.write_bytes(bomb.read_bytes().replace((1_000_000).to_bytes(4, "little"), (100).to_bytes(4, "little")))

    refused(bomb, "larger")
    refused(liar, "no whole zip|larger")
    refused(zipped(tmp_path / "c.zip", *((f"{n}.md", bytes(9_000)) for n in range(2))), "larger")
    refused(zipped(tmp_path / "d.zip", *((f"{n}.md", b"") for n in range(6))), "more than")
    monkeypatch.setattr(pack_files, "_MOST_DIRECTORY", 100)
    refused(tmp_path / "d.zip", "lists more")


WHOLE = zip_bytes(FILES)


@settings(max_examples=200)
@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_damaged_zip_is_refused_or_whole(tmp_path_factory, changes):
    """Whichever bytes are changed: no other error, and no file whose bytes are others."""
    path = tmp_path_factory.getbasetemp() / "damaged.zip"
    data = bytearray(WHOLE)
    for place, value in changes:
        data[place] = value
    path.write_bytes(data)

    with suppress(PackError):
        assert set(read_files(path).values()) <= set(FILES.values())


def test_what_is_no_zip_is_refused(tmp_path):
    """A text, a part of a zip, one that is changed in the middle, with a comment, or packed in a rare way."""
    whole = zip_bytes(FILES)
    rare = tmp_path / "rare.zip"
    with zipfile.ZipFile(rare, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("README.md", b"x")
    for name, data in {
        "text": b"hello",
        "none": b"",
        "part": whole[:-9],
        "changed": whole.replace(b"# it", b"# is"),
        "comment": whole[:-2] + b"\x02\0hi",
    }.items():
        (tmp_path / name).write_bytes(data)
        refused(tmp_path / name, "no zip of a pack|no whole zip")
    refused(rare, "another way than deflate")
    refused(tmp_path / "gone", "There is no pack")
