import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.random import default_rng

from latentknobs.augmentations.note_split import NoteSplit
from latentknobs.augmentations.transpose import Transpose
from latentknobs.core.clip import Note
from latentknobs.core.experiment import Experiment
from latentknobs.core.melody_format import MELODY
from latentknobs.corpora.sharding import Shard
from latentknobs.evaluation.evaluation_set import ClipReservoir, build_evaluation_set
from latentknobs.testing.tiny import PITCH, TinyBackend, tiny_clips


def _songs(count):
    rng = np.random.default_rng(count)
    return [(f"song {i}", rng.integers(0, 128, (int(rng.integers(1, 5)), 32)).astype(np.int16)) for i in range(count)]


def _sample(songs, groups, size, seed=0):
    reservoir = ClipReservoir(size, seed)
    for group in groups:
        names = tuple(songs[i][0] for i in group for _ in songs[i][1])
        reservoir.add(Shard(np.concatenate([songs[i][1] for i in group]), names, "test"))
    return reservoir.clips((32,))


@settings(max_examples=60)
@given(st.integers(1, 20), st.integers(1, 40), st.data())
def test_the_sample_does_not_depend_on_order_or_shards(count, size, data):
    """Songs in any order, cut into any shards, give the same clips, songs and order."""
    songs = _songs(count)
    order = data.draw(st.permutations(range(count)))
    cuts = sorted(data.draw(st.sets(st.integers(1, max(count - 1, 1)), max_size=4)))
    groups = [part.tolist() for part in np.split(np.asarray(order), cuts) if len(part)]

    clips, names = _sample(songs, [list(range(count))], size)
    again, same_names = _sample(songs, groups, size)

    assert names == same_names
    np.testing.assert_array_equal(clips, again)
    assert len(clips) == min(size, sum(len(c) for _, c in songs))
    by_name = dict(songs)
    assert all((by_name[name] == clip).all(axis=1).any() for name, clip in zip(names, clips, strict=True))


def test_another_seed_gives_another_sample():
    """The seed fixes which clips are kept."""
    songs = _songs(40)
    groups = [list(range(40))]

    assert _sample(songs, groups, 10)[1] == _sample(songs, groups, 10)[1]
    assert _sample(songs, groups, 10)[1] != _sample(songs, groups, 10, seed=1)[1]


def test_a_small_sample_is_the_head_of_a_larger_one():
    """Asking for more clips keeps those of the smaller sample, in their order."""
    songs = _songs(30)
    groups = [list(range(30))]

    np.testing.assert_array_equal(_sample(songs, groups, 7)[0], _sample(songs, groups, 25)[0][:7])


def test_every_clip_has_the_same_chance():
    """Over many seeds each clip is kept about as often as any other."""
    songs = [(f"song {i}", np.full((2, 32), i, np.int16)) for i in range(10)]
    kept = np.zeros(10)
    for seed in range(300):
        clips, _ = _sample(songs, [list(range(10))], 4, seed)
        kept += np.bincount(clips[:, 0], minlength=10)

    assert kept.sum() == 1200
    assert kept.min() > 85
    assert kept.max() < 160


def test_no_clip_at_all_is_an_empty_sample():
    """A split without songs gives no clips."""
    clips, names = ClipReservoir(5, 0).clips((32,))

    assert clips.shape == (0, 32)
    assert names == ()


@pytest.fixture(scope="module")
def pitch():
    """A trial of transposition on tiny clips and one at the top of the range."""
    top = MELODY.tokens([Note(0, 125, 4)])[None]
    experiment = Experiment.without_methods(TinyBackend(), Transpose())
    clips = np.concatenate([tiny_clips(8), top])
    return build_evaluation_set(experiment, clips, (*"aabbccdd", "top"), default_rng(0))


def test_a_trial_holds_what_every_knob_is_measured_on(pitch):
    """Clips, codes and plain decodings of the originals, and songs as numbers."""
    assert pitch.songs.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4]
    np.testing.assert_array_equal(pitch.codes, TinyBackend().encode(pitch.clips).mean)
    np.testing.assert_array_equal(pitch.plain, TinyBackend().decode(pitch.codes))
    assert list(pitch.batches) == sorted(Transpose.amounts)


def test_a_case_has_the_clips_that_its_amount_reaches(pitch):
    """Clips out of reach are in no row; each row has its clip, song, codes and decodings before and after."""
    case = pitch.batches[7.0]

    assert case.rows.tolist() == list(range(8))
    assert pitch.batches[2.0].rows.tolist() == list(range(9))
    np.testing.assert_array_equal(case.before, pitch.clips[:8])
    np.testing.assert_array_equal(case.plain, pitch.plain[:8])
    np.testing.assert_array_equal(case.songs, pitch.songs[:8])
    np.testing.assert_array_equal(case.after, np.where(case.before < 128, case.before + 7, case.before))
    np.testing.assert_array_equal(case.ceiling, case.after)
    np.testing.assert_allclose((case.z_after - case.z_before)[:, PITCH], 7 / 12, atol=1e-5)


def test_a_negative_case_of_swapped_pairs_starts_from_the_edited_clips():
    """Joining notes is undoing a split: before and after, their codes and decodings are exchanged."""
    clips = tiny_clips(8)
    experiment = Experiment.without_methods(TinyBackend(), NoteSplit())
    batches = build_evaluation_set(experiment, clips, tuple("aabbccdd"), default_rng(0)).batches

    up, down = batches[1.0], batches[-1.0]
    assert list(batches) == [-4, -3, -2, -1, 1, 2, 3, 4]
    assert len(up.rows)
    for mine, theirs in (("before", "after"), ("z_before", "z_after"), ("plain", "ceiling"), ("rows", "rows")):
        np.testing.assert_array_equal(getattr(up, mine), getattr(down, theirs))
        np.testing.assert_array_equal(getattr(down, mine), getattr(up, theirs))


def test_the_first_clips_of_a_case(pitch):
    """``first`` cuts every array alike."""
    case = pitch.batches[1.0]
    few = case.first(3)

    for name in ("rows", "songs", "before", "after", "z_before", "z_after", "plain", "ceiling"):
        np.testing.assert_array_equal(getattr(few, name), getattr(case, name)[:3])
    assert few.amount == 1.0
