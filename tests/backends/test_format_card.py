"""What the card beside a weights file says of the model's clip format."""

from __future__ import annotations

import json

import pytest

from latentknobs.backends.format_card import format_of_card
from latentknobs.backends.loader import DEFAULT_MODEL, DEFAULT_MODELS
from latentknobs.core.melody_format import MELODY, MELODY_3_4, MELODY_6_8, MelodyFormat


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        ({"clip_format": "melody-2bar-3-4", "config": {}}, MELODY_3_4),
        ({"config": {"clip_format": "melody-2bar-6-8"}}, MELODY_6_8),
        ({"config": {"time_signature": "5/4", "bars": 1}}, MelodyFormat("5/4", bars=1)),
        ({"config": {"vocabulary": 130, "steps": 32}, "steps": 9500}, MELODY),
        ({"config": {"vocabulary": 130, "steps": 24}}, None),
        ({"clip_format": "drum-grid", "config": {}}, None),
        ({"config": {"time_signature": "five"}}, None),
        ({}, None),
        ([], None),
        ("no card", None),
    ],
    ids=str,
)
def test_a_card_states_the_format(tmp_path, card, expected):
    """By name or time signature; one that states none is of two bars of 4/4 where its steps are, else unknown."""
    (tmp_path / "mine.json").write_text(card if card == "no card" else json.dumps(card))

    assert format_of_card(str(tmp_path / "mine.safetensors")) == expected


@pytest.mark.parametrize("location", ["", "folder", "none.safetensors", "mine.json"])
def test_what_has_no_card_states_nothing(tmp_path, monkeypatch, location):
    """A folder, a location that is no path, a card by itself."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.json").write_text(json.dumps({"clip_format": MELODY.name, "config": {}}))

    assert format_of_card(location) is None


def test_the_format_of_the_default_model_is_known_without_its_weights(workbench):
    """So that music in another time signature need not load it."""
    assert DEFAULT_MODELS[0] == DEFAULT_MODEL
    assert workbench.models.stated_format(DEFAULT_MODEL) == MELODY
    assert not workbench.models._loaded
