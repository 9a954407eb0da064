"""The clip format of a model as the card beside its weights states it, without loading them."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

from latentknobs.core.melody_format import MELODY, MELODY_FORMATS, MelodyFormat
from latentknobs.errors import LatentKnobsError

MOST_BYTES = 1 << 24
"""A larger file is no card."""


def format_of_card(location: str) -> MelodyFormat | None:
    """
    The format that the card of a weights file states by ``clip_format``, its name, or by ``time_signature``.

    Cards that state none and whose config has the steps and the vocabulary of ``melody-2bar`` are older than the other
    formats. None where there is no such card; what is wrong with it is told where the model is loaded.
    """
    path = Path(location)
    if path.suffix in ("", ".json") or not (card := path.with_suffix(".json")).is_file():
        return None
    try:
        if card.stat().st_size > MOST_BYTES:
            return None
        facts = json.loads(card.read_text(encoding="utf-8"))
        return _stated({**facts["config"], **facts})
    except (OSError, ValueError, TypeError, KeyError, RecursionError, ZeroDivisionError, LatentKnobsError):
        return None


def _stated(facts: dict[str, Any]) -> MelodyFormat | None:
    if "clip_format" in facts:
        return MELODY_FORMATS.get(facts["clip_format"])
    if "time_signature" in facts:
        return MelodyFormat(facts["time_signature"], Fraction(facts.get("bars", 2)), facts.get("steps_per_beat", 4))
    old = (facts["vocabulary"], facts["config"]["steps"]) == (MELODY.vocabulary, MELODY.steps)
    return MELODY if old else None
