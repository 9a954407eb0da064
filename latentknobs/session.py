"""
The session: a piece, its codes and the knobs turned on it; what every front end shows.

It computes the moved codes z' and has the model decode them; it knows no terminal and writes no file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from attrs import define, evolve, field, frozen

from latentknobs import __version__, scores
from latentknobs.backends.loader import DEFAULT_MODEL
from latentknobs.core.arrays import Bools, ClipBatch, Codes, Ints
from latentknobs.core.backend import Sampling, VAEBackend
from latentknobs.core.capability import capability
from latentknobs.core.clip import Cut, Piece
from latentknobs.core.knob import RESERVED_NAMES, Knob
from latentknobs.core.seed import as_seed
from latentknobs.errors import ClipError, UnknownNameError, UsageError
from latentknobs.steering import apply, interpolation
from latentknobs.steering.control_directions import (
    active_of,
    apart,
    check_amount,
    control,
    doubt,
    in_order,
    shares_of,
)
from latentknobs.steering.interpolation import Rest
from latentknobs.workbench import Workbench


def slerp(a: Codes, b: Codes, t: float) -> Codes:
    """The code on the great arc from a to b, each (D,), at t from 0 = a to 1 = b (Shoemake 1985)."""
    first, second = interpolation.coefficients(interpolation.angle(a, b), np.asarray([t]))
    out: Codes = (first * a + second * b).astype(np.float32)
    return out


@frozen(eq=False)
class TurnResult:
    """
    What turning knobs gave.

    Attributes:
        amounts: Knob names and the amounts they were turned by.
        before: The piece that went in.
        after: The piece that came out.
        clips: int16 (N, *shape), the clips of the result.
        codes: float32 (N, D), the moved codes; zeros where the model does not accept the clip.
        provenance: Where it comes from; goes into a MIDI file.
        remarks: What people should know of the knobs, one sentence each.
    """

    amounts: Mapping[str, float]
    before: Piece
    after: Piece
    clips: ClipBatch
    codes: Codes
    provenance: Mapping[str, Any]
    remarks: tuple[str, ...] = ()


@frozen(eq=False)
class SteeredCodes:
    """
    Codes that knobs have moved, before they are decoded.

    Attributes:
        amounts: Knob names and the amounts they were turned by.
        codes: float32 (N, D); zeros where the model does not accept the clip.
        facts: What goes into the provenance.
        remarks: What people should know of the knobs, one sentence each.
    """

    amounts: Mapping[str, float]
    codes: Codes
    facts: Mapping[str, Any]
    remarks: tuple[str, ...] = ()


@frozen(eq=False)
class GridCell:
    """
    One piece on the way between two.

    Attributes:
        at: Where it is, 0 to 1 each way: ("pitch", 0.25), ("rhythm", 0.5).
        piece: The piece.
        clips: int16 (N, *shape).
        provenance: Where it comes from.
    """

    at: tuple[tuple[str, float], ...]
    piece: Piece
    clips: ClipBatch
    provenance: Mapping[str, Any]


@frozen(eq=False)
class Sampled:
    """
    A piece of one clip drawn from a model's prior.

    Attributes:
        piece: The piece.
        provenance: Where it comes from.
    """

    piece: Piece
    provenance: Mapping[str, Any]


def sample(model: VAEBackend, count: int, seed: int, temperature: float = 0.0) -> list[Sampled]:
    """
    Pieces of one clip each, decoded from codes with N(0, 1) in each dimension.

    Args:
        model: The model.
        count: How many.
        seed: Of the codes, and of the tokens where they are drawn.
        temperature: 0 = the likeliest tokens; above it tokens are drawn.

    Raises:
        UsageError: ``count`` is under 1, the seed is none, or the model's tokens cannot be drawn.
    """
    if count < 1:
        raise UsageError(f"The count must be at least 1, not {count}.")
    seed = as_seed(seed)
    codes = np.random.default_rng(seed).standard_normal((count, model.spec.latent_size), dtype=np.float32)
    if not temperature:
        clips = model.decode(codes)
    elif (sampling := capability(model, Sampling)) is not None:
        clips = sampling.decode_sampled(codes, temperature, seed)
    else:
        raise UsageError(f"The model {model.spec.name} draws no tokens: leave the temperature at 0.")
    how = {"temperature": temperature} if temperature else {}
    return [
        Sampled(
            Piece.join(clip[None], model.spec.clip_format, name=f"sample {k + 1}"),
            provenance(model, draw=k, of=count, seed=seed, **how),
        )
        for k, clip in enumerate(clips)
    ]


def provenance(model: VAEBackend, **facts: Any) -> dict[str, Any]:
    """Where a result comes from: program, version and model, with the facts of the operation."""
    spec = model.spec
    own = {"program": "latentknobs", "version": __version__, "model": spec.name, "model_id": spec.model_id}
    return {**own, **facts}


@define(eq=False)
class Session:
    """
    What a person has open.

    Attributes:
        workbench: Where models and knobs come from.
        model: The model in use.
        piece: The piece in hand.
        cut: Its clips.
        accepted: bool (N,), which clips the model can carry; the others stay as they are.
        codes: float32 (N, D), posterior means; zeros where a clip is not accepted.
        plain: int16 (N, *shape), decodings of the unchanged codes: what amount 0 gives.
        source_sha256: Hash of the file that the piece came from, "" where it came from none.
        turned: What was done to the codes before the session was opened on them, see :meth:`on`.
    """

    workbench: Workbench
    model: VAEBackend
    piece: Piece
    cut: Cut
    accepted: Bools
    codes: Codes
    plain: ClipBatch
    source_sha256: str = ""
    turned: Mapping[str, Any] = field(factory=dict)
    _knobs: Mapping[str, Knob] | None = None

    @classmethod
    def open(
        cls, workbench: Workbench, source: Piece | Path | None = None, model: str = DEFAULT_MODEL, **reading: Any
    ) -> Session:
        """
        Open a piece with a model.

        Args:
            workbench: Where models and knobs come from.
            source: A piece, a MIDI file, or None for the theme that comes with the package.
            model: Name or location of the model.
            reading: How a file is read: policy, track, offset, regroup of :func:`latentknobs.scores.read_piece`.

        Raises:
            MidiError: The file cannot be read as a melody.
            ClipError: The model accepts no clip of the piece.
        """
        backend = workbench.model(model)
        path = scores.twinkle_path() if source is None else source
        if isinstance(path, Piece):
            piece, sha256 = path, ""
        else:
            piece = scores.read_piece(path, clip_format=backend.spec.clip_format, **reading)
            sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        cut = piece.cut(backend.spec.clip_format)
        accepted = backend.accepts(cut.clips)
        if not accepted.any():
            raise ClipError(
                f"{piece.name}: the model {backend.spec.name} accepts none of its {len(cut.clips)} clips; "
                f"it carries {_carries(backend)}."
            )
        codes = np.zeros((len(cut.clips), backend.spec.latent_size), dtype=np.float32)
        codes[accepted] = backend.encode(cut.clips[accepted]).mean
        out = cls(workbench, backend, piece, cut, accepted, codes, cut.clips, sha256)
        out.plain = out.decode(codes)
        return out

    @property
    def knobs(self) -> Mapping[str, Knob]:
        """The model's current knobs, accepted ones first."""
        if self._knobs is None:
            knobs = self.workbench.registry.knobs(model_id=self.model.spec.model_id)
            self._knobs = {knob.name: knob for knob in in_order(knobs)}
        return self._knobs

    def knob(self, name: str) -> Knob:
        """
        The current knob of that name.

        Raises:
            UnknownNameError: The model has none.
            RegistryError: It is damaged.
        """
        return self.knobs[name] if name in self.knobs else self.workbench.registry.knob(self.model.spec.model_id, name)

    @property
    def differing(self) -> Ints:
        """On how many steps the decoding of the unchanged code differs from each clip, (N,)."""
        different = (self.plain != self.cut.clips).reshape(len(self.plain), -1)
        out: Ints = different.sum(axis=1).astype(np.int64)
        return out

    @property
    def accuracy(self) -> float:
        """Share of the accepted clips' tokens that the model reconstructs, 0 to 1."""
        return float((self.plain == self.cut.clips)[self.accepted].mean())

    def remarks(self) -> tuple[str, ...]:
        """What people should know of the piece: how it was read, and which clips the model does not carry."""
        clip_format = self.model.spec.clip_format
        bars = clip_format.steps // (clip_format.steps_per_beat * clip_format.beats_per_bar)
        left = (
            f"clip {k + 1} (bars {k * bars + 1} to {(k + 1) * bars}) stays as it is: "
            f"{self.model.spec.name} carries {_carries(self.model)}"
            for k in np.flatnonzero(~self.accepted)
        )
        return (*self.piece.remarks, *left)

    def carries(self) -> str:
        """What clips the model carries, as far as its notes tell."""
        return _carries(self.model)

    def decode(self, z: Codes) -> ClipBatch:
        """Codes (N, D) to clips; where the model does not accept the piece's clip, that clip itself."""
        return self.with_kept(self.model.decode(z[self.accepted]))

    def with_kept(self, decoded: ClipBatch) -> ClipBatch:
        """The decodings of the accepted clips with the others, as they were, in their places, (N, *shape)."""
        out = self.cut.clips.copy()
        out[self.accepted] = decoded
        return out

    def join(self, clips: ClipBatch) -> Piece:
        """The session's clips (N, *shape) as a piece of the length, tempo, name and source of the one in hand."""
        joined = Piece.join(
            clips,
            self.model.spec.clip_format,
            tied=self.cut.tied,
            steps=self.piece.steps,
            tempo=self.piece.tempo,
            name=self.piece.name,
        )
        return evolve(joined, source=self.piece.source)

    def provenance(self, **facts: Any) -> dict[str, Any]:
        """Where a result comes from: model, source and version, with the facts of the operation."""
        own = {"source": self.piece.name, "source_sha256": self.source_sha256}
        return provenance(self.model, **own, **self.turned, **facts)

    def turn(self, amounts: Mapping[str, float], *, like: str | None = None, seed: int = 0) -> TurnResult:
        """
        Turn knobs on the whole piece; with no knobs, or at amount 0, the decoding of the unchanged codes.

        Args:
            amounts: Knob name to amount. ``random`` and ``others`` are the paper's controls: see :meth:`control`.
            like: The knob whose length a control has; None = the first turned knob that is no control, else
                the model's first.
            seed: Of the controls.

        Raises:
            UnknownNameError: The model has no such knob.
            AmountError: An amount that its knob cannot be turned by.
        """
        moved = self.move(amounts, like=like, seed=seed)
        return self.result(moved, self.decode(moved.codes))

    def move(self, amounts: Mapping[str, float], *, like: str | None = None, seed: int = 0) -> SteeredCodes:
        """The codes that :meth:`turn` decodes: arguments and errors are its own."""
        named = {name: self.knob(name) for name in amounts if name not in RESERVED_NAMES}
        moves = [(knob.require_operator(), check_amount(knob, amounts[name])) for name, knob in named.items()]
        moved = apply.turn(self.codes, moves)
        facts: dict[str, Any] = {"knobs": dict(amounts)}
        facts["operators"] = {name: knob.operator_sha256 for name, knob in named.items()}
        remarks = [f"{name}{clause}" for name, knob in named.items() if (clause := doubt(knob))]
        for name in (name for name in RESERVED_NAMES if name in amounts):
            knob = self.knob(like) if like else next(iter((named or self.knobs).values()), None)
            if knob is None:
                raise UnknownNameError("knob", name, (), f"for the model {self.model.spec.name}")
            moved = moved + self.control(name, knob, amounts[name], seed)
            facts |= {"like": knob.name, "seed": seed}
            if among := self._apart(knob)[1]:
                remarks.append(f"{name} moves dimensions of {', '.join(among)} too: the knobs leave too few others")
        return SteeredCodes(dict(amounts), moved, facts, tuple(remarks))

    def result(self, moved: SteeredCodes, clips: ClipBatch) -> TurnResult:
        """What turning gave, of the moved codes and their decodings (N, *shape)."""
        facts = self.provenance(**moved.facts)
        return TurnResult(moved.amounts, self.piece, self.join(clips), clips, moved.codes, facts, remarks=moved.remarks)

    def on(self, turned: TurnResult) -> Session:
        """This session on the codes that turning gave: grids and ways then start or end at what is heard."""
        facts = {name: turned.provenance[name] for name in ("knobs", "like", "seed") if name in turned.provenance}
        return evolve(self, codes=turned.codes, plain=turned.clips, turned=facts)

    def control(self, name: str, knob: Knob, amount: float, seed: int) -> Codes:
        """The displacement of one of the paper's controls."""
        return control(name, knob, amount, self.codes, self._apart(knob)[0], seed)

    def _apart(self, like: Knob) -> tuple[frozenset[int], tuple[str, ...]]:
        return apart(self.knobs.values(), active_of(like, self.codes.shape[1]), like)

    def similar(self, similarity: float, count: int, seed: int) -> list[TurnResult]:
        """
        Pieces near the one in hand: codes on the great arc from each clip's code to a draw from the prior.

        Args:
            similarity: 1 = the decoding of the unchanged code, 0 = a draw from the prior.
            count: How many.
            seed: Fixes the draws.

        Raises:
            UsageError: ``similarity`` outside 0 to 1, ``count`` under 1, or a seed that is none.
        """
        if not 0.0 <= similarity <= 1.0:
            raise UsageError(f"The similarity must lie between 0 and 1, not {similarity}.")
        if count < 1:
            raise UsageError(f"The count must be at least 1, not {count}.")
        seed = as_seed(seed)
        rng = np.random.default_rng(seed)
        out = []
        for k in range(count):
            prior = rng.standard_normal(self.codes.shape, dtype=np.float32)
            z = np.stack([slerp(a, b, 1.0 - similarity) for a, b in zip(self.codes, prior, strict=True)])
            clips = self.decode(z)
            facts = self.provenance(similarity=similarity, draw=k, seed=seed)
            out.append(TurnResult({}, self.piece, self.join(clips), clips, z, facts))
        return out

    def two_way(self, other: Session, size: int, rows: str, columns: str, rest: Rest = "mean") -> list[list[GridCell]]:
        """
        A grid of pieces: this one top left, the other bottom right.

        Clip k goes to the other's clip k, for as many clips as both have.

        Args:
            other: The other piece, opened with the same model.
            size: Rows and columns, at least 2.
            rows: The knob whose dimensions change from top to bottom.
            columns: The knob whose dimensions change from left to right.
            rest: How the other dimensions go: see :func:`latentknobs.steering.interpolation.two_way`.

        Raises:
            UnknownNameError: The model has no such knob.
            UsageError: The same knob both ways, a size under 2, or sessions with different models.
        """
        if rows == columns:
            raise UsageError(f"Rows and columns are both {rows!r}; name two different knobs.")
        row_knob, column_knob = self.knob(rows), self.knob(columns)
        latent_size = self.codes.shape[1]
        groups = interpolation.assign(
            [d.dim for d in row_knob.dimensions],
            [d.dim for d in column_knob.dimensions],
            latent_size,
            shares_of(row_knob, latent_size),
            shares_of(column_knob, latent_size),
        )
        grids = [interpolation.two_way(a, b, groups, size, rest) for a, b in self._common(other)]
        codes = np.stack(grids, axis=2).reshape(size * size, len(grids), latent_size)
        t = np.linspace(0.0, 1.0, size)
        places = [((rows, down), (columns, across)) for down in t for across in t]
        cells = self._spots(other, codes, places, {"rows": rows, "columns": columns, "rest": rest})
        return [cells[start : start + size] for start in range(0, size * size, size)]

    def one_way(self, other: Session, size: int, dims: str = "all") -> list[GridCell]:
        """
        A way from this piece to the other.

        Args:
            other: The other piece, opened with the same model.
            size: Number of pieces, at least 2.
            dims: What changes: "all" dimensions, a knob's, or the "others" that are left to no knob.

        Raises:
            UnknownNameError: The model has no such knob.
            UsageError: A size under 2, or sessions with different models.
        """
        chosen: list[int] | None = None
        if dims == "others":
            size_of_codes = self.codes.shape[1]
            taken, _ = apart(self.knobs.values(), range(size_of_codes))
            chosen = [d for d in range(size_of_codes) if d not in taken]
        elif dims != "all":
            if dims not in self.knobs:
                known = ["all", "others", *self.knobs]
                raise UnknownNameError("group of dimensions", dims, known, f"for the model {self.model.spec.name}")
            chosen = [d.dim for d in self.knobs[dims].dimensions]
        ways = [interpolation.one_way(a, b, size, chosen) for a, b in self._common(other)]
        places = [((dims, t),) for t in np.linspace(0.0, 1.0, size)]
        return self._spots(other, np.stack(ways, axis=1), places, {"dims": dims})

    def _common(self, other: Session) -> list[tuple[Codes, Codes]]:
        """The codes of the clips that both pieces have."""
        if other.model.spec.model_id != self.model.spec.model_id:
            raise UsageError(f"{self.piece.name} and {other.piece.name} were opened with different models.")
        for session in (self, other):
            n = min(len(self.codes), len(other.codes))
            if not session.accepted[:n].all():
                raise ClipError(
                    f"{session.piece.name}: the model {self.model.spec.name} does not accept clip "
                    f"{int(np.flatnonzero(~session.accepted)[0]) + 1}; it carries {_carries(self.model)}."
                )
        return list(zip(self.codes, other.codes, strict=False))

    def _spots(
        self, other: Session, codes: Codes, places: Sequence[tuple[tuple[str, Any], ...]], facts: Mapping[str, Any]
    ) -> list[GridCell]:
        """The pieces at these places with these codes (places, N, D), decoded in one call of the model."""
        decoded = self.model.decode(codes.reshape(-1, codes.shape[-1]))
        clips_at = decoded.reshape(*codes.shape[:2], *decoded.shape[1:])
        name = f"{self.piece.name}_to_{other.piece.name}"
        to: dict[str, Any] = {"target": other.piece.name, "target_sha256": other.source_sha256}
        if other.turned:
            to["target_turned"] = dict(other.turned)
        n = clips_at.shape[1]
        own, others = self.cut.tied[:n], other.cut.tied[:n]
        # Notes held over a clip's edge are held in the corners as in the two pieces, between them as in either.
        ties = [own, *[own | others] * (len(places) - 2), others]
        out = []
        for clips, at, tied in zip(clips_at, places, ties, strict=True):
            piece = Piece.join(clips, self.model.spec.clip_format, tied=tied, tempo=self.piece.tempo, name=name)
            place = tuple((way, float(t)) for way, t in at)
            out.append(GridCell(place, piece, clips, self.provenance(**to, at=dict(place), **facts)))
        return out


def _carries(model: VAEBackend) -> str:
    """What clips a model carries, as far as its notes tell."""
    name = model.spec.clip_format.name
    if model.spec.pitch_range is None:
        return f"valid {name} clips"
    low, high = model.spec.pitch_range
    return f"{name} clips with pitches {low} to {high}"
