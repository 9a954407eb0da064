"""
The session: a piece, its codes and the knobs turned on it; what every front end shows.

It computes the moved codes z' and has the model decode them; it knows no terminal and writes no file.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Unpack

import numpy as np
from attrs import define, evolve, field

from latentknobs import scores
from latentknobs.backends.loader import DEFAULT_MODEL
from latentknobs.core.arrays import Bools, ClipBatch, Codes, Ints
from latentknobs.core.backend import VAEBackend
from latentknobs.core.code_units import CodeUnits
from latentknobs.core.edit_context import lone_contexts
from latentknobs.core.knob import RESERVED_NAMES, Knob
from latentknobs.core.meter import signature_of
from latentknobs.core.model_calls import check_encodes
from latentknobs.core.piece import Cut, Piece
from latentknobs.core.seed import as_seed
from latentknobs.errors import ClipError, UnknownNameError, UsageError
from latentknobs.scores.import_warnings import ranges
from latentknobs.scores.reading import ReadingOptions
from latentknobs.steering import apply, interpolation
from latentknobs.steering.by_rule import AmountedEdit, RuleEdited, edit_by_rule, edit_cut, unedited
from latentknobs.steering.carried_clips import STYLE, CarriedClips, carry, differing, unshifted
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
from latentknobs.steering.prior_codes import provenance, required_units, units_of_prior
from latentknobs.steering.rule_comparison import SURPRISE, RuleComparison, expected_error
from latentknobs.steering.style import Style
from latentknobs.steering.turn_result import ClipCounts, GridCell, SteeredCodes, TurnResult, clip_ways
from latentknobs.workbench import Workbench

CONDITIONS = 256
"""Clips of which conditions are drawn."""


def slerp(a: Codes, b: Codes, t: float) -> Codes:
    """The code on the great arc from a to b, each (D,), at t from 0 = a to 1 = b (Shoemake 1985)."""
    first, second = interpolation.coefficients(interpolation.angle(a, b), np.asarray([t]))
    out: Codes = (first * a + second * b).astype(np.float32)
    return out


def conditions(workbench: Workbench, model: str, corpus: str, seed: int = 0) -> Codes | None:
    """Codes of clips of a corpus, of which a model takes its condition; None without a condition or a corpus."""
    backend = workbench.model(model)
    if backend.spec.condition is None or not corpus:
        return None
    return backend.encode(workbench.clips(corpus, model, clips=CONDITIONS, seed=seed)).mean


@define(eq=False)
class Session:
    """
    What a person has open.

    Attributes:
        workbench: Where models and knobs come from.
        model: The model in use.
        piece: The piece in hand.
        cut: Its clips.
        carried: What the model can carry of them.
        codes: float32 (N, D), posterior means, or what :meth:`on` made of them; zeros where a clip is not accepted.
        plain: int16 (N, *shape), decodings of these codes: what amount 0 gives.
        source_sha256: Hash of the file that the piece came from, "" where it came from none.
        turned: What was done to the codes before the session was opened on them, see :meth:`on`.
        all_by_model: Whether the model turns clips outside its style too.
    """

    workbench: Workbench
    model: VAEBackend
    piece: Piece
    cut: Cut
    carried: CarriedClips
    codes: Codes
    plain: ClipBatch
    source_sha256: str = ""
    turned: Mapping[str, Any] = field(factory=dict)
    all_by_model: bool = False
    _knobs: Mapping[str, Knob] | None = None

    @classmethod
    def open(
        cls,
        workbench: Workbench,
        source: Piece | Path | None = None,
        model: str = DEFAULT_MODEL,
        *,
        all_by_model: bool = False,
        **reading: Unpack[ReadingOptions],
    ) -> Session:
        """
        Open a piece with a model.

        Args:
            workbench: Where models and knobs come from.
            source: A piece, a MIDI file, or None for the theme that comes with the package.
            model: Name or location of the model.
            all_by_model: Whether the model turns clips outside its style too, which are turned by rule otherwise.
            reading: How a file is read: the options of :func:`latentknobs.scores.read_piece`.

        Raises:
            MidiError: The file cannot be read as a melody.
            ClipError: The piece has no clip of the model's format, and none that can be edited by rule.
            UsageError: The model has no encoder.
        """
        backend = workbench.model(model)
        check_encodes(backend.spec)
        path = scores.twinkle_path() if source is None else source
        if isinstance(path, Piece):
            piece, sha256 = path, ""
        else:
            piece = scores.read_piece(path, clip_format=backend.spec.clip_format, **reading)
            sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        cut = piece.cut(backend.spec.clip_format)
        if not len(cut.clips) and not cut.others:
            raise ClipError(
                f"{piece.name} has no bars of {signature_of(backend.spec.clip_format)}: it is in "
                f"{', '.join(sorted({str(one.signature) for one in piece.stretches}))}."
            )
        carried = carry(backend, cut.clips)
        return cls(
            workbench, backend, piece, cut, carried, carried.codes, carried.plain, sha256, all_by_model=all_by_model
        )

    @property
    def accepted(self) -> Bools:
        """Which clips the model takes, some of them octaves away, bool (N,)."""
        return self.carried.accepted

    @property
    def steered(self) -> Bools:
        """Which clips are turned by the model: those in its style, or all that it takes, with notes; bool (N,)."""
        trusted = self.carried.accepted if self.all_by_model else self.carried.in_style
        return trusted & self.cut.sounding

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
        return differing(self.plain, self.cut.clips)

    @property
    def accuracy(self) -> float:
        """Share of the accepted clips' tokens that the model reconstructs, 0 to 1; 0 where it accepts none."""
        same = (self.plain == self.cut.clips)[self.accepted]
        return float(same.mean()) if same.size else 0.0

    @cached_property
    def style(self) -> Style:
        """
        How far the piece is from what the model knows, clip by clip; see :class:`~latentknobs.steering.style.Style`.

        Its log-probabilities are computed when it is first asked for; it speaks of the piece, not of what :meth:`on`
        made of its codes.
        """
        cut, tokens = self.cut, int(np.prod(self.cut.clips.shape[1:]))
        spans = zip(cut.starts.tolist(), cut.lengths.tolist(), strict=True)
        bars = tuple(self.piece.bars_of(start, length, self.model.spec.clip_format) for start, length in spans)
        nats, known = self.carried.negative_elbo(self.model), self.model.spec.likelihood
        percentile = None if nats is None or known is None else known.percentile(nats)
        return Style(bars, cut.sounding, self.carried.reconstructed / tokens, nats, percentile)

    def remarks(self) -> tuple[str, ...]:
        """What people should know of the piece: how it was read, and which clips the model does not carry."""
        name, carried = self.model.spec.name, self.carried
        out = list(self.piece.remarks)
        tokens = int(np.prod(self.cut.clips.shape[1:]))
        sounding = self.cut.sounding
        if shifted := self._bars((carried.shifts != 0) & sounding):
            out.append(f"{shifted}: octaves away for {name}, where it has room.")
        if refused := self._bars(~carried.accepted & sounding):
            out.append(f"{refused}: not what {name} carries, which is {_carries(self.model)}.")
        outside = carried.accepted & ~carried.in_style & sounding
        if bars := self._bars(outside):
            share = carried.reconstructed[outside].sum() / (tokens * outside.sum())
            out.append(f"{bars}: outside the style of {name}, which reconstructs {share:.0%} of them.")
        missing = (self._bars(other.sounding, other) for other in self.cut.others)
        return (*out, *(f"{bars}: {name} has no such bars." for bars in missing if bars))

    def _bars(self, mask: Bools, cut: Cut | None = None) -> str:
        """The bars of some clips, as the beginning of a sentence; "" of none."""
        cut = cut or self.cut
        numbers: set[int] = set()
        for k in np.flatnonzero(mask):
            first, last = self.piece.bars_of(int(cut.starts[k]), int(cut.lengths[k]), self.model.spec.clip_format)
            numbers.update(range(first, last + 1))
        return f"Bar{'s' if len(numbers) > 1 else ''} {ranges(numbers)}" if numbers else ""

    def carries(self) -> str:
        """What clips the model carries, as far as its notes tell."""
        return _carries(self.model)

    def join(self, clips: ClipBatch, others: Sequence[ClipBatch] | None = None) -> Piece:
        """The session's clips (N, *shape), and those of ``Cut.others``, in the place of those of the piece in hand."""
        kept = tuple(other.clips for other in self.cut.others) if others is None else others
        return evolve(self.piece.with_clips(self.cut, [clips, *kept]), remarks=())

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
        rows = moved.by_model
        if np.array_equal(moved.codes[rows], self.carried.codes[rows]):
            return self.result(moved, self.carried.decoded(rows))  # decoded when the session was opened
        return self.result(moved, self.model.decode(moved.codes[rows]))

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
        moved = self.model.spec.structure.with_condition(moved, self.codes)
        sounding = self.cut.sounding
        ruled = self._ruled(amounts, seed, sounding & ~self.steered)
        by_model = self.steered | (self.accepted & sounding & ~ruled[0].edited)
        steered = SteeredCodes(dict(amounts), moved, facts, by_model, ruled, tuple(remarks))
        controls = len(named) < len(amounts)
        compared = not controls and not self.all_by_model and by_model.any()
        return evolve(steered, seed=seed, comparison=self._comparison(amounts, seed) if compared else None)

    def result(self, moved: SteeredCodes, decoded: ClipBatch) -> TurnResult:
        """What turning gave, of the moved codes and the decodings of those that are by the model (n, *shape)."""
        sounding, by_model = self.cut.sounding, moved.by_model.copy()
        rows = np.flatnonzero(by_model)
        back, inside = unshifted(decoded, self.carried.shifts[rows])
        by_model[rows] = inside  # not where MIDI has no such pitch, octaves back
        clips = self.cut.clips.copy()
        clips[by_model] = back[inside]
        remarks = list(moved.remarks)
        ruled = moved.ruled[0]
        if moved.comparison is not None:
            apart = by_model & moved.comparison.apart(clips, self.model.spec.clip_format)
            if bars := self._bars(apart):
                remarks.append(f"{bars}: by rule, as the model would make other notes of them.")
                by_model &= ~apart
                ruled = self._ruled(moved.amounts, moved.seed, sounding & ~by_model)[0]
        by_rule = sounding & ~by_model & ruled.edited
        clips[by_rule] = ruled.clips[by_rule]
        if any(moved.amounts.values()):
            remarks += self._unchanged(by_rule, (ruled, *moved.ruled[1:]))
        ways = [clip_ways(sounding, by_rule, by_model, self.carried.shifts != 0)]
        left = [self._left(self.cut, sounding & ~by_model & ~by_rule, ruled)]
        for other, done in zip(self.cut.others, moved.ruled[1:], strict=True):
            none = np.zeros(len(other.clips), dtype=bool)
            ways.append(clip_ways(other.sounding, done.edited, none, none))
            left.append(self._left(other, other.sounding & ~done.edited, done))
        others = tuple(ruled.clips for ruled in moved.ruled[1:])
        tokens = int(np.prod(self.cut.clips.shape[1:])) * int(sounding.sum())
        tokens += sum(other.clips[other.sounding].size for other in self.cut.others)
        number = Counter(way for own in ways for way in own)
        counts = ClipCounts(
            by_model=number["model"] + number["octaves"],
            octave_shifted=number["octaves"],
            by_rule=number["rule"],
            left_alone=number["alone"],
            reconstructed=float(self.carried.reconstructed[sounding].sum() / max(tokens, 1)),
        )
        return TurnResult(
            moved.amounts,
            self.piece,
            self.join(clips, others),
            clips,
            moved.codes,
            self.provenance(**moved.facts),
            counts,
            remarks=tuple(remarks),
            left=tuple(reason for reasons in left for reason in reasons),
            others=others,
            ways=tuple(ways),
        )

    def _left(self, cut: Cut, rows: Bools, ruled: RuleEdited) -> list[str]:
        """Why some clips are left as they are, with their bars, a sentence for each reason."""
        unheard = "MIDI has no pitch so high or so low."
        reasons = np.array([reason or unheard for reason in ruled.reasons])
        numbers = dict.fromkeys(reasons[rows])
        return [f"{self._bars(rows & (reasons == reason), cut)}: {reason}" for reason in numbers]

    def _ruled(self, amounts: Mapping[str, float], seed: int, rows: Bools) -> tuple[RuleEdited, ...]:
        """Some of the model's clips, and all of ``Cut.others``, as the knobs' augmentations edit them."""
        if not rows.any() and not self.cut.others:
            return unedited(self.cut, "")
        edits, reason = self._edits(amounts)
        return unedited(self.cut, reason) if reason else edit_cut(self.cut, rows, edits, seed)

    def _unchanged(self, by_rule: Bools, ruled: Sequence[RuleEdited]) -> list[str]:
        """Where edits by rule had nothing to change."""
        out = []
        for cut, mask, done in zip(
            (self.cut, *self.cut.others), (by_rule, *(other.sounding for other in self.cut.others)), ruled, strict=True
        ):
            same = mask & done.edited & (differing(done.clips, cut.clips) == 0)
            if bars := self._bars(same, cut):
                out.append(f"{bars}: the edit has nothing to change there.")
        return out

    def _comparison(self, amounts: Mapping[str, float], seed: int) -> RuleComparison | None:
        """
        What the edits give, and how near the model comes to them by evidence; None where there is no edit.

        Like the pairs of which evidence speaks, each clip is a piece of its own.
        """
        edits, reason = self._edits(amounts)
        if reason or not edits:
            return None
        clips, clip_format = self.cut.clips, self.model.spec.clip_format
        alone = lone_contexts(clips, clip_format)
        exact, loose = (edit_by_rule(clips, clip_format, edits, alone, seed, exact) for exact in (True, False))
        changed = float((exact.clips != clips).mean())
        error = sum(
            expected_error(self.knob(name).evidence, amounts[name], changed) for name in amounts if amounts[name]
        )
        return RuleComparison(exact, loose, max(1 - STYLE, SURPRISE * error) if error <= 1 - STYLE else 1.0)

    def _edits(self, amounts: Mapping[str, float]) -> tuple[list[AmountedEdit], str]:
        """The augmentations of knobs that are turned, or why one has none."""
        edits: list[AmountedEdit] = []
        for name, amount in amounts.items():
            if not amount:
                continue
            augmentation = None if name in RESERVED_NAMES else self.knob(name).augmentation
            if augmentation is None:
                return [], f"{name} was learned from no edit, so there is no rule for it."
            try:
                edits.append((self.workbench.augment(augmentation), amount))
            except UnknownNameError as error:
                return [], str(error)
        return edits, ""

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
            UsageError: ``similarity`` outside 0 to 1, ``count`` under 1, a seed that is none, or no prior is known.
        """
        if not 0.0 <= similarity <= 1.0:
            raise UsageError(f"The similarity must lie between 0 and 1, not {similarity}.")
        if count < 1:
            raise UsageError(f"The count must be at least 1, not {count}.")
        seed = as_seed(seed)
        if not (self.accepted & self.cut.sounding).any():
            raise ClipError(f"{self.piece.name} has no bars that {self.model.spec.name} carries: {self.carries()}.")
        rng = np.random.default_rng(seed)
        units = required_units(units_of_prior(self.model.spec, self.knobs.values()), self.model)
        structure = self.model.spec.structure
        own, out = np.where(structure.kept, 0, units.inward(self.codes)), []
        for k in range(count):
            prior = np.where(structure.kept, 0, rng.standard_normal(self.codes.shape, dtype=np.float32))
            z = np.stack([slerp(a, b, 1.0 - similarity) for a, b in zip(own, prior, strict=True)])
            z = np.where(structure.kept, self.codes, units.outward(z)).astype(np.float32, copy=False)
            facts = {"similarity": similarity, "draw": k, "seed": seed}
            still = unedited(self.cut, "the model does not carry it, so it has no variation.")
            near = SteeredCodes({}, z, facts, self.accepted & self.cut.sounding, still)
            out.append(self.result(near, self.model.decode(z[near.by_model])))
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
        structure = self.model.spec.structure
        grids = [
            u.outward(interpolation.two_way(a, b, groups, size, rest, structure)) for a, b, u in self._common(other)
        ]
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
            taken, _ = apart(self.knobs.values(), self.model.spec.structure.latent.tolist())
            chosen = [d for d in self.model.spec.structure.latent.tolist() if d not in taken]
        elif dims != "all":
            if dims not in self.knobs:
                known = ["all", "others", *self.knobs]
                raise UnknownNameError("group of dimensions", dims, known, f"for the model {self.model.spec.name}")
            chosen = [d.dim for d in self.knobs[dims].dimensions]
        structure = self.model.spec.structure
        ways = [u.outward(interpolation.one_way(a, b, size, chosen, structure)) for a, b, u in self._common(other)]
        places = [((dims, t),) for t in np.linspace(0.0, 1.0, size)]
        return self._spots(other, np.stack(ways, axis=1), places, {"dims": dims})

    def _common(self, other: Session) -> list[tuple[Codes, Codes, CodeUnits]]:
        """
        The codes of the clips that both pieces have, with the units that they are in.

        Seen from half-way between two codes they are opposite, so their path is straight: where nothing is known of
        the prior, an arc about another point would be as good as any.
        """
        if other.model.spec.model_id != self.model.spec.model_id:
            raise UsageError(f"{self.piece.name} and {other.piece.name} were opened with different models.")
        for session in (self, other):
            n = min(len(self.codes), len(other.codes))
            usable = session.accepted & (session.carried.shifts == 0)
            if not n or session.cut.others:
                raise ClipError(
                    f"{session.piece.name} has bars that are not of {self.model.spec.clip_format.name}, between which "
                    "there is no way: choose others."
                )
            if not usable[:n].all():
                raise ClipError(
                    f"{session.piece.name}: the model {self.model.spec.name} does not accept clip "
                    f"{int(np.flatnonzero(~usable)[0]) + 1}; it carries {_carries(self.model)}."
                )
        units = units_of_prior(self.model.spec, self.knobs.values())
        scale = np.ones(self.codes.shape[1])
        held = self.model.spec.structure.held
        pairs = [
            (a, b, (units or CodeUnits((a + b) / 2.0, scale)).holding(held))
            for a, b in zip(self.codes, other.codes, strict=False)
        ]
        return [(each.inward(a), each.inward(b), each) for a, b, each in pairs]

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
