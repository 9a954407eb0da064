"""Makes a report: what was found of each knob, the theme turned, the grid, and the field's metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from attrs import evolve

from latentknobs import __version__
from latentknobs.analysis.disentanglement_metrics import disentanglement
from latentknobs.analysis.own_melody import own_melody
from latentknobs.backends.loader import DEFAULT_MODEL
from latentknobs.core.arrays import Codes
from latentknobs.core.backend import VAEBackend
from latentknobs.core.corpus import CorpusRequest
from latentknobs.core.knob import Knob
from latentknobs.core.melody_format import MelodyFormat
from latentknobs.core.model_calls import accepted, encode
from latentknobs.core.piece import Piece
from latentknobs.corpora.corpus_spec import DEFAULT_SELECTION, CorpusSelection
from latentknobs.discovery.run_spec import methods_for
from latentknobs.errors import ClipError, CorpusError, UsageError
from latentknobs.evaluation.model_evaluation import spectrum as variances
from latentknobs.report.figures import grid_figure, rolls_figure, variance_figure
from latentknobs.report.formatting import score, signed
from latentknobs.report.html import Report, Section, Table
from latentknobs.report.knobs import knob_section, overlap_table
from latentknobs.session import Session
from latentknobs.steering.control_directions import in_order
from latentknobs.steering.turn_result import TurnResult
from latentknobs.workbench import Workbench

KEPT, MOST = 128, 0.99
"""Components whose share of the variance is marked: the paper's 128, or where there are no more those with 99 %."""
TOGETHER = 512
GRID = 5


def report(
    workbench: Workbench,
    model: str = DEFAULT_MODEL,
    selection: CorpusSelection = DEFAULT_SELECTION,
    *,
    metrics: bool = True,
) -> Report:
    """
    The report of a model and its current knobs.

    Args:
        workbench: Has the models, corpora and knobs.
        model: Name or location of the model.
        selection: The songs, by default of "folk", whose codes are looked at and whose test clips metrics are of. The
            seed also fixes the controls and the confidence intervals.
        metrics: Whether the field's metrics are computed, which takes minutes.

    Raises:
        UnknownNameError: No corpus or model of that name.
        CorpusError: The corpus gives too few clips.
    """
    selection = evolve(selection, corpus=selection.corpus or "folk")
    backend = workbench.model(model)
    spec = backend.spec
    knobs = in_order(workbench.registry.knobs(model_id=spec.model_id))
    facts = {
        "model": f"{spec.name}, {spec.latent_size} dimensions",
        "weights": spec.model_id,
        "latentknobs": __version__,
        "corpus": f"{selection.corpus}, {selection.clips} clips requested, seed {selection.seed}",
        "knobs": ", ".join(f"{k.name} ({k.kind}, {k.verdict})" for k in knobs) or "none",
        "training": _training(spec.training),
    }
    sections = [_size(workbench, backend, model, selection)]
    sections += [knob_section(knob, spec.latent_size) for knob in knobs]
    if len(knobs) > 1:
        sections.append(
            Section(
                "Dimensions in common",
                ("Where it is 0 two knobs have no dimension in common, as the paper found of pitch and rhythm.",),
                (overlap_table(knobs),),
            )
        )
    if isinstance(spec.clip_format, MelodyFormat):
        try:
            sections += _heard(workbench, backend, model, knobs, selection.seed)
        except (ClipError, CorpusError, UsageError) as reason:
            sections.append(Section("The theme turned", (f"Not here: {reason}",)))
    if metrics:
        sections.append(_metrics(disentanglement(workbench, model, selection)))
    return Report(f"Knobs of {spec.name}", facts, tuple(sections))


def _training(card: Mapping[str, Any]) -> str:
    facts = {name: card[name] for name in ("corpus", "steps", "seed", "transposition", "licence") if name in card}
    return "; ".join(f"{name} {value}" for name, value in facts.items()) or "not told"


