"""``latentknobs try``: from an edit's file to its knob's card and pictures, and nothing kept unless asked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from attrs import asdict, evolve, frozen
from numpy.typing import NDArray

from latentknobs import scores
from latentknobs.backends.loader import DEFAULT_MODEL
from latentknobs.core.arrays import ClipBatch
from latentknobs.core.augmentation import Augmentation, in_context
from latentknobs.core.backend import VAEBackend
from latentknobs.core.edit_context import EditContext, Reference, chosen, contexts_of, lone_contexts
from latentknobs.core.experiment import QUICK
from latentknobs.core.knob import Knob
from latentknobs.core.melody_format import MelodyFormat
from latentknobs.core.one_key import semitones_above, transposed_clips, transposed_context
from latentknobs.core.piece import Piece
from latentknobs.core.plugin_guard import run_augmentation
from latentknobs.core.run import Run
from latentknobs.corpora.corpus_spec import default_corpus
from latentknobs.errors import DiscoveryError, MidiError, PluginError, UsageError
from latentknobs.frontends.cli import options, plugin_check
from latentknobs.frontends.cli.context import echo, program, say
from latentknobs.frontends.cli.melody_files import check_target, piece_writer
from latentknobs.frontends.cli.output import as_json, best_knobs, failed_criteria, knob_card, roll, run_facts
from latentknobs.frontends.cli.plugin_check import failures, summary
from latentknobs.hooks.manager import Plugins
from latentknobs.hooks.trust import trust
from latentknobs.plots import draw_rolls
from latentknobs.steering.turning import Frame, pitch_knob, turn
from latentknobs.workbench import Workbench, load_plugins

CLIPS = 2048
"""As many as give every split enough songs for a first look."""
LOOK = evolve(QUICK, fits=("ridge",), sample_clips=128)
"""The fit that serves most edits, and few codes for bases that differentiate the decoder: seconds, not a minute."""
SHOWN = 3
"""Clips of the picture and of the melodies."""
HEARD = ("before", "edit", "knob")
"""The melodies that are written beside the picture."""


def try_(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A plugin's file that offers an edit.")],
    corpus: Annotated[str, typer.Option(help="Corpora joined with + [the file's, else the edit's own].")] = "",
    clips: options.Clips = CLIPS,
    model: Annotated[
        str, typer.Option(help=f"Shipped name, path, or KIND:LOCATION of the model [the file's, else {DEFAULT_MODEL}].")
    ] = "",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="OUT.png", help="The picture [the file's name, here]."),
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Store the knob in the registry; by default nothing is stored.")
    ] = False,
    registry: options.Registry = None,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    force: options.Force = False,
    json: options.Json = False,
) -> None:
    """
    Check an edit's file, trust it, run a quick discovery, and show the knob's card and a clip before and after.

    Beside the picture, clips before, after the edit and with the knob turned are written as MIDI and WAV. What an
    earlier trial has written there is replaced.
    """
    picture = output or Path(f"{file.stem}.png")
    melodies = [picture.with_name(f"{picture.stem}-{name}{end}") for name in HEARD for end in (".mid", ".wav")]
    if registry is not None and not keep:
        raise UsageError("--registry says where --keep stores the knob; add --keep, or leave it out.")
    if not file.is_file():
        raise UsageError(f"There is no file {file}; write one with latentknobs plugins new.")
    force = force or all(_of_a_trial(path) for path in melodies if path.suffix == ".mid")
    check_target(picture, force=force, suffixes=(".png",))
    for melody in melodies:
        check_target(melody, force=force)
    outcomes = plugin_check.check(str(file))
    if failed := failures(outcomes):
        for outcome in failed:
            say(f"failed: {outcome.name}: {outcome.message}")
        raise PluginError(f"{file} fails {len(failed)} of {len(outcomes)} checks; nothing was discovered.")
    say(f"{file}: {summary(outcomes)}")
    trust(file)
    context = program(ctx)
    plugins = load_plugins(context.plugins_dir)
    offers = _offers(plugins, file)  # before a workbench takes the models that there are
    full = evolve(context, plugins=plugins)
    from latentknobs.backends.devices import one_thread  # loads torch

    # Threads that wait for one another on a busy machine take five times as long; on a quiet one they save little.
    with one_thread(), full.workbench(registry, device) as workbench:
        edits = list(offers["augmentations"].values())
        shipped = [name for backend in offers.get("backends", {}).values() for name in backend.shipped]
        model = model or (shipped[0] if shipped else DEFAULT_MODEL)
        clip_format = workbench.model(model).spec.clip_format.name
        corpus = corpus or "+".join(n for n, one in offers.get("corpora", {}).items() if one.clip_format == clip_format)
        runs = [
            workbench.discover(
                edit.name, corpus=corpus or None, model=model, clips=clips, seed=seed, settings=LOOK, keep=keep
            )
            for edit in edits
        ]
        looks = [_look(workbench, edit, run, model, corpus) for edit, run in zip(edits, runs, strict=True)]
    _draw(looks[0], picture, force=force)
    for melody in melodies:
        _write(looks[0], melody, force=force)
    if json:
        facts = {"checks": [asdict(outcome) for outcome in outcomes], "runs": [run_facts(run) for run in runs]}
        as_json({**facts, "picture": str(picture), "melodies": [str(melody) for melody in melodies]})
        return
    for look in looks:
        knob_card(look.knob)
        _show(look)
    say(f"written to {picture} and, to listen to, {melodies[0].with_suffix('')}, -edit and -knob (.mid and .wav)")
    for look in looks:
        reasons = failed_criteria(look.knob)
        if not look.knob.low <= look.amount <= look.knob.high:
            shown = f"the pictures show {look.amount:+g}, an amount of the edit outside the usable range"
            say(f"{look.knob.name}: {shown}, which has none of them.")
        echo(f"{look.knob.name}: {look.knob.verdict}" + (f" ({reasons})" if reasons else ""))
    if not keep:
        say("The knob was not stored: --keep stores it, and latentknobs discover judges it in full.")


def _offers(plugins: Plugins, file: Path) -> dict[str, dict[str, Any]]:
    """What the file offers, an edit at least, beside all other plugins."""
    report = plugins.add_file(file)
    if report.state != "loaded":
        raise PluginError(report.error or f"{file} could not be loaded.")
    offers = plugins.offered_by(report.name)
    if not offers.get("augmentations"):
        raise UsageError(f"{file} offers no augmentation, so there is no knob to look for; its checks passed.")
    return offers


@frozen(eq=False)
class QuickLook:
    """
    What an edit and its knob do to a few clips.

    Attributes:
        edit: The edit.
        knob: Its knob.
        amount: By how much both are turned.
        model: The model.
        rows: Name to int16 (n, *shape): the clips, edited, decoded as they are, and with the knob turned.
    """

    edit: Augmentation
    knob: Knob
    amount: float
    model: VAEBackend
    rows: dict[str, ClipBatch]


def _look(workbench: Workbench, edit: Augmentation, run: Run, model_name: str, corpus: str) -> QuickLook:
    knobs = best_knobs([run])
    if not knobs:
        raise DiscoveryError(f"The discovery of {edit.name} gave no knob.")
    knob, model = knobs[0], workbench.model(model_name)
    form = model.spec.clip_format
    theme = (scores.example_for(form) or scores.TWINKLE).piece.cut(form).clips
    kept = np.flatnonzero(model.accepts(theme))
    more = workbench.clips(corpus or default_corpus([edit]), model_name, clips=64)
    clips = np.concatenate([theme[kept], more])
    contexts = (*chosen(contexts_of(theme, form), kept), *lone_contexts(more, form))
    pitch = pitch_knob(workbench.registry.knobs(model_id=model.spec.model_id))
    if knob.evidence.relative_to and pitch is None and isinstance(form, MelodyFormat):
        # Shown in the one key that it was learned in.
        clips, contexts = _in_one_key(clips, contexts, knob.evidence.relative_to, model)
    # The largest amount that the knob may be turned by and that can be shown: there it is seen best.
    usable = [a for a in edit.amounts if knob.low <= a <= knob.high] or list(edit.amounts)
    for amount in sorted(usable, key=lambda a: (-abs(a), -a)):
        valid = run_augmentation(in_context(edit, contexts), clips, amount, np.random.default_rng(0), form).valid
        if valid.any():
            break
    rows = np.flatnonzero(valid)[:SHOWN]
    before, told = clips[rows], in_context(edit, chosen(contexts, rows))
    edited = run_augmentation(told, before, amount, np.random.default_rng(0), form).clips
    codes = model.encode(before).mean
    frames = {}
    if knob.evidence.relative_to and pitch is not None:
        where = chosen(contexts, rows)
        frames[knob.name] = Frame.of(knob.evidence.relative_to, pitch, where, np.zeros(len(rows), dtype=np.int64))
    turned = turn(codes, [(knob, amount)], frames)
    by = f"{amount:+g} {edit.unit}".rstrip()
    states = {
        "before": before,
        f"edit {by}": edited,
        "knob at 0": model.decode(codes),
        f"knob {by}": model.decode(turned),
    }
    return QuickLook(edit, knob, amount, model, states)


def _in_one_key(
    clips: ClipBatch, contexts: tuple[EditContext, ...], reference: Reference, model: VAEBackend
) -> tuple[ClipBatch, tuple[EditContext, ...]]:
    """Clips and contexts in the key that a knob was learned in; without those that leave the model's pitches there."""
    by = [-semitones_above(reference, context) for context in contexts]
    moved = np.stack([transposed_clips(clip, n) for clip, n in zip(clips, by, strict=True)])
    valid = np.flatnonzero(model.spec.clip_format.valid(moved))
    kept = valid[model.accepts(moved[valid])]
    return moved[kept], tuple(transposed_context(contexts[row], by[row]) for row in kept)


