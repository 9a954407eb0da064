"""
The promises of an augmentation, as a list of checks that need no test runner.

``latentknobs.testing`` runs them under pytest. Each check takes the augmentation and a :class:`Kit` and raises a
PluginError whose message is a sentence for the plugin's author.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias

import numpy as np
from attrs import field, frozen

from latentknobs.core.arrays import Bools, ClipBatch, Floats
from latentknobs.core.attribute import Attribute, Comparison
from latentknobs.core.augmentation import Augmentation, Augmented
from latentknobs.core.clip import ClipFormat, Note
from latentknobs.core.guard import run_augmentation
from latentknobs.core.melody import MELODY
from latentknobs.errors import LatentKnobsError, PluginError
from latentknobs.hooks.offers import KINDS

SAME = 1e-6
"""How far a kept attribute or comparison may be off: rounding, no more."""
TARGET_SHARE = 0.05
"""How far the target's mean change may be off, as a share of the amount."""


@frozen(eq=False)
class Kit:
    """
    What an augmentation is checked with.

    Attributes:
        clips: int16 (N, *shape), sample clips.
        edges: Name to one clip (*shape): clips at the edges of the format.
        clip_format: Their format.
        attributes: The attributes there are, by name.
        comparisons: The comparisons there are, by name.
        seed: Seed of the edits.
    """

    clips: ClipBatch
    edges: Mapping[str, ClipBatch]
    clip_format: ClipFormat
    attributes: Mapping[str, Attribute]
    comparisons: Mapping[str, Comparison]
    seed: int = 0

    def edit(self, augmentation: Augmentation, amount: float, clips: ClipBatch | None = None) -> Augmented:
        """Edit the sample clips, or others, with a generator of the kit's seed."""
        rng = np.random.default_rng(self.seed)
        given = self.clips if clips is None else clips
        return run_augmentation(augmentation, given, amount, rng, self.clip_format)

    def distance(self, name: str, before: ClipBatch, after: ClipBatch) -> Floats:
        """How far each clip is from having kept an attribute or comparison, float64 (N,); NaN = not defined before."""
        if name in self.attributes:
            measure = self.attributes[name].measure
            first, second = measure(before), measure(after)
            return np.where(np.isnan(second) & ~np.isnan(first), np.inf, np.abs(second - first))
        if name in self.comparisons:
            return 1 - self.comparisons[name].measure(before, after)
        raise PluginError(f"it names {name!r}, which is no attribute or comparison.")


Check: TypeAlias = Callable[[Augmentation, Kit], None]


@frozen
class CheckResult:
    """
    What a check found.

    Attributes:
        name: The check ("declared keeps hold").
        ok: Whether the augmentation passed.
        message: Why not, "" where it passed.
    """

    name: str
    ok: bool
    message: str = field(default="")


def melody_kit(
    attributes: Mapping[str, Attribute], comparisons: Mapping[str, Comparison], *, clips: int = 64, seed: int = 0
) -> Kit:
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
    made = []
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
        made.append(MELODY.tokens(notes))
    beats = range(0, MELODY.steps, MELODY.steps_per_beat)
    edges = {
        "no notes": MELODY.tokens([]),
        "one long note": MELODY.tokens([Note(0, 60, MELODY.steps)]),
        "one short note at the end": MELODY.tokens([Note(MELODY.steps - 1, 60, 1)]),
        "a note on every step": MELODY.tokens([Note(step, 60 + step % 12, 1) for step in range(MELODY.steps)]),
        "the highest notes": MELODY.tokens([Note(step, 127, 4) for step in beats]),
        "the lowest notes": MELODY.tokens([Note(step, 0, 4) for step in beats]),
    }
    return Kit(np.stack(made), edges, MELODY, attributes, comparisons, seed)


def _kept(kit: Kit, augmentation: Augmentation, name: str, amount: float) -> tuple[Floats, Bools]:
    out = kit.edit(augmentation, amount)
    return kit.distance(name, kit.clips[out.valid], out.clips[out.valid]), out.valid


def _global_random_state() -> tuple[Any, ...]:
    _, key, *rest = np.random.get_state()  # noqa: NPY002 - the state that must not move
    return (random.getstate(), np.asarray(key).tobytes(), *rest)


@contextmanager
def _disturbed_global_random_state() -> Iterator[tuple[Any, ...]]:
    """A state that no edit has left behind, so that seeding shows as much as drawing; put back afterwards."""
    mine, numpys = random.getstate(), np.random.get_state()  # noqa: NPY002 - as above
    random.random()  # noqa: S311 - moves the state, for no other use
    np.random.random()  # noqa: NPY002 - as above
    try:
        yield _global_random_state()
    finally:
        random.setstate(mine)
        np.random.set_state(numpys)  # noqa: NPY002 - as above


def is_an_offer(augmentation: Augmentation, _kit: Kit) -> None:
    """It has everything that register_augmentations asks for."""
    kind = next(kind for kind in KINDS if kind.name == "augmentations")
    try:
        kind.collect([augmentation])
    except PluginError as error:
        raise PluginError(f"{error}.") from error
    if not augmentation.doc.strip(". "):
        raise PluginError(f"{augmentation.name!r} has no doc: say in one sentence what it does.")


def input_is_unchanged(augmentation: Augmentation, kit: Kit) -> None:
    """It edits a copy, gives back an Augmented, keeps the shape, and its valid clips are clips."""
    for amount in augmentation.amounts:
        kit.edit(augmentation, amount)


