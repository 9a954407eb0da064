import random
from pathlib import Path

import numpy as np
import pytest

from latentknobs.attributes.comparisons import onset_f1
from latentknobs.attributes.melody_attributes import mean_pitch
from latentknobs.attributes.plugin import register_attributes, register_comparisons
from latentknobs.augmentations.note_split import NoteSplit
from latentknobs.augmentations.plugin import register_augmentations
from latentknobs.core.attribute import Attribute, Comparison
from latentknobs.core.augmentation import NoteAugmentation, TokenAugmentation
from latentknobs.core.clip import Note
from latentknobs.core.corpus import Song
from latentknobs.core.format_capabilities import serves
from latentknobs.core.melody_format import HOLD, MELODY
from latentknobs.core.method_specs import Basis, Selector
from latentknobs.hooks.plugin_types import KINDS
from latentknobs.testing.checks import CHECKS, CHECKS_OF, jobs_of, melody_kit, run, run_checks

KIT = melody_kit({a.name: a for a in register_attributes()}, {c.name: c for c in register_comparisons()})


class Edit(NoteAugmentation):
    """Does what a test tells it to."""

    name = knob_name = "edit"

    def __init__(self, edit=lambda notes, _amount, _rng: [Note(n.onset, 60, n.length) for n in notes], **facts):
        self._edit_notes = edit
        self.__dict__.update(facts)

    def edit(self, notes, amount, rng):
        """As told."""
        return self._edit_notes(notes, amount, rng)


class Seeds(Edit):
    """Seeds a global generator, and hides its own edit."""

    def __call__(self, clips, amount, rng):
        np.random.seed(0)  # noqa: NPY002 - the fault under test
        return super().__call__(clips, amount, rng)


class NotIdentity(Edit):
    """Edits at amount 0 too."""

    def __call__(self, clips, amount, rng):
        return super().__call__(clips, amount or 1, rng)


class Mutating(Edit):
    """Edits the array it is given."""

    def __call__(self, clips, amount, rng):
        clips[:] = 60
        return super().__call__(clips, amount, rng)


class Tokens(TokenAugmentation):
    """Gives back one token everywhere, and calls it valid."""

    name = knob_name = "tokens"

    def __init__(self, token):
        self.token = token

    def edit_tokens(self, clips, amount, rng):
        """As told."""
        return np.full_like(clips, self.token), np.ones(len(clips), bool)


class Fixed(NoteAugmentation):
    """Mirrors around middle C, wherever the piece begins."""

    name = knob_name = "fixed"

    def __init__(self, reference="first-note"):
        self.relative_to = reference

    def edit(self, notes, amount, rng, context):
        """Without a look at the piece."""
        return [Note(n.onset, 120 - n.pitch, n.length) for n in notes]


class Clamped(NoteAugmentation):
    """Moves notes up as far as the keyboard goes, and calls that done."""

    name = knob_name = "clamped"
    target = "mean-pitch"

    def edit(self, notes, amount, rng):
        """Clamp in place of masking."""
        return [Note(n.onset, min(n.pitch + 1, 127), n.length) for n in notes]


class Neighbours(TokenAugmentation):
    """Gives each clip the one beside it."""

    name = knob_name = "neighbours"

    def edit_tokens(self, clips, amount, rng):
        """Roll the batch."""
        return np.roll(clips, 1, axis=0), np.ones(len(clips), bool)


class AsBatch(TokenAugmentation):
    """Masks all clips where one of them has no note."""

    name = knob_name = "as-batch"

    def edit_tokens(self, clips, amount, rng):
        """Mask by the batch."""
        notes = MELODY.onsets(clips)
        return np.where(notes, 60, clips), np.full(len(clips), notes.any(axis=1).all())


def somewhere(notes, _amount, _rng):
    """Draws from a global generator."""
    return [Note(n.onset, 60 + random.randrange(12), n.length) for n in notes]


def silent_end(notes, _amount, _rng):
    """Fails on a clip without notes."""
    return [Note(n.onset, notes[0].pitch, n.length) for n in notes] if notes[0] else None


class Odd:
    """A corpus with something odd about it."""

    name, clip_format, takes = "odd", MELODY.name, ""

    def __init__(self, licence="Free.", count=10, pitch=60, *, doc="Odd.", chance=False, writes=False):
        self.licence, self.count, self.pitch = licence, count, pitch
        self.doc, self.chance, self.writes = doc, chance, writes

    def songs(self, request, argument=""):
        """As told."""
        if self.writes:
            Path("left.txt").write_text("left")
        for i in range(self.count):
            pitch = random.randrange(60, 70) if self.chance else self.pitch
            yield Song(f"odd/{i}", MELODY.tokens([Note(0, pitch, 4)])[None], "train")


