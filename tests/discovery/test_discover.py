import json
from typing import ClassVar

import numpy as np
import pytest
from attrs import evolve

from latentknobs.augmentations.note_split import NoteSplit
from latentknobs.augmentations.transpose import Transpose
from latentknobs.core.augmentation import TokenAugmentation
from latentknobs.core.backend import Posterior
from latentknobs.core.clip import Note
from latentknobs.core.corpus import CorpusRequest, Song, Tally
from latentknobs.core.evidence import unstructure_evidence
from latentknobs.core.experiment import QUICK, Experiment, Methods, Settings
from latentknobs.core.melody_format import HOLD, MELODY
from latentknobs.core.run import RunSpec
from latentknobs.discovery.discover import discover
from latentknobs.discovery.evidence_rounding import rounded
from latentknobs.discovery.plugin import register_fits
from latentknobs.errors import BackendError, DiscoveryError, PluginError, UsageError
from latentknobs.steering.apply import displacement
from latentknobs.testing.tiny import ACTIVITY, LATENT_SIZE, PITCH, TinyBackend, TinyCorpus, tiny_clips


def _edit(name, amounts, edit, **facts):
    """An augmentation of one function (clips, rng) -> clips or (clips, mask)."""

    def edit_tokens(_self, clips, _amount, rng):
        out = edit(clips, rng)
        return out if isinstance(out, tuple) else (out, np.ones(len(clips), dtype=bool))

    return type(name, (TokenAugmentation,), {
        "__doc__": "An edit.", "name": name, "knob_name": name, "amounts": amounts, "edit_tokens": edit_tokens,
        **facts,
    })()  # fmt: skip


def _backwards(clips, _rng):
    """Quarter notes played backwards: a turn of the space of pitches."""
    beats = clips.reshape(-1, 8, 4)
    quarters = (beats[..., 0] < HOLD).all(axis=1) & (beats[..., 1:] == HOLD).all(axis=(1, 2))
    return beats[:, ::-1].reshape(clips.shape), quarters


class Model:
    """The tiny model with some answers changed."""

    def __init__(self, **answers):
        self.spec = TinyBackend().spec
        for name in ("accepts", "encode", "decode", "decode_log_probs"):
            setattr(self, name, answers.get(name, getattr(TinyBackend(), name)))


def _facts(run):
    """All of a run that its spec fixes."""
    return [
        (knob.as_dict(), json.dumps(unstructure_evidence(knob.evidence), sort_keys=True), knob.operator_sha256)
        for knob in run.knobs
    ], (
        run.current,
        dict(run.counts),
    )


def _named(run, fit):
    return next(knob for knob in run.knobs if knob.fit == fit)


def _with_split(songs, split, change):
    """The songs with the clips of one split changed."""
    return [evolve(song, clips=change(song.clips)) if song.split == split else song for song in songs]


def _high(clips):
    """As many clips near the top of the range: they cannot be moved up by 12."""
    return np.tile(MELODY.tokens([Note(0, 120, 8), Note(8, 122, 8)]), (len(clips), 1))


def test_the_pitch_knob_is_found(pitch_run):
    """Transposition of the tiny model is a shift of dimension 0, a twelfth for each semitone, over the whole octave."""
    knob = pitch_run.knobs[pitch_run.current]

    assert (knob.name, knob.augmentation, knob.kind, knob.fit) == ("pitch", "transpose", "shift", "mean")
    assert knob.verdict == "accepted"
    assert (knob.low, knob.high, knob.step, knob.unit) == (-12, 12, None, "semitones")
    assert [dimension.dim for dimension in knob.dimensions] == [PITCH]
    assert knob.dimensions[0].share == pytest.approx(1)
    assert knob.dimensions[0].weight == pytest.approx(1 / 12, rel=1e-5)
    direction = knob.operator.arrays["direction"]
    np.testing.assert_allclose(direction, np.eye(LATENT_SIZE)[PITCH] / 12, atol=1e-6)


def test_the_affine_fit_is_the_same_map(pitch_run):
    """Ridge finds the identity and the same shift; validation prefers the simpler kind in the tie."""
    knob = _named(pitch_run, "ridge")
    z = TinyBackend().encode(tiny_clips(30, seed=9)).mean

    moved = displacement(knob.operator, z, 5.0)

    np.testing.assert_allclose(moved, np.tile(np.eye(LATENT_SIZE)[PITCH] * 5 / 12, (30, 1)), atol=1e-3)
    assert knob.verdict == "accepted"
    assert pitch_run.current == 0


