"""Files that are damaged, or hold no melody that could be turned."""

from __future__ import annotations

import struct
from collections.abc import Callable

from attrs import evolve

from benchmarks.real_files.performances import Take, perform
from benchmarks.real_files.song_files import a_song
from benchmarks.real_files.songs import compose
from benchmarks.real_files.truth import Maker, RealFile

KERN = b"**kern\n*M4/4\n*k[]\n=1\n4c\n4d\n4e\n4f\n=2\n4g\n4a\n4b\n4cc\n==\n*-\n"
GUITAR_PRO = b"\x18FICHIER GUITAR PRO v5.10\0\0\0\0\0\0" + bytes(range(200))


def damaged(style: str, seed: int, damage: Callable[[bytes], bytes]) -> Maker:
    """A song whose file is damaged, and can be mended."""

    def make(name: str) -> RealFile:
        whole = a_song(style, seed)(name)
        return evolve(whole, data=damage(whole.data), intact=whole.data)

    return make


def damaged_for_good(style: str, seed: int) -> Maker:
    """A song sent as text: every line feed has become two bytes."""
    return lambda name: RealFile(name, a_song(style, seed)(name).data.replace(b"\n", b"\r\n"), None)


def _tracks_at(data: bytes) -> list[int]:
    """Where the chunks of tracks begin."""
    at, out = 14, []
    while at < len(data):
        out.append(at)
        at += 8 + int.from_bytes(data[at + 4 : at + 8], "big")
    return out


def wrong_length(data: bytes) -> bytes:
    """The last track is shorter than it says."""
    last = _tracks_at(data)[-1]
    size = int.from_bytes(data[last + 4 : last + 8], "big")
    return data[: last + 4] + (size + 40).to_bytes(4, "big") + data[last + 8 :]


def wrong_count(data: bytes) -> bytes:
    """The header says that there are two tracks."""
    return data[:10] + (2).to_bytes(2, "big") + data[12:]


def in_riff(data: bytes) -> bytes:
    """The file in a RIFF file."""
    body = b"RMIDdata" + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def format_2(name: str) -> RealFile:
    """A song whose tracks are said to be patterns of their own."""
    whole = a_song("pop", 61)(name)
    return RealFile(name, whole.data[:9] + b"\2" + whole.data[10:], None)


def drums_only(name: str) -> RealFile:
    """A drum kit."""
    song = compose("rock", 62)
    data, _melody = perform(evolve(song, melody=evolve(song.melody, notes=()), parts=song.parts[-1:]), Take(seed=62))
    return RealFile(name, data, None)


def no_notes(name: str) -> RealFile:
    """Names, tempo and meter, but no note."""
    song = compose("pop", 63)
    data, _melody = perform(
        evolve(song, melody=evolve(song.melody, notes=()), parts=()), Take(seed=63, lyrics="events")
    )
    return RealFile(name, data, None)


def of_bytes(data: bytes) -> Maker:
    """A file of these bytes, without a melody that could be turned."""
    return lambda name: RealFile(name, data, None)