def _size(workbench: Workbench, backend: VAEBackend, model: str, selection: CorpusSelection) -> Section:
    clips = workbench.clips(str(selection.corpus), model, clips=selection.clips, seed=selection.seed)
    codes: Codes = np.concatenate([encode(backend, clips[i : i + TOGETHER]) for i in range(0, len(clips), TOGETHER)])
    shares = variances(codes)
    held = np.cumsum(shares)
    rows = tuple(
        (str(i), f"{share:.6g}", f"{all_:.6g}") for i, (share, all_) in enumerate(zip(shares, held, strict=True), 1)
    )
    within = int((held < MOST - 1e-9).sum()) + 1
    sizes = ", ".join(f"{int((held < part - 1e-9).sum()) + 1} hold {part:.0%}" for part in (0.5, 0.9, 0.99))
    return Section(
        "How many dimensions vary",
        (
            f"Principal components of the codes (means of the posterior) of {len(codes)} clips: {sizes}.",
            "The paper found over 99 % of the variance of 512 dimensions in the first 128 components (its figure 2).",
        ),
        (
            variance_figure("variance", shares, KEPT if len(shares) > KEPT else within),
            Table("variance", "Share of each component", ("component", "share", "cumulative"), rows, shown=False),
        ),
    )


def _heard(workbench: Workbench, backend: VAEBackend, model: str, knobs: Sequence[Knob], seed: int) -> list[Section]:
    """A theme of the model's time signature, or a sample, as it is and turned, and a grid."""
    session = Session.open(workbench, own_melody(workbench, model), model)
    tune = "The theme" if session.piece.stretches else "A sample of the model"
    pictures = [
        rolls_figure(
            "theme", [session.cut.clips, session.plain], backend.spec.clip_format, ("as written", "decoded"),
            f"{tune} and its plain decoding, {session.accuracy:.1%} of the tokens the same (the paper's figure 5).",
        )
    ]  # fmt: skip
    attributes = methods_for(workbench.plugins, backend.spec.clip_format).attributes
    rows: list[tuple[str, ...]] = []
    at_rest = {a.name: a.measure(session.plain) for a in attributes}

    def turned(label: str, clips: Any) -> None:
        changes = [a.measure(clips) - at_rest[a.name] for a in attributes]
        means = [float(c[np.isfinite(c)].mean()) if np.isfinite(c).any() else None for c in changes]
        same = float((clips == session.plain).mean())
        rows.append((label, *(signed(mean) for mean in means), f"{same:.1%}"))

    movable = [knob for knob in knobs if knob.low < knob.high and knob.operator is not None]
    for knob in movable:
        for amount in _amounts(knob):
            after = session.turn({knob.name: amount}).clips
            label = f"{knob.name} {amount:+g}"
            turned(label, after)
            control = session.turn({"random": amount}, like=knob.name, seed=seed)
            turned(f"random dimensions, as far as {label}", control.clips)
            pictures.append(
                rolls_figure(
                    f"turned-{knob.name.replace('_', '-')}-{_file(amount)}",
                    [session.plain, after, control.clips],
                    backend.spec.clip_format,
                    ["decoded", label, "random dimensions"],
                    f"{tune} with {label} {knob.unit}, and with as many random other dimensions moved as far "
                    f"(the paper's figures 6 and 7){_remarks(control)}.",
                )
            )
    if movable:
        first = movable[0]
        amount = _amounts(first)[-1]
        rest = session.turn({"others": amount}, like=first.name, seed=seed)
        turned(f"all dimensions of no knob, as far as {first.name} {amount:+g}", rest.clips)
        pictures.append(
            rolls_figure(
                "turned-others", [session.plain, rest.clips], backend.spec.clip_format, ("decoded", "the others"),
                f"{tune} with all dimensions moved that belong to no accepted knob (the paper's figure 8)"
                f"{_remarks(rest)}.",
            )
        )  # fmt: skip
    table = Table(
        "turned",
        "Mean change of each attribute over the melody's clips, against its plain decoding, and tokens that stay",
        ("turned", *(a.name for a in attributes), "same tokens"),
        tuple(rows),
    )
    sections = [Section(f"{tune} turned", (), (*pictures, *([table] if rows else [])))]
    if len(movable) > 1:
        other = _other(workbench, backend, model, seed)
        cells = session.two_way(other, GRID, movable[0].name, movable[1].name)
        tokens = np.stack([[cell.clips[0] for cell in row] for row in cells])
        figure = grid_figure("grid", tokens, backend.spec.clip_format, (movable[0].name, movable[1].name))
        sections.append(Section("From one clip to another, two ways", (), (figure,)))
    return sections


