"""README.md of a pack: for people, with a header that model cards have, in YAML."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from attrs import frozen

from latentknobs.core.knob import Knob
from latentknobs.core.knob_rows import value_of
from latentknobs.core.reasons import reasons
from latentknobs.core.where import Term
from latentknobs.packs.manifest import PackedModel, PackedPlugin
from latentknobs.report.formatting import number

TAGS = ("latentknobs", "music", "symbolic-music", "variational-autoencoder", "latent-space")
NUMBERS = ("equivariance", "slope", "r2")
"""The main numbers of a knob: the least equivariance over the usable range, and how the target answers the amount."""
COLUMNS = ("knob", "verdict", "usable range", "selected dimensions", "equivariance", "slope", "R2")
INTRODUCTION = (
    "A knob moves the latent code of a music VAE so that the decoded music changes in one way. Each was found by "
    "latentknobs from an edit or an attribute, and judged on songs that it was not fitted on."
)
DEFINITIONS = (
    "Equivariance: how far turning the knob gives what editing the clip gives, at the worst usable amount (1 = as well "
    "as the model can, 0 = no better than a baseline). Slope: how far its attribute moves for one unit of the amount "
    "(1 = as asked). R2: the share of the changes that this line explains."
)
CODE = (
    "These plugins offer the edits of the knobs. `latentknobs add` shows their source and runs none of it before you "
    "agree."
)
MEANING = {
    "accepted": "it does what its edit does, on songs that it was not fitted on, and leaves the rest alone",
    "provisional": "a quick look found it good; it was not judged in full",
    "not measurable": "its edit changes too little for the measure to tell",
    "rejected": "it failed at least one criterion, named below",
}


@frozen(eq=False)
class HeardKnob:
    """
    A knob and its example.

    Attributes:
        knob: The knob.
        amount: By how much the example is turned, None where there is none.
        how: How its clips were turned.
    """

    knob: Knob
    amount: float | None
    how: str = ""


def model_card(
    heard: Sequence[HeardKnob],
    model: PackedModel,
    plugins: Sequence[PackedPlugin],
    *,
    licence: str,
    melody: str,
    shipped: bool,
) -> str:
    """
    The README of a pack.

    Args:
        heard: Its knobs.
        model: Their model.
        plugins: The plugins whose source is in it.
        licence: Of the knobs, as a model card names it.
        melody: Name of the melody of the examples.
        shipped: Whether the model comes with its backend, so that its name is enough.
    """
    names = ", ".join(one.knob.name for one in heard)
    lines = ["---", *_header(heard, licence), "---", "", f"# {names}: knobs for {model.name}", "", INTRODUCTION, ""]
    lines += [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    for one in heard:
        knob = one.knob
        numbers = (number(value_of(knob, Term(name)), 2) for name in NUMBERS)
        cells = (knob.name, knob.verdict, _span(knob), str(len(knob.dimensions)), *numbers)
        lines.append(f"| {' | '.join(cell.replace('|', ' ') for cell in cells)} |")
    lines += ["", DEFINITIONS, "", *_listen(heard, melody)]
    lines += ["## Use", "", "```console", "$ latentknobs pack check PACK", "$ latentknobs add PACK"]
    where = f" --model {model.name if shipped else model.weights or 'MODEL'}"
    turned = [one for one in heard if one.amount is not None]
    lines += [f"$ latentknobs turn IN.mid -k {one.knob.name}={one.amount:+g}{where} -o OUT.mid" for one in turned]
    lines += ["```", "", "## Model", "", _model(model), ""]
    for one in heard:
        lines += _knob(one.knob)
    if plugins:
        lines += ["## Code", "", CODE, "", *(f"- `{one.path}`: {', '.join(one.augmentations)}" for one in plugins)]
    return "\n".join(lines).rstrip() + "\n"


def _header(heard: Sequence[HeardKnob], licence: str) -> Iterator[str]:
    yield "library_name: latentknobs"
    yield f"license: {_yaml(licence)}"
    yield "tags:"
    yield from (f"- {tag}" for tag in TAGS)
    yield "knobs:"
    for one in heard:
        knob = one.knob
        yield f"- name: {_yaml(knob.name)}"
        yield f"  verdict: {_yaml(knob.verdict)}"
        yield f"  unit: {_yaml(knob.unit)}"
        yield f"  range: [{knob.low!r}, {knob.high!r}]"
        yield f"  selected_dimensions: {len(knob.dimensions)}"
        for name in NUMBERS:
            value = value_of(knob, Term(name))
            yield f"  {name}: {'null' if value is None else f'{value:.4f}'}"


def _yaml(text: str) -> str:
    """A text as YAML: JSON's texts are YAML's, and cannot be taken for numbers or for true."""
    return json.dumps(text)


def _span(knob: Knob) -> str:
    return "none" if knob.low == knob.high else f"{knob.low:+g} to {knob.high:+g} {knob.unit}".rstrip()


def _listen(heard: Sequence[HeardKnob], melody: str) -> list[str]:
    examples = [one for one in heard if one.amount is not None]
    if not examples:
        return []
    out = ["## Listen", "", f"[before](examples/before.wav) ([MIDI](examples/before.mid)): {melody}", ""]
    for one in examples:
        place = f"examples/{one.knob.name}-after"
        amount = f"{one.amount:+g} {one.knob.unit}".rstrip()
        out += [f"- {one.knob.name} {amount}: [after]({place}.wav) ([MIDI]({place}.mid)); {one.how}"]
    return [*out, ""]


def _model(model: PackedModel) -> str:
    weights = f"Its weights are in `{model.weights}`." if model.weights else "Its weights are not in this pack."
    identity = f"{model.name} (identity `{model.model_id}`)"
    clips = f"{model.latent_size} latent dimensions, clips of {', '.join(model.formats)}"
    return f"{identity}: {clips}. {weights} Licence: {model.licence or 'its card states none.'}"


def _knob(knob: Knob) -> list[str]:
    source = f"the edit {knob.augmentation}" if knob.augmentation else "no edit, from directions of the latent space"
    found = f"from {source} with the corpus {knob.corpus} (seed {knob.seed}), kind {knob.kind}, fit {knob.fit}"
    out = [
        f"## {knob.name}",
        "",
        f"Verdict {knob.verdict}: {MEANING[knob.verdict]}. Found {found}; run {knob.run_id}.",
        "",
    ]
    out += [f"- {one}" for one in reasons(knob.evidence)]
    if knob.note:
        out += ["", f"> {' '.join(knob.note.split())}"]
    return [*out, ""] if out[-1] else out