FAULTY = {
    "is an offer": [Edit(amounts=()), Edit(name="No Slug")],
    "input is unchanged": [Mutating()],
    "grid and range are kept": [Tokens(130), Tokens(HOLD)],
    "same seed same result": [Edit(somewhere)],
    "global random state is untouched": [Edit(somewhere), Seeds()],
    "amount 0 is the identity": [NotIdentity()],
    "some amount changes something": [Edit(lambda notes, _amount, _rng: notes), Edit(lambda *_: None)],
    "edge clips are edited or masked": [Edit(silent_end)],
    "the valid mask is honest": [Clamped(), Neighbours(), AsBatch()],
    "preserved attributes hold": [
        Edit(preserves=frozenset({"contour"})),
        Edit(preserves=frozenset({"no-such"})),
        Edit(lambda *_: [], preserves=frozenset({"mean-pitch"})),
    ],
    "declared changes happen": [Edit(changes=frozenset({"onset-f1"}))],
    "target moves by the amount": [Edit(target="mean-pitch"), Edit(target="contour")],
    "it moves with its reference": [Fixed(), Fixed("tonic")],
}


def test_every_check_has_a_fault_that_it_finds():
    """No check is without a test of its finding."""
    assert [check.__name__.replace("_", " ") for check in CHECKS] == list(FAULTY)


@pytest.mark.parametrize("check", sorted(FAULTY))
def test_a_check_finds_its_fault(check):
    """A broken promise fails its check with a sentence."""
    for augmentation in FAULTY[check]:
        results = {result.name: result for result in run_checks(augmentation, KIT)}

        assert not results[check].ok, augmentation
        assert results[check].message.endswith((".", "?", ")"))


def test_a_good_edit_passes_every_check():
    """What keeps its promises has nothing said against it."""
    flat = Edit(preserves=frozenset({"onset-f1", "log2-onsets"}), changes=frozenset({"mean-pitch"}))

    assert [result.message for result in run_checks(flat, KIT)] == [""] * len(CHECKS)


def test_the_sample_clips_serve_every_doubling():
    """Note-split leaves several valid sample clips at each of its amounts, and some masked."""
    for amount in NoteSplit().amounts:
        assert 4 <= KIT.edit(NoteSplit(), amount).valid.sum() < len(KIT.clips)


MIRRORS = ("inversion", "diatonic-inversion", "reflection", "retrograde")
"""Edits that leave what is its own mirror image, as a single note is."""


@pytest.mark.parametrize(
    "edit", [edit for edit in register_augmentations() if serves(edit, MELODY)], ids=lambda edit: edit.name
)
def test_the_kit_tries_every_amount_of_a_built_in(edit):
    """No check of the contract is empty: some sample clips take each amount, and none that does is as it was."""
    for amount in edit.amounts:
        out = KIT.edit(edit, amount)
        assert out.valid.sum() >= 4
        changed = (out.clips[out.valid] != KIT.clips[out.valid]).any(axis=1)
        assert changed.all() or edit.name in MIRRORS


def test_built_in_knobs_have_names_of_their_own():
    """No two augmentations give a knob of the same name, and none takes a reserved one."""
    names = [edit.knob_name for edit in register_augmentations()]

    assert len(set(names)) == len(names)
    assert not {"random", "others"} & set(names)


KNOWN = """
from latentknobs import Note, NoteAugmentation, hookimpl
LATENTKNOBS_API = 1
EXPECTED_FAILURES = {said}

class Flat(NoteAugmentation):
    \"\"\"Flattens.\"\"\"
    name = knob_name = "flat"
    preserves = frozenset({{"contour"}})
    def edit(self, notes, amount, rng):
        return [Note(n.onset, 60, n.length) for n in notes]

@hookimpl
def register_augmentations():
    return [Flat()]
"""


@pytest.mark.parametrize(
    ("said", "state", "wanted"),
    [
        ("{'flat: preserved attributes hold': 'to show it'}", "expected failure", "Expected: to show it"),
        ("{'flat: preserved attributes hold': ' '}", "failed", "no reason for 'flat: preserved attributes hold'"),
        ("{'flat: preserved attribute hold': 'why'}", "failed", "did you mean 'flat: preserved attributes hold'?"),
        ("{'it loads': 'why'}", "failed", "It is declared to fail (why) and passes"),
        ("['flat']", "failed", "must be a dictionary"),
    ],
)
def test_expected_failures_have_reasons(latentknobs_plugins, tmp_path, said, state, wanted):
    """A known failure is told and not counted; a reason that is missing, misspelt or out of date is a failure."""
    path = tmp_path / "flat.py"
    path.write_text(KNOWN.format(said=said), encoding="utf-8")
    jobs = jobs_of(latentknobs_plugins, latentknobs_plugins.add_file(path), KIT)

    found = [run(job) for job in jobs if job.name != "its import is light"]

    (one,) = [one for one in found if wanted in one.message]
    assert one.state == state
    assert one.ok == (state == "expected failure")


