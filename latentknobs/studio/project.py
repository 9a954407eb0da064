"""Project files (``.lkproject``), which data/project-1.schema.json describes: a session to be opened again anywhere."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

from attrs import field, frozen, validators

from latentknobs import __version__
from latentknobs.core.atomic_write import write_file
from latentknobs.core.backend import VAEBackend
from latentknobs.core.clip import Note
from latentknobs.core.knob import NAME
from latentknobs.core.parameter import MOST_TEXT
from latentknobs.core.piece import Piece, PieceStretch
from latentknobs.core.seed import MOST_SEED
from latentknobs.core.strict_json import each_once, structure, unstructure
from latentknobs.core.time_signature import TimeSignature
from latentknobs.errors import ClipError, ProjectError, UsageError
from latentknobs.scores.input_bytes import MAX_BYTES
from latentknobs.scores.music_file import MusicFile
from latentknobs.scores.reading import Reading
from latentknobs.scores.track_selection import pitch_name
from latentknobs.session import Session
from latentknobs.studio.knob_settings import MOST_RANGES, BarRange, KnobSettings
from latentknobs.workbench import Workbench

SUFFIX = ".lkproject"
TEMPO = (30.0, 300.0)
"""Quarter notes a minute."""
MOST_SNAPSHOTS = 64
SCHEMA = Path(__file__).parent.parent / "data" / "project-1.schema.json"
MOST_BYTES = MAX_BYTES // 3 * 4 + 8_000_000
"""Largest project file: the largest file of music in base64, and all else."""
_SHA256 = r"([0-9a-f]{64})?"
_FILE_NAME = r"[^/\\]{1,200}"
_MOST_MODELS = 64
MOST_STEPS = 2**20
"""Steps of notes that came from no file: 18 hours of sixteenths at 240 a minute."""
MOST_NOTES = 100_000


def _printable(_instance: Any, attribute: Any, value: Any) -> None:
    if not value.isprintable():
        raise ValueError(f"{attribute.name}: expected a text that can be printed, got {value[:80]!a}")


@frozen
class ProjectReading:
    """
    How the file is read.

    Attributes:
        policy: What becomes of notes that sound together.
        track: Number or name of the track, "" = the one that is plainly the melody.
        offset: Quarter notes by which the music is moved right.
        bars: The bars to read, "" = all.
        time_signature: That of the whole file, "" = what it says.
        quantize: Whether notes are written on the grid.
    """

    policy: str = field(default="auto", validator=validators.max_len(40))
    track: str = field(default="", validator=[validators.max_len(200), _printable])
    offset: float = 0.0
    bars: str = field(default="", validator=validators.max_len(40))
    time_signature: str = field(default="", validator=validators.max_len(40))
    quantize: bool = False

    @classmethod
    def of(cls, reading: Reading) -> ProjectReading:
        """Those of options."""
        track = "" if reading.track is None else str(reading.track)
        rest = (float(reading.offset), reading.bars, reading.time_signature, reading.quantize)
        return cls(reading.policy, track, *rest)

    @property
    def options(self) -> dict[str, Any]:
        """As ``Session.open`` takes them."""
        track = int(self.track) if self.track.isdecimal() else self.track or None
        rest = {name: getattr(self, name) for name in ("policy", "offset", "bars", "time_signature", "quantize")}
        return {"track": track, **rest}


@frozen
class ProjectPiece:
    """
    What the session plays: a file of music, or notes.

    Attributes:
        name: Name of the file, or of the notes.
        file: Its bytes in base64, "" = there are notes instead.
        sha256: Their hash, "" where there are none.
        reading: How it is read.
        notes: Without a file, the notes: onset, pitch, length and voice.
        steps: Their length.
        stretches: Their time signatures: start, steps, beats, unit and number of the first bar.
    """

    name: str = field(validator=[validators.matches_re(_FILE_NAME), _printable])
    file: str
    sha256: str = field(validator=validators.matches_re(_SHA256))
    reading: ProjectReading
    notes: tuple[tuple[int, ...], ...] = field(validator=validators.max_len(MOST_NOTES))
    steps: int = field(validator=[validators.ge(0), validators.le(MOST_STEPS)])
    stretches: tuple[tuple[int, ...], ...]

    def __attrs_post_init__(self) -> None:
        if bool(self.file) == bool(self.notes):
            raise ValueError("expected a file or notes, and not both")
        if self.file and hashlib.sha256(self.data).hexdigest() != self.sha256:
            raise ValueError("file: it is not the one of its hash")
        if any(len(row) != 4 for row in self.notes) or any(len(row) != 5 for row in self.stretches):
            raise ValueError("notes, stretches: expected four numbers for each note, and five for each stretch")
        if self.notes:
            self.drawn(120.0)

    @property
    def data(self) -> bytes:
        """The file's bytes."""
        try:
            return base64.b64decode(self.file, validate=True)
        except (binascii.Error, ValueError):
            raise ValueError("file: expected base64") from None

    def drawn(self, tempo: float) -> Piece:
        """
        The notes as a piece.

        Raises:
            ValueError: They are none.
        """
        try:
            notes = tuple(Note(*row) for row in self.notes)
            stretches = tuple(
                PieceStretch(start, steps, TimeSignature(beats, unit), bar)
                for start, steps, beats, unit, bar in self.stretches
            )
            return Piece(notes, self.steps, tempo, self.name, stretches=stretches)
        except (ClipError, UsageError) as error:
            raise ValueError(str(error)) from error

    @classmethod
    def of(cls, session: Session) -> ProjectPiece:
        """That of a session."""
        piece, file, reading = session.piece, session.file, ProjectReading.of(session.reading)
        called = piece.name if file is None else file.path.name
        # The end of a long name has its suffix.
        name = "".join(letter for letter in called if letter.isprintable() and letter not in "/\\")[-200:] or "piece"
        if file is not None:
            return cls(name, base64.b64encode(file.data).decode(), file.sha256, reading, (), 0, ())
        notes = tuple(note.row for note in piece.notes)
        stretches = tuple(
            (one.start, one.steps, one.signature.beats, one.signature.unit, one.bar) for one in piece.stretches
        )
        return cls(name, "", "", reading, notes, piece.steps, stretches)


