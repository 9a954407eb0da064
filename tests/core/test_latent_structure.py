"""The structure of a code: blocks, a condition, the axes of a sequence."""

from __future__ import annotations

import numpy as np
import pytest

from latentknobs.core.backend import BackendSpec
from latentknobs.core.evidence import Evidence, structure_evidence, unstructure_evidence
from latentknobs.core.melody_format import MELODY
from latentknobs.errors import ModelError

BLOCKS = {"pitch": 3, "rhythm": 2, "chords": 1}


def spec_of(size=6, **more):
    """The spec of a model with so many dimensions."""
    return BackendSpec("mine", MELODY, size, "0" * 64, **more)


def test_blocks_name_the_dimensions():
    """Blocks follow one another in the order in which they are given."""
    structure = spec_of(blocks=BLOCKS).structure
    assert structure.parts == {"pitch": slice(0, 3), "rhythm": slice(3, 5), "chords": slice(5, 6)}
    assert [structure.name_of(dim) for dim in (0, 4, 5)] == ["pitch[0]", "rhythm[1]", "chords[0]"]
    assert structure.part_of(3) == "rhythm"


def test_a_plain_vector_has_no_parts():
    """Without blocks and shape, a dimension's name is its number."""
    structure = spec_of().structure
    assert (structure.parts, structure.part_of(3), structure.name_of(3)) == ({}, None, "3")


def test_a_sequence_is_named_by_its_indices():
    """A sequence's parts are its steps; the last index runs fastest."""
    structure = spec_of(latent_shape=(3, 2)).structure
    assert structure.parts == {"[0]": slice(0, 2), "[1]": slice(2, 4), "[2]": slice(4, 6)}
    assert structure.name_of(3) == "[1, 1]"


def test_shares_leave_the_condition_out():
    """Each block's share is the sum of its dimensions'; a condition has none."""
    shares = spec_of(blocks=BLOCKS, condition="chords").structure.shares(np.arange(6) / 10.0)
    assert [(one.name, one.size, one.share) for one in shares] == [
        ("pitch", 3, pytest.approx(0.3)),
        ("rhythm", 2, pytest.approx(0.7)),
        ("chords", 1, None),
    ]
    assert ", ".join(map(str, shares)) == "pitch 30%, rhythm 70%, chords held"


@pytest.mark.parametrize(
    ("structure", "told"),
    [
        ({"blocks": {"pitch": 3, "rhythm": 2}}, "5 dimensions together"),
        ({"blocks": {"Pitch!": 6}}, "lower-case letters"),
        ({"blocks": {"pitch": 0, "rhythm": 6}}, "above 0"),
        ({"blocks": BLOCKS, "condition": "style"}, "no block (pitch, rhythm, chords)"),
        ({"blocks": {"chords": 6}, "condition": "chords"}, "give the latent a block too"),
        ({"blocks": BLOCKS, "condition": "chords", "encodes": False}, "no encoder"),
        ({"latent_shape": (2, 2)}, "of 4 numbers"),
        ({"latent_shape": (2, 3), "blocks": BLOCKS}, "give one of them"),
        ({"blocks": [("pitch", 3), ("pitch", 3)]}, "give a dict of names and sizes"),
        ({"blocks": {1: 3, "rhythm": 3}}, "a block named 1"),
    ],
)
def test_a_wrong_structure_is_refused(structure, told):
    """A structure that does not fit says what, of which model, and what to do."""
    with pytest.raises(ModelError) as caught:
        spec_of(**structure)
    assert "'mine'" in str(caught.value)
    assert told in str(caught.value)


def test_evidence_keeps_the_shape_of_a_sequence():
    """A knob's evidence has its steps' shares, and names its dimensions, in JSON too."""
    structure = spec_of(latent_shape=(3, 2)).structure
    evidence = Evidence(blocks=structure.shares(np.arange(6) / 15.0), latent_shape=structure.shape)
    again = structure_evidence(unstructure_evidence(evidence))
    assert again == evidence
    assert again.structure.name_of(5) == "[2, 1]"
    assert ", ".join(map(str, again.blocks)) == "[0] 7%, [1] 33%, [2] 60%"
    with pytest.raises(ValueError, match="4 numbers"):
        structure_evidence({**unstructure_evidence(evidence), "latent_shape": [2, 2]})
