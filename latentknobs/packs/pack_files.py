"""
The files of a pack, a folder or a zip: read within bounds before anything looks into them, and written alike each time.

A pack is other people's data. Its names are plain ASCII in one of four folders, no link is followed, and sizes are
bounded before and while anything is unpacked.
"""

from __future__ import annotations

import io
import re
import secrets
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import IO

from latentknobs.core.atomic_write import write_file
from latentknobs.errors import OutputError, PackError, UsageError

MANIFEST = "knobs.json"
FOLDERS = ("examples", "models", "operators", "plugins")
MOST_FILES = 2000
MOST_TEXT = 2**25
"""Bytes of a text: 32 MiB."""
MOST_FILE = 2**28
"""Bytes of another file: 256 MiB."""
MOST_BYTES = 2**29
"""Bytes of all: 512 MiB."""
_TEXTS = (".json", ".md", ".py")
_NAME = re.compile(rf"(?:(?:{'|'.join(FOLDERS)})/)?[A-Za-z0-9][A-Za-z0-9._+-]{{0,219}}")
_DEVICES = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)
"""What Windows takes for a device, whatever its ending."""
_END, _END_64, _END_SIZE = b"PK\x05\x06", b"PK\x06\x07", 22
_MOST_DIRECTORY = MOST_FILES * 1024
_DAMAGE = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError)
"""What zipfile raises on damage, on methods that it lacks and on passwords."""
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The first time that a zip can hold."""


def visible(text: str, keep: str = "") -> str:
    """A text with all that a terminal would not print, or would obey, written out, but for these characters."""
    return "".join(one if one.isprintable() or one in keep else ascii(one)[1:-1] for one in text)


def check_name(name: str) -> None:
    """
    Refuse a file's name that does not mean one and the same place in a pack on every machine.

    Raises:
        PackError: It leads elsewhere, is no plain ASCII name, or Windows has no such file.
    """
    base = PurePosixPath(name).name
    if not _NAME.fullmatch(name) or base.endswith(".") or _DEVICES.fullmatch(base):
        raise PackError(
            f"{name[:200]!a} is no name for a file of a pack: it is plain letters, digits and ._+-, at the top "
            f"or in one of {', '.join(FOLDERS)}, and none that Windows keeps for itself."
        )


def read_files(path: Path) -> dict[str, bytes]:
    """
    All files of a pack by name, sorted.

    Args:
        path: Its folder, or its zip.

    Raises:
        PackError: There is none, a name is refused or there twice (letters of either case are one), there are links,
            files that are too many or too large, or the zip is damaged.
    """
    try:
        return _collected(_of_folder(path)) if path.is_dir() else _read_zip(path)
    except PackError:
        raise
    except OSError as error:
        raise PackError(f"{path} cannot be read: {error.strerror or error}.") from error
    except _DAMAGE as error:
        reason = str(error).rstrip(".")
        raise PackError(f"{path} is no whole zip of a pack: {visible(reason)}.") from error


def _read_zip(path: Path) -> dict[str, bytes]:
    if not path.is_file():
        raise PackError(f"There is no pack {visible(str(path))}: name its folder, or its zip.")
    with path.open("rb") as file:
        if file.seek(0, io.SEEK_END) > MOST_BYTES + _MOST_DIRECTORY:
            raise PackError(f"{path} is larger than the {MOST_BYTES:,} bytes that a pack may have.")
        _check_directory(file, path)
        with zipfile.ZipFile(file) as archive:
            return _collected(_of_zip(archive))


def _collected(found: Iterator[tuple[str, bytes]]) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    there: set[str] = set()
    total = 0
    for name, data in found:
        if name.casefold() in there:
            raise PackError(f"The pack has the file {name} twice, letters of either case being one.")
        there.add(name.casefold())
        files[name] = data
        total += len(data)
        if total > MOST_BYTES:
            raise PackError(f"The files of the pack are larger than the {MOST_BYTES:,} bytes that it may have.")
    return dict(sorted(files.items()))


def _counted(number: int) -> None:
    if number > MOST_FILES:
        raise PackError(f"The pack has more than the {MOST_FILES:,} files that it may have.")


def _read(name: str, stated: int, file: IO[bytes]) -> bytes:
    """A file's bytes, of which no more are read than there may be, whatever size is stated."""
    most = MOST_TEXT if name.endswith(_TEXTS) else MOST_FILE
    data = file.read(most + 1) if stated <= most else b""
    if stated > most or len(data) > most:
        raise PackError(f"The file {name} of the pack is larger than the {most:,} bytes that it may have.")
    return data


