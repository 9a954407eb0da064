"""Scores for the tests, written by hand."""

from __future__ import annotations

import io
import zipfile

PICK_UP = """X:1
T:Pick-up
M:4/4
L:1/4
Q:1/4=100
K:D
D|:F3/2G/ A "D7"d|{f}e>f (3e/d/c/ B|1 A4-|A3D:|2 G4|d4-|d3||
X:2
T:Another
K:C
C4|
"""


def note(step: str, octave: int, duration: int, extra: str = "", voice: int = 1, staff: int = 1, alter: int = 0) -> str:
    """A note of MusicXML."""
    pitch = f"<pitch><step>{step}</step><alter>{alter}</alter><octave>{octave}</octave></pitch>"
    tags = [part for part in extra.split() if part in ("chord", "grace", "cue")]
    ties = "".join(f'<tie type="{part}"/>' for part in extra.split() if part in ("start", "stop"))
    long = "" if "grace" in tags else f"<duration>{duration}</duration>"
    head = "".join(f"<{tag}/>" for tag in tags if tag != "chord")
    chord = "<chord/>" if "chord" in tags else ""
    return f"<note>{head}{chord}{pitch}{long}{ties}<voice>{voice}</voice><staff>{staff}</staff></note>"


def rest(duration: int, voice: int = 1, staff: int = 1) -> str:
    """A rest of MusicXML."""
    return f"<note><rest/><duration>{duration}</duration><voice>{voice}</voice><staff>{staff}</staff></note>"


def attributes(beats: int = 4, unit: int = 4, divisions: int = 4, more: str = "") -> str:
    """What stands in a first measure."""
    time = f"<time><beats>{beats}</beats><beat-type>{unit}</beat-type></time>"
    return f"<attributes><divisions>{divisions}</divisions>{time}{more}</attributes>"


def score(*parts: list[str], names: tuple[str, ...] = ("Flute", "Piano"), programs: tuple[int, ...] = (74, 1)) -> str:
    """A document of parts, each a list of what its measures hold."""
    entries = "".join(
        f'<score-part id="P{k}"><part-name>{names[k]}</part-name><midi-instrument id="P{k}-I1">'
        f"<midi-channel>{k + 1}</midi-channel><midi-program>{programs[k]}</midi-program></midi-instrument></score-part>"
        for k in range(len(parts))
    )
    bodies = "".join(
        f'<part id="P{k}">'
        + "".join(f'<measure number="{n}">{measure}</measure>' for n, measure in enumerate(part, start=1))
        + "</part>"
        for k, part in enumerate(parts)
    )
    head = '<?xml version="1.0" encoding="UTF-8"?><score-partwise version="4.0">'
    return f"{head}<part-list>{entries}</part-list>{bodies}</score-partwise>"


def zipped(document: str | bytes, name: str = "score.xml") -> bytes:
    """A document as MXL."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        container = f'<container><rootfiles><rootfile full-path="{name}"/></rootfiles></container>'
        archive.writestr("META-INF/container.xml", container)
        archive.writestr(name, document)
    return out.getvalue()
