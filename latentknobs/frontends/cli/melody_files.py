"""What commands write: all of it or nothing, and nothing over what is there unless asked."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import evolve

from latentknobs import audio, scores
from latentknobs.core.clip import ClipFormat
from latentknobs.core.piece import Piece
from latentknobs.errors import OutputError, UsageError
from latentknobs.frontends.cli.context import echo
from latentknobs.frontends.cli.output import as_json
from latentknobs.scores.midi_splice import MidiOrigin
from latentknobs.scores.musicxml_writer import SUFFIXES as MUSICXML_SUFFIXES

Writer = Callable[[Path], None]
"""Writes one file at the path it is given."""
SUFFIXES = (".mid", ".midi", ".musicxml", ".xml", ".mxl", ".wav")


def piece_writer(
    piece: Piece,
    clip_format: ClipFormat,
    provenance: Mapping[str, Any],
    *,
    overwrite: bool = False,
    soundfont: Path | None = None,
) -> Writer:
    """Writes the piece as MIDI or MusicXML, with where it comes from, or as WAV, as the path's suffix says."""

    def write(path: Path) -> None:
        if path.suffix.lower() == ".wav":
            audio.write_wav(piece, path, clip_format=clip_format, overwrite=overwrite, soundfont=soundfont)
        else:
            scores.write_piece(piece, path, clip_format=clip_format, provenance=provenance, overwrite=overwrite)

    return write


def melody_alone(piece: Piece, path: Path) -> Piece:
    """The piece without the other parts of its file: with its own timing, tempos and program, but in a score."""
    source = piece.source
    if isinstance(source, MidiOrigin) and path.suffix.lower() not in MUSICXML_SUFFIXES:
        return evolve(piece, source=evolve(source, alone=True))
    return evolve(piece, source=None)


def check_target(path: Path, *, force: bool, suffixes: Sequence[str] = SUFFIXES) -> None:
    """
    Refuse a file that cannot or must not be written, before any work is done.

    Raises:
        UsageError: Another suffix, no such folder, or a file that is there already and no ``force``.
    """
    if path.suffix.lower() not in suffixes:
        raise UsageError(f"{path} should end in {', '.join(suffixes)}: the ending says what is written.")
    if path.is_dir():
        raise UsageError(f"{path} is a folder; name a file.")
    if not path.parent.is_dir():
        raise UsageError(f"The folder {path.parent} is not there; make it first.")
    if path.exists() and not force:
        raise UsageError(f"{path} is there already and was left as it is; name another file, or add --force.")


def check_folder(folder: Path, *, force: bool) -> None:
    """
    Refuse a folder that cannot or must not be written into, before any work is done.

    Raises:
        UsageError: Not a folder, no parent, or files in it already and no ``force``.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; name a folder.")
    if not folder.resolve().parent.is_dir():
        raise UsageError(f"The folder {folder.resolve().parent} is not there; make it first.")
    if folder.is_dir() and any(folder.iterdir()) and not force:
        raise UsageError(f"The folder {folder} is not empty; name a new one, or add --force to write into it.")


def write_folder(folder: Path, writers: Mapping[str, Writer]) -> None:
    """
    Write files (name to writer) in a new folder beside their place, which then takes its name.

    An interruption or an error leaves what was there before. In a folder with other files in it, which
    ``check_folder`` lets pass only when asked, the finished files are moved one by one.

    Raises:
        OutputError: Something cannot be written.
    """
    folder = folder.resolve()
    part = folder.with_name(f".{secrets.token_hex(6)}.part")
    try:
        try:
            part.mkdir()
            for name, writer in writers.items():
                writer(part / name)
            if folder.is_dir() and any(folder.iterdir()):
                for name in writers:
                    (part / name).replace(folder / name)
            else:
                part.replace(folder)
        finally:
            if part.exists():
                shutil.rmtree(part)
    except OSError as error:
        raise OutputError(f"{folder} could not be written: {error.strerror or error}.") from error


def write_melodies(folder: Path, writers: Mapping[str, Writer], *, json: bool, **facts: Any) -> None:
    """Write MIDI files, and print where they are; as JSON with other facts."""
    write_folder(folder, writers)
    if json:
        as_json({"folder": str(folder), "files": list(writers), **facts})
    else:
        echo(f"{len(writers)} MIDI files in {folder}")