def test_the_evidence_is_whole_and_can_be_stored(pitch_run):
    """Everything that was measured is in the evidence of every knob, as JSON with finite numbers."""
    for knob in (_named(pitch_run, "mean"), _named(pitch_run, "ridge")):
        kept = json.loads(json.dumps(unstructure_evidence(knob.evidence), allow_nan=False))
        assert kept["fitted"] == list(Transpose.amounts)
        assert kept["not_fitted"] == {}
        assert set(kept["training_pairs"].values()) == {pitch_run.counts["clips of train songs"]}
        assert np.asarray(kept["mean_change"]).shape == (24, LATENT_SIZE)
        assert np.asarray(kept["mean_change_error"]).shape == (24, LATENT_SIZE)
        assert kept["coherence"]["+3"] == pytest.approx(1)
        assert kept["active_dimensions"] == 16
        assert (kept["validation_clips"], kept["test_clips"]) == (72, 72)
        assert [x["amount"] for x in kept["test"]["amounts"]] == list(Transpose.amounts)
        assert all(x["equivariance"]["value"] == pytest.approx(1) for x in kept["test"]["amounts"])
        assert kept["controls"]["p"] == pytest.approx(1 / 101)
        assert kept["judged_at"] == 12
        assert all(criterion["passed"] for criterion in kept["criteria"])
    effects = {effect.attribute: effect for effect in pitch_run.knobs[0].effects}
    assert effects["mean-pitch"].slope == pytest.approx(1)
    assert effects["log2-onsets"].effect == 0


def test_what_went_in_is_counted(pitch_run, songs):
    """Clips of each split are counted, and the program's version and times are kept."""
    total = sum(len(song.clips) for song in songs)

    assert sum(pitch_run.counts[f"clips of {split} songs"] for split in ("train", "validation", "test")) == total
    assert pitch_run.version == "test"
    assert pitch_run.started <= pitch_run.finished
    assert pitch_run.started.tzinfo is not None
    assert all(knob.run_id == pitch_run.run_id for knob in pitch_run.knobs)


def test_the_rhythm_knob_is_found(find):
    """Splitting notes is a shift of dimension 8 by one for each doubling; what no clip takes whole is not fitted."""
    run = find(NoteSplit(), trial_clips=60, fits=("mean",))
    knob = _named(run, "mean")

    assert knob.name == "rhythm"
    assert [dimension.dim for dimension in knob.dimensions] == [ACTIVITY]
    assert (knob.low, knob.high) == (-2, 2)
    assert knob.evidence.fitted == (-2, -1, 1, 2)
    assert knob.evidence.not_fitted == {"-4": 0, "-3": 0, "+3": 0, "+4": 0}
    assert run.counts["in part by note-split at +3"] == run.counts["in part by note-split at +4"] > 0


def test_the_same_seed_gives_the_same_knobs(find, quick_run):
    """Two runs of one spec agree in every number, name, count and operator; another seed in the sampled ones not."""
    again, other = find(), find(seed=1)

    assert _facts(quick_run) == _facts(again)
    assert quick_run.run_id == again.run_id != other.run_id
    assert _facts(quick_run)[0][0][1] != _facts(other)[0][0][1]


def test_the_shard_is_a_parameter_of_the_run(find):
    """Shards of another size are another run, whose operators agree but for rounding."""
    small, large = find(shard=64), find(shard=2000)

    assert small.run_id != large.run_id
    for mine, theirs in zip(small.knobs, large.knobs, strict=True):
        for name, array in mine.operator.arrays.items():
            np.testing.assert_allclose(array, theirs.operator.arrays[name], atol=1e-4)
        assert (mine.low, mine.high, mine.verdict) == (theirs.low, theirs.high, theirs.verdict)


def test_quick_runs_are_provisional(find):
    """With few controls or few test clips a knob that meets every limit is provisional."""
    assert find(fits=("mean",), trial_clips=72, controls=20).knobs[0].verdict == "provisional"
    assert find(fits=("mean",), trial_clips=40, controls=100).knobs[0].verdict == "provisional"


