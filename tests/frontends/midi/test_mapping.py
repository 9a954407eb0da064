"""Mappings: by default, from a file, from the command line, and learned."""

from __future__ import annotations

from typing import ClassVar

import pytest
from attrs import frozen

from latentknobs.core.parameter import Parameter
from latentknobs.errors import UnknownNameError, UsageError
from latentknobs.frontends.midi import mapping
from latentknobs.frontends.midi.learning import Learner, turning_of
from latentknobs.frontends.midi.mapping import Control
from tests.frontends.waiting import until


@frozen
class Tree:
    """A session of twenty knobs, of which every second is accepted."""

    parameters: ClassVar = {
        f"knob/{k}": Parameter(f"knob/{k}", "number", "", 0.0, -1.0, 1.0, verdict=("accepted", "rejected")[k % 2])
        for k in range(20)
    }


def test_accepted_knobs_have_controls_by_default():
    """CC 20 to 27 the first eight, with fine ones, CC 102 to 109 the next; others have none."""
    found = mapping.default_controls(Tree())

    assert [(one.path, one.number, one.fine) for one in found] == [
        (f"knob/{2 * k}", 20 + k if k < 8 else 94 + k, k < 8) for k in range(10)
    ]


@pytest.mark.parametrize("text", ["cc20", "cc21,14bit", "cc5,relative", "cc5,relative-sign,ch3", "cc119,ch16"])
def test_a_control_is_written_as_it_is_read(text):
    """The text comes back."""
    assert str(Control.parse("tempo", text)) == text


@pytest.mark.parametrize("text", ["20", "cc", "cc120", "cc20,loud", "cc40,14bit", "cc1,ch17", "cc1,ch0", ""])
def test_what_is_no_control_is_said(text):
    """In one sentence that names the parameter."""
    with pytest.raises(UsageError, match=r"^tempo[ :]"):
        Control.parse("tempo", text)


def test_the_command_line_goes_over_the_file_and_the_file_over_the_default(session):
    """Each takes the controllers and the parameters that it names from what is under it."""
    below = [Control("knob/pitch", 20, fine=True), Control("knob/rhythm", 21)]
    file, others = mapping.from_file({"tempo": "cc20", "knob/gone": "cc1"}, session)
    upper = mapping.written(["rhythm=cc52"], session)
    found = {one.path: str(one) for one in mapping.over(mapping.over(below, file), upper)}

    assert others == ["knob/gone"]
    assert found == {"knob/rhythm": "cc52", "tempo": "cc20"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["pitch"], "maps nothing"),
        (["pitch=cc20", "tempo=cc20"], "both turned by"),
        (["pitch=cc20,14bit", "tempo=cc52"], "both turned by"),
        (["file=cc1"], "no parameter"),
        (["morph/from=cc1"], "is set by a text"),
        (["snapshot/recall=cc1"], "is set by a text"),
    ],
)
def test_wrong_maps_are_usage(session, words, said):
    """What is wrong is said."""
    with pytest.raises(UsageError, match=said):
        mapping.written(words, session)


def test_unknown_parameters_are_named(session):
    """With those that there are."""
    with pytest.raises(UnknownNameError, match="'knob/pitch'"):
        mapping.written(["knob/pich=cc1"], session)


def test_a_mapping_file_comes_back(tmp_path):
    """In a folder that is made for it."""
    path = tmp_path / "new" / "midi.toml"
    mapping.write_mapping(path, {'a "b"': "cc1", "knob/pitch": "cc20,14bit"})

    assert mapping.read_mapping(path) == {'a "b"': "cc1", "knob/pitch": "cc20,14bit"}


@pytest.mark.parametrize("text", ["[controls", "controls = 3", "[controls]\npitch = 20", b"\xff\xfe"])
def test_a_broken_mapping_file_is_said(tmp_path, text):
    """With its name."""
    path = tmp_path / "midi.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())

    with pytest.raises(UsageError, match=r"midi\.toml"):
        mapping.read_mapping(path)


@pytest.mark.parametrize(
    ("values", "turning"),
    [
        ([60, 61, 62, 64, 66, 65, 63], "absolute"),
        ([1, 1, 1, 1, 127, 127, 127], "relative"),
        ([1, 2, 2, 1, 1, 127, 126, 126, 126, 127, 127], "relative"),
        ([65, 65, 65, 63, 63, 63], "relative-offset"),
        ([1, 1, 1, 65, 65, 65, 65], "relative-sign"),
        ([0, 127, 0, 127], "absolute"),
        ([5], "absolute"),
    ],
)
def test_what_a_moved_control_is(values, turning):
    """One that repeats itself is relative, and its values say in which way."""
    assert turning_of(values) == turning


def test_a_touch_is_not_learned():
    """One that is hardly moved is not taken, and one that is learned is not learned again."""
    learner = Learner(["knob/pitch", "tempo"])
    learner.change(7, 1, 0.0)
    assert not learner.look(5.0)
    for value in (1, 2, 3):
        learner.change(20, value, 6.0)
        learner.change(52, value, 6.0)
    assert not learner.look(6.1)
    assert learner.look(7.0)
    for value in (1, 2, 3, 4):
        learner.change(20, value, 8.0)
    learner.change(21, 1, 8.0)
    assert not learner.look(9.0)

    assert ([str(one) for one in learner.learned], learner.asks) == (["cc20,14bit"], "tempo")


def test_controls_are_asked_for_one_after_the_other(session, started, ports, tmp_path, caplog):
    """What was moved turns the parameter at once, and is in the mapping file, whose other lines stay."""
    path = tmp_path / "midi.toml"
    mapping.write_mapping(path, {"tempo": "cc70", "loop": "cc71", "rhythm": "cc72"})
    started("--learn", "pitch,tempo", "--mapping", str(path), "--takeover", "jump")
    for number in (71, 73):
        for value in (10, 11, 12, 13):
            ports.say(0xB0, number, value)
        until(lambda number=number: f"It is cc{number}." in caplog.text)
    until(lambda: "All is learned" in caplog.text)
    ports.say(0xB0, 71, 127)

    assert session.values["knob/pitch"] == session.parameters["knob/pitch"].high
    assert mapping.read_mapping(path) == {"rhythm": "cc72", "pitch": "cc71", "tempo": "cc73"}
