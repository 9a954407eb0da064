"""
Scores (ABC, MusicXML, MXL) as they are played, as MIDI; what other programs' files need is said in a sentence.

What a file is, its content says; its suffix only where the content says nothing.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from pathlib import Path
from xml.etree import ElementTree as ET

from attrs import frozen

from latentknobs.errors import MidiError
from latentknobs.scores.abc_score import musicxml_of
from latentknobs.scores.input_bytes import MAX_BYTES
from latentknobs.scores.musicxml_reader import PrintedScore, read_score
from latentknobs.scores.notation_midi import PlayedScore, played

SUFFIXES = (".abc", ".musicxml", ".xml", ".mxl")
"""Of files that are read as scores."""
_ZIP = b"PK\x03\x04"
_CONTAINER = "META-INF/container.xml"
_TUNE = re.compile(r"^X:", re.MULTILINE)
_ABC = re.compile(r"(?:\ufeff|%[^\n]*\n|\s)*X:\s*\d")
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_METER = re.compile(r"M:\s*(\d+)\s*/\s*(\d+)")
_MOST_BARS = 150  # which take music21 nearly ten seconds; twice as many take it four times as long
_BAR_LINE = re.compile(r"\|+")
_FIELD_LINE = re.compile(r"^[A-Za-z]:.*$", re.MULTILINE)
_MOST_BEATS = 64
_FIELD = re.compile(r"[A-Za-z]:|%")
_QUOTED = re.compile(r'"[^"]*"|%.*')
_LONG = re.compile(r"\d{4,}")
_ENTITY = re.compile(rb"<!ENTITY", re.IGNORECASE)
_GUITAR_PRO = "is a Guitar Pro file, which is not read: open it in MuseScore or TuxGuitar and export MusicXML or MIDI."
_HUMDRUM = (
    "is a Humdrum file, which is not read: convert it with music21, "
    "python -c \"import music21; music21.converter.parse('{name}').write('musicxml', '{stem}.musicxml')\"."
)
_MUSESCORE = "is a MuseScore file, which is not read: open it in MuseScore and export MusicXML."
_ELSEWHERE = {
    **dict.fromkeys((".gp", ".gp3", ".gp4", ".gp5", ".gpx", ".gp7", ".gtp"), _GUITAR_PRO),
    ".krn": _HUMDRUM,
    **dict.fromkeys((".mscz", ".mscx"), _MUSESCORE),
}


@frozen(eq=False)
class Notation:
    """
    A score that was read.

    Attributes:
        root: The MusicXML document; of an ABC file what music21 makes of it.
        played: As MIDI.
        remarks: What people should know, one sentence each.
    """

    root: ET.Element
    played: PlayedScore
    remarks: tuple[str, ...]


def notation_of(path: Path, data: bytes) -> Notation | None:
    """
    The score in a file; None where it is none and should be read as MIDI.

    Raises:
        MidiError: It is a score that cannot be read.
    """
    try:
        document = _document(path, data)
        if document is None:
            return None
        root, remarks = document
        result = played(read_score(root))
    except MidiError as error:
        raise MidiError(f"{path} {error}") from error
    return Notation(root, result, (*remarks, *result.remarks))


def printed_score(path: Path, data: bytes) -> PrintedScore:
    """
    The score in a file as printed, its repeats not written out.

    Raises:
        MidiError: It is no score, or cannot be read.
    """
    try:
        document = _document(path, data)
    except MidiError as error:
        raise MidiError(f"{path} {error}") from error
    if document is None:
        raise MidiError(f"{path} is no score: choose a MusicXML, MXL or ABC file.")
    return read_score(document[0])


def _document(path: Path, data: bytes) -> tuple[ET.Element, tuple[str, ...]] | None:
    suffix = path.suffix.lower()
    if data.startswith((b"MThd", b"RIFF")):
        return None
    elsewhere = _other_program(suffix, data)
    if elsewhere:
        raise MidiError(elsewhere.format(name=path.name, stem=path.stem))
    if data.startswith(_ZIP):
        return _partwise(_unzipped(data)), ()
    head = data[:1024]
    text = _text(head)
    if text.lstrip("\ufeff \t\r\n").startswith("<"):
        return _partwise(data), ()
    if suffix == ".abc" or _ABC.match(text):
        return _tune(data)
    if suffix in SUFFIXES:
        what = "a compressed MusicXML file, but no zip archive" if suffix == ".mxl" else "a MusicXML file, but no XML"
        raise MidiError(f"is by its name {what}: export it again from the program that made it.")
    return None


def _other_program(suffix: str, data: bytes) -> str:
    """What to do with a file of another program; "" for none of those."""
    if data[1:19] == b"FICHIER GUITAR PRO" or data.startswith((b"BCFZ", b"BCFS")):
        return _GUITAR_PRO
    if re.search(rb"^\*\*kern", data[:4096], re.MULTILINE):
        return _HUMDRUM
    named = _ELSEWHERE.get(suffix, "")
    if data.startswith(_ZIP) and not named and b"Content/score.gpif" in data:
        return _GUITAR_PRO
    return named


def _unzipped(data: bytes) -> bytes:
    """The document in an MXL archive."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            rootfile = None
            if _CONTAINER in names:
                rootfile = _parsed(_member(archive, _CONTAINER)).find("{*}rootfiles/{*}rootfile")
            name = "" if rootfile is None else rootfile.get("full-path", "")
            if name not in names:
                plain = (n for n in names if n.endswith((".xml", ".musicxml")) and not n.startswith("META-INF/"))
                name = next(plain, "")
            packed = _member(archive, name) if name else None
    except MidiError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OSError, ValueError) as error:
        raise MidiError(
            "is a zip archive that cannot be unpacked: export it again from the program that made it."
        ) from error
    if packed is None:
        raise MidiError("is a zip archive without a score in it: export MusicXML from the program that made it.")
    return packed


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as member:
        return member.read(MAX_BYTES + 1)


