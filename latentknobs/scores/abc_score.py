"""One tune of an ABC file, with all its voices, to MusicXML, by music21."""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from typing import Any, cast
from xml.etree import ElementTree as ET

_INLINE_FIELD = re.compile(r"\[([A-Zw]:[^\]\n]*)\]")
_ANNOTATION = re.compile(r'"[<>^_@][^"\n]*"')  # words beside a note; music21 drops the note with some of them


def musicxml_of(tune: str) -> tuple[ET.Element, int]:
    """
    The tune as a partwise MusicXML document, and how many of its notes music21 could only guess.

    Args:
        tune: From its ``X:`` on.

    Raises:
        Exception: Of many kinds; music21 stumbles over slips of the pen with plain exceptions as often as its own.
    """
    from music21 import abcFormat
    from music21.abcFormat import translate
    from music21.musicxml import m21ToXml

    handler = abcFormat.ABCHandler(abcVersion=(2, 1, 0))
    # What music21 cannot read it tells on stderr, and takes a C for it.
    with contextlib.redirect_stderr(io.StringIO()) as told, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what it leaves out
        handler.tokenize(_INLINE_FIELD.sub(r"\n\1\n", _ANNOTATION.sub("", tune)))
        handler.tokens = _broken_rhythms(handler.tokens, abcFormat)
        handler.tokenProcess()
        score = cast("Any", translate.abcToStreamScore)(handler)
        root = ET.fromstring(m21ToXml.GeneralObjectExporter(score).parse())  # noqa: S314 - written a moment ago
    _name_parts(root)
    for part in root.findall("part"):
        measures = part.findall("measure")
        for measure in measures:
            _trailing_rests(measure)
        _long_endings(measures)
    return root, told.getvalue().count("Could not get pitch")


def _broken_rhythms(tokens: list[Any], abc: Any) -> list[Any]:
    """Without ``>`` and ``<``, which music21 applies only to notes that stand directly beside them, and slurs."""
    kept: list[Any] = []
    before: Any = None
    waiting: str | None = None
    grace = False
    for token in tokens:
        if isinstance(token, abc.ABCSlurStart | abc.ABCParenStop):
            continue  # one that holds many notes takes music21 seconds, and none sounds
        if isinstance(token, abc.ABCBrokenRhythmMarker):
            if before is not None:
                waiting = token.src.strip()
                before.brokenRhythmMarker = (waiting, "left")
            continue
        kept.append(token)
        if isinstance(token, abc.ABCGraceStart | abc.ABCGraceStop):
            grace = isinstance(token, abc.ABCGraceStart)
        elif isinstance(token, abc.ABCNote) and not grace:
            if waiting is not None:
                token.brokenRhythmMarker = (waiting, "right")
            before, waiting = token, None
        elif isinstance(token, abc.ABCBar):
            before = waiting = None
    return kept


def _name_parts(root: ET.Element) -> None:
    """Number parts and instruments, which music21 gives random names, and leave out when it was written."""
    names: dict[str, str] = {}
    for element in root.iter():
        name = element.get("id")
        if name:
            element.set("id", names.setdefault(name, f"P{len(names) + 1}"))
    identification = root.find("identification")
    encoding = root.find("identification/encoding")
    if identification is not None and encoding is not None:
        identification.remove(encoding)


def _trailing_rests(measure: ET.Element) -> None:
    """Take out the hidden rests with which music21 fills a short measure."""
    for note in reversed(measure.findall("note")):
        if note.find("rest") is None or note.get("print-object") != "no":
            return
        measure.remove(note)


def _long_endings(measures: list[ET.Element]) -> None:
    """Last endings reach to the next double bar or repeat sign, as the standard has it; music21 gives them one bar."""
    for k, measure in enumerate(measures):
        line = _barline(measure, "right")
        ending = None if line is None else line.find("ending")
        if line is None or ending is None or len(line) > 1:
            continue
        line.remove(ending)
        last = k
        while last + 1 < len(measures) and _barline(measures[last + 1], "left") is None:
            last += 1
            if _barline(measures[last], "right") is not None:
                break
        target = _barline(measures[last], "right")
        if target is None:
            target = ET.SubElement(measures[last], "barline", location="right")
        target.insert(0 if target.find("bar-style") is None else 1, ending)


def _barline(measure: ET.Element, location: str) -> ET.Element | None:
    lines = (line for line in measure.findall("barline") if line.get("location", "right") == location)
    return next(lines, None)