def test_test_songs_decide_nothing_but_the_verdict(find, songs, quick_run):
    """With wholly other test songs operators, kind, S, range and all that validation says stay; the verdict may not."""
    other = find(corpus=_with_split(songs, "test", _high))

    assert other.current == quick_run.current
    for mine, theirs in zip(other.knobs, quick_run.knobs, strict=True):
        assert mine.operator_sha256 == theirs.operator_sha256
        assert mine.dimensions == theirs.dimensions
        assert (mine.low, mine.high, mine.kind) == (theirs.low, theirs.high, theirs.kind)
        for key in ("fitting", "selected", "shares", "validation", "spreads", "judged_at", "mean_change"):
            assert getattr(mine.evidence, key) == getattr(theirs.evidence, key)
        assert mine.evidence.test != theirs.evidence.test
        assert (mine.verdict, theirs.verdict) == ("rejected", "provisional")
        assert mine.evidence.controls is None  # no test clip reaches the amount that validation judged it at


def test_validation_songs_decide_the_range(find, songs, quick_run):
    """The same operators have the range that validation songs reach, and there they are judged."""
    other = find(corpus=_with_split(songs, "validation", _high), fits=("mean",)).knobs[0]
    usual = _named(quick_run, "mean")

    assert other.operator_sha256 == usual.operator_sha256
    assert (usual.low, usual.high, usual.evidence.judged_at) == (-12, 12, 12)
    assert (other.low, other.high, other.evidence.judged_at) == (-12, 5, -12)


def test_training_songs_alone_are_fitted(find, songs, quick_run):
    """Shifts, spreads and covariance come from training songs: other songs of other splits change none of them."""
    changed = _with_split(_with_split(songs, "test", _high), "validation", _high)

    other, usual = find(corpus=changed, fits=("mean",)).knobs[0], _named(quick_run, "mean")

    assert other.operator_sha256 == usual.operator_sha256
    for key in ("spreads", "covariance_diagonal", "mean_change", "coherence"):
        assert getattr(other.evidence, key) == getattr(usual.evidence, key)


def test_an_edit_that_swaps_clips_gives_no_knob(find):
    """Where each clip's "edit" is another clip there is nothing to learn: every kind is rejected, with no range."""
    shuffle = _edit("shuffle", (1.0, 2.0), lambda clips, rng: rng.permutation(clips), target="mean-pitch")

    run = find(shuffle, trial_clips=64, controls=100)

    assert [(knob.verdict, knob.low, knob.high) for knob in run.knobs] == [("rejected", 0, 0)] * len(run.knobs)
    assert all(knob.evidence.controls is None for knob in run.knobs)


def test_an_edit_that_does_nothing_gives_no_knob(find):
    """Where the edit changes nothing there is no room to show anything: no kind is accepted."""
    run = find(_edit("still", (1.0, 2.0), lambda clips, _rng: clips, target="mean-pitch"))

    assert {knob.verdict for knob in run.knobs} == {"not measurable"}
    assert run.knobs[0].evidence.controls.p == 1


def test_an_on_off_edit_is_a_turn_and_not_a_shift(find):
    """Playing backwards turns the codes: validation chooses the affine kind, whose step is the edit's amount."""
    run = find(_edit("backwards", (0.5,), _backwards, preserves=frozenset({"mean-pitch"})), trial_clips=60)
    knob = run.knobs[run.current]

    assert knob.kind == "affine"
    assert (knob.low, knob.high, knob.step) == (0, 0.5, 0.5)
    assert knob.verdict == "provisional"
    assert knob.evidence.validation.response is None
    assert knob.evidence.validation.round_trip == 1
    assert _named(run, "mean").verdict == "rejected"


def test_too_few_pairs_are_refused_with_numbers(find, songs):
    """With fewer than 4 D pairs at every amount the message has the need, the most there are, and where."""
    few = [song for song in songs if song.split == "train"][:5]

    with pytest.raises(DiscoveryError, match=r"transpose has 96 training pairs \(4 for each of 24.*most is 20 at -12"):
        find(corpus=few)


@pytest.mark.parametrize("split", ["validation", "test"])
def test_a_split_without_clips_is_refused(find, songs, split):
    """Without validation or test clips nothing can be judged, and the message says which are missing."""
    with pytest.raises(DiscoveryError, match=f"no {split} clips"):
        find(corpus=[song for song in songs if song.split != split])