def _of_folder(top: Path) -> Iterator[tuple[str, bytes]]:
    waiting = [top]
    number = 0
    while waiting:
        for entry in sorted(waiting.pop().iterdir()):
            number += 1
            _counted(number)
            name = entry.relative_to(top).as_posix()
            status = entry.lstat()
            if stat.S_ISDIR(status.st_mode) and name in FOLDERS:
                waiting.append(entry)
                continue
            check_name(name)
            if not stat.S_ISREG(status.st_mode):
                raise PackError(f"{name} of the pack is no file, but a link, a folder or a device; remove it.")
            with entry.open("rb") as file:
                yield name, _read(name, status.st_size, file)


def _check_directory(file: IO[bytes], path: Path) -> None:
    """Refuse a zip whose list of files is long, before it is read, and the forms of a zip that can hide how long."""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - _END_SIZE - 20))
    tail = file.read()
    file.seek(0)
    end = tail[-_END_SIZE:]
    if not end.startswith(_END) or end[-2:] != b"\0\0" or tail.startswith(_END_64):
        raise PackError(
            f"{path} is no zip of a pack: it is no zip, is cut short, has a comment, or is larger than 4 GB."
        )
    if int.from_bytes(end[12:16], "little") > _MOST_DIRECTORY:
        raise PackError(f"{path} lists more than the {MOST_FILES:,} files that a pack may have.")


def _of_zip(archive: zipfile.ZipFile) -> Iterator[tuple[str, bytes]]:
    _counted(len(archive.infolist()))
    for info in archive.infolist():
        name = info.orig_filename  # as it stands there: zipfile cuts it at a zero byte
        kind = stat.S_IFMT(info.external_attr >> 16)
        if name.removesuffix("/") in FOLDERS and name.endswith("/") and not info.file_size:
            continue
        check_name(name)
        if kind not in (0, stat.S_IFREG):
            raise PackError(f"{name} of the pack is no file, but a link, a folder or a device.")
        if info.flag_bits & 1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise PackError(f"{name} of the pack is encrypted, or packed in another way than deflate.")
        with archive.open(info) as file:
            yield name, _read(name, info.file_size, file)


def zip_bytes(files: Mapping[str, bytes]) -> bytes:
    """The zip of a pack; the same files give the same bytes on every machine, so nothing is compressed."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, data in sorted(files.items()):
            info = zipfile.ZipInfo(name, _EPOCH)
            info.create_system = 3  # of Unix, wherever it is written
            info.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(info, data)
    return out.getvalue()


def check_place(path: Path, *, overwrite: bool) -> None:
    """
    Refuse a place where a pack cannot or must not be written, before any work is done.

    Raises:
        UsageError: There is no such folder, or something is there already and may not be replaced, or is no pack.
    """
    if not path.absolute().parent.is_dir():
        raise UsageError(f"The folder {path.absolute().parent} is not there; make it first.")
    if not path.exists() or (path.is_dir() and not any(path.iterdir()) and path.suffix.lower() != ".zip"):
        return
    is_zip = path.suffix.lower() == ".zip"
    if path.is_dir() == is_zip or (path.is_dir() and not (path / MANIFEST).is_file()):
        raise UsageError(f"{path} is there already and is no pack; name another folder, or a zip.")
    if not overwrite:
        raise UsageError(f"{path} is there already and was left as it is; name another, or add --force.")


def write_files(path: Path, files: Mapping[str, bytes], *, overwrite: bool = False) -> None:
    """
    Write a pack, whole or not at all.

    Args:
        path: A zip where it ends in ``.zip``, else a folder.
        files: Its files by name.
        overwrite: Whether a pack that is there may be replaced.

    Raises:
        UsageError: See :func:`check_place`.
        OutputError: It cannot be written; nothing is left behind.
    """
    check_place(path, overwrite=overwrite)
    if path.suffix.lower() == ".zip":
        write_file(path, zip_bytes(files), overwrite=overwrite)
        return
    draft, old = (path.absolute().with_name(f".{secrets.token_hex(6)}.{end}") for end in ("part", "old"))
    try:
        try:
            for name, data in files.items():
                target = draft / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
            if path.exists():
                path.rename(old)
            draft.rename(path)
        except OSError:
            if old.exists():
                old.rename(path)
            raise
        finally:
            for left in (draft, old):
                if left.exists():
                    shutil.rmtree(left)
    except OSError as error:
        raise OutputError(f"{path} could not be written: {error.strerror or error}.") from error
