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
from latentknobs.core.clip import ClipFormat, Piece
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


class Recipes:
    """Recipes for states of one model; ``shipped`` and ``own_registry`` decide which remarks they need."""

    def __init__(self, model: VAEBackend, *, shipped: bool, own_registry: bool) -> None:
        self._model = model
        self._format: ClipFormat = model.spec.clip_format
        self._remarks = [*([REGISTRY] if own_registry else []), *([] if shipped else [MODEL])]

    def state(self, state: State) -> Recipe:
        """The recipe of one piece as it is turned."""
        name, data = self._input(state.piece)
        words = ["latentknobs", "turn", *([name] if name else []), *_knobs("--knob", state.knobs)]
        words += [*self._steering(state), *self._which(), "-o", "turned.mid"]
        call = f"turned = session.turn({dict(state.knobs)!r}{_steered(state)})"
        lines = [
            *_IMPORTS,
            "with Workbench.open() as workbench:",
            f"    session = {self._opened(name)}",
            f"    {call}",
            "print(*turned.after.notes, sep='\\n')",
            "form = session.model.spec.clip_format",
            'scores.write_piece(turned.after, "turned.mid", clip_format=form, provenance=turned.provenance)',
        ]
        return self._answer(words, lines, {name: data} if name else {})

    def grid(self, request: GridRequest) -> Recipe:
        """The recipe of a grid."""
        files: dict[str, bytes] = {}
        names = []
        for state in (request.a, request.b):
            name, data = self.file(state.piece)
            name = _free(name, data, files)
            files[name] = data
            names.append(name)
        words = ["latentknobs", "interpolate", *names, "--size", str(request.size)]
        words += ["--rows", request.rows, "--columns", request.columns, "--rest", request.rest]
        for which, state in (("first", request.a), ("second", request.b)):
            words += _knobs(f"--{which}-knob", state.knobs)
            words += self._steering(state, f"{which}-")
        words += [*self._which(), "-o", "grid"]
        lines = [*_IMPORTS, "with Workbench.open() as workbench:"]
        for letter, name, state in zip("ab", names, (request.a, request.b), strict=True):
            lines.append(f"    {letter} = {self._opened(name)}")
            if state.knobs:
                lines.append(f"    {letter} = {letter}.on({letter}.turn({dict(state.knobs)!r}{_steered(state)}))")
        ways = f"size={request.size}, rows={request.rows!r}, columns={request.columns!r}, rest={request.rest!r}"
        lines += [
            f"    grid = a.two_way(b, {ways})",
            "form = a.model.spec.clip_format",
            'Path("grid").mkdir()',
            "for row in grid:",
            "    for spot in row:",
            '        name = "_".join(f"{way}{t:.2f}" for way, t in spot.at)',
            '        scores.write_piece(spot.piece, f"grid/{name}.mid", clip_format=form, provenance=spot.provenance)',
        ]
        return self._answer(words, lines, files, DRAWING)

    def _answer(self, words: list[str], lines: list[str], files: Mapping[str, bytes], *more: str) -> Recipe:
        return Recipe(
            command=shlex.join(words),
            python="\n".join(lines) + "\n",
            files=[File(name=name, base64=base64.b64encode(data).decode()) for name, data in files.items()],
            remarks=[*self._remarks, *more],
        )

    def _input(self, message: PieceMessage) -> tuple[str, bytes]:
        """The file that a command reads; "" for the one that it reads when none is named."""
        piece = piece_of(message, self._format)
        if message.source.kind == "example" and _same(piece, scores.read_twinkle(), self._format):
            return "", b""
        return self.file(message)

    def file(self, message: PieceMessage) -> tuple[str, bytes]:
        """Name and bytes of a MIDI file that reads back as this piece."""
        piece = piece_of(message, self._format)
        # A name that starts with a dash would be read as an option.
        name = stem_of(piece.name).lstrip("-") or "piece"
        return f"{name}.mid", scores.midi_bytes(evolve(piece, name=name), clip_format=self._format)

    def _opened(self, name: str) -> str:
        path = f"Path({name!r})" if name else "None"
        model = "" if self._model.spec.name == DEFAULT_MODEL else f", model={self._model.spec.name!r}"
        return f"Session.open(workbench, {path}{model})"

    def _which(self) -> list[str]:
        name = self._model.spec.name
        return [] if name == DEFAULT_MODEL else ["--model", name]

    @staticmethod
    def _steering(state: State, prefix: str = "") -> list[str]:
        out = [] if state.like is None else [f"--{prefix}like", state.like]
        return [*out, f"--{prefix}seed", str(state.seed)] if _drawn(state) else out


_IMPORTS = (
    "from pathlib import Path",
    "",
    "from latentknobs import Session, Workbench, scores",
    "",
)


def _drawn(state: State) -> bool:
    return any(name in state.knobs for name in RESERVED_NAMES)


def _steered(state: State) -> str:
    like = "" if state.like is None else f", like={state.like!r}"
    return f"{like}, seed={state.seed}" if _drawn(state) else like


def _knobs(option: str, knobs: Mapping[str, float]) -> list[str]:
    return [word for name, amount in knobs.items() for word in (option, f"{name}={_number(amount)}")]


def _number(amount: float) -> str:
    """The shortest text that is read as exactly this number, with its sign."""
    return f"{'+' if amount >= 0 else ''}{repr(amount).removesuffix('.0')}"


def _same(one: Piece, other: Piece, clip_format: ClipFormat) -> bool:
    length = -(-other.steps // clip_format.steps) * clip_format.steps
    return one.notes == other.notes and one.steps == length


def _free(name: str, data: bytes, taken: Mapping[str, bytes]) -> str:
    """The name, or one like it where another file has it."""
    stem, n = name.removesuffix(".mid"), 2
    while taken.get(name, data) != data:
        name, n = f"{stem}-{n}.mid", n + 1
    return name
