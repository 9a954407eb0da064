"""What the server sends: these models also define the OpenAPI document and, through it, the page's types."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from latentknobs.core.evidence import AttributeRole
from latentknobs.core.knob import Verdict
from latentknobs.frontends.web.requests import KnobTurns, NoteRow, PieceMessage, StretchMessage
from latentknobs.steering.turn_result import ClipWay


class Limits(BaseModel):
    """The largest accepted values."""

    bytes: int = Field(description="Bytes of a request's body or of a frame.")
    clips: int = Field(description="Clips of a piece.")
    notes: int = Field(description="Notes of a piece.")
    knobs: int = Field(description="Knobs turned at once.")
    grid: int = Field(description="Rows and columns of a grid.")


class FormatFacts(BaseModel):
    """A clip format."""

    name: str
    steps: int
    steps_per_beat: int = Field(description="Steps of a quarter note.")
    beats_per_bar: float = Field(description="Quarter notes of a bar.")
    beats: int = Field(description="Of its time signature.")
    unit: int = Field(description="Of its time signature: a note of 1/unit is a beat.")
    drums: list[str] | None


class ModelFacts(BaseModel):
    """A model that clients can use by name."""

    name: str
    model_id: str
    latent_size: int
    format: FormatFacts
    pitch_range: tuple[int, int] | None


class Example(BaseModel):
    """A piece that ships with the package."""

    name: str
    title: str
    style: str = Field(description="What kind of music it is, in a word or two.")
    about: str = Field(description="Where it comes from, one sentence.")
    signature: str
    bars: int


class Info(BaseModel):
    """Version, models, limits and examples of the server."""

    api: int
    version: str
    models: list[ModelFacts]
    model: str = Field(description="The default model.")
    limits: Limits
    examples: list[Example]


class Window(BaseModel):
    """One clip of a piece."""

    start: int = Field(description="Its first step.")
    steps: int
    bars: tuple[int, int] = Field(description="First and last bar, as the file counts them.")
    accepted: bool = Field(description="Whether the model takes it.")
    way: ClipWay = Field(description="How it is turned while no knob is: as TurnResponse.ways.")
    why: str = Field(description="Why it is not turned by the model as it is; empty where it is.")
    right: float | None = Field(
        description="Share of its steps that the model reconstructs, 0 to 1; null for clips of another format."
    )
    percentile: float | None = Field(
        description="Percentage of the model's training clips that are at most as likely; null where that is not known."
    )
    unfamiliar: bool = Field(description="Whether such music is strange to the model.")


class Track(BaseModel):
    """A track with notes."""

    number: int
    name: str
    instrument: str
    notes: int
    low: int = Field(description="Lowest pitch.")
    high: int
    monophonic: float = Field(description="Share of its sounding time with one note, 0 to 1.")
    drums: bool
    likely: bool = Field(description="Whether it is the likeliest melody.")


class AccompanimentFacts(BaseModel):
    """What sounds beside the melody in the file."""

    timbre: str = Field(description="The melody's; empty where none is known.")
    timbres: list[str] = Field(description="Names; drums stands for the kit.")
    sounds: list[tuple[float, int, float, int, float]] = Field(
        description="[start, pitch or drum, length, place in timbres, gain against the melody's], in steps, by start."
    )


class ReadResponse(BaseModel):
    """A file as a piece."""

    piece: PieceMessage
    windows: list[Window]
    note: str = Field(
        description="What was chosen because nobody had; it is in the piece's options. Empty for nothing."
    )
    remarks: list[str]
    tracks: list[Track]
    accompaniment: AccompanimentFacts


class StyleFacts(BaseModel):
    """How far a piece is from what the model knows; of its clips of the model's format that have notes."""

    summary: str = Field(description="All of it as one line.")
    clips: int
    exact: int = Field(description="How many of them come back exactly.")
    nats: float | None = Field(
        description="Median of their negative evidence lower bounds; null where the model has no likelihood."
    )
    percentile: float | None = Field(description="Median of Window.percentile; null where none is known.")