@frozen
class ProjectModel:
    """
    A model that the session was opened with.

    Attributes:
        name: Its name.
        model_id: SHA-256 of weights and configuration, "" where no bar is in its time signature.
    """

    name: str = field(validator=[validators.matches_re(r".{1,1000}"), _printable])
    model_id: str = field(validator=validators.matches_re(_SHA256))


@frozen
class ProjectRange:
    """
    Knobs of bars.

    Attributes:
        bars: The first and the last bar ("5-8").
        knobs: Names and amounts.
    """

    bars: str = field(validator=validators.max_len(20))
    knobs: Mapping[str, float]


@frozen
class ProjectSettings:
    """
    Knobs of the piece and of its bars.

    Attributes:
        knobs: Names and amounts for the piece.
        ranges: Those of bars.
        seed: Of the controls, and of edits that draw.
        like: The knob whose length the controls have.
    """

    knobs: Mapping[str, float]
    ranges: tuple[ProjectRange, ...] = field(validator=validators.max_len(MOST_RANGES))
    seed: int = field(validator=[validators.ge(0), validators.le(MOST_SEED)])
    like: str | None = field(validator=validators.optional(validators.matches_re(NAME)))

    def __attrs_post_init__(self) -> None:
        for name in (*self.knobs, *(name for one in self.ranges for name in one.knobs)):
            if not re.fullmatch(NAME, name):
                raise ValueError(f"knobs: {name[:80]!a} is no name of one")
        _ = self.settings

    @property
    def settings(self) -> KnobSettings:
        """As a session takes them."""
        out = KnobSettings(self.knobs, seed=self.seed, like=self.like)
        for one in self.ranges:
            for name, amount in one.knobs.items():
                out = out.with_amount(name, amount, BarRange.parse(one.bars))
        return out

    @classmethod
    def of(cls, settings: KnobSettings) -> ProjectSettings:
        """Those of a session."""
        ranges = tuple(ProjectRange(str(bars), dict(amounts)) for bars, amounts in settings.ranges)
        return cls(dict(settings.knobs), ranges, settings.seed, settings.like)


