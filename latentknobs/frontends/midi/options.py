"""The options of ``serve midi``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

from attrs import frozen

from latentknobs.core.frontend_options import FrontendParser
from latentknobs.errors import UsageError
from latentknobs.frontends.midi.controls import Takeover

Clock = Literal["send", "follow", "none"]


@frozen
class MidiOptions:
    """
    What people say of ports, controls and clock.

    Attributes:
        inputs: Parts of the names of ports to listen to.
        output: Part of the name of the port for notes and clock, "" = none.
        virtual: Whether ports of our own are made.
        feedback: Part of the name of the port for values, "" = those that are called as the inputs are.
        channel: Of the notes, 1 to 16.
        clock: What is done with MIDI clock.
        link: Whether Ableton Link gives tempo and beat.
        takeover: What a control does that is elsewhere than the value.
        mapping: Mapping file, None = that of the user, if there is one.
        maps: Controls as ``pitch=cc20``.
        learn: Names of parameters whose controls are asked for.
        record: Bars that are recorded, 0 = until playing stops, None = nothing.
        play: Whether it plays at once.
    """

    inputs: tuple[str, ...] = ()
    output: str = ""
    virtual: bool = True
    feedback: str = ""
    channel: int = 1
    clock: Clock = "send"
    link: bool = False
    takeover: Takeover = "pickup"
    mapping: Path | None = None
    maps: tuple[str, ...] = ()
    learn: tuple[str, ...] = ()
    record: int | None = None
    play: bool = False


def read_options(arguments: Sequence[str]) -> MidiOptions:
    """
    The options of a command line.

    Raises:
        UsageError: One is unknown, or has no value that it can have.
    """
    found = vars(_parser().parse_args(list(arguments)))
    if not 1 <= found["channel"] <= 16:
        raise UsageError(f"--channel goes from 1 to 16; {found['channel']} is outside.")
    if found["record"] is not None and not 0 <= found["record"] <= 500:
        raise UsageError(f"--record takes 1 to 500 bars; {found['record']} is outside.")
    if found["link"] and found["clock"] == "follow":
        raise UsageError("--link and --clock follow both give the tempo: choose one.")
    for name in ("inputs", "maps"):
        found[name] = tuple(found[name])
    found["learn"] = tuple(name.strip() for name in found["learn"].split(",") if name.strip())
    found["virtual"] |= not (found["inputs"] or found["output"])
    return MidiOptions(**found)


def _parser() -> FrontendParser:
    parser = FrontendParser("midi", "Play a session by MIDI.")
    add = parser.add_argument
    add("--in", dest="inputs", action="append", default=[], metavar="NAME", help="port to listen to; part of its name")
    add("--out", dest="output", default="", metavar="NAME", help="port for notes and clock; part of its name")
    add("--virtual", action="store_true", help="make ports named latentknobs [where no port is named]; not on Windows")
    add("--feedback", default="", metavar="NAME", help="port for values as CC [called as the input]")
    add("--channel", type=int, default=1, help="of the notes, 1 to 16 [1]")
    add("--clock", choices=get_args(Clock), default="send", help="send MIDI clock, follow it, or neither [send]")
    add("--link", action="store_true", help="follow tempo and beat of Ableton Link")
    add("--takeover", choices=get_args(Takeover), default="pickup", help="controls elsewhere than the value [pickup]")
    add("--mapping", type=Path, metavar="FILE", help="mapping file [midi.toml in the configuration folder]")
    add("--map", dest="maps", action="append", default=[], metavar="NAME=CC", help="as pitch=cc20 or tempo=cc21,14bit")
    add("--learn", default="", metavar="NAMES", help="ask for the controls of these, and write the mapping file")
    add("--record", type=int, nargs="?", const=0, metavar="BARS", help="record what is played in [until it stops]")
    add("--play", action="store_true", help="play at once")
    return parser