def _show(look: QuickLook) -> None:
    """The first clip in the terminal: what the edit does to it, and what the knob makes of its code."""
    form = look.model.spec.clip_format
    names = list(look.rows)
    for before, after in ((0, 1), (2, 3)):
        echo(f"{names[after]}, on the left {names[before]}")
        one, other = (look.rows[names[k]][0] for k in (before, after))
        echo(roll(one, other, form))
        echo("")


def _of_a_trial(path: Path) -> bool:
    """Whether a melody says that it was written here: then what lies beside it may be written again."""
    try:
        return "shows" in (scores.read_provenance(path) or {})
    except MidiError:  # there is none, or it is not ours
        return False


def _write(look: QuickLook, path: Path, *, force: bool) -> None:
    """Write the melody that a path names, one clip after another."""
    name = path.stem.rpartition("-")[2]
    rows = dict(zip((*HEARD[:2], "plain", HEARD[2]), look.rows.values(), strict=True))
    form = look.model.spec.clip_format
    piece = Piece.join(rows[name], form, name=f"{look.edit.name}, {name}")
    provenance = {"edit": look.edit.name, "amount": look.amount, "shows": name, "model": look.model.spec.model_id}
    piece_writer(piece, form, provenance, overwrite=force)(path)


def _draw(look: QuickLook, picture: Path, *, force: bool) -> None:
    """Draw the clips of an edit, a row for each state."""
    cells: NDArray[np.int16] = np.stack(list(look.rows.values()))
    draw_rolls(
        cells,
        look.model.spec.clip_format,
        picture,
        title=f"{look.edit.name}: the edit and its knob ({look.knob.verdict})",
        column_label="clips",
        names=tuple(look.rows),
        overwrite=force,
    )