def test_validation_clips_that_cannot_be_edited_are_refused(find, songs):
    """Where no validation clip can be edited at a fitted amount, the message says so."""
    silent = _with_split(songs, "validation", lambda clips: np.full_like(clips, 129))

    with pytest.raises(DiscoveryError, match="validation clips can be edited by transpose"):
        find(corpus=silent)


def test_an_edit_of_another_format_is_refused(find):
    """An augmentation of clips that the model does not read is refused before anything is encoded."""
    drums = _edit("drums", (1.0,), lambda clips, _rng: clips, clip_format="drums-1bar")

    with pytest.raises(UsageError, match="drums needs clips of drums-1bar, and melody-2bar offers monophonic, "):
        find(drums, corpus=())


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"selector": "nobody"}, "no selector named 'nobody'; there is: effect, energy, knee, max-t, participation"),
        (
            {"fits_made": ("nobody",)},
            "no fit named 'nobody'; there is: attribute-vector, discriminant, gradient, mean, ",
        ),
        ({"basis": "nobody"}, "no basis named 'nobody'; there is: decoder-fisher, decoder-weights, pca, "),
    ],
)
def test_unknown_methods_are_refused(find, settings, sentence):
    """A selector, basis or fit that nobody offers is refused with those that there are."""
    with pytest.raises(UsageError, match=sentence):
        find(corpus=(), **settings)


def test_only_the_fits_that_are_named_are_made(find):
    """Settings may name fits; the run has those, and no other, in their order."""
    settings = Settings(fits=["ridge", "mean"])

    assert settings.as_dict()["fits"] == ["ridge", "mean"]
    assert [knob.fit for knob in find(fits_made=("ridge", "mean")).knobs] == ["mean", "ridge"]


def test_a_quick_discovery_is_provisional_at_best(find):
    """With the quick settings an exact knob is provisional, whatever its clips."""
    quick = {name: value for name, value in QUICK.as_dict().items() if name != "fits"}

    assert {knob.verdict for knob in find(fits_made=QUICK.fits, **quick).knobs} == {"provisional"}


def test_a_target_that_nobody_measures_is_refused(find):
    """The target must be an attribute that a plugin offers."""
    with pytest.raises(UsageError, match="'loudness', which no plugin measures"):
        find(_edit("crescendo", (1.0,), lambda clips, _rng: clips, target="loudness"), corpus=())


@pytest.mark.parametrize("part", ["preserves", "changes"])
def test_what_an_edit_keeps_and_changes_must_be_measured_by_somebody(find, part):
    """A misspelt attribute would be a gate that never closes: it is refused with the names that there are."""
    with pytest.raises(UsageError, match=f"'contuor' in {part}, which no plugin measures; there is: .*contour"):
        find(_edit("crescendo", (1.0,), lambda clips, _rng: clips, **{part: frozenset({"contuor"})}), corpus=())


@pytest.mark.parametrize(
    "answers",
    [
        {"encode": lambda clips: Posterior(np.full((len(clips), LATENT_SIZE), np.nan, np.float32))},
        {"encode": lambda clips: Posterior(np.zeros((len(clips), LATENT_SIZE + 1), np.float32))},
        {"decode": lambda z: np.zeros((len(z), 16), np.int16)},
        {"accepts": lambda clips: np.ones(len(clips) + 1, dtype=bool)},
    ],
    ids=["codes that are not finite", "codes of another size", "clips of another size", "a mask of another size"],
)
def test_a_model_that_breaks_its_contract_is_refused(find, answers):
    """Codes, decodings and masks that are none end the run with a sentence that names the model."""
    with pytest.raises(BackendError, match="Model tiny"):
        find(backend=Model(**answers))


def test_an_edit_that_breaks_its_contract_is_refused(find):
    """An augmentation that gives back what are not clips ends the run with a sentence that names it."""
    with pytest.raises(PluginError, match="'broken' at amount 1"):
        find(_edit("broken", (1.0,), lambda clips, _rng: clips + 200))


