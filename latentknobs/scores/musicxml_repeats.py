"""A MusicXML document with its repeats written out."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from xml.etree import ElementTree as ET

from latentknobs.scores.musicxml_reader import signs_of

_ATTRIBUTES = ["divisions", "key", "time", "staves", "part-symbol", "instruments", "clef", "staff-details", "transpose"]


def written_out(root: ET.Element, order: Sequence[int]) -> ET.Element:
    """The score without repeats: its measures in the order of playing."""
    out = ET.Element(root.tag, root.attrib)
    for child in root:
        if child.tag != "part":
            out.append(copy.deepcopy(child))
            continue
        part = ET.SubElement(out, "part", child.attrib)
        measures = child.findall("measure")
        held = list(_held(measures))
        for k, number in enumerate(order):
            if number >= len(measures):
                continue
            measure = copy.deepcopy(measures[number])
            measure.set("number", str(k + 1))
            _without_signs(measure)
            if k and number != order[k - 1] + 1:
                _say_again(measure, held[number])
            part.append(measure)
    return out


def _held(measures: Sequence[ET.Element]) -> Iterator[dict[tuple[str, str], ET.Element]]:
    """The attributes that hold before each measure."""
    held: dict[tuple[str, str], ET.Element] = {}
    for measure in measures:
        yield dict(held)
        for one in measure.iterfind("attributes/*"):
            held[one.tag, one.get("number", "")] = one


def _say_again(measure: ET.Element, held: Mapping[tuple[str, str], ET.Element]) -> None:
    first = next((child for child in measure if child.tag not in ("print", "barline")), None)
    own = first if first is not None and first.tag == "attributes" else ET.Element("attributes")
    said = {(one.tag, one.get("number", "")) for one in own}
    both = [*own, *(copy.deepcopy(one) for name, one in held.items() if name not in said and one.tag in _ATTRIBUTES)]
    both.sort(key=lambda one: _ATTRIBUTES.index(one.tag) if one.tag in _ATTRIBUTES else len(_ATTRIBUTES))
    if own is not first:
        measure.insert(0, own)
    own[:] = both


def _without_signs(measure: ET.Element) -> None:
    """Take out repeat signs, endings and what else directs the player elsewhere."""
    for line in measure.findall("barline"):
        for sign in [*line.findall("repeat"), *line.findall("ending")]:
            line.remove(sign)
        if len(line) == 0:
            measure.remove(line)
    for element in [*measure.findall("direction"), *measure.findall("sound")]:
        if signs_of(element):
            measure.remove(element)
