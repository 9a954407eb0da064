"""A piece as MusicXML: in the score that it was read from, with all other voices as they were, or alone."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from fractions import Fraction
from typing import Any
from xml.etree import ElementTree as ET

from latentknobs.core.clip import ClipFormat, DrumFormat
from latentknobs.core.meter import signature_of
from latentknobs.core.piece import Piece, PieceStretch
from latentknobs.core.time_signature import TimeSignature
from latentknobs.errors import ClipError
from latentknobs.scores.engraving import Bar, cut, engraved, key_of
from latentknobs.scores.midi_file import parse_score, readable
from latentknobs.scores.midi_splice import MidiOrigin
from latentknobs.scores.midi_writer import midi_bytes, provenance_text
from latentknobs.scores.musicxml_reader import PROVENANCE_KEY
from latentknobs.scores.musicxml_splice import spliced
from latentknobs.scores.voice_extraction import overlap

SUFFIXES = (".musicxml", ".xml", ".mxl")
"""Of files that are written as MusicXML; the last one is packed."""
_DOCTYPE = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE score-partwise PUBLIC '
    '"-//Recordare//DTD MusicXML 4.0 Partwise//EN" "http://www.musicxml.org/dtds/partwise.dtd">\n'
)
_XLINK = "http://www.w3.org/1999/xlink"


def musicxml_bytes(
    piece: Piece, *, clip_format: ClipFormat, provenance: Mapping[str, Any] | None = None, packed: bool = False
) -> bytes:
    """
    The file that :func:`~latentknobs.scores.write_piece` writes.

    Args:
        piece: One voice.
        clip_format: As :func:`~latentknobs.scores.midi_bytes` takes it.
        provenance: What made it, kept in a ``miscellaneous-field``.
        packed: Whether it is zipped (MXL).

    Raises:
        ClipError: Two of its notes sound together, they are drums, or bars are no whole steps.
        UsageError: The provenance is too long.
    """
    source = piece.source
    if isinstance(source, MidiOrigin) and source.score.notation is not None:
        after = parse_score(midi_bytes(piece, clip_format=clip_format), source.score.path)
        root = spliced(source.score.notation, source.score, after)
    else:
        step = overlap(piece.notes)
        if step is not None or isinstance(clip_format, DrumFormat):
            reason = f"two notes sound on step {step}" if step is not None else "drums have no pitch"
            raise ClipError(f"{piece.name}: only one voice can be written as MusicXML, and {reason}: write MIDI.")
        root = _alone(piece, clip_format)
    if provenance is not None:
        _note_down(root, provenance_text(piece, provenance))
    ET.register_namespace("xlink", _XLINK)
    data = (_DOCTYPE + ET.tostring(root, encoding="unicode") + "\n").encode()
    return _zipped(data) if packed else data


def _alone(piece: Piece, clip_format: ClipFormat) -> ET.Element:
    """A score of one part: the bars of the piece's stretches, the last one whole."""
    per_beat = clip_format.steps_per_beat
    notes = [(note.onset, note.end, note.pitch) for note in piece.notes]
    places: list[tuple[int, int, TimeSignature, bool]] = []  # first step, its end, signature, whether that is new
    own = PieceStretch(0, piece.steps, signature_of(clip_format))
    for stretch in piece.stretches or (own,):
        bar = int(stretch.signature.quarters * per_beat)
        if stretch.signature.quarters * per_beat != bar:
            raise ClipError(f"{piece.name}: bars of {stretch.signature} are no whole steps of {clip_format.name}.")
        for start in range(stretch.start, stretch.end, bar):
            end = start + bar if stretch.end == piece.steps else min(start + bar, stretch.end)
            places.append((start, end, stretch.signature, start == stretch.start))
    segments = cut(notes, [place[0] for place in places], places[-1][1], per_beat)
    bars = [
        Bar(Fraction(end - start, per_beat), (signature.beats, signature.unit), tuple(within), shown)
        for (start, end, signature, shown), within in zip(places, segments, strict=True)
    ]
    root = ET.Element("score-partwise", version="4.0")
    ET.SubElement(root, "movement-title").text = readable(piece.name.encode("utf-8", "replace"))
    entry = ET.SubElement(ET.SubElement(root, "part-list"), "score-part", id="P1")
    ET.SubElement(entry, "part-name").text = "Melody"
    part = ET.SubElement(root, "part", id="P1")
    part.extend(engraved(bars, key_of(notes, 0)))
    direction = ET.Element("direction", placement="above")
    metronome = ET.SubElement(ET.SubElement(direction, "direction-type"), "metronome")
    ET.SubElement(metronome, "beat-unit").text = "quarter"
    ET.SubElement(metronome, "per-minute").text = f"{piece.tempo:.2f}".rstrip("0").rstrip(".")
    ET.SubElement(direction, "sound", tempo=f"{piece.tempo:.6f}")
    part[0].insert(1, direction)
    return root


def _note_down(root: ET.Element, text: str) -> None:
    """Say in a document where it comes from, instead of what it says so far."""
    identification = root.find("identification")
    if identification is None:
        identification = ET.Element("identification")
        at = sum(child.tag in ("work", "movement-number", "movement-title") for child in root)
        root.insert(at, identification)
    fields = identification.find("miscellaneous")
    if fields is None:
        fields = ET.SubElement(identification, "miscellaneous")
    for old in fields.findall("miscellaneous-field"):
        if old.get("name") == PROVENANCE_KEY:
            fields.remove(old)
    ET.SubElement(fields, "miscellaneous-field", name=PROVENANCE_KEY).text = text


def _zipped(document: bytes) -> bytes:
    """A document as MXL; the same bytes at any time."""
    container = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<container><rootfiles><rootfile full-path="score.musicxml" '
        'media-type="application/vnd.recordare.musicxml+xml"/></rootfiles></container>\n'
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (("META-INF/container.xml", container.encode()), ("score.musicxml", document)):
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()
