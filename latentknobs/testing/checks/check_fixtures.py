"""What checks are made of: sentences, global random state, and the sample clips that offers are tried on."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias

import numpy as np
from attrs import frozen

from latentknobs.core.arrays import ClipBatch, Floats
from latentknobs.core.attribute import Attribute, Comparison
from latentknobs.core.augmentation import Augmentation, Augmented
from latentknobs.core.clip import ClipFormat, Note
from latentknobs.core.melody_format import MELODY
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
        raise PluginError(f"it names {name!r}, which is no attribute or comparison.")


def melody_kit(
    attributes: Mapping[str, Attribute], comparisons: Mapping[str, Comparison], *, clips: int = 64, seed: int = 0
) -> CheckFixtures:
    """
    A kit for ``melody-2bar``: seeded melodies of equal notes on beats, halves and bars, and of free rhythm.

    Args:
        attributes: By name.
        comparisons: By name.
        clips: How many sample clips.
        seed: Seed of the clips and of the edits.
    """
    rng = np.random.default_rng(seed)
    lengths = (1, 2, 4, 8, 16, 32)
    samples = []
    for i in range(clips):
        fixed = lengths[i % (len(lengths) + 1)] if i % (len(lengths) + 1) < len(lengths) else None
        notes: list[Note] = []
        step, pitch = 0, int(rng.integers(55, 74))
        while step < MELODY.steps:
            length = fixed or min(int(rng.choice(lengths[:4])), MELODY.steps - step)
            if not notes or rng.random() > 0.1:
                pitch = int(np.clip(pitch + rng.integers(-5, 6), 48, 84))
                notes.append(Note(step, pitch, length))
            step += length
        samples.append(MELODY.tokens(notes))
    beats = range(0, MELODY.steps, MELODY.steps_per_beat)
    edges = {
        "no notes": MELODY.tokens([]),
        "one long note": MELODY.tokens([Note(0, 60, MELODY.steps)]),
        "one short note at the end": MELODY.tokens([Note(MELODY.steps - 1, 60, 1)]),
        "a note on every step": MELODY.tokens([Note(step, 60 + step % 12, 1) for step in range(MELODY.steps)]),
        "the highest notes": MELODY.tokens([Note(step, 127, 4) for step in beats]),
        "the lowest notes": MELODY.tokens([Note(step, 0, 4) for step in beats]),
        "notes tied over each bar line": MELODY.tokens([Note(0, 60, 10), Note(10, 64, 14), Note(24, 62, 8)]),
    }
    return CheckFixtures(np.stack(samples), edges, MELODY, attributes, comparisons, seed)