def same_seed_same_result(augmentation: Augmentation, kit: Kit) -> None:
    """All of its chance comes from the generator that it is given."""
    for amount in augmentation.amounts:
        first, second = kit.edit(augmentation, amount), kit.edit(augmentation, amount)
        if not (np.array_equal(first.clips, second.clips) and np.array_equal(first.valid, second.valid)):
            raise PluginError(
                f"{augmentation.name!r} at amount {amount:g} gives another result for the same seed: "
                "draw only from the generator it is given."
            )


def global_random_state_is_untouched(augmentation: Augmentation, kit: Kit) -> None:
    """It leaves random's and numpy's global generators alone."""
    for amount in augmentation.amounts:
        with _disturbed_global_random_state() as before:
            kit.edit(augmentation, amount)
            after = _global_random_state()
        if after != before:
            raise PluginError(
                f"{augmentation.name!r} at amount {amount:g} draws from or seeds a global random generator: "
                "draw only from the generator it is given."
            )


def amount_0_is_the_identity(augmentation: Augmentation, kit: Kit) -> None:
    """Amount 0 gives every clip back, valid."""
    out = kit.edit(augmentation, 0.0)
    if not (out.valid.all() and np.array_equal(out.clips, kit.clips)):
        raise PluginError(f"{augmentation.name!r} at amount 0 must give every clip back as it is.")


def some_amount_changes_something(augmentation: Augmentation, kit: Kit) -> None:
    """At some amount some sample clip is valid and not what it was."""
    for amount in augmentation.amounts:
        out = kit.edit(augmentation, amount)
        if not np.array_equal(out.clips[out.valid], kit.clips[out.valid]):
            return
    raise PluginError(f"{augmentation.name!r} changes no sample clip at any of its amounts.")


def edge_clips_are_edited_or_masked(augmentation: Augmentation, kit: Kit) -> None:
    """Clips at the edges of the format give valid clips or are masked, each alone and none at all too."""
    empty = kit.clips[:0]
    for amount in augmentation.amounts:
        kit.edit(augmentation, amount, empty)
        for name, clip in kit.edges.items():
            try:
                kit.edit(augmentation, amount, clip[None])
            except LatentKnobsError as error:
                raise PluginError(f"{error} (The clip: {name}.)") from error


def declared_keeps_hold(augmentation: Augmentation, kit: Kit) -> None:
    """Every attribute and comparison in ``keeps`` stays as it is, on every valid clip at every amount."""
    for amount in augmentation.amounts:
        for name in sorted(augmentation.keeps):
            off, valid = _kept(kit, augmentation, name, amount)
            worst = float(off[~np.isnan(off)].max(initial=0.0))
            if worst > SAME:
                count = int((off > SAME).sum())
                raise PluginError(
                    f"{augmentation.name!r} says that it keeps {name!r}; at amount {amount:g} it moves it "
                    f"by up to {worst:.3g} on {count} of {int(valid.sum())} clips."
                )


def declared_changes_happen(augmentation: Augmentation, kit: Kit) -> None:
    """Every attribute and comparison in ``changes`` moves on some clip at some amount."""
    for name in sorted(augmentation.changes):
        if not any((_kept(kit, augmentation, name, amount)[0] > SAME).any() for amount in augmentation.amounts):
            raise PluginError(
                f"{augmentation.name!r} says that it changes {name!r}; on the sample clips it never does."
            )


def target_moves_by_the_amount(augmentation: Augmentation, kit: Kit) -> None:
    """The mean change of the target over the valid clips is the amount, within 5 %."""
    if augmentation.target is None:
        return
    if augmentation.target not in kit.attributes:
        raise PluginError(f"the target of {augmentation.name!r} is {augmentation.target!r}, which is no attribute.")
    measure = kit.attributes[augmentation.target].measure
    for amount in augmentation.amounts:
        out = kit.edit(augmentation, amount)
        change = measure(out.clips[out.valid]) - measure(kit.clips[out.valid])
        change = change[np.isfinite(change)]
        if change.size and abs(change.mean() - amount) > TARGET_SHARE * abs(amount):
            raise PluginError(
                f"{augmentation.name!r} at amount {amount:g} moves its target {augmentation.target!r} by "
                f"{change.mean():.3g} on average; one unit of the amount must move it by 1."
            )


CHECKS: tuple[Check, ...] = (
    is_an_offer,
    input_is_unchanged,
    same_seed_same_result,
    global_random_state_is_untouched,
    amount_0_is_the_identity,
    some_amount_changes_something,
    edge_clips_are_edited_or_masked,
    declared_keeps_hold,
    declared_changes_happen,
    target_moves_by_the_amount,
)
"""Every check, in the order in which an author wants to hear of a fault."""


def run_checks(augmentation: Augmentation, kit: Kit, checks: Iterable[Check] = CHECKS) -> tuple[CheckResult, ...]:
    """
    Every check's result; none is raised.

    Args:
        augmentation: What is checked.
        kit: What it is checked with (:func:`melody_kit`).
        checks: Which checks.
    """
    results = []
    for check in checks:
        name = check.__name__.replace("_", " ")
        try:
            check(augmentation, kit)
        except LatentKnobsError as error:
            results.append(CheckResult(name, ok=False, message=str(error)))
        else:
            results.append(CheckResult(name, ok=True))
    return tuple(results)