@frozen
class Project:
    """
    A session as a file: the piece, its models by name, and all that people set.

    Attributes:
        format: What the file is.
        version: Of that form.
        latentknobs: The version that wrote it.
        piece: What is played.
        models: The models that it was opened with.
        key: The key of the piece, "" = estimated from its notes.
        axis: The pitch that melodies are turned upside down at, "" = its first note.
        by_model: Whether the models turn clips outside their style too.
        settings: The knobs.
        tempo: Quarter notes a minute.
        loop: Whether playing begins again at its end.
        loop_bars: The bars that are played, "" = all.
        snapshots: Settings by name.
    """

    format: Literal["latentknobs-project"]
    version: Literal[1]
    latentknobs: str = field(validator=validators.max_len(100))
    piece: ProjectPiece
    models: tuple[ProjectModel, ...] = field(validator=[validators.min_len(1), validators.max_len(_MOST_MODELS)])
    key: str = field(validator=validators.max_len(40))
    axis: str = field(validator=validators.max_len(40))
    by_model: bool
    settings: ProjectSettings
    tempo: float = field(validator=[validators.ge(TEMPO[0]), validators.le(TEMPO[1])])
    loop: bool
    loop_bars: str = field(validator=validators.max_len(20))
    snapshots: Mapping[str, ProjectSettings] = field(validator=validators.max_len(MOST_SNAPSHOTS))

    def __attrs_post_init__(self) -> None:
        for name in self.snapshots:
            if not name.isprintable() or not 0 < len(name) <= MOST_TEXT or "," in name or "/" in name:
                raise ValueError(f"snapshots: {name[:80]!a} is no name of one")
        if self.loop_bars:
            BarRange.parse(self.loop_bars)

    @classmethod
    def of(
        cls,
        session: Session,
        settings: KnobSettings,
        snapshots: Mapping[str, KnobSettings] | None = None,
        *,
        tempo: float | None = None,
        loop: bool = True,
        loop_bars: str = "",
    ) -> Project:
        """
        A session as a project; the tempo is the piece's where none is given.

        Raises:
            UsageError: The piece has no notes, or more than a project holds, or its reading has a text that one cannot
                hold.
        """
        if not session.piece.notes:
            raise UsageError(f"{session.piece.name} has no notes: open a melody before the project is saved.")
        ids = {part.model.spec.name: part.model.spec.model_id for part in session.parts}
        names = {name: next((one for one in ids if one == name), name) for name in session.named}
        if len(names) == 1:
            names = dict.fromkeys(names, session.model.spec.name)
        try:
            return cls(
                "latentknobs-project",
                1,
                __version__,
                ProjectPiece.of(session),
                tuple(ProjectModel(name, ids.get(name, "")) for name in names.values()),
                "" if session.key is None else str(session.key),
                "" if session.axis is None else pitch_name(session.axis),
                session.all_by_model,
                ProjectSettings.of(settings),
                min(max(session.piece.tempo if tempo is None else tempo, TEMPO[0]), TEMPO[1]),
                loop,
                loop_bars,
                {name: ProjectSettings.of(one) for name, one in (snapshots or {}).items()},
            )
        except UsageError:
            raise
        except ValueError as error:  # a text that a project cannot hold
            raise UsageError(f"{session.piece.name} cannot be kept in a project: {error}.") from error

    @classmethod
    def read(cls, path: Path) -> Self:
        """
        The project of a file.

        Raises:
            ProjectError: It cannot be opened, is too large, or is not what the schema says.
        """
        try:
            with path.open("rb") as file:
                data = file.read(MOST_BYTES + 1)
        except OSError as error:
            raise ProjectError(f"{path} cannot be opened: {error.strerror or error}.") from error
        return cls.parse(data, str(path))

    @classmethod
    def parse(cls, data: bytes, where: str) -> Self:
        """
        The project of a file's bytes, which came from somewhere.

        Raises:
            ProjectError: It is not what the schema says; names the first place that is wrong.
        """
        if len(data) > MOST_BYTES:
            raise ProjectError(f"{where} is larger than {MOST_BYTES // 10**6} MB, more than any project.")
        try:
            facts = json.loads(data.decode(), object_pairs_hook=each_once)
            return structure(facts, cls, "", characters=MOST_BYTES)
        except (ValueError, RecursionError) as error:
            reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error).rstrip(".")
            sentence = "".join(letter if letter.isprintable() else " " for letter in reason[:500])
            raise ProjectError(f"{where} is no project that can be opened: {sentence}.") from error

    @property
    def text(self) -> str:
        """The file's content."""
        facts = unstructure(self, "", characters=MOST_BYTES)
        return json.dumps(facts, allow_nan=False, ensure_ascii=False, indent=1) + "\n"

    def write(self, path: Path, *, overwrite: bool = False) -> None:
        """
        Write it, whole or not at all.

        Raises:
            UsageError: Another suffix, or the file exists and ``overwrite`` is False.
            OutputError: It cannot be written.
        """
        if path.suffix.lower() != SUFFIX:
            raise UsageError(f"{path} should end in {SUFFIX}: a project is written there.")
        write_file(path, self.text.encode(), overwrite=overwrite)

    def open(
        self, workbench: Workbench, models: Sequence[str] = (), load: Callable[[str], VAEBackend] | None = None
    ) -> Session:
        """
        Its piece, opened with its models; its knobs are in ``settings``.

        Args:
            workbench: Where models and knobs come from.
            models: Names or locations of its models, () = those that plugins have under their names.
            load: As for ``Session.open``.

        Raises:
            ProjectError: A model is not here, or is another one.
            LatentKnobsError: As for ``Session.open``.
        """
        for one in self.models:
            if not models and one.name not in workbench.models.names:
                raise ProjectError(f"The project needs the model {one.name}, which is not here: name it with --model.")
        piece = self.piece.drawn(self.tempo) if self.piece.notes else MusicFile(Path(self.piece.name), self.piece.data)
        names = tuple(models) or tuple(one.name for one in self.models)
        options = self.piece.reading.options
        session = Session.open(
            workbench, piece, names, all_by_model=self.by_model, key=self.key, axis=self.axis, load=load, **options
        )
        ids = {one.model_id for one in self.models} - {""}
        for part in session.parts:
            if part.model.spec.model_id not in ids:
                made = ", ".join(f"{one.name} ({one.model_id[:12]})" for one in self.models if one.model_id)
                raise ProjectError(
                    f"The project was made with {made}, and {part.model.spec.name} ({part.model.spec.model_id[:12]}) "
                    "would play other notes: name the model that it was made with (--model)."
                )
        return session
