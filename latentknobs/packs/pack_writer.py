"""Knobs of a registry as the files of a pack; the same knobs give the same bytes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors.numpy import save

from latentknobs import __version__, audio, scores
from latentknobs.analysis.own_melody import own_melody
from latentknobs.backends.loader import DEFAULT_MODEL
from latentknobs.core.composition import parts_of
from latentknobs.core.knob import Knob
from latentknobs.errors import PackError, UsageError
from latentknobs.packs.manifest import (
    BEFORE,
    PLUGIN,
    README,
    WEIGHTS,
    Manifest,
    PackedFile,
    PackedKnob,
    PackedModel,
    PackedPlugin,
    card_of,
)
from latentknobs.packs.model_card import HeardKnob, model_card
from latentknobs.packs.pack_files import MANIFEST
from latentknobs.packs.pack_reader import pack_of
from latentknobs.session import Session
from latentknobs.steering.turn_result import TurnResult
from latentknobs.workbench import Workbench

UNKNOWN = "unknown"
"""The licence that a model card names where nobody has said which."""
FREE = re.compile(
    r"\b(?:MIT|Apache|BSD|ISC|CC0|CC[ -]BY|public domain|[AL]?GPL(?:v?\d)?|MPL|Unlicense)\b", re.IGNORECASE
)
"""A card's licence must name one of these for its weights to go into a pack: all let everyone pass them on."""


def make_pack(
    workbench: Workbench,
    names: Iterable[str],
    model: str = DEFAULT_MODEL,
    *,
    licence: str = UNKNOWN,
    weights: bool = False,
) -> dict[str, bytes]:
    """
    The files of a pack of current knobs, by name.

    Args:
        workbench: Where they and the model come from.
        names: The knobs' names.
        model: Name or location of the model.
        licence: Of the knobs, as a model card names it.
        weights: Put the model's weights and card in too.

    Raises:
        UnknownNameError: The model has no such knob.
        PackError: An edit's plugin is not there or cannot be packed, or the weights may not or cannot be.
        UsageError: No knob is named, or the licence is no single word.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]*", licence):
        raise UsageError(f"A licence is named by one word, as in mit or cc-by-4.0, not {licence!r}.")
    session = Session.open(workbench, own_melody(workbench, model), model)
    knobs = [session.knob(name) for name in sorted(set(names))]
    if not knobs:
        raise UsageError("A pack has one knob or more: name them.")
    files: dict[str, bytes] = {}
    heard = [_heard(session, knob, files) for knob in knobs]
    for knob in knobs:
        arrays = knob.require_operator().arrays
        files[PackedKnob(0, 0, knob.name, None).operator] = save(dict(arrays))
    plugins, requires = _plugins(workbench, knobs, files)
    runs, places = _runs(workbench, knobs)
    spec = session.model.spec
    terms = str(spec.training.get("licence", spec.training.get("license", "")))
    place = _weights(workbench, model, terms, files) if weights else None
    formats = tuple(one.name for one in spec.formats)
    packed = PackedModel(spec.name, spec.model_id, spec.latent_size, formats, terms, place)
    shipped = spec.name in workbench.models.names
    card = model_card(heard, packed, plugins, licence=licence, melody=session.piece.name, shipped=shipped)
    files[README] = card.encode()
    manifest = Manifest(
        format="latentknobs-pack",
        version=1,
        latentknobs=__version__,
        license=licence,
        model=packed,
        runs=runs,
        knobs=tuple(PackedKnob(*places[one.knob.name], one.knob.name, one.amount) for one in heard),
        plugins=plugins,
        requires=requires,
        files={name: PackedFile.of(data) for name, data in files.items()},
    )
    files[MANIFEST] = manifest.text().encode()
    pack_of(files, "The pack")  # what is written is what will be read
    return dict(sorted(files.items()))


def _heard(session: Session, knob: Knob, files: dict[str, bytes]) -> HeardKnob:
    """Turn a knob, and add the melody before and after to the files; not where it has no usable amount."""
    turned = _farthest(session, knob)
    if turned is None:
        return HeardKnob(knob, None)
    amount = turned.amounts[knob.name]
    form = session.model.spec.clip_format
    for names, piece, provenance in (
        (BEFORE, session.piece, {}),
        (PackedKnob(0, 0, knob.name, amount).examples, turned.after, turned.provenance),
    ):
        midi, wav = names
        files[midi] = scores.midi_bytes(piece, clip_format=form, provenance=provenance)
        # By the built-in timbres, whatever SoundFont is named: they sound the same everywhere.
        files[wav] = audio.wav_of(audio.render(piece, clip_format=form))
    return HeardKnob(knob, amount, str(turned.counts))


def _farthest(session: Session, knob: Knob) -> TurnResult | None:
    """The knob turned up, else down, as far as the model does it alone; else where the model does most."""
    best: TurnResult | None = None
    measured = () if knob.evidence.test is None else knob.evidence.test.amounts
    amounts = {one.amount for one in measured if knob.low <= one.amount <= knob.high} or {knob.low, knob.high}
    for amount in sorted(amounts - {0.0}, key=lambda amount: (amount < 0, -abs(amount))):
        turned = session.turn({knob.name: amount})
        if best is None or turned.counts.by_model > best.counts.by_model:
            best = turned
        if not turned.counts.by_rule + turned.counts.left_alone:
            break
    return best


def _plugins(
    workbench: Workbench, knobs: Iterable[Knob], files: dict[str, bytes]
) -> tuple[tuple[PackedPlugin, ...], tuple[str, ...]]:
    """The plugins that offer the knobs' edits: those that are files, which are added, and those that are installed."""
    sources: dict[str, set[str]] = {}
    requires = set()
    for knob in knobs:
        try:
            edits = () if knob.augmentation is None else parts_of(workbench.augment(knob.augmentation))
        except UsageError as error:
            raise PackError(f"The knob {knob.name} cannot be packed where its edit is not loaded: {error}") from error
        for edit in edits:
            report = workbench.plugins.origin("augmentations", edit.name)
            if report.origin == "file" and report.path is not None:
                name = f"plugins/{Path(report.path).name}"
                if not re.fullmatch(PLUGIN, name):
                    raise PackError(f"The plugin {report.path} cannot be packed by this name: rename it.")
                files[name] = Path(report.path).read_bytes()
                sources.setdefault(name, set()).add(edit.name)
            elif report.origin == "entry point":
                requires.add(f"{report.name} {report.version or ''}".strip())
            elif report.origin != "built-in":
                raise PackError(f"The edit {edit.name} is in no file that could be packed: write it in a plugin's.")
    return tuple(PackedPlugin(name, tuple(sorted(edits))) for name, edits in sorted(sources.items())), tuple(
        sorted(requires)
    )


