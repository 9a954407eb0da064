"""
The session: a piece, its codes and the knobs turned on it; what every front end shows.

Each stretch of the piece is steered by the model of its format. A session computes the moved codes z' and has the
models decode them; it knows no terminal and writes no file.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future, wait
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Unpack

import numpy as np
from attrs import define, evolve, field

from latentknobs import scores
from latentknobs.core.arrays import Bools, ClipBatch, Codes, Ints
from latentknobs.core.backend import VAEBackend
from latentknobs.core.clip import ClipFormat
from latentknobs.core.edit_context import EditContext, Key, Reference, parse_pitch
from latentknobs.core.knob import RESERVED_NAMES, Knob
from latentknobs.core.meter import signature_of
from latentknobs.core.model_calls import check_encodes
from latentknobs.core.one_key import reference_of
from latentknobs.core.piece import Cut, Piece, format_for
from latentknobs.core.prefetch import begin
from latentknobs.core.query_spec import KnobQuery
from latentknobs.core.reversed_order import in_reversed_order, with_clips_reversed
from latentknobs.core.seed import as_seed
from latentknobs.errors import ClipError, RegistryError, UnknownNameError, UsageError
from latentknobs.scores.midi_file import score_of
from latentknobs.scores.midi_reader import read_score
from latentknobs.scores.music_file import MusicFile
from latentknobs.scores.reading import Reading, ReadingOptions
from latentknobs.scores.track_selection import pitch_name
from latentknobs.steering.by_rule import AmountedEdit, RuleEdited, RuleEdits, contexts_of_cuts, edit_cuts, unedited
from latentknobs.steering.carried_clips import CarriedClips, differing
from latentknobs.steering.control_directions import check_amount, in_order
from latentknobs.steering.interpolation import Rest
from latentknobs.steering.model_turn import DecodedClips, ModelTurn, control_of
from latentknobs.steering.paths import Ends, joined, paired
from latentknobs.steering.prior_codes import provenance
from latentknobs.steering.steered_clips import SteeredClips, bars_named
from latentknobs.steering.style import Style
from latentknobs.steering.turn_result import (
    ClipCounts,
    GridCell,
    MovedClips,
    SteeredCodes,
    TurnResult,
    clip_ways,
)
from latentknobs.steering.unsteered import Unsteered, unsteered_remarks
from latentknobs.steering.variation import near_clips
from latentknobs.workbench import Workbench

CONDITIONS = 256
"""Clips of which conditions are drawn."""
KNOBS_WAIT = 2.0
"""Seconds that opening a piece waits for its knobs at most; those of a locked registry are waited for when needed."""


def conditions(workbench: Workbench, model: str, corpus: str, seed: int = 0) -> Codes | None:
    """Codes of clips of a corpus, of which a model takes its condition; None without a condition or a corpus."""
    backend = workbench.model(model)
    if backend.spec.condition is None or not corpus:
        return None
    return backend.encode(workbench.clips(corpus, model, clips=CONDITIONS, seed=seed)).mean


def _stored(workbench: Workbench, model_id: str) -> list[Knob | RegistryError]:
    """A model's current knobs with their operators; damaged ones as the error that says what is wrong."""
    return workbench.registry.read(KnobQuery(model=model_id, sort="model"), operators=True)


