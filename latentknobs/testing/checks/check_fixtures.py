"""What checks are made of: sentences, global random state, and the sample clips that offers are tried on."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import cycle, repeat
from typing import Any, TypeAlias

import numpy as np
from attrs import frozen

from latentknobs.core.arrays import ClipBatch, Floats
from latentknobs.core.attribute import Attribute, Comparison
from latentknobs.core.augmentation import Augmentation, Augmented
from latentknobs.core.capability import capability
from latentknobs.core.clip import ClipFormat, DrumFormat, DrumVoice, Note
from latentknobs.core.format_capabilities import MonophonicFormat, serves
from latentknobs.core.melody_format import MELODY
from latentknobs.core.meter import levels, steps_per_bar
from latentknobs.core.plugin_guard import run_augmentation
from latentknobs.errors import PluginError
from latentknobs.hooks.plugin_types import KINDS

Check: TypeAlias = Callable[[Any, Any], None]
"""Takes an offer and a kit; raises a PluginError whose message is a sentence, or :class:`LeftOut`."""


class LeftOut(Exception):  # noqa: N818 - not a fault: the check has nothing to look at
    """Raised by a check that does not apply, with the reason as a sentence."""


def need(condition: object, sentence: str) -> None:
    """
    Require a condition.

    Raises:
        PluginError: It does not hold; the sentence is the message.
    """
    if not condition:
        raise PluginError(sentence)


def name_of(check: Check) -> str:
    """A check's name for people ("preserved attributes hold")."""
    return check.__name__.replace("_", " ")


def offer_check(kind: str) -> Check:
    """The check that an offer has all that ``register_<kind>`` asks for, and a doc."""
    plugin_type = next(k for k in KINDS if k.name == kind)

    def is_an_offer(offer: Any, _kit: Any) -> None:
        try:
            plugin_type.collect([offer])
        except PluginError as error:
            raise PluginError(f"{error}.") from error
        need(offer.doc.strip(". "), f"{offer.name!r} has no doc: say in one sentence what it does.")

    return is_an_offer


def _random_state() -> tuple[Any, ...]:
    name, key, *rest = np.random.get_state()  # noqa: NPY002 - the state that must not move
    return (random.getstate(), name, np.asarray(key).tobytes(), *rest)


@contextmanager
def shifted_random_state() -> Iterator[None]:
    """Move the global random generators to a state that no seed gives; put them back afterwards."""
    python_state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002 - as above
    random.random()  # noqa: S311 - moves the state, for no other use
    np.random.random()  # noqa: NPY002 - as above
    try:
        yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)  # noqa: NPY002 - as above


@contextmanager
def untouched_random_state(what: str) -> Iterator[None]:
    """
    Require that nothing in here draws from or seeds a global random generator.

    Raises:
        PluginError: Something does.
    """
    with shifted_random_state():
        before = _random_state()
        yield
        need(
            _random_state() == before,
            f"{what} draws from or seeds a global random generator: use only the generator or seed it is given.",
        )


@frozen(eq=False)
class CheckFixtures:
    """
    What an offer is checked with.

    Attributes:
        clips: int16 (N, *shape), sample clips.
        edges: Name to one clip (*shape): clips at the edges of the format.
        clip_format: Their format.
        attributes: The known attributes by name.
        comparisons: The known comparisons by name.
        seed: Seed of the edits.
    """

    clips: ClipBatch
    edges: Mapping[str, ClipBatch]
    clip_format: ClipFormat
    attributes: Mapping[str, Attribute]
    comparisons: Mapping[str, Comparison]
    seed: int = 0

    @property
    def everything(self) -> ClipBatch:
        """The sample clips and those at the edges, int16 (N, *shape)."""
        return np.concatenate([self.clips, np.stack(list(self.edges.values()))])

    def edit(
        self, augmentation: Augmentation, amount: float, clips: ClipBatch | None = None, seed: int | None = None
    ) -> Augmented:
        """Edit the sample clips, or others, with a generator of the kit's seed, or of another."""
        rng = np.random.default_rng(self.seed if seed is None else seed)
        return run_augmentation(augmentation, self.clips if clips is None else clips, amount, rng, self.clip_format)

    def distance(self, name: str, before: ClipBatch, after: ClipBatch) -> Floats:
        """How far an attribute or comparison is from preserved on each clip, float64 (N,); NaN = undefined before."""
        if name in self.attributes:
            measure = self.attributes[name].measure
            first, second = measure(before), measure(after)
            return np.where(np.isnan(second) & ~np.isnan(first), np.inf, np.abs(second - first))
        if name in self.comparisons:
            return 1 - self.comparisons[name].measure(before, after)
        raise PluginError(
            f"It names {name!r}, which is no attribute or comparison of clips of {self.clip_format.name}."
        )


