"""What clients send: every value bounded, no number that is not finite, no field that is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, create_model

from latentknobs.core.query_spec import FILTERS, Filter
from latentknobs.core.seed import MOST_SEED

MOST_CLIPS = 128
"""Clips of one piece: 256 bars of a format of two, eight minutes at 120 beats a minute."""
MOST_NOTES = 8192
"""Notes of one piece: two a step of the longest piece of drums, four times those of a melody."""
MOST_STEPS = 65_536
MOST_KNOBS = 32
MOST_GRID = 9
MOST_AMOUNT = 1e6
MOST_SEQ = 2**53
"""Largest whole number that JavaScript can count to."""


class Strict(BaseModel):
    """A message: unknown fields, texts for numbers and NaN are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


Name = Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=r"^[^\x00-\x1f\x7f]+$")]
KnobName = Annotated[str, StringConstraints(max_length=80, pattern=r"^[a-z0-9][a-z0-9_-]*$")]
Step = Annotated[int, Field(ge=0, le=MOST_STEPS)]
NoteRow = Annotated[
    tuple[
        Step,
        Annotated[int, Field(ge=0, le=127)],
        Annotated[int, Field(ge=1, le=MOST_STEPS)],
        Annotated[int, Field(ge=0, le=127)],
    ],
    BeforeValidator(_as_tuple),
]
"""Onset and length in steps, pitch of MIDI, voice: [onset, pitch, length, voice]."""
ClipNumber = Annotated[int, Field(ge=0, le=100_000)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class ReadOptions(Strict):
    """How a MIDI file was read."""

    policy: Literal["auto", "error", "highest-onset", "skyline"] = "auto"
    track: Annotated[str, StringConstraints(max_length=120)] | None = None
    offset: Annotated[float, Field(ge=-4096, le=4096)] = 0.0
    regroup: bool = False


class ExampleSource(Strict):
    """A piece that came with the program."""

    kind: Literal["example"]
    name: Name


class MidiSource(Strict):
    """A piece, or some of its clips, of a MIDI file."""

    kind: Literal["midi"]
    file: Name
    sha256: Sha256
    options: ReadOptions = Field(default_factory=ReadOptions)
    clips: Annotated[tuple[ClipNumber, ClipNumber], BeforeValidator(_as_tuple)] | None = Field(
        default=None, description="First and last clip of the file that the piece has, from 0; null = all."
    )


class DrawnSource(Strict):
    """A piece that somebody drew or played."""

    kind: Literal["drawn"]


Source = Annotated[ExampleSource | MidiSource | DrawnSource, Field(discriminator="kind")]


class PieceMessage(Strict):
    """A piece: notes on the grid of the model's format."""

    name: Name = "piece"
    tempo: Annotated[float, Field(ge=4, le=1000)] = 120.0
    steps: Annotated[int, Field(ge=1, le=MOST_STEPS)]
    notes: Annotated[list[NoteRow], Field(max_length=MOST_NOTES)]
    source: Source = Field(default_factory=lambda: DrawnSource(kind="drawn"))


Amount = Annotated[float, Field(ge=-MOST_AMOUNT, le=MOST_AMOUNT)]
Amounts = Annotated[dict[KnobName, Amount], Field(max_length=MOST_KNOBS)]
Seed = Annotated[int, Field(ge=0, le=MOST_SEED)]


class OpenRequest(Strict):
    """A piece to open with a model."""

    piece: PieceMessage


class KnobTurns(Strict):
    """How knobs stand: amounts, and the seed and the knob that the controls random and others go by."""

    knobs: Amounts = Field(default_factory=dict)
    seed: Seed = 0
    like: KnobName | None = None


class State(KnobTurns):
    """A piece, and how its knobs stand: all that there is to know of what is heard."""

    piece: PieceMessage


class GridRequest(Strict):
    """The pieces between two: a as it sounds top left, b bottom right."""

    a: State
    b: State
    size: Annotated[int, Field(ge=3, le=MOST_GRID)] = 5
    rows: KnobName
    columns: KnobName
    rest: Literal["mean", "source", "rows", "columns"] = "mean"


class ExportRequest(Strict):
    """A state to take home."""

    state: State
    as_: Literal["midi", "wav"] = Field(alias="as", default="midi")


class RecipeRequest(Strict):
    """What is on the screen: a state, or a grid."""

    state: State | None = None
    grid: GridRequest | None = None


Seq = Annotated[int, Field(ge=0, le=MOST_SEQ)]


class LiveOpen(Strict):
    """Frame: open a piece; later turns are of this one."""

    type: Literal["open"]
    seq: Seq
    model: Name
    piece: PieceMessage


class LiveTurn(KnobTurns):
    """Frame: turn knobs on the open piece."""

    type: Literal["turn"]
    seq: Seq


class LivePing(Strict):
    """Frame: is anybody there?"""

    type: Literal["ping"]
    seq: Seq


LiveMessage = Annotated[LiveOpen | LiveTurn | LivePing, Field(discriminator="type")]


def _parameter(one: Filter) -> tuple[Any, Any]:
    if one.type is bool:
        return bool, False
    if one.type is str:
        return str, Field("", max_length=200, description=one.doc)
    return one.type | None, Field(None, ge=one.least, le=one.most, allow_inf_nan=False, description=one.doc)


if TYPE_CHECKING:
    Filters = BaseModel
else:
    Filters = create_model("Filters", **{one.name: _parameter(one) for one in FILTERS})
"""The parameters of GET /registry/knobs."""
