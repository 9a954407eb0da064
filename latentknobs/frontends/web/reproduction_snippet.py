"""
A command and Python code that reproduce exactly the notes on the screen.

The unchanged example of the package needs no file. Any other piece is written as a MIDI file that reads back as the
same clips, so it does not matter how the piece was made.
"""

from __future__ import annotations

import base64
import shlex
from collections.abc import Mapping

from attrs import evolve

from latentknobs import scores
from latentknobs.backends.loader import DEFAULT_MODEL
from latentknobs.core.backend import VAEBackend
from latentknobs.core.clip import ClipFormat
from latentknobs.core.knob import RESERVED_NAMES
from latentknobs.frontends.web.export import stem_of
from latentknobs.frontends.web.piece_schema import piece_of
from latentknobs.frontends.web.requests import GridRequest, PieceMessage, State
from latentknobs.frontends.web.responses import File, Recipe

REGISTRY = (
    "The server was started with a registry of its own: add --registry with its location, or set LATENTKNOBS_REGISTRY."
)
MODEL = "The server was started with a model by its location: use that location instead of the model's name."
DRAWING = "The command also draws a picture of the grid."
STATE_SCRIPT = """\
from pathlib import Path

from latentknobs import Session, Workbench, scores

with Workbench.open() as workbench:
    session = {session}
    turned = session.turn({turns})
print(*turned.after.notes, sep="\\n")
clip_format = session.model.spec.clip_format
scores.write_piece(turned.after, "turned.mid", clip_format=clip_format, provenance=turned.provenance)
"""
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
    """Recipes for states of one model; ``shipped`` and ``own_registry`` decide which remarks they need."""

    def __init__(self, model: VAEBackend, *, shipped: bool, own_registry: bool) -> None:
        self._name = model.spec.name
        self._format: ClipFormat = model.spec.clip_format
        self._remarks = [*([REGISTRY] if own_registry else []), *([] if shipped else [MODEL])]

    def state(self, state: State) -> Recipe:
        """The recipe of one piece with its knobs."""
        files = {} if self._is_example(state.piece) else dict([self.file(state.piece)])
        name = next(iter(files), "")
        words = ["turn", *files, *_options(state, "--knob", "--"), *self._model_option(), "-o", "turned.mid"]
        script = STATE_SCRIPT.format(session=self._session(name), turns=_turns(state))
        return self._recipe(words, script, files, self._remarks)

    def grid(self, request: GridRequest) -> Recipe:
        """The recipe of a grid."""
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
        """Name and bytes of a MIDI file that reads back as this piece."""
        piece = piece_of(message, self._format)
        # A name that starts with a dash would be read as an option.
        name = stem_of(piece.name).lstrip("-") or "piece"
        return f"{name}.mid", scores.midi_bytes(evolve(piece, name=name), clip_format=self._format)

    def _is_example(self, message: PieceMessage) -> bool:
        """Whether the piece is the example, unchanged, which commands read when no file is named."""
        piece, example = piece_of(message, self._format), scores.read_twinkle()
        steps = -(-example.steps // self._format.steps) * self._format.steps
        return message.source.kind == "example" and (piece.notes, piece.steps) == (example.notes, steps)

    def _session(self, file: str) -> str:
        model = "" if self._name == DEFAULT_MODEL else f", model={self._name!r}"
        return f"Session.open(workbench, {f'Path({file!r})' if file else None}{model})"

    def _model_option(self) -> list[str]:
        return [] if self._name == DEFAULT_MODEL else ["--model", self._name]

    @staticmethod
    def _recipe(words: list[str], script: str, files: Mapping[str, bytes], remarks: list[str]) -> Recipe:
        encoded = [File(name=name, base64=base64.b64encode(data).decode()) for name, data in files.items()]
        return Recipe(command=shlex.join(["latentknobs", *words]), python=script, files=encoded, remarks=remarks)


def _is_random(state: State) -> bool:
    return any(name in state.knobs for name in RESERVED_NAMES)


def _options(state: State, knob_option: str, prefix: str) -> list[str]:
    """The options of the command line for a state's knobs, the knob that controls are like, and their seed."""
    words = [word for name, amount in state.knobs.items() for word in (knob_option, f"{name}={_number(amount)}")]
    words += [] if state.like is None else [f"{prefix}like", state.like]
    return [*words, f"{prefix}seed", str(state.seed)] if _is_random(state) else words


def _turns(state: State) -> str:
    """The same as arguments of ``Session.turn``."""
    like = "" if state.like is None else f", like={state.like!r}"
    return f"{dict(state.knobs)!r}{like}" + (f", seed={state.seed}" if _is_random(state) else "")


def _number(amount: float) -> str:
    """The shortest text that is read as exactly this number, with its sign."""
    return f"{'+' if amount >= 0 else ''}{repr(amount).removesuffix('.0')}"


def _free_name(name: str, data: bytes, files: Mapping[str, bytes]) -> str:
    """The name, or one like it where another file has it."""
    stem, n = name.removesuffix(".mid"), 2
    while files.get(name, data) != data:
        name, n = f"{stem}-{n}.mid", n + 1
    return name