class Opened(BaseModel):
    """A piece as the model encodes and decodes it."""

    models: list[str] = Field(description="The models that steer it, one for each clip format that it has.")
    knobs: list[KnobFacts] | None = Field(
        description="Their knobs in the range that all have; null where it is the model of the request alone."
    )
    windows: list[Window]
    remarks: list[str]
    style: StyleFacts
    accuracy: float = Field(description="Share of the steps that the model reconstructs, 0 to 1.")
    notes: list[NoteRow] = Field(description="The reconstruction, without any knob turned.")
    steps: int = Field(description="Length of the piece, without stretches padded to whole clips.")
    codes: list[list[float]] = Field(description="Of the first model.")
    differing: list[int] = Field(description="For each clip of the models' formats, how many steps they get wrong.")


class Counts(BaseModel):
    """How the clips of a piece were turned; silent ones are not counted."""

    by_model: int
    octave_shifted: int = Field(description="Those of them that were octaves away for the model.")
    by_rule: int
    left_alone: int
    reconstructed: float = Field(description="Share of the steps in the models' formats that they reconstruct, 0 to 1.")


class OpenedProject(BaseModel):
    """What a project file holds."""

    model: str
    piece: PieceMessage
    settings: KnobTurns
    snapshots: dict[str, KnobTurns]
    tempo: float
    loop: bool
    loop_bars: str = Field(description="The bars that are played, as 5-8; empty = all.")
    file: str | None = Field(description="The file that the piece came from, in base64.")
    accompaniment: AccompanimentFacts
    shared: bool = Field(description="Whether it was opened in the shared session, for all.")


class TurnResponse(BaseModel):
    """The result of turning knobs."""

    notes: list[NoteRow]
    changed: list[int] = Field(description="Indices of the notes that are not in the reconstruction.")
    codes: list[list[float]] = Field(description="Of the first model.")
    touched: list[int] = Field(description="The latent dimensions that moved in them.")
    remarks: list[str]
    counts: Counts
    left: list[str] = Field(description="Which bars are left as they are, and why.")
    ways: list[ClipWay] = Field(
        description="How each window was turned: by the model, octaves away by it, by rule, left alone, or silent."
    )
    ms: float = Field(description="Milliseconds from request to answer, on the server.")
    pending: list[tuple[int, int]] = Field(
        [], description="Steps (first, after the last) whose notes are not there yet; another answer brings them."
    )


class Cell(BaseModel):
    """One piece of a grid."""

    at: tuple[float, float] = Field(description="How far down and how far across, 0 to 1.")
    notes: list[NoteRow]
    clips: int
    steps: int
    stretches: list[StretchMessage] = Field(
        description="As of a piece; none = bars of the format of the request's model."
    )


class GridResponse(BaseModel):
    """The pieces of a two-way interpolation, row by row from the top."""

    cells: list[list[Cell]]


class File(BaseModel):
    """A file that a command needs."""

    name: str
    base64: str


class Recipe(BaseModel):
    """A command and Python code that reproduce the notes on the screen."""

    command: str
    python: str
    files: list[File]
    remarks: list[str]


class Share(BaseModel):
    """A selected dimension and its share of the moved energy."""

    dim: int
    share: float


class Confidence(BaseModel):
    """How far to trust a knob."""

    level: Literal["high", "medium", "low"]
    text: str


class Says(BaseModel):
    """Words for the two directions of a knob."""

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
    verdict: Verdict
    reason: str
    dimensions: list[Share]
    reserved: bool
    confidence: Confidence
    says: Says | None


class CardEffect(BaseModel):
    """What the knob does to an attribute."""

    attribute: str
    slope: float = Field(description="Mean change per unit of the amount.")
    effect: float = Field(description="Largest mean change at the ends, in standard deviations over the corpus.")
    role: AttributeRole = Field(description="target, changes, preserved, or nothing: what the edit says of it.")


class CardCriterion(BaseModel):
    """An acceptance criterion, what was measured, and the limit; null = not measured."""

    criterion: str
    value: float | None
    limit: float | None
    passed: bool


class Card(BaseModel):
    """The evidence for a knob, in numbers and sentences."""

    effects: list[CardEffect]
    criteria: list[CardCriterion]
    text: list[str]


class Curves(BaseModel):
    """How far the edit moves each latent dimension on average."""

    amounts: list[float] = Field(description="The measured amounts.")
    amount: float | None = Field(description="The amount that the values below belong to.")
    mean_change: list[float] = Field(description="One value for each dimension.")
    sorted: list[float] = Field(description="Their absolute values, the largest first.")


