"""What clients send: every value is bounded, every number finite, and unknown fields are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, create_model

from latentknobs.core.parameter import MOST_TEXT
from latentknobs.core.query_spec import FILTERS, RUN_FILTERS, Filter
from latentknobs.core.seed import MOST_SEED
from latentknobs.core.time_signature import MOST_BEATS, UNITS
from latentknobs.studio.knob_settings import KnobSettings
from latentknobs.studio.project import MOST_SNAPSHOTS

PREFIX = "/api/v1"
"""Where the API lives."""
MAX_BODY_BYTES = 1024 * 1024
"""Bytes of a request's body and of a frame."""
MAX_FILE_BYTES = 1024 * 1024
"""Bytes of a file that is read."""
MAX_FILE_TEXT = -(-MAX_FILE_BYTES // 3) * 4
"""Letters of its base64."""
MAX_FILE_BODY_BYTES = MAX_BODY_BYTES + MAX_FILE_TEXT
"""Bytes of the body of a request that has a file beside its piece."""
MAX_CLIPS = 128
"""Clips of one piece: 256 bars of a format of two, eight minutes at 120 beats a minute."""
MAX_NOTES = 8192
"""Notes of one piece: two a step of the longest piece of drums, four times those of a melody."""
MAX_STEPS = 65_536
MAX_STRETCHES = 512
MAX_KNOBS = 128
"""Amounts of knobs, those of bars included."""
MAX_GRID = 9
MAX_AMOUNT = 1e6
MAX_SEQ = 2**53
"""Largest integer that JavaScript counts to exactly."""


class Strict(BaseModel):
    """A message without unknown fields, coerced types or NaN."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _unit(value: int) -> int:
    if value not in UNITS:
        raise ValueError(f"a time signature's unit is one of {', '.join(map(str, UNITS))}")
    return value


Name = Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=r"^[^\x00-\x1f\x7f]+$")]
KnobName = Annotated[str, StringConstraints(max_length=80, pattern=r"^[a-z0-9][a-z0-9_-]*$")]
Step = Annotated[int, Field(ge=0, le=MAX_STEPS)]
NoteRow = Annotated[
    tuple[
        Step,
        Annotated[int, Field(ge=0, le=127)],
        Annotated[int, Field(ge=1, le=MAX_STEPS)],
        Annotated[int, Field(ge=0, le=127)],
    ],
    BeforeValidator(_as_tuple),
]
"""[onset, pitch, length, voice]: onset and length in steps, the MIDI pitch."""
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class ReadOptions(Strict):
    """How a MIDI file was read."""

    policy: Literal["auto", "error", "highest-onset", "skyline"] = "auto"
    track: Annotated[str, StringConstraints(max_length=120)] | None = None
    offset: Annotated[float, Field(ge=-4096, le=4096)] = 0.0
    bars: Annotated[str, StringConstraints(max_length=20)] = ""
    time_signature: Annotated[str, StringConstraints(max_length=10)] = ""
    quantize: bool = False


class ExampleSource(Strict):
    """A piece that ships with the package."""

    kind: Literal["example"]
    name: Name


class MidiSource(Strict):
    """A file of MIDI or notation."""

    kind: Literal["midi"]
    file: Name
    sha256: Sha256
    options: ReadOptions = ReadOptions()


class DrawnSource(Strict):
    """A piece that a person drew or played."""

    kind: Literal["drawn"]


Source = Annotated[ExampleSource | MidiSource | DrawnSource, Field(discriminator="kind")]


class StretchMessage(Strict):
    """Consecutive bars in one time signature: a note of 1/unit is a beat."""

    start: Step
    steps: Annotated[int, Field(ge=1, le=MAX_STEPS)]
    beats: Annotated[int, Field(ge=1, le=MOST_BEATS)]
    unit: Annotated[int, AfterValidator(_unit)]
    bar: Annotated[int, Field(ge=1, le=1_000_000, description="Number of its first bar in the file.")] = 1


class PieceMessage(Strict):
    """A piece: notes on the grid of the model's format."""

    name: Name = "piece"
    tempo: Annotated[float, Field(ge=4, le=1000)] = 120.0
    steps: Annotated[int, Field(ge=1, le=MAX_STEPS)]
    notes: Annotated[list[NoteRow], Field(max_length=MAX_NOTES)]
    source: Source = DrawnSource(kind="drawn")
    stretches: Annotated[list[StretchMessage], Field(max_length=MAX_STRETCHES)] = Field(
        default=[], description="Its parts, without gaps; none = bars of the format, and silence up to whole clips."
    )
    by_model: bool = Field(default=False, description="Whether the model turns clips outside its style too.")


Amount = Annotated[float, Field(ge=-MAX_AMOUNT, le=MAX_AMOUNT)]
KnobPlace = Annotated[
    str, StringConstraints(max_length=100, pattern=r"^[a-z0-9][a-z0-9_-]*(@[0-9]{1,6}(-[0-9]{1,6})?)?$")
]
"""A knob, or one for bars, which stands there in the place of the piece's: pitch@5-8."""
Amounts = Annotated[dict[KnobPlace, Amount], Field(max_length=MAX_KNOBS)]
Seed = Annotated[int, Field(ge=0, le=MOST_SEED)]


class OpenRequest(Strict):
    """A piece to open with a model."""

    piece: PieceMessage


class KnobTurns(Strict):
    """Amounts of knobs ("pitch", or "pitch@5-8" for bars); controls are drawn by ``seed``, scaled like ``like``."""

    knobs: Amounts = {}
    seed: Seed = 0
    like: KnobName | None = None

    @property
    def has_ranges(self) -> bool:
        """Whether bars have knobs of their own."""
        return any("@" in name for name in self.knobs)

    @property
    def settings(self) -> KnobSettings:
        """
        As a session takes them.

        Raises:
            UsageError: No bars.
        """
        return KnobSettings.of(self.knobs, self.seed, self.like)


class State(KnobTurns):
    """A piece with its knob settings: this determines the notes."""

    piece: PieceMessage


class GridRequest(Strict):
    """A two-way interpolation: the steered piece of a top left, that of b bottom right."""

    a: State
    b: State
    size: Annotated[int, Field(ge=3, le=MAX_GRID)] = 5
    rows: KnobName
    columns: KnobName
    rest: Literal["mean", "source", "rows", "columns"] = "mean"


SnapshotName = Annotated[str, StringConstraints(min_length=1, max_length=MOST_TEXT, pattern=r"^[^,/\x00-\x1f\x7f]+$")]
FileText = Annotated[str, StringConstraints(max_length=MAX_FILE_TEXT)]


class ExportRequest(Strict):
    """A state to export as a file."""

    state: State
    as_: Literal["midi", "musicxml", "wav"] = Field(alias="as", default="midi")
    file: FileText | None = Field(
        default=None, description="The file that the piece came from, in base64, to be given back with other notes."
    )


class RecipeRequest(Strict):
    """The state or the grid to reproduce."""

    state: State | None = None
    grid: GridRequest | None = None
    file: FileText | None = Field(default=None, description="The file that the state's piece came from, in base64.")


class ProjectRequest(Strict):
    """A state to save as a project file."""

    state: State
    snapshots: Annotated[dict[SnapshotName, KnobTurns], Field(max_length=MOST_SNAPSHOTS)] = {}
    loop: bool = True
    loop_bars: Annotated[str, StringConstraints(pattern=r"^([0-9]{1,6}(-[0-9]{1,6})?)?$")] = Field(
        default="", description="The bars that are played, as 5-8; empty = all."
    )
    file: FileText | None = Field(default=None, description="The file that the piece came from, in base64.")


Seq = Annotated[int, Field(ge=0, le=MAX_SEQ)]


class LiveOpen(Strict):
    """Frame: open a piece, which later turns apply to."""

    type: Literal["open"]
    seq: Seq
    model: Name
    piece: PieceMessage


class LiveTurn(KnobTurns):
    """Frame: turn knobs on the open piece; with a step that is looked at, parts of a long one near it come first."""

    type: Literal["turn"]
    seq: Seq
    near: Annotated[float, Field(ge=0, le=MAX_SEQ)] | None = None


class LivePing(Strict):
    """Frame: a sign of life is wanted."""

    type: Literal["ping"]
    seq: Seq


SetValue = (
    Annotated[float, Field(ge=-MAX_SEQ, le=MAX_SEQ)] | bool | Annotated[str, StringConstraints(max_length=MOST_TEXT)]
)
Path = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class LiveSet(Strict):
    """Frame: set parameters of the shared session as one change, or do what a trigger does."""

    type: Literal["set"]
    seq: Seq
    values: Annotated[dict[Path, SetValue], Field(min_length=1, max_length=200)]


class LiveClear(Strict):
    """Frame: put parameters of the shared session back to their defaults; knobs of bars follow the piece again."""

    type: Literal["clear"]
    seq: Seq
    paths: Annotated[list[Path], Field(max_length=200)]


class LiveLoad(Strict):
    """Frame: open another piece in the shared session."""

    type: Literal["load"]
    seq: Seq
    piece: PieceMessage


LiveMessage = Annotated[LiveOpen | LiveTurn | LivePing | LiveSet | LiveClear | LiveLoad, Field(discriminator="type")]


def _parameter(one: Filter) -> tuple[Any, Any]:
    if one.type is bool:
        return bool, False
    if one.several:
        bounds = Field(max_length=200) if one.type is str else Field(ge=one.least, le=one.most)
        each: Any = Annotated[one.type, bounds]
        return list[each], Field([], max_length=100, description=one.doc)
    if one.type is str:
        return str, Field("", max_length=int(one.most or 200), description=one.doc)
    return one.type | None, Field(None, ge=one.least, le=one.most, allow_inf_nan=False, description=one.doc)


class Page(BaseModel):
    """Which part of a table is wanted."""

    start: Annotated[int, Field(ge=0, le=MAX_SEQ)] = 0
    count: Annotated[int, Field(ge=1, le=200)] = 50


if TYPE_CHECKING:

    class Filters(BaseModel):
        """Made of FILTERS."""

    class PageFilters(Page, Filters):
        """These, of a page."""

    class RunFilters(BaseModel):
        """Those of FILTERS that are of runs."""

    class RunPageFilters(Page, RunFilters):
        """These, of a page."""
else:
    Filters = create_model("Filters", **{one.name: _parameter(one) for one in FILTERS})
    PageFilters = create_model("PageFilters", __base__=(Page, Filters))
    RunFilters = create_model("RunFilters", **{one.name: _parameter(one) for one in FILTERS if one.name in RUN_FILTERS})
    RunPageFilters = create_model("RunPageFilters", __base__=(Page, RunFilters))
"""The parameters of GET /registry/knobs and /registry/runs, and of a page of them."""
