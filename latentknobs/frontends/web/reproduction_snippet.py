"""
A command and Python code that reproduce exactly the notes on the screen.

The unchanged example of the package needs no file, and a piece of a file is read from it as it was read before. Any
other piece is written as a MIDI file that reads back as the same clips, so it does not matter how it was made.
"""

from __future__ import annotations

import base64
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import evolve

from latentknobs import scores
from latentknobs.core.clip import ClipFormat
from latentknobs.core.knob import RESERVED_NAMES
from latentknobs.core.piece import Piece
from latentknobs.frontends.web.errors import RequestError
from latentknobs.frontends.web.export import stem_of
from latentknobs.frontends.web.piece_schema import piece_of
from latentknobs.frontends.web.requests import GridRequest, MidiSource, PieceMessage, ReadOptions, State
from latentknobs.frontends.web.responses import File, Recipe
from latentknobs.scores.midi_file import score_of
from latentknobs.scores.midi_reader import read_score
from latentknobs.scores.reading import Reading

REGISTRY = (
    "The server was started with a registry of its own: add --registry with its location, or set LATENTKNOBS_REGISTRY."
)
MODEL = "The server was started with a model by its location: use that location instead of the model's name."
DRAWING = "The command also draws a picture of the grid."
STATE_SCRIPT = """\
from pathlib import Path

from latentknobs import Session, Workbench, scores
{imports}
with Workbench.open() as workbench:
    session = {session}
    turned = {turned}
print(*turned.after.notes, sep="\\n")
clip_format = session.model.spec.clip_format
scores.write_piece(turned.after, "turned.mid", clip_format=clip_format, provenance=turned.provenance)
"""
RANGES_IMPORT = "from latentknobs.studio.knob_settings import KnobSettings, turned as turned_by\n"
GRID_SCRIPT = """\
from pathlib import Path

from latentknobs import Session, Workbench, scores

with Workbench.open() as workbench:
    a, b = {a}, {b}
    a, b = a.on(a.turn({turns_a})), b.on(b.turn({turns_b}))
    grid = a.two_way(b, size={size}, rows={rows!r}, columns={columns!r}, rest={rest!r})
clip_format = a.model.spec.clip_format
Path("grid").mkdir()
for row in grid:
    for cell in row:
        name = "_".join(f"{{knob}}{{t:.2f}}" for knob, t in cell.at)
        scores.write_piece(cell.piece, f"grid/{{name}}.mid", clip_format=clip_format, provenance=cell.provenance)
"""