def test_clips_that_the_model_cannot_carry_are_left_out_and_counted(find, songs):
    """What the model does not accept is in no statistic, and in the counts."""
    picky = Model(accepts=lambda clips: MELODY.sounding(clips).max(axis=1) < 80)
    refused = sum(int((~picky.accepts(song.clips)).sum()) for song in songs)

    run = find(backend=picky, fits=("mean",))

    assert run.counts["not accepted by the model"] == refused
    assert sum(n for what, n in run.counts.items() if what.startswith("clips of")) == 800 - refused
    assert run.counts["not accepted by the model at +12"] > 0


def test_counts_of_the_corpus_are_kept(methods):
    """What the corpus counted before is in the run's counts with the discovery's own."""
    backend, settings = TinyBackend(), Settings(trial_clips=8, controls=1, control_clips=4)
    tally = Tally()
    tally.add("tunes in three", 7)
    none = Methods((), methods.selectors, methods.bases, methods.attributes, methods.comparisons)
    spec = RunSpec(backend.spec.model_id, "tiny", "transpose", "tiny", 0)
    songs = TinyCorpus().songs(CorpusRequest(clips=280))

    run = discover(Experiment.of(backend, Transpose(), settings, none), songs, spec, version="1", tally=tally)

    assert run.counts["tunes in three"] == 7
    assert run.knobs == ()
    assert run.current is None


def test_every_knob_stands_beside_the_runs_other_fits(pitch_run, methods):
    """The evidence of each knob lists all fits of its run, with what validation songs say of them."""
    for knob in pitch_run.knobs:
        assert set(knob.evidence.declined) == {"gradient"}  # the tiny model has none
        made = [fit.name for fit in methods.fits if fit.name != "gradient"]
        assert [one.fit for one in knob.evidence.fits] == made
        (own,) = (one for one in knob.evidence.fits if one.fit == knob.fit)
        assert (own.kind, own.verdict, own.low, own.high) == (
            knob.kind,
            knob.verdict,
            knob.low,
            knob.high,
        )
        at = {f"{x.amount:+g}": x for x in knob.evidence.validation.amounts}
        assert own.equivariance == {amount: x.equivariance.value for amount, x in at.items()}
        assert own.least == min(own.equivariance.values())
        assert own.content["contour"] == min(x.content["contour"].value for x in at.values())


def test_a_collapsed_model_has_no_knob(find):
    """Where every clip has the same code a discovery ends with verdicts and reasons, and not with an error."""

    def same(clips):
        return Posterior(np.full((len(clips), LATENT_SIZE), 0.3, np.float32), None)

    run = find(backend=Model(encode=same))

    assert {knob.verdict for knob in run.knobs} == {"not measurable"}
    assert set(run.knobs[0].evidence.declined) == {"attribute-vector", "ridge-reading", "discriminant", "gradient"}


def test_a_fit_that_cannot_be_made_is_left_out(find):
    """Where the edit has no target, the fits that read it are left out with their reason, and the others go on."""
    run = find(_edit("backwards", (1.0,), _backwards))

    assert [knob.fit for knob in run.knobs] == ["mean", "ridge"]
    assert set(run.knobs[0].evidence.declined) == {"attribute-vector", "ridge-reading", "discriminant", "gradient"}
    declined = dict(run.knobs[0].evidence.declined)
    assert "LatentGradient" in declined.pop("gradient")
    assert all("attribute" in reason for reason in declined.values())


def test_progress_is_told(methods):
    """Reading, decoding and evaluating tell how far they are, counts only rising."""
    backend, settings = TinyBackend(), Settings(clips=400, trial_clips=8, controls=1, control_clips=4, shard=64)
    told = {}

    discover(
        Experiment.of(backend, Transpose(), settings, methods),
        TinyCorpus().songs(CorpusRequest(clips=400)),
        RunSpec(backend.spec.model_id, "tiny", "transpose", "tiny", 0),
        version="1",
        progress=lambda what, done, of: told.setdefault(what, []).append((done, of)),
    )

    assert told["encoding for pitch"][-1] == (400, 400)
    made = sum(not fit.baseline for fit in methods.fits)
    assert told["fitting pitch"] == [(done, made) for done in range(made)]
    assert told["evaluating pitch"] == [(0, 1), (1, 1)]
    assert all(steps == sorted(steps, key=lambda step: step[0]) for steps in told.values())