def _runs(
    workbench: Workbench, knobs: Sequence[Knob]
) -> tuple[tuple[Mapping[str, Any], ...], dict[str, tuple[int, int]]]:
    """The runs of knobs, and of each knob the place among them, in an order that does not depend on the registry."""
    file = json.loads(workbench.registry.export(knobs))
    order: dict[int, int] = {}
    places = {}
    for one in sorted(file["knobs"], key=lambda one: str(one["name"])):
        places[one["name"]] = (order.setdefault(one["run"], len(order)), one["position"])
    return tuple(file["runs"][run] for run in order), places


def _weights(workbench: Workbench, model: str, licence: str, files: dict[str, bytes]) -> str:
    """Add a model's weights and card to the files; the weights' name."""
    if not FREE.search(licence):
        raise PackError(
            f"The weights of {model} cannot go into a pack: its card states no licence that lets everyone pass them "
            f"on ({licence[:200] or 'it states none'}). Leave out --weights."
        )
    path = Path(workbench.models.location(model))
    name = f"models/{path.name}"
    if not (re.fullmatch(WEIGHTS, name) and path.is_file() and path.with_suffix(".json").is_file()):
        raise PackError(
            f"The weights of {model} cannot go into a pack: they are no FILE.safetensors with a card beside it, "
            "named by plain letters. Leave out --weights."
        )
    files[name], files[card_of(name)] = path.read_bytes(), path.with_suffix(".json").read_bytes()
    return name