def _parsed(data: bytes) -> ET.Element:
    if len(data) > MAX_BYTES:
        raise MidiError(f"is larger than {MAX_BYTES // 10**6} MB when unpacked: export the melody's part alone.")
    if data.startswith(_UTF_16):
        data = re.sub(r"^<\?xml[^>]*>", "", _text(data)).encode()
    if _ENTITY.search(data):
        raise MidiError("defines XML entities, which no score needs: export it again from the program that made it.")
    try:
        return ET.fromstring(data)  # noqa: S314 - entities are refused above, and expat fetches nothing
    except (ET.ParseError, ValueError, LookupError) as error:
        place = getattr(error, "position", (0, 0))[0]
        where = f" in line {place}" if place else ""
        raise MidiError(f"is damaged{where}, where it is no XML any more: export it again from its program.") from error


def _partwise(data: bytes) -> ET.Element:
    """The document by parts."""
    root = _parsed(data)
    if root.tag == "score-timewise":
        root = _by_parts(root)
    if root.tag != "score-partwise":
        raise MidiError(f"is XML, but no MusicXML (it starts with <{root.tag[:40]}>): export MusicXML.")
    return root


def _by_parts(timewise: ET.Element) -> ET.Element:
    """A document with the parts of each measure as one with the measures of each part."""
    root = ET.Element("score-partwise", timewise.attrib)
    root.extend(child for child in timewise if child.tag != "measure")
    parts: dict[str, ET.Element] = {}
    for measure in timewise.findall("measure"):
        for own in measure.findall("part"):
            name = own.get("id", "")
            if name not in parts:
                parts[name] = ET.SubElement(root, "part", id=name)
            ET.SubElement(parts[name], "measure", measure.attrib).extend(own)
    return root


def _tune(data: bytes) -> tuple[ET.Element, tuple[str, ...]]:
    """The first tune of an ABC file."""
    text = _text(data).replace("\r\n", "\n").replace("\r", "\n")
    starts = [match.start() for match in _TUNE.finditer(text)]
    remarks: tuple[str, ...] = ()
    head = ""
    if starts:
        head, tune = text[: starts[0]], text[starts[0] : starts[1] if len(starts) > 1 else None]
    else:
        tune = f"X:1\n{text}"
    if len(starts) > 1:
        told = (
            f"The file has {len(starts)} tunes, and the first was read: for another one, keep only its lines, "
            "from its X: to the next."
        )
        remarks = (told,)
    if not re.search(r"^K:", tune, re.MULTILINE):
        raise MidiError("is an ABC file without a key (K:), which ends the head of a tune: add the line.")
    _check_numbers(tune)
    try:
        root, guessed = musicxml_of(f"{head}{tune}")
    except Exception as error:
        # music21 stumbles over slips of the pen with exceptions of every kind.
        raise MidiError("is an ABC file that music21 cannot read: check its tune with an ABC editor.") from error
    if guessed:
        remarks = (*remarks, f"{guessed} note{'s' if guessed > 1 else ''} of no pitch that can be read became C.")
    return root, remarks


def _check_numbers(tune: str) -> None:
    """
    Refuse what would keep music21 busy for hours.

    Raises:
        MidiError: A time signature or a note length is far from any in use, or there are too many bars.
    """
    bars = len(_BAR_LINE.findall(_FIELD_LINE.sub("", tune)))
    if bars > _MOST_BARS:
        raise MidiError(
            f"has about {bars} bars, and ABC is read up to {_MOST_BARS}: keep a part of it, or convert it to MIDI "
            "with abc2midi."
        )
    for beats, unit in _METER.findall(tune):
        if int(beats[:4]) > _MOST_BEATS or int(unit[:4]) not in (1, 2, 4, 8, 16, 32, 64):
            raise MidiError(f"has the time signature {beats[:9]}/{unit[:9]}, which is none: correct its M: line.")
    for line in tune.splitlines():
        length = None if _FIELD.match(line) else _LONG.search(_QUOTED.sub("", line))
        if length:
            raise MidiError(
                f"has a note of length {length.group()[:9]}, longer than any: correct it with an ABC editor."
            )


def _text(data: bytes) -> str:
    if data.startswith(_UTF_16):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")