def test_a_contract_knows_expected_failures():
    """run_checks takes them by the check's name."""
    flat = Edit(preserves=frozenset({"contour"}))

    found = run_checks(flat, KIT, expected_failures={"preserved attributes hold": "to show it"})

    assert [one.name for one in found if one.state == "expected failure"] == ["preserved attributes hold"]
    assert all(one.ok for one in found)


def draws(clips):
    """Draws from a global generator."""
    random.random()
    return mean_pitch(clips)


def writes(clips):
    """Writes into its input."""
    clips[:] = 60
    return mean_pitch(clips)


ODD_OFFERS = {
    "attributes": [
        (Attribute("a", "", "A.", MELODY.name, lambda clips: np.arange(len(clips)) * 1.0), "independent of the batch"),
        (Attribute("a", "", "A.", MELODY.name, lambda clips: np.zeros(len(clips))), "distinguishes clips"),
        (Attribute("a", "", "A.", MELODY.name, lambda _clips: np.zeros(3)), "one number per clip"),
        (Attribute("a", "", "A.", MELODY.name, draws), "independent of the batch: it draws"),
        (Attribute("a", "", "A.", MELODY.name, writes), "one number per clip: it writes into its input"),
        (Attribute("a", "", "", MELODY.name, mean_pitch), "is an offer"),
    ],
    "comparisons": [
        (Comparison("c", "C.", MELODY.name, lambda a, _b: mean_pitch(a)), "a clip agrees with itself"),
        (Comparison("c", "C.", MELODY.name, lambda a, _b: np.ones(len(a))), "a clip agrees with itself"),
        (Comparison("c", "C.", MELODY.name, lambda a, _b: np.full(len(a), 1 / len(a))), "independent of the batch"),
        (Comparison("c", "C.", MELODY.name, lambda _a, _b: np.zeros(3)), "one number per clip"),
        (Comparison("c", " ", MELODY.name, onset_f1), "is an offer"),
    ],
    "bases": [
        (Basis("b", "B.", lambda _given: np.eye(24)), "columns of every size"),
        (Basis("b", "B.", lambda given: given.covariance.sort()), "columns of every size: it writes into its input"),
        (Basis("b", "B.", lambda given: np.linalg.qr(np.random.rand(*given.covariance.shape))[0]), "same statistics"),  # noqa: NPY002 - the fault under test
        (Basis("b", "B.", lambda given: np.linalg.eigh(given.fisher)[1]), "a model without the capability"),
        (Basis("b", ".", lambda given: np.eye(given.latent_size)), "is an offer"),
    ],
    "selectors": [
        (Selector("s", "S.", lambda _given: np.arange(5)), "dimensions of every size"),
        (Selector("s", "S.", lambda given: np.arange(len(given.share))), "only active dimensions"),
        (Selector("s", "S.", lambda given: np.random.permutation(len(given.share))[:1]), "same statistics"),  # noqa: NPY002 - as above
        (Selector("s", "S.", lambda _given: np.zeros(1, int)), "names of dimensions do not matter"),
        (Selector("s", "", lambda _given: np.zeros(1, int)), "is an offer"),
    ],
    "corpora": [
        (Odd(doc=""), "is an offer"),
        (Odd(licence=""), "has a licence"),
        (Odd(count=90), "as many clips as requested"),
        (Odd(chance=True), "same seed same songs"),
        (Odd(pitch=90), "the pitch range is kept"),
        (Odd(writes=True), "nothing is left in the folder"),
    ],
}


@pytest.mark.parametrize(
    ("kind", "offer", "wanted"),
    [(kind, offer, wanted) for kind, rows in ODD_OFFERS.items() for offer, wanted in rows],
    ids=[f"{kind}: {wanted}" for kind, rows in ODD_OFFERS.items() for _, wanted in rows],
)
def test_a_check_of_another_kind_finds_its_fault(kind, offer, wanted, tmp_path, monkeypatch):
    """Each check of attributes, comparisons, bases, selectors and corpora has an offer that fails it."""
    monkeypatch.chdir(tmp_path)  # one of the corpora writes into the current folder
    guarded = next(k for k in KINDS if k.name == kind).guarded(offer, "plugin 'odd'")

    failed = [one.name for one in run_checks(guarded, KIT, CHECKS_OF[kind]) if not one.ok]

    assert any(name.startswith(wanted.partition(":")[0]) for name in failed), failed


def test_every_check_of_another_kind_has_its_fault():
    """No check is without a test of its finding."""
    for kind, rows in ODD_OFFERS.items():
        for check in CHECKS_OF[kind]:
            name = check.__name__.replace("_", " ")
            assert any(name.startswith(wanted.partition(":")[0]) for _, wanted in rows), name
