"""What the card beside a weights file says of the model's clip format."""

from __future__ import annotations

import json

import pytest

from latentknobs.backends.format_card import format_of_card
from latentknobs.backends.loader import DEFAULT_MODEL, DEFAULT_MODELS
from latentknobs.core.melody_format import MELODY, MELODY_3_4, MELODY_6_8


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        ({"config": {"clip_format": "melody-2bar-3-4"}}, MELODY_3_4),
        ({"config": {"clip_format": "melody-2bar-6-8", "steps": 24}}, MELODY_6_8),
        ({"config": {"vocabulary": 130, "steps": 32}}, MELODY),
        ({"config": {"vocabulary": 130, "steps": 24}}, None),
        ({"config": {"clip_format": "drum-grid"}}, None),
        ({"config": {"clip_format": ["melody-2bar"]}}, None),
        ({"config": 3}, None),
        ({}, None),
        ([], None),
        ("no card", None),
    ],
    ids=str,
)
def test_a_card_states_the_format(tmp_path, card, expected):
    """By name; one that states none is of two bars of 4/4 where its steps are, else unknown."""
    (tmp_path / "mine.json").write_text(card if card == "no card" else json.dumps(card))

    assert format_of_card(str(tmp_path / "mine.safetensors")) == expected


def test_a_card_with_weights_elsewhere_is_a_model(tmp_path):
    """Its location is that of the card."""
    (tmp_path / "jig.json").write_text(json.dumps({"config": {"clip_format": MELODY_6_8.name}, "weights": "other"}))

    assert format_of_card(str(tmp_path / "jig.json")) == MELODY_6_8


@pytest.mark.parametrize("location", ["", "folder", "none.safetensors"])
def test_what_has_no_card_states_nothing(tmp_path, monkeypatch, location):
    """A folder, or a location that is no path."""
    monkeypatch.chdir(tmp_path)

    assert format_of_card(location) is None


def test_the_format_of_the_default_model_is_known_without_its_weights(workbench):
    """So that music in another time signature need not load it."""
    assert DEFAULT_MODELS[0] == DEFAULT_MODEL
    assert workbench.models.stated_format(DEFAULT_MODEL) == MELODY
    assert not workbench.models._loaded
