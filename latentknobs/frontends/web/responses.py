"""What the server sends; the same models write the OpenAPI document."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from latentknobs.frontends.web.requests import PieceMessage

Row = tuple[int, int, int, int]


class Limits(BaseModel):
    """The largest of everything that is taken."""

    bytes: int = Field(description="Bytes of a request's body or of a frame.")
    clips: int = Field(description="Clips of a piece.")
    notes: int = Field(description="Notes of a piece.")
    knobs: int = Field(description="Knobs turned at once.")
    grid: int = Field(description="Rows and columns of a grid.")


class FormatFacts(BaseModel):
    """A clip format."""

    name: str
    steps: int
    steps_per_beat: int
    beats_per_bar: int
    drums: list[str] | None


class ModelFacts(BaseModel):
    """A model that can be asked for by its name."""

    name: str
    model_id: str
    latent_size: int
    format: FormatFacts
    pitch_range: tuple[int, int] | None


class Example(BaseModel):
    """A piece that comes with the program."""

    name: str
    title: str


class Info(BaseModel):
    """What this server is and takes."""

    api: int
    version: str
    models: list[ModelFacts]
    model: str = Field(description="The model that is meant unless another is asked for.")
    limits: Limits
    examples: list[Example]


class Window(BaseModel):
    """One clip of a piece."""

    clip: int
    bars: tuple[int, int] = Field(description="First and last bar, from 1.")
    accepted: bool
    why: str = Field(description="Why the model does not carry it, empty where it does.")


class Track(BaseModel):
    """A track of a MIDI file that has notes."""

    number: int
    name: str
    notes: int
    drums: bool


class ReadResponse(BaseModel):
    """A MIDI file as a piece."""

    piece: PieceMessage
    windows: list[Window]
    remarks: list[str]
    tracks: list[Track]


class Opened(BaseModel):
    """A piece as the model has it."""

    windows: list[Window]
    remarks: list[str]
    accuracy: float = Field(description="Share of the steps that the model reconstructs, 0 to 1.")
    notes: list[Row] = Field(description="The decoding of the unchanged codes.")
    steps: int = Field(description="Length of the piece in whole clips.")
    codes: list[list[float]]
    differing: list[int] = Field(description="Of each clip, the steps on which the decoding differs.")


class TurnResponse(BaseModel):
    """What turning gave."""

    notes: list[Row]
    changed: list[int] = Field(description="Which of the notes are not in the plain decoding.")
    codes: list[list[float]]
    touched: list[int] = Field(description="The dimensions that moved.")
    remarks: list[str]
    ms: float = Field(description="Milliseconds from asking to answer, on the server.")


class Cell(BaseModel):
    """One piece of a grid."""

    at: tuple[float, float] = Field(description="How far down and how far across, 0 to 1.")
    notes: list[Row]
    clips: int


class GridResponse(BaseModel):
    """The pieces between two, row by row from the top."""

    cells: list[list[Cell]]


class File(BaseModel):
    """A file that a command needs."""

    name: str
    base64: str


class Recipe(BaseModel):
    """What gives exactly the notes on the screen."""

    command: str
    python: str
    files: list[File]
    remarks: list[str]


class Share(BaseModel):
    """A dimension of a knob and its share of the moved energy."""

    dim: int
    share: float


class Confidence(BaseModel):
    """How far to trust a knob."""

    level: Literal["high", "medium", "low"]
    text: str


class Says(BaseModel):
    """What down and up are called."""

    down: str
    up: str


class KnobFacts(BaseModel):
    """A knob, or one of the controls random and others."""

    name: str
    model_id: str
    label: str
    augmentation: str | None
    target: str | None
    unit: str
    low: float
    high: float
    step: float | None
    kind: str
    fit: str
    verdict: str
    reason: str
    dimensions: list[Share]
    reserved: bool
    confidence: Confidence
    says: Says | None


class Card(BaseModel):
    """What was measured of a knob."""

    effect: list[dict[str, Any]]
    leakage: list[dict[str, Any]]
    gates: list[dict[str, Any]]
    text: list[str]


class Curves(BaseModel):
    """How far the edit moves each dimension."""

    amounts: list[float] = Field(description="The amounts that were measured.")
    amount: float | None = Field(description="The one that the numbers below are of.")
    mean_change: list[float] = Field(description="Of each dimension.")
    sorted: list[float] = Field(description="Their absolute values, the largest first.")


class KnobCard(KnobFacts):
    """A knob with its card and curves."""

    card: Card
    curves: Curves


class ErrorDetail(BaseModel):
    """What went wrong."""

    code: str
    message: str = Field(description="What, where, and what to do next.")
    tracks: list[Track] | None = Field(default=None, description="Of a MIDI file, where a track is to be chosen.")


class ErrorResponse(BaseModel):
    """An answer to what cannot be done."""

    error: ErrorDetail