@define(eq=False)
class Session:
    """
    What a person has open.

    What is said of one model or of one format (``model``, ``codes``, ``plain``, ``carried``, ``accepted``, ...) is that
    of the first of several, which ``parts`` has all.

    Attributes:
        workbench: Where models and knobs come from.
        piece: The piece in hand.
        cut: Its clips: the first model's, and in ``cut.others`` those of the other models, then those of none.
        parts: What each model steers, one or more; the first has no clips where no model has any.
        source_sha256: Hash of the file that the piece came from, "" where it came from none.
        turned: What was done to the codes before the session was opened on them, see :meth:`on`.
        named: The models that it was opened with and their formats, also those that no stretch needs.
        key: The key of the piece, None = estimated from its notes.
        axis: The pitch that stands for its first note where edits ask for that, None = that note's.
        file: The file that the piece came from, None where it came from none.
        reading: How it was read.
        all_by_model: Whether the models turn clips outside their style too.
    """

    workbench: Workbench
    piece: Piece
    cut: Cut
    parts: tuple[SteeredClips, ...]
    source_sha256: str = ""
    turned: Mapping[str, Any] = field(factory=dict)
    named: Mapping[str, ClipFormat] = field(factory=dict)
    key: Key | None = None
    axis: int | None = None
    file: MusicFile | None = None
    reading: Reading = field(factory=Reading)
    all_by_model: bool = False
    _knobs: dict[str, Mapping[str, Knob]] = field(factory=dict)
    _read: Mapping[str, Future[list[Knob | RegistryError]]] = field(factory=dict)
    _known_contexts: dict[int, list[tuple[EditContext, ...]]] = field(factory=dict)

    @classmethod
    def open(
        cls,
        workbench: Workbench,
        source: Piece | Path | MusicFile | None = None,
        model: str | Sequence[str] = (),
        *,
        all_by_model: bool = False,
        key: str = "",
        axis: str = "",
        knobs: Mapping[str, Mapping[str, Knob]] | None = None,
        load: Callable[[str], VAEBackend] | None = None,
        **reading: Unpack[ReadingOptions],
    ) -> Session:
        """
        Open a piece with the models of its time signatures; others are not loaded where their format is known.

        Their knobs are read in other threads meanwhile; what is wrong with the registry is told where one is asked for.

        Args:
            workbench: Where models and knobs come from.
            source: A piece, a file or its bytes, or None for an example that comes with the package.
            model: Name or location of a model, or one for each format; () = those that come with the package.
            all_by_model: Whether the models turn clips outside their style too, which are turned by rule otherwise.
            key: The key of the piece ("D minor"), "" = estimated from its notes.
            axis: The pitch that melodies are turned upside down at ("E4"), "" = its first note.
            knobs: The current knobs of its models that are known already, by model_id and name; None = read them.
            load: Gives a model by its name or location; None = the workbench does. A front end whose clients share a
                worker gives models whose calls are its own.
            reading: How a file is read: the options of :func:`latentknobs.scores.read_piece`.

        Raises:
            MidiError: The file cannot be read as a melody.
            ClipError: The piece has no clip of a model's format, and none that can be edited by rule.
            UsageError: A model has no encoder, or two are of one time signature or of different grids; or no such key
                or pitch.
        """
        if knobs is None:
            begin(Workbench.open_registry, workbench)
        given_key, given_axis = Key.parse(key) if key else None, parse_pitch(axis) if axis else None
        load = load or workbench.model
        names = (model,) if isinstance(model, str) else tuple(model) or workbench.models.defaults
        if len(names) == 1:
            check_encodes(load(names[0]).spec)
            formats = [load(names[0]).spec.clip_format]
        else:
            formats = list(workbench.models.formats(names, load))
        options = Reading(**reading)
        if source is None:
            source = (scores.example_for(formats[0]) or scores.TWINKLE).path
        file = MusicFile.read(source) if isinstance(source, Path) else source if isinstance(source, MusicFile) else None
        if isinstance(source, Piece):
            piece = source
        else:
            assert file is not None
            piece = read_score(score_of(file.data, file.path), formats[0], options, formats[1:])
        needed = {format_for(stretch, formats) for stretch in piece.stretches} - {None}
        backends = [load(name) for k, name in enumerate(names) if k in (needed or {0})]
        for backend in backends:
            check_encodes(backend.spec)
        ids = {backend.spec.model_id for backend in backends} - {*(knobs or ())}
        read = {model_id: begin(partial(_stored, workbench), model_id) for model_id in ids}
        cut = piece.cut(*(backend.spec.clip_format for backend in backends))
        if not len(cut.clips) and not cut.others:
            raise ClipError(
                f"{piece.name} has no whole bar of {signature_of(cut.clip_format)}: it is "
                f"{piece.steps / cut.clip_format.steps_per_beat:g} quarter notes in "
                f"{', '.join(sorted({str(one.signature) for one in piece.stretches}))}; open music that has one, or "
                "name a model for it."
            )
        pairs = zip(backends, (cut, *cut.others), strict=False)
        parts = (SteeredClips.of(backend, piece, own, all_by_model=all_by_model) for backend, own in pairs)
        known = dict(zip(names, formats, strict=True))
        out = cls(
            workbench,
            piece,
            cut,
            tuple(parts),
            "" if file is None else file.sha256,
            named=known,
            key=given_key,
            axis=given_axis,
            file=file,
            reading=options,
            all_by_model=all_by_model,
        )
        wait(read.values(), timeout=KNOBS_WAIT)
        return evolve(out, knobs=dict(knobs or {}), read=read)

    # What is known of the first model alone.

    @property
    def model(self) -> VAEBackend:
        """The model in use."""
        return self.parts[0].model

    @property
    def carried(self) -> CarriedClips:
        """What the model can carry of the clips."""
        return self.parts[0].carried

    @property
    def codes(self) -> Codes:
        """Its codes: float32 (N, D), posterior means, or what :meth:`on` made of them; zeros where not accepted."""
        return self.parts[0].codes

    @property
    def plain(self) -> ClipBatch:
        """Decodings of these codes, int16 (N, *shape): what amount 0 gives."""
        return self.parts[0].plain

    @property
    def accepted(self) -> Bools:
        """Which clips the model takes, some of them octaves away, bool (N,)."""
        return self.parts[0].accepted

    def carries(self) -> str:
        """What clips the model carries, as far as its notes tell."""
        return self.parts[0].carries()

    def control(self, name: str, knob: Knob, amount: float, seed: int) -> Codes:
        """The displacement of one of the paper's controls."""
        return control_of(self.parts[0], self.knobs_of(self.model), knob, (name, amount), seed)

    # What is known of all.

    @property
    def cuts(self) -> tuple[Cut, ...]:
        """All clips, format by format: those of the models, then those that are in no model's format."""
        return (self.cut, *self.cut.others)

    @property
    def in_order(self) -> list[int]:
        """The places of all clips, one cut after the other, by where they start in the piece."""
        starts = [int(start) for cut in self.cuts for start in cut.starts]
        return sorted(range(len(starts)), key=starts.__getitem__)

    @property
    def knobs(self) -> Mapping[str, Knob]:
        """The models' current knobs by name, accepted ones first; of the first model that has one of that name."""
        every: dict[str, Knob] = {}
        for part in self.parts:
            every = {**self.knobs_of(part.model), **every} if every else dict(self.knobs_of(part.model))
        return {knob.name: knob for knob in in_order(every.values())} if len(self.parts) > 1 else every

    def knobs_of(self, model: VAEBackend) -> Mapping[str, Knob]:
        """The current knobs of one of the models, accepted ones first."""
        model_id = model.spec.model_id
        if model_id not in self._knobs:
            from latentknobs.registry.knob_loader import sound

            stored = self._read[model_id].result() if model_id in self._read else _stored(self.workbench, model_id)
            self._knobs[model_id] = {knob.name: knob for knob in in_order(sound(stored))}
        return self._knobs[model_id]

    def knob(self, name: str) -> Knob:
        """
        The current knob of that name, of the first model that has one; of one that no stretch needs if no other has.

        Raises:
            UnknownNameError: No model has one.
            RegistryError: It is damaged.
        """
        return next((knob for knob in self._named(name) if knob is not None), None) or self._unneeded(name)

    def _named(self, name: str) -> list[Knob | None]:
        """For each model its knob of that name, None for all if only :meth:`_unneeded` has one; errors as of that."""
        own = [self.knobs_of(part.model).get(name) for part in self.parts]
        if not any(own):
            self._unneeded(name)
        return own

    def _unneeded(self, name: str) -> Knob:
        """The knob of that name of the first model that no stretch needs and has one; errors as of :meth:`knob`."""
        models = [part.model for part in self.parts]
        for other in map(self.workbench.model, self.named if len(self.named) > 1 else ()):
            if knob := self.knobs_of(other).get(name):
                return knob
            if other.spec.model_id not in {model.spec.model_id for model in models}:
                models.append(other)
        if len(models) == 1:
            return self.workbench.registry.knob(models[0].spec.model_id, name)
        every = [known for model in models for known in self.knobs_of(model)]
        names = " or ".join(model.spec.name for model in models)
        raise UnknownNameError("knob", name, list(dict.fromkeys(every)), f"for the models {names}")

    @property
    def differing(self) -> Ints:
        """On how many steps the decoding of the unchanged code differs from each of the models' clips, (N,)."""
        return np.concatenate([part.differing for part in self.parts])

    @property
    def accuracy(self) -> float:
        """Share of the accepted clips' tokens that the models reconstruct, 0 to 1; 0 where they accept none."""
        same = [(part.plain == part.cut.clips)[part.accepted].ravel() for part in self.parts]
        every = np.concatenate(same)
        return float(every.mean()) if every.size else 0.0

    @cached_property
    def style(self) -> Style:
        """
        How far the piece is from what the models know, clip by clip; see :class:`~latentknobs.steering.style.Style`.

        Its log-probabilities are computed when it is first asked for; it speaks of the piece, not of what :meth:`on`
        made of its codes.
        """
        count = sum(len(part.codes) for part in self.parts)
        return Style.joined([part.style for part in self.parts], [k for k in self.in_order if k < count])

    def remarks(self) -> tuple[str, ...]:
        """What people should know of the piece: how it was read, and which clips no model carries as they are."""
        out = [*self.piece.remarks, *(remark for part in self.parts for remark in part.remarks())]
        out += unsteered_remarks(self.piece, self.cuts[len(self.parts) :], tuple(self.named.values()))
        return tuple(out)

    def unsteered(self, cut: Cut, k: int) -> Unsteered:
        """Why no model steers a clip of the cuts that are of none."""
        return Unsteered.of(self.piece, cut, k, tuple(self.named.values()))

    def join(self, clips: ClipBatch, others: Sequence[ClipBatch] | None = None, *, backwards: bool = False) -> Piece:
        """
        The session's clips (N, *shape), and those of ``Cut.others``, in the place of those of the piece in hand.

        Args:
            clips: Of the first cut.
            others: Of the others; None = as they are.
            backwards: Whether the last clip of each stretch comes first.
        """
        batches = [clips, *((other.clips for other in self.cut.others) if others is None else others)]
        if backwards:
            return evolve(with_clips_reversed(self.piece, self.cut, batches), remarks=())
        return evolve(self.piece.with_clips(self.cut, batches), remarks=())

    def provenance(self, **facts: Any) -> dict[str, Any]:
        """Where a result comes from: models, source and version, with the facts of the operation."""
        own: dict[str, Any] = {"source": self.piece.name, "source_sha256": self.source_sha256}
        if len(self.parts) > 1:
            own["models"] = {part.model.spec.name: part.model.spec.model_id for part in self.parts}
        return provenance(self.model, **own, **self.turned, **facts)

    # Turning.

    def turn(self, amounts: Mapping[str, float], *, like: str | None = None, seed: int = 0) -> TurnResult:
        """
        Turn knobs on the whole piece; with no knobs, or at amount 0, the decoding of the unchanged codes.

        Of several models each turns its own knob of that name. The clips of one that lacks it are edited by rule.

        Args:
            amounts: Knob name to amount. ``random`` and ``others`` are the paper's controls: see :meth:`control`.
            like: The knob whose length a control has; None = the first turned knob that is no control, else
                the model's first.
            seed: Of the controls.

        Raises:
            UnknownNameError: No model has such a knob.
            AmountError: An amount that a knob cannot be turned by.
        """
        moved = self.move(amounts, like=like, seed=seed)
        return self.result(moved, [self._decoded(*one) for one in zip(self.parts, moved.moved, strict=True)])

    @staticmethod
    def _decoded(part: SteeredClips, moved: MovedClips) -> ClipBatch:
        rows = moved.by_model
        if np.array_equal(moved.codes[rows], part.carried.codes[rows]):
            return part.carried.decoded(rows)  # decoded when the session was opened
        return part.model.decode(moved.codes[rows])

    def move(self, amounts: Mapping[str, float], *, like: str | None = None, seed: int = 0) -> SteeredCodes:
        """The codes that :meth:`turn` decodes: arguments and errors are its own."""
        named = {name: self._named(name) for name in amounts if name not in RESERVED_NAMES}
        facts: dict[str, Any] = {"knobs": dict(amounts), "operators": {}}
        facts |= {} if self.key is None else {"key": str(self.key)}
        facts |= {} if self.axis is None else {"axis": self.axis}
        for name, own in named.items():
            first, *namesakes = [knob for knob in own if knob is not None] or [self._unneeded(name)]
            check_amount(first, amounts[name], alike=namesakes)
            hashes = {knob.model_name: knob.operator_sha256 for knob in (first, *namesakes)}
            facts["operators"][name] = hashes if len(own) > 1 or not any(own) else first.operator_sha256
        controls = [name for name in RESERVED_NAMES if name in amounts]
        measures = self._measures(controls[0], like, named) if controls else [None] * len(self.parts)
        for name in controls:
            first, *namesakes = [knob for knob in measures if knob is not None]
            check_amount(first, amounts[name], name, alike=namesakes)
            facts |= {"like": first.name, "seed": seed}
        fallback = {name: self.knob(name) for name in named}
        contexts = self._contexts(seed)
        turns = []
        for k, (part, measure) in enumerate(zip(self.parts, measures, strict=True)):
            turned = {name: knob for name, own in named.items() if (knob := own[k]) is not None}
            edits = self._edits({**fallback, **turned}, amounts)
            others = measure is not None or any(knob.evidence.relative_to for knob in turned.values())
            known = self.knobs_of(part.model) if others else {}
            turns.append(ModelTurn(part, amounts, known, turned, measure, edits, seed, contexts[k]))
        rest = self.cuts[len(turns) :]
        all_edits = (*(turn.edits for turn in turns), *([self._edits(fallback, amounts)] * len(rest)))
        rows = (*(turn.by_rule for turn in turns), *(cut.sounding for cut in rest))
        ruled = edit_cuts(self.cuts, rows, all_edits, contexts, seed)
        moved = tuple(turn.moved(done) for turn, done in zip(turns, ruled, strict=False))
        remarks = dict.fromkeys(
            remark for turn, done in zip(turns, ruled, strict=False) for remark in turn.remarks(done)
        )
        references = {reference_of(edit) for one in all_edits for edit, _ in one.edits}
        references |= {
            knob.evidence.relative_to for turn in turns for name, knob in turn.named.items() if amounts[name]
        }
        remarks |= dict.fromkeys(self._told(references, next((one[0] for one in contexts if one), None)))
        backwards = self._reverses_order(name for name in named if amounts[name])
        return SteeredCodes(dict(amounts), moved, facts, ruled, all_edits, tuple(remarks), seed, backwards)

    def _reverses_order(self, names: Iterable[str]) -> bool:
        """Whether time runs backwards under these knobs together."""
        backwards = False
        for name in names:
            edits = self._edits({name: self.knob(name)}, {name: 1.0}).edits
            backwards ^= any(getattr(edit, "reverses_order", False) for edit, _ in edits)
        return backwards

    def _contexts(self, seed: int) -> list[tuple[EditContext, ...]]:
        """For each cut where its clips stand in the piece, for edits that draw by this seed."""
        contexts = self._known_contexts.get(seed)
        if contexts is None:
            contexts = contexts_of_cuts(self.cuts, seed, self.key, self.axis)
            self._known_contexts.clear()  # one seed is in use at a time
            self._known_contexts[seed] = contexts
        return contexts

    def _told(self, references: Collection[Reference], context: EditContext | None) -> list[str]:
        """The key and the axis that edits go by."""
        out = []
        if {"key", "tonic"} & {*references} and context is not None and context.key is not None:
            out.append(f"The key is {context.key}{', estimated from the notes' if context.key.estimated else ''}.")
        if "first-note" in references and context is not None and context.first is not None:
            said = "" if self.axis is not None else ", its first note"
            out.append(f"The axis is {pitch_name(context.first.pitch)}{said}.")
        if references and self.axis is not None and "first-note" not in references:
            out.append("The axis is left out: no knob that is turned goes around a pitch of one's own.")
        if references and self.key is not None and not {"key", "tonic"} & {*references}:
            out.append("The key is left out: no knob that is turned goes by it.")
        return out

    def _measures(self, name: str, like: str | None, named: Mapping[str, Sequence[Knob | None]]) -> list[Knob]:
        """For each model the knob whose length a control has: the same name for all."""
        names = [like] if like else [*named, *self.knobs]
        if not names:
            raise UnknownNameError("knob", name, (), f"for the model {self.model.spec.name}")
        for each in names:
            if None not in (own := self._named(each)):
                return [knob for knob in own if knob is not None]
        lacks = next(part.model for part, knob in zip(self.parts, self._named(names[0]), strict=True) if knob is None)
        raise UnknownNameError("knob", names[0], self.knobs_of(lacks), f"for the model {lacks.spec.name}")

    def _edits(self, knobs: Mapping[str, Knob | None], amounts: Mapping[str, float]) -> RuleEdits:
        """The augmentations of knobs that are turned, or why one has none."""
        edits: list[AmountedEdit] = []
        for name, amount in amounts.items():
            if not amount:
                continue
            knob = knobs.get(name)
            if knob is None or knob.augmentation is None:
                return RuleEdits(reason=f"{name} was learned from no edit, so there is no rule for it.")
            try:
                edits.append((self.workbench.augment(knob.augmentation), amount))
            except UnknownNameError as error:
                return RuleEdits(reason=str(error))
        return RuleEdits(tuple(edits))

    def result(self, moved: SteeredCodes, decoded: Sequence[ClipBatch]) -> TurnResult:
        """What turning gave, of the moved codes and, for each model, the decodings of those that it turns."""
        models = [DecodedClips.of(*each) for each in zip(self.parts, moved.moved, decoded, strict=True)]
        none = [np.zeros(len(cut.clips), dtype=bool) for cut in self.cuts]
        by_model = [*(one.by_model for one in models), *none[len(models) :]]
        remarks, ruled = list(moved.remarks), moved.ruled
        apart = [bars for part, one in zip(self.parts, models, strict=True) if (bars := part.bars_named(one.apart))]
        if apart:
            remarks += [f"{bars}: by rule, as the model would make other notes of them." for bars in apart]
            rows = [cut.sounding & ~own for cut, own in zip(self.cuts, by_model, strict=True)]
            ruled = edit_cuts(self.cuts, rows, moved.edits, self._contexts(moved.seed), moved.seed)
        shifts = [*(part.carried.shifts != 0 for part in self.parts), *none[len(models) :]]
        clips, ways, left = (
            [*(one.clips for one in models), *(cut.clips.copy() for cut in self.cuts[len(models) :])],
            [],
            [],
        )
        for k, (cut, own, done) in enumerate(zip(self.cuts, by_model, ruled, strict=True)):
            by_rule = cut.sounding & ~own & done.edited
            clips[k][by_rule] = done.clips[by_rule]
            if any(moved.amounts.values()) and not moved.reverses_order:
                same = by_rule & (differing(done.clips, cut.clips) == 0)
                if bars := bars_named(self.piece, (cut, same)):
                    remarks.append(f"{bars}: the edit has nothing to change there.")
            ways.append(clip_ways(cut.sounding, by_rule, own, shifts[k]))
            left += self._left(cut, cut.sounding & ~own & ~by_rule, done)
        tokens = sum(part.cut.clips[part.cut.sounding].size for part in self.parts)
        right = sum(int(part.carried.reconstructed[part.cut.sounding].sum()) for part in self.parts)
        return TurnResult(
            moved.amounts,
            self.piece,
            self.join(clips[0], clips[1:], backwards=moved.reverses_order),
            clips[0],
            tuple(one.codes for one in moved.moved),
            self.provenance(**moved.facts),
            ClipCounts.of(ways, right / max(tokens, 1)),
            remarks=tuple(remarks),
            left=tuple(left),
            others=tuple(clips[1:]),
            ways=in_reversed_order(self.piece, self.cut, ways) if moved.reverses_order else tuple(ways),
        )

    def _left(self, cut: Cut, rows: Bools, ruled: RuleEdited) -> list[str]:
        """Why some clips are left as they are, with their bars, a sentence for each reason."""
        unheard = "MIDI has no pitch so high or so low."
        reasons = np.array([reason or unheard for reason in ruled.reasons])
        return [
            f"{bars_named(self.piece, (cut, rows & (reasons == reason)))}: {reason}"
            for reason in dict.fromkeys(reasons[rows])
        ]

    def on(self, turned: TurnResult) -> Session:
        """This session on the codes that turning gave: grids and ways then start or end at what is heard."""
        facts = {name: turned.provenance[name] for name in ("knobs", "like", "seed") if name in turned.provenance}
        clips = (turned.clips, *turned.others)
        parts = tuple(
            evolve(part, codes=codes, plain=plain)
            for part, codes, plain in zip(self.parts, turned.codes_by_model, clips, strict=False)
        )
        return evolve(self, parts=parts, turned=facts)

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
        if not any((part.accepted & part.cut.sounding).any() for part in self.parts):
            raise ClipError(
                f"{self.piece.name} has no bars that {self.model.spec.name} carries: {self.carries()}; choose others."
            )
        rng, out = np.random.default_rng(seed), []
        for k in range(count):
            near = tuple(near_clips(part, self.knobs_of(part.model), similarity, rng) for part in self.parts)
            facts = {"similarity": similarity, "draw": k, "seed": seed}
            still = unedited(self.cuts, "no model carries it, so it has no variation.")
            moved = SteeredCodes({}, near, facts, still)
            decoded = [part.model.decode(z) for part, z in zip(self.parts, moved.to_decode, strict=True)]
            out.append(self.result(moved, decoded))
        return out

    def widget(self, frontend: str = "notebook", **options: Any) -> Any:
        """
        What a notebook shows of this session.

        Args:
            frontend: The front end that makes it; the package's is
                :class:`~latentknobs.frontends.notebook.widget.SessionWidget`.
            options: Its own.

        Raises:
            UnknownNameError: No front end of that name has one for notebooks.
            MissingExtraError: The extra ``notebook`` is not installed.
        """
        return self.workbench.plugins.widget(frontend)(self, **options)

    # Between two pieces.

    def two_way(self, other: Session, size: int, rows: str, columns: str, rest: Rest = "mean") -> list[list[GridCell]]:
        """
        A grid of pieces: this one top left, the other bottom right.

        Clip k goes to the other's clip k, for as many clips as both have; pieces of several time signatures have the
        same bars.

        Args:
            other: The other piece, opened with the same models.
            size: Rows and columns, at least 2.
            rows: The knob whose dimensions change from top to bottom.
            columns: The knob whose dimensions change from left to right.
            rest: How the other dimensions go: see :func:`latentknobs.steering.interpolation.two_way`.

        Raises:
            UnknownNameError: A model has no such knob.
            UsageError: The same knob both ways, a size under 2, or sessions with different models.
            ClipError: The stretches of the pieces differ.
        """
        if rows == columns:
            raise UsageError(f"Rows and columns are both {rows!r}; name two different knobs.")
        row_knobs, column_knobs = self._measures(rows, rows, {}), self._measures(columns, columns, {})
        ends = self._ends(other)
        codes = [one.grid(size, a, b, rest) for one, a, b in zip(ends, row_knobs, column_knobs, strict=True)]
        t = np.linspace(0.0, 1.0, size)
        places = [((rows, down), (columns, across)) for down in t for across in t]
        cells = self._spots(other, ends, codes, places, {"rows": rows, "columns": columns, "rest": rest})
        return [cells[start : start + size] for start in range(0, size * size, size)]

    def one_way(self, other: Session, size: int, dims: str = "all") -> list[GridCell]:
        """
        A way from this piece to the other.

        Args:
            other: The other piece, opened with the same models.
            size: Number of pieces, at least 2.
            dims: What changes: "all" dimensions, a knob's, or the "others" that are left to no knob.

        Raises:
            UnknownNameError: A model has no such knob.
            UsageError: A size under 2, or sessions with different models.
            ClipError: The stretches of the pieces differ.
        """
        ends = self._ends(other)
        codes = [one.way(size, dims) for one in ends]
        places = [((dims, t),) for t in np.linspace(0.0, 1.0, size)]
        return self._spots(other, ends, codes, places, {"dims": dims})

    def _ends(self, other: Session) -> list[Ends]:
        for session in (self, other):
            if len(session.cuts) > len(session.parts):
                rest = next(cut for cut in session.cuts[len(session.parts) :] if len(cut.clips))
                why = session.unsteered(rest, 0)
                bars = bars_named(session.piece, (rest, np.arange(len(rest.clips)) == 0))
                advice = why.advice or "; choose other bars (--bars) or name a model for these (--model)"
                raise ClipError(
                    f"{session.piece.name} cannot be one end of a way: {bars[0].lower()}{bars[1:]}: "
                    f"{why.reason}{advice}."
                )
        return [Ends(a, b, self.knobs_of(a.model)) for a, b in paired(self.parts, other.parts)]

    def _spots(
        self,
        other: Session,
        ends: Sequence[Ends],
        codes: Sequence[Codes],
        places: Sequence[tuple[tuple[str, Any], ...]],
        facts: Mapping[str, Any],
    ) -> list[GridCell]:
        """The pieces at these places with the codes of each model (places, N, D), decoded in one call of it."""
        clips_at = [one.decoded(own) for one, own in zip(ends, codes, strict=True)]
        name = f"{self.piece.name}_to_{other.piece.name}"
        to: dict[str, Any] = {"target": other.piece.name, "target_sha256": other.source_sha256}
        if other.turned:
            to["target_turned"] = dict(other.turned)
        out = []
        for k, at in enumerate(places):
            clips = [own[k] for own in clips_at]
            piece = joined(ends, clips, (k, len(places)), name)
            place = tuple((way, float(t)) for way, t in at)
            provenance = self.provenance(**to, at=dict(place), **facts)
            out.append(GridCell(place, piece, clips[0], provenance, tuple(clips[1:])))
        return out