class Recipes:
    """
    Recipes for pieces that the same models steer.

    Args:
        clip_format: Of pieces without stretches.
        models: The models, one for each clip format; () = those that commands take where none is named.
        shipped: Whether all come with plugins, so that commands know their names.
        own_registry: Whether the server has a registry that commands must name.
    """

    def __init__(self, clip_format: ClipFormat, models: tuple[str, ...], *, shipped: bool, own_registry: bool) -> None:
        self._models = models
        self._format = clip_format
        self._remarks = [*([REGISTRY] if own_registry else []), *([] if shipped else [MODEL])]

    def state(self, state: State, file: str | None = None, *, partial: bool = False) -> Recipe:
        """
        The recipe of one piece with its knobs.

        Args:
            state: The piece and its knobs.
            file: The file that the piece came from, in base64; None = it is not there.
            partial: Whether some of the piece is left as it is.
        """
        source = state.piece.source
        options = source.options if isinstance(source, MidiSource) and file is not None else ReadOptions()
        if isinstance(source, MidiSource) and file is not None:
            files = {source.file.lstrip("-"): base64.b64decode(file)}
        else:
            files = {} if self._is_example(state.piece) else dict([self.file(state.piece)])
        name = next(iter(files), "")
        words = ["turn", *files, *_reading_words(options), *_options(state, "--knob", "--"), *self._model_option()]
        words += [*(["--by-model"] if state.piece.by_model else []), *(["--partial"] if partial else [])]
        more = f"{_reading_arguments(options)}{', all_by_model=True' if state.piece.by_model else ''}"
        session = self._session(name, more)
        if state.has_ranges:
            script = STATE_SCRIPT.format(imports=RANGES_IMPORT, session=session, turned=_turned_by_bars(state))
        else:
            script = STATE_SCRIPT.format(imports="", session=session, turned=f"session.turn({_turns(state)})")
        return self._recipe([*words, "-o", "turned.mid"], script, files, self._remarks)

    def grid(self, request: GridRequest) -> Recipe:
        """The recipe of a grid."""
        if request.a.has_ranges or request.b.has_ranges:
            raise RequestError(
                422, "no-recipe", "Bars have knobs of their own, which no recipe of a grid tells: reset them."
            )
        files: dict[str, bytes] = {}
        names = []
        for state in (request.a, request.b):
            name, data = self.file(state.piece)
            names.append(_free_name(name, data, files))
            files[names[-1]] = data
        words = ["interpolate", *names, "--size", str(request.size)]
        words += ["--rows", request.rows, "--columns", request.columns, "--rest", request.rest]
        words += _options(request.a, "--first-knob", "--first-")
        words += _options(request.b, "--second-knob", "--second-")
        words += [*self._model_option(), "-o", "grid"]
        script = GRID_SCRIPT.format(
            a=self._session(names[0]),
            b=self._session(names[1]),
            turns_a=_turns(request.a),
            turns_b=_turns(request.b),
            **request.model_dump(include={"size", "rows", "columns", "rest"}),
        )
        return self._recipe(words, script, files, [*self._remarks, DRAWING])

    def file(self, message: PieceMessage) -> tuple[str, bytes]:
        """
        Name and bytes of a MIDI file that reads back as this piece.

        Raises:
            RequestError: None does, as with bars that are no music of their own without those before them.
        """
        piece = piece_of(message, [self._format])
        # A name that starts with a dash would be read as an option.
        name = stem_of(piece.name).lstrip("-") or "piece"
        data = scores.midi_bytes(evolve(piece, name=name), clip_format=self._format)
        if piece.stretches and not _alike(read_score(score_of(data, Path(name)), self._format, Reading()), piece):
            raise RequestError(422, "no-recipe", f"{message.name} is a part that only its file gives: open that again.")
        return f"{name}.mid", data

    def _is_example(self, message: PieceMessage) -> bool:
        """Whether the piece is the first example, unchanged, which commands read when no file is named."""
        piece, example = piece_of(message, [self._format]), scores.TWINKLE.read()
        steps = -(-example.steps // self._format.steps) * self._format.steps
        return message.source.kind == "example" and (piece.notes, piece.steps) == (example.notes, steps)

    def _session(self, file: str, more: str = "") -> str:
        names = self._models[0] if len(self._models) == 1 else self._models
        model = f", model={names!r}" if names else ""
        return f"Session.open(workbench, {f'Path({file!r})' if file else None}{model}{more})"

    def _model_option(self) -> list[str]:
        return [word for name in self._models for word in ("--model", name)]

    @staticmethod
    def _recipe(words: list[str], script: str, files: Mapping[str, bytes], remarks: list[str]) -> Recipe:
        encoded = [File(name=name, base64=base64.b64encode(data).decode()) for name, data in files.items()]
        return Recipe(command=shlex.join(["latentknobs", *words]), python=script, files=encoded, remarks=remarks)


def _alike(piece: Piece, other: Piece) -> bool:
    """Whether two pieces are cut into the same clips."""
    stretches = [[(one.start, one.steps, one.signature) for one in each.stretches] for each in (piece, other)]
    return (piece.notes, piece.steps, stretches[0]) == (other.notes, other.steps, stretches[1])


def _reading(options: ReadOptions) -> dict[str, Any]:
    """The options that are not as when nobody chose."""
    chosen = {name: value for name, value in options.model_dump().items() if value != getattr(ReadOptions(), name)}
    if "offset" in chosen:
        chosen["offset"] = float(chosen["offset"])
    return chosen


def _reading_words(options: ReadOptions) -> list[str]:
    """How a file is read, as options of the command line."""
    words = []
    for name, value in _reading(options).items():
        words.append(f"--{name.replace('_', '-')}" + ("" if value is True else f"={value}"))
    return words


def _reading_arguments(options: ReadOptions) -> str:
    """The same as arguments of ``Session.open``."""
    return "".join(f", {name}={value!r}" for name, value in _reading(options).items())


def _is_random(state: State) -> bool:
    return any(name.partition("@")[0] in RESERVED_NAMES for name in state.knobs)


def _options(state: State, knob_option: str, prefix: str) -> list[str]:
    """The options of the command line for a state's knobs, the knob that controls are like, and their seed."""
    words = [word for name, amount in state.knobs.items() for word in (knob_option, f"{name}={_number(amount)}")]
    words += [] if state.like is None else [f"{prefix}like", state.like]
    return [*words, f"{prefix}seed", str(state.seed)] if _is_random(state) else words


def _turns(state: State) -> str:
    """The same as arguments of ``Session.turn``."""
    like = "" if state.like is None else f", like={state.like!r}"
    return f"{dict(state.knobs)!r}{like}" + (f", seed={state.seed}" if _is_random(state) else "")


def _turned_by_bars(state: State) -> str:
    """The expression for a piece of which bars have knobs of their own."""
    seed = state.seed if _is_random(state) else 0
    return f"turned_by(session, KnobSettings.of({dict(state.knobs)!r}, {seed}, {state.like!r}))"


def _number(amount: float) -> str:
    """The shortest text that is read as exactly this number, with its sign."""
    return f"{'+' if amount >= 0 else ''}{repr(amount).removesuffix('.0')}"


def _free_name(name: str, data: bytes, files: Mapping[str, bytes]) -> str:
    """The name, or one like it where another file has it."""
    stem, n = name.removesuffix(".mid"), 2
    while files.get(name, data) != data:
        name, n = f"{stem}-{n}.mid", n + 1
    return name