def _remarks(turned: TurnResult) -> str:
    return "".join(f"; {remark}" for remark in turned.remarks)


def _amounts(knob: Knob) -> list[float]:
    """Two fitted amounts of the usable range on its longer side, upwards if both are alike: the middle and the last."""
    inside = [a for a in knob.evidence.fitted if knob.low <= a <= knob.high]
    upwards = knob.high >= -knob.low
    up = [a for a in inside if a > 0] if upwards else [a for a in reversed(inside) if a < 0]
    if not up:
        up = [knob.high if upwards else knob.low]
    return list(dict.fromkeys([up[(len(up) - 1) // 2], up[-1]]))


def _file(amount: float) -> str:
    return f"{'minus-' if amount < 0 else ''}{abs(amount):g}".replace(".", "-").replace("+", "")


def _other(workbench: Workbench, backend: VAEBackend, model: str, seed: int) -> Session:
    """A generated melody, free of rights, for the grid's other corner."""
    pitches = backend.spec.pitch_range or (0, 127)
    for song in workbench.songs(
        "factors",
        CorpusRequest(
            clips=512,
            seed=seed,
            pitch_range=pitches,
            clip_format=backend.spec.clip_format,
            cache=workbench.cache_dir,
        ),
    ):
        carried = song.clips[accepted(backend, song.clips)]
        if song.split == "test" and len(carried):
            piece = Piece.join(carried[:1], backend.spec.clip_format, name=song.name)
            return Session.open(workbench, piece, model)
    raise ClipError("none of 512 generated melodies can be carried by the model, so there is no grid.")


def _metrics(result: Mapping[str, Any]) -> Section:
    tables = []
    systems = list(next(iter(next(iter(result["codes"].values())).values())))
    for labels, kinds in result["codes"].items():
        rows = [
            (metric, *(score(kinds[kind][system][metric]["overall"]) for kind in kinds for system in systems))
            for metric in kinds["mean"][systems[0]]
        ]
        headings = ("metric", *(f"{kind}, in {system}" for kind in kinds for system in systems))
        tables.append(Table(f"metrics-{labels}", f"Codes against {labels}", headings, tuple(rows)))
    targets = [
        (name, one["target"], which, *(score(one[which].get(m)) for m in ("interpretability", "scc")))
        for name, one in result["targets"].items()
        for which in ("knob", "best dimension", "probe")
    ]
    if targets:
        headings = ("knob", "target", "read from", "interpretability", "scc")
        tables.append(Table("targets", "What each knob's edit targets, read from one number", headings, tuple(targets)))
    if result["turned"]:
        names = next(iter(result["turned"].values()))["metrics"]
        rows = [(name, *(score(k["metrics"][name]["overall"]) for k in result["turned"].values())) for name in names]
        tables.append(
            Table("control", "Knobs turned over their usable range", ("metric", *result["turned"]), tuple(rows))
        )
    return Section(
        "Metrics of the field",
        (
            (
                f"{result['clips']} {result['split']} clips of {result['songs']} songs; in brackets 95 % by resampling "
                "songs. The knobs' coordinates are learned from edited clips alone, never from an attribute; a probe "
                "is trained on the attribute. Beside them, what AR-VAE's authors publish for folk tunes (Pati & "
                "Lerch 2021): Interpretability 0.22 and SCC 0.44 for a beta-VAE, 0.96 and 0.99 for their model, which "
                "is trained with the attributes."
            ),
        ),
        tuple(tables),
    )