def test_evidence_has_six_digits():
    """Numbers of the evidence are rounded to six significant digits, whatever their size, and zeros stay."""
    numbers = np.asarray([[0.0, 1234567.0], [-0.00012345678, 1.0]])

    assert rounded(numbers) == ((0.0, 1234570.0), (pytest.approx(-0.000123457, rel=1e-12), 1.0))


def test_chance_of_an_edit_comes_from_the_seed(find):
    """An edit that draws gives the same knob again for the same seed, and another for another."""

    class Jitter(TokenAugmentation):
        """Moves each clip by the amount, and some by one more."""

        name, knob_name, amounts = "jitter", "jitter", (-2.0, 2.0)
        preserves: ClassVar[frozenset[str]] = frozenset({"onset-f1"})

        def edit_tokens(self, clips, amount, rng):
            step = np.int16(amount) + rng.integers(0, 2, (len(clips), 1)).astype(np.int16)
            return np.where(clips < HOLD, clips + step, clips), np.ones(len(clips), dtype=bool)

    hashes = [find(Jitter(), seed=seed, fits=("mean",)).knobs[0].operator_sha256 for seed in (0, 0, 1)]

    assert hashes[0] == hashes[1] != hashes[2]


def test_songs_are_read_once(find, songs, quick_run):
    """A corpus is an iterator: one pass over it is enough."""
    assert _facts(find(corpus=iter(songs))) == _facts(quick_run)


def test_one_song_of_a_split_is_enough_to_measure(find, songs):
    """With a single validation song the intervals are points, and nothing breaks."""
    one = next(song for song in songs if song.split == "validation")
    kept = [song for song in songs if song.split != "validation"]

    knob = find(corpus=[*kept, Song(one.name, one.clips, "validation")], fits=("mean",)).knobs[0]

    x = knob.evidence.validation.amounts[0].equivariance
    assert x.low == x.high == x.value


def _first_note(clips, _rng):
    """The first note a semitone up, where it lasts a beat or less: one token of 32."""
    out = clips.copy()
    out[:, 0] += 1
    return out, (clips[:, 0] < HOLD - 1) & (clips[:, 4] != HOLD)


def test_an_edit_of_one_token_is_measured_by_its_changes(find):
    """Where tokens leave no room, a knob that does what the edit does is accepted by the F1 of changes."""
    run = find(_edit("first", (1.0,), _first_note), trial_clips=80, controls=100, control_clips=32)
    knob = run.knobs[run.current]

    assert knob.evidence.measure == "changes"
    assert knob.verdict == "accepted"
    assert knob.evidence.test.amounts[0].equivariance.value == pytest.approx(1)
    assert knob.evidence.test.amounts[0].equivariance.floor == 0


def test_an_edit_of_many_tokens_is_measured_by_tokens(pitch_run):
    """Transposing changes every note, so tokens are compared."""
    assert {knob.evidence.measure for knob in pitch_run.knobs} == {"tokens"}


class LowUp(TokenAugmentation):
    """Moves low clips up by a third; of high ones an inexact edit leaves every note."""

    name = knob_name = "low-up"
    amounts = (4.0,)

    def edit_tokens(self, clips, amount, rng):
        """Clips that start below F4."""
        low = clips[:, 0] < 65
        moved = np.where((clips < HOLD) & low[:, None], clips + int(amount), clips).astype(np.int16)
        return moved, low | (not self.exact)


@pytest.mark.slow
@pytest.mark.parametrize(("in_part", "chosen"), [(False, "mean"), (True, "network")])
def test_a_fit_is_chosen_on_the_clips_that_it_learned_from(methods, songs, in_part, chosen):
    """An edit that learns in part is turned on clips that it does not change in full: the choice of fit counts them."""
    edit, settings = LowUp(), evolve(QUICK, fits=(), steps=200, trial_clips=60, controls=5, halves=5, resamples=5)
    edit.learns_in_part = in_part
    offered = evolve(methods, fits=tuple(fit for fit in register_fits() if fit.name in ("mean", "network")))
    spec = RunSpec(TinyBackend().spec.model_id, "tiny", edit.name, "tiny", 0, {})

    run = discover(Experiment.of(TinyBackend(), edit, settings, offered), songs, spec, version="1")

    assert run.knobs[run.current].fit == chosen
    assert all(("in_part" in knob.evidence.fitting) == in_part for knob in run.knobs)
