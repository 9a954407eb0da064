"""The clip format of a model as the card beside its weights states it, without loading them."""

from __future__ import annotations

import json
from pathlib import Path

from latentknobs.core.melody_format import MELODY, MELODY_FORMATS, MelodyFormat

CARD = ".json"
MOST_BYTES = 1 << 24
"""A larger file is no card."""


def format_of_card(location: str) -> MelodyFormat | None:
    """
    The format that the card of a weights file, or a card with weights elsewhere, has in its config.

    A config that names none and has the steps and the vocabulary of ``melody-2bar`` is older than the other formats.
    None where there is no such card; what is wrong with it is told where the model is loaded.
    """
    path = Path(location)
    if not path.suffix:
        return None
    card = path.with_suffix(CARD)
    try:
        if card.stat().st_size > MOST_BYTES:
            return None
        config = json.loads(card.read_text(encoding="utf-8"))["config"]
        if "clip_format" in config:
            return MELODY_FORMATS.get(config["clip_format"])
        return MELODY if (config["vocabulary"], config["steps"]) == (MELODY.vocabulary, MELODY.steps) else None
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