def melody_kit(
    attributes: Mapping[str, Attribute], comparisons: Mapping[str, Comparison], *, clips: int = 64, seed: int = 0
) -> CheckFixtures:
    """A kit for ``melody-2bar``; see :func:`sample_kit`."""
    return sample_kit(MELODY, attributes, comparisons, clips=clips, seed=seed)


def sample_kit(
    clip_format: ClipFormat,
    attributes: Mapping[str, Attribute],
    comparisons: Mapping[str, Comparison],
    *,
    clips: int = 64,
    seed: int = 0,
) -> CheckFixtures:
    """
    A kit for a clip format of melodies or drums.

    Its samples are seeded melodies of equal notes on beats, halves and bars, and of free rhythm; or hits by chance, and
    some voices, each on every beat, half of one and so on.

    Args:
        clip_format: The format.
        attributes: By name; those that serve the format are taken.
        comparisons: By name, in the same way.
        clips: How many sample clips.
        seed: Seed of the clips and of the edits.

    Raises:
        LeftOut: The format has neither one voice nor drums.
    """
    rng = np.random.default_rng(seed)
    if capability(clip_format, MonophonicFormat):
        samples = [_melody(clip_format, i, rng) for i in range(clips)]
        edges = _melody_edges(clip_format)
    elif drums := capability(clip_format, DrumFormat):
        shares = rng.uniform(0.05, 0.4, clips).tolist()
        samples = [
            _regular_hits(clip_format, drums.drums, rng) if i % 2 else _hits(clip_format.steps, drums.drums, share, rng)
            for i, share in enumerate(shares)
        ]
        edges = {
            "no hits": [],
            "every hit": _hits(clip_format.steps, drums.drums, 1.0, rng),
            "one hit at the end": [Note(clip_format.steps - 1, drums.drums[0].numbers[0])],
        }
    else:
        raise LeftOut(f"There are no samples of clips of {clip_format.name}: it has neither one voice nor drums.")
    return CheckFixtures(
        np.stack([clip_format.tokens(notes) for notes in samples]),
        {name: clip_format.tokens(notes) for name, notes in edges.items()},
        clip_format,
        {name: a.for_format(clip_format) for name, a in attributes.items() if serves(a, clip_format)},
        {name: c.for_format(clip_format) for name, c in comparisons.items() if serves(c, clip_format)},
        seed,
    )


def _melody(clip_format: ClipFormat, number: int, rng: np.random.Generator) -> list[Note]:
    lengths = (*levels(clip_format), clip_format.steps)
    fixed = lengths[k] if (k := number % (len(lengths) + 1)) < len(lengths) else None
    notes: list[Note] = []
    step, pitch = 0, int(rng.integers(55, 74))
    while step < clip_format.steps:
        length = min(fixed or int(rng.choice(lengths[:4])), clip_format.steps - step)
        if not notes or rng.random() > 0.1:
            pitch = int(np.clip(pitch + rng.integers(-5, 6), 48, 84))
            notes.append(Note(step, pitch, length))
        step += length
    return notes


def _melody_edges(clip_format: ClipFormat) -> dict[str, list[Note]]:
    size, beat, bar = clip_format.steps, clip_format.steps_per_beat, int(steps_per_bar(clip_format))

    def notes(starts: Iterable[int], pitches: Iterable[int]) -> list[Note]:
        begins = list(starts)
        ends = [*begins[1:], size]
        return [Note(a, p, b - a) for a, b, p in zip(begins, ends, pitches, strict=False)]

    over_bars = [0, 5 * bar // 8, *range(bar + bar // 2, size, bar)]
    return {
        "no notes": [],
        "one long note": notes([0], [60]),
        "one short note at the end": [Note(size - 1, 60)],
        "a note on every step": notes(range(size), (60 + step % 12 for step in range(size))),
        "the highest notes": notes(range(0, size, beat), repeat(127)),
        "the lowest notes": notes(range(0, size, beat), repeat(0)),
        "notes tied over each bar line": notes((s for s in over_bars if s < size), cycle([60, 64, 62])),
    }


def _hits(steps: int, drums: tuple[DrumVoice, ...], share: float, rng: np.random.Generator) -> list[Note]:
    places = np.argwhere(rng.random((steps, len(drums))) < share)
    return [Note(int(step), drums[voice].numbers[0], 1, int(voice)) for step, voice in places]


def _regular_hits(clip_format: ClipFormat, drums: tuple[DrumVoice, ...], rng: np.random.Generator) -> list[Note]:
    """About half of the voices, each on every beat, part of one or bar, from the first step or one of those on."""
    units = np.array(levels(clip_format))
    out = []
    for voice, drum in enumerate(drums):
        unit, first = rng.choice(units), rng.choice([0, *units])
        if rng.random() < 0.5:
            out += [
                Note(step, drum.numbers[0], 1, voice) for step in range(int(first % unit), clip_format.steps, int(unit))
            ]
    return out
