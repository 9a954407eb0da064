"""Paths and grids between two pieces, of which the same models steer the clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from attrs import evolve, frozen

from latentknobs.core.arrays import ClipBatch, Codes
from latentknobs.core.code_units import CodeUnits
from latentknobs.core.knob import Knob
from latentknobs.core.piece import Cut, Piece
from latentknobs.errors import ClipError, UnknownNameError, UsageError
from latentknobs.steering import interpolation
from latentknobs.steering.control_directions import apart, shares_of
from latentknobs.steering.interpolation import Rest
from latentknobs.steering.prior_codes import units_of_prior
from latentknobs.steering.steered_clips import SteeredClips


@frozen(eq=False)
class Ends:
    """
    The clips of two pieces that one model steers, between which there are ways.

    Attributes:
        first: Those of the first piece.
        last: Those of the second.
        knobs: The model's knobs.
    """

    first: SteeredClips
    last: SteeredClips
    knobs: Mapping[str, Knob]

    @property
    def count(self) -> int:
        """Clips that both have."""
        return min(len(self.first.codes), len(self.last.codes))

    def codes(self) -> list[tuple[Codes, Codes, CodeUnits]]:
        """
        The codes (D,) of the clips that both have, in the units that they are in.

        Seen from half-way between two codes they are opposite, so their path is straight: where nothing is known of
        the prior, an arc about another point would be as good as any.
        """
        spec = self.first.model.spec
        units = units_of_prior(spec, self.knobs.values())
        scale = np.ones(spec.latent_size)
        pairs = [
            (a, b, (units or CodeUnits((a + b) / 2.0, scale)).holding(spec.structure.held))
            for a, b in zip(self.first.codes, self.last.codes, strict=False)
        ]
        return [(each.inward(a), each.inward(b), each) for a, b, each in pairs]

    def grid(self, size: int, rows: Knob, columns: Knob, rest: Rest) -> Codes:
        """Codes of a grid, row by row, float32 (size * size, N, D)."""
        spec = self.first.model.spec
        groups = interpolation.assign(
            [d.dim for d in rows.dimensions],
            [d.dim for d in columns.dimensions],
            spec.latent_size,
            shares_of(rows, spec.latent_size),
            shares_of(columns, spec.latent_size),
        )
        grids = [u.outward(interpolation.two_way(a, b, groups, size, rest, spec.structure)) for a, b, u in self.codes()]
        return np.stack(grids, axis=2).reshape(size * size, len(grids), spec.latent_size)

    def way(self, size: int, dims: str) -> Codes:
        """
        Codes of a way, float32 (size, N, D); ``dims`` is what changes: "all", "others" or a knob's name.

        Raises:
            UnknownNameError: The model has no such knob.
        """
        spec = self.first.model.spec
        chosen: list[int] | None = None
        if dims == "others":
            taken, _ = apart(self.knobs.values(), spec.structure.latent.tolist())
            chosen = [d for d in spec.structure.latent.tolist() if d not in taken]
        elif dims != "all":
            if dims not in self.knobs:
                known = ["all", "others", *self.knobs]
                raise UnknownNameError("group of dimensions", dims, known, f"for the model {spec.name}")
            chosen = [d.dim for d in self.knobs[dims].dimensions]
        ways = [u.outward(interpolation.one_way(a, b, size, chosen, spec.structure)) for a, b, u in self.codes()]
        return np.stack(ways, axis=1)

    def decoded(self, codes: Codes) -> ClipBatch:
        """The clips of codes (places, N, D), int16 (places, N, *shape), of one call of the model."""
        clips = self.first.model.decode(codes.reshape(-1, codes.shape[-1]))
        return clips.reshape(*codes.shape[:2], *clips.shape[1:])

    def cut(self, place: int, places: int) -> Cut:
        """
        The first piece's cut of the clips that both have, as long as in either.

        Notes are held over edges as in the end at that place, between the ends as in either.
        """
        first, last, n = self.first.cut, self.last.cut, self.count
        own, others = first.tied[:n], last.tied[:n]
        return evolve(
            first,
            clips=first.clips[:n],
            tied=own if place == 0 else others if place == places - 1 else own | others,
            starts=first.starts[:n],
            lengths=np.maximum(first.lengths[:n], last.lengths[:n]),
            others=(),
        )


def paired(first: Sequence[SteeredClips], last: Sequence[SteeredClips]) -> list[tuple[SteeredClips, SteeredClips]]:
    """
    The clips of two pieces, model by model in the order of the first, between which there are ways.

    Of pieces of one stretch the first clips are taken, as many as both have; others must have the same bars.

    Raises:
        UsageError: They were opened with different models.
        ClipError: Their stretches differ, or a model does not take a clip as it is.
    """
    a, b = first[0].piece, last[0].piece
    of_format = {part.cut.clip_format: part for part in last}
    others = [of_format.get(part.cut.clip_format) for part in first]
    pairs = [(part, other) for part, other in zip(first, others, strict=True) if other is not None]
    stretched = max(len(a.stretches), len(b.stretches)) > 1
    if len(first) != len(last) or len(pairs) < len(first) or (stretched and any(map(_elsewhere, pairs))):
        raise ClipError(
            f"{a.name} is in {_signatures(a)} and {b.name} in {_signatures(b)}: there is a way only between pieces "
            "with as many bars in each time signature, in the same order; choose such pieces or bars."
        )
    for one, other in pairs:
        if one.model.spec.model_id != other.model.spec.model_id:
            raise UsageError(f"{a.name} and {b.name} were opened with different models: open both with the same.")
    for one, other in pairs:
        n = min(len(one.codes), len(other.codes))
        for part in (one, other):
            usable = part.accepted & (part.carried.shifts == 0)
            usable[n:] = True
            if not usable.all():
                bars = part.bars_named(np.arange(len(usable)) == np.flatnonzero(~usable)[0])
                raise ClipError(
                    f"{part.piece.name}: the model {part.model.spec.name} does not accept {bars[0].lower()}{bars[1:]}; "
                    f"it carries {part.carries()}: choose other bars (--bars)."
                )
    return pairs


def _elsewhere(pair: tuple[SteeredClips, SteeredClips]) -> bool:
    """Whether clips of two pieces stand in different places."""
    a, b = (part.cut for part in pair)
    return not (np.array_equal(a.starts, b.starts) and np.array_equal(a.lengths, b.lengths))


def _signatures(piece: Piece) -> str:
    return ", ".join(str(one.signature) for one in piece.stretches) or "one time signature"


def joined(ends: Sequence[Ends], clips: Sequence[ClipBatch], at: tuple[int, int], name: str) -> Piece:
    """
    The piece of clips between two pieces.

    Args:
        ends: The two pieces, model by model.
        clips: For each model int16 (N, *shape).
        at: Which of how many pieces it is, from the first.
        name: What it is called.
    """
    cut, *more = (each.cut(*at) for each in ends)
    piece = ends[0].first.piece
    steps = max(int((each.starts + each.lengths).max(initial=0)) for each in (cut, *more))
    stretches = piece.stretches
    if len(stretches) == 1:  # as long as what both have
        stretches = (evolve(stretches[0], steps=steps),)
    plain = evolve(piece, notes=(), steps=steps, name=name, remarks=(), source=None, stretches=stretches)
    return plain.with_clips(evolve(cut, others=tuple(more)), clips)