class KnobCard(KnobFacts):
    """A knob with its card and curves."""

    card: Card
    curves: Curves


class Snippets(BaseModel):
    """The same in SQL, on the command line and in Python, to copy."""

    sql: str
    command: str
    python: str
    remarks: list[str]


class RegistryKnob(BaseModel):
    """A knob of the registry as a table shows it."""

    id: str = Field(description="NAME@RUN/FIT, as commands and Workbench.knob take it.")
    name: str
    model: str
    model_id: str
    run: str
    augmentation: str | None
    kind: str
    fit: str
    verdict: Verdict
    unit: str
    step: float | None
    low: float
    high: float
    dimensions: int
    attribute: str | None = Field(description="The attribute that it moves most.")
    effect: float | None = Field(description="By how much, in standard deviations over the corpus.")
    tags: list[str]
    note: str
    found: str | None
    current: bool = Field(description="Whether (model, name) means it.")


class KnobTable(BaseModel):
    """A page of a table of knobs."""

    total: int
    start: int
    knobs: list[RegistryKnob]
    damaged: list[str]
    seen: Snippets


class RegistryRun(BaseModel):
    """A run of the registry as a table shows it."""

    run: str
    model: str
    model_id: str
    augmentation: str | None
    corpus: str
    seed: int
    version: str
    started: str
    finished: str
    knobs: int
    accepted: int


class RunTable(BaseModel):
    """A page of a table of runs."""

    total: int
    start: int
    runs: list[RegistryRun]
    seen: Snippets


class RunCard(BaseModel):
    """A run with its settings and counts."""

    run: RegistryRun
    parameters: dict[str, str] = Field(description="Each as JSON.")
    counts: dict[str, int]
    knobs: list[RegistryKnob]
    seen: Snippets


class RegistryValues(BaseModel):
    """What the knobs of the registry have, to choose filters from."""

    models: list[str]
    augmentations: list[str]
    attributes: list[str]
    corpora: list[str]
    tags: list[str]
    plugins: list[str] = Field(description="NAME, and NAME@VERSION.")


class Measured(BaseModel):
    """A value with its 95 % confidence interval."""

    value: float
    low: float
    high: float


class CurvePoint(Measured):
    """The mean change of the target at an amount."""

    amount: float


class ResponseCurve(BaseModel):
    """How the target answers the amount, on test songs."""

    attribute: str
    points: list[CurvePoint]
    slope: Measured | None
    r2: Measured | None
    clips: int | None


class CriterionPoint(BaseModel):
    """A criterion at an amount; null = of the whole range."""

    amount: float | None
    value: float | None
    low: float | None
    high: float | None
    passed: bool


class CriterionSeries(BaseModel):
    """One criterion at all amounts."""

    criterion: str = Field(description="Its name, without the amount.")
    validation: bool = Field(description="Whether it ended the usable range, on validation songs.")
    bound: float
    at_least: bool = Field(description="Whether the bound is the least that is accepted, not the most.")
    points: list[CriterionPoint]


class RegistryEffect(BaseModel):
    """What a knob does to an attribute."""

    attribute: str
    slope: float
    effect: float = Field(description="Absolute mean change at an end of the usable range, in standard deviations.")
    target: bool


class RegistryCard(BaseModel):
    """A knob of the registry with what was measured of it."""

    knob: RegistryKnob
    run: RegistryRun | None
    text: list[str]
    curve: ResponseCurve | None
    criteria: list[CriterionSeries]
    selected: list[Share]
    shares: list[float] = Field(description="Of every latent dimension, where it was measured.")
    effects: list[RegistryEffect]
    fits: list[RegistryKnob] = Field(description="All knobs of that name in its run.")
    seen: Snippets


class ErrorDetail(BaseModel):
    """What went wrong."""

    code: str
    message: str = Field(description="What, where, and what to do next.")
    tracks: list[Track] | None = Field(default=None, description="The tracks of a MIDI file, to choose one from.")


class ErrorResponse(BaseModel):
    """The answer to a request that failed."""

    error: ErrorDetail
