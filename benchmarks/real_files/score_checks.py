"""What came back of a score in MusicXML: the melody by music21, and every element that is none of its notes."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from xml.etree import ElementTree as ET

from benchmarks.real_files.notation_files import parse_score, played_notes
from benchmarks.real_files.performances import PlayedNote

SUFFIXES = (".musicxml", ".mxl")


def melody_of(path: Path, part: int) -> tuple[PlayedNote, ...]:
    """The notes of a part, repeats played, in 480ths of a quarter."""
    return played_notes(parse_score(path), part)


def differences(before: Path, after: Path, part: int) -> tuple[str, ...]:
    """What is not as it was beside the part's notes; the identification may say where the score comes from."""
    old, new = _root(before), _root(after)
    out = []
    old_heads, new_heads = ([one for one in root if one.tag not in ("part", "identification")] for root in (old, new))
    if _texts(old_heads) != _texts(new_heads):
        out.append("the score's head is another")
    old_parts, new_parts = old.findall("part"), new.findall("part")
    if len(old_parts) != len(new_parts):
        return (*out, f"{len(old_parts)} parts became {len(new_parts)}")
    for k, (was, became) in enumerate(zip(old_parts, new_parts, strict=True)):
        if k != part:
            if _texts([was]) != _texts([became]):
                out.append(f"part {k + 1} is another")
            continue
        if len(was) != len(became):
            out.append(f"{len(was)} measures became {len(became)}")
        for number, (one, other) in enumerate(zip(was, became, strict=False), start=1):
            rest, new_rest = ([child for child in measure if child.tag != "note"] for measure in (one, other))
            if one.attrib != other.attrib or _texts(rest) != _texts(new_rest):
                out.append(f"measure {number}: other elements than notes differ")
                break
    return tuple(out)


def _texts(elements: list[ET.Element]) -> list[str]:
    return [ET.canonicalize(ET.tostring(one, encoding="unicode"), strip_text=True) for one in elements]


def _root(path: Path) -> ET.Element:
    data = path.read_bytes()
    if data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            name = next(n for n in packed.namelist() if n.endswith((".xml", ".musicxml")) and not n.startswith("META"))
            data = packed.read(name)
    return ET.fromstring(data)
