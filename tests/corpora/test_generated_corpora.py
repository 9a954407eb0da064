"""Rules of the corpora that are made by rule: whole notes and melodies of known factors."""

import tracemalloc
from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from latentknobs.core.corpus import SPLITS, CorpusRequest, split_of
from latentknobs.core.melody_format import HOLD, MELODY, REST, untransposed
from latentknobs.corpora.broad_melodies import BROAD, MelodyStyle, melodies
from latentknobs.corpora.broad_melodies import make_song as make_broad_song
from latentknobs.corpora.synthetic_melodies import CONTOURS, FACTORS, MODES, factors_of, make_song
from latentknobs.corpora.whole_notes import WHOLE_NOTES
from latentknobs.errors import CorpusError


def test_whole_notes_are_every_pair_once():
    """Without a limit, each ordered pair of pitches in the range comes once, as two notes of a bar."""
    songs = list(WHOLE_NOTES.songs(CorpusRequest(pitch_range=(48, 72))))
    clips = np.concatenate([song.clips for song in songs])
    assert len({tuple(clip) for clip in clips.tolist()}) == len(clips) == 25**2
    assert ((clips[:, [0, 16]] >= 48) & (clips[:, [0, 16]] <= 72)).all()
    assert (np.delete(clips, [0, 16], axis=1) == HOLD).all()


@pytest.mark.parametrize(("argument", "widest"), [("", 36), ("12", 12), ("127", 87)])
def test_whole_notes_are_at_most_so_far_apart(argument, widest):
    """Three octaves, or what the argument says."""
    request = CorpusRequest(pitch_range=(21, 108))
    clips = np.concatenate([song.clips for song in WHOLE_NOTES.songs(request, argument)])
    intervals = np.abs(clips[:, 16] - clips[:, 0])
    assert intervals.max() == widest
    assert len(clips) == sum(88 - abs(interval) for interval in range(-widest, widest + 1))


@pytest.mark.parametrize("argument", ["wide", "-3", "1.5", "²", "9" * 5000])
def test_whole_notes_want_an_interval(argument):
    """Anything but a whole number of semitones is refused with what it takes."""
    with pytest.raises(CorpusError, match="widest interval in semitones"):
        list(WHOLE_NOTES.songs(CorpusRequest(), argument))


def test_whole_notes_are_split_by_interval():
    """A song is one interval, so pairs equal up to transposition share a split."""
    for song in WHOLE_NOTES.songs(CorpusRequest(clips=500, pitch_range=(40, 90))):
        assert set((song.clips[:, 16] - song.clips[:, 0]).tolist()) == {int(song.name.split("/")[1])}
        assert song.split == split_of(song.name)


@given(st.integers(1, 400), st.integers(0, 5))
@settings(max_examples=30)
def test_whole_notes_give_exactly_the_clips_asked_for(clips, seed):
    """Fewer than there are: distinct pairs; more: repeated as evenly as can be, and told."""
    told = Counter()
    request = CorpusRequest(
        clips=clips, seed=seed, pitch_range=(60, 70), tally=lambda what, count: told.update({what: count})
    )
    drawn = np.concatenate([song.clips for song in WHOLE_NOTES.songs(request)])
    times = Counter(map(tuple, drawn.tolist()))
    assert len(drawn) == clips
    assert max(times.values()) - min(times.values()) <= 1
    assert len(times) == min(clips, 121)
    assert sum(told.values()) == max(clips - 121, 0)


def test_whole_notes_without_a_pitch_are_refused():
    """An empty range is said."""
    with pytest.raises(CorpusError, match="no pitch"):
        list(WHOLE_NOTES.songs(CorpusRequest(pitch_range=(70, 60))))


@given(st.integers(0, 10**6), st.integers(0, 10**9))
@settings(max_examples=60)
def test_song_of_factors_is_valid_and_repeatable(seed, index):
    """Any song can be made alone, twice the same: distinct valid clips in its split, each with a note."""
    song, again = make_song(seed, index), make_song(seed, index)
    if song is None:
        assert again is None
        return
    assert np.array_equal(song.clips, again.clips)
    assert 1 <= len(song.clips) <= 8
    assert MELODY.valid(song.clips).all()
    assert (song.clips < HOLD).any(axis=1).all()
    assert len({clip.tobytes() for clip in song.clips}) == len(song.clips)
    assert song.split == split_of(song.name)


@given(st.integers(0, 10**4))
@settings(max_examples=60)
def test_factors_are_what_the_clips_show(index):
    """Pitches lie in the scale and near the register, rests and repetition appear only where the factors say so."""
    song = make_song(7, index)
    assume(song is not None)
    factors = factors_of(song.name)
    pitches = song.clips[song.clips < HOLD]
    assert set(((pitches - factors.tonic) % 12).tolist()) <= set(MODES[factors.mode])
    assert np.abs(np.median(pitches) - factors.register) <= 24
    if factors.rests == 0 and not factors.syncopated:
        assert (song.clips != REST).all()
    if factors.repetition != "none" and factors.rests == 0 and factors.density > 0:
        onsets = song.clips < HOLD
        assert np.array_equal(onsets[:, :16], onsets[:, 16:])
    assert set(factors.numbers()) >= {"tonic", "mode", "register", "density", "contour", "leap"}


def test_factors_vary_and_show_in_the_music():
    """Denser songs have more onsets, rising ones rise; long notes, sixteenths, rests and syncopation all occur."""
    songs = [song for index in range(600) if (song := make_song(0, index)) is not None]
    factors = [factors_of(song.name) for song in songs]
    onsets = np.array([(song.clips < HOLD).sum(axis=1).mean() for song in songs])
    by_density = [onsets[[f.density == d for f in factors]].mean() for d in range(6)]
    assert (np.diff(by_density) > 2).all()
    slope = {name: [] for name in CONTOURS}
    for song, f in zip(songs, factors, strict=True):
        sounding = MELODY.sounding(song.clips).astype(float)
        sounding[sounding < 0] = np.nan
        slope[f.contour].append(np.nanmean(sounding[:, 24:]) - np.nanmean(sounding[:, :8]))
    assert np.nanmean(slope["rising"]) > 4
    assert np.nanmean(slope["falling"]) < -4
    assert abs(np.nanmean(slope["level"])) < 1
    assert len({f.tonic for f in factors}) == 12
    lengths = Counter(note.length for song in songs for clip in song.clips[:2] for note in MELODY.notes(clip))
    assert min(lengths[1], lengths[2], lengths[4], lengths[8], lengths[16]) > 10


def test_no_clip_of_factors_is_in_two_splits():
    """The split of a clip is that of its content up to transposition, so no two splits share one."""
    shapes = {split: set() for split in SPLITS}
    for song in FACTORS.songs(CorpusRequest(clips=10_000)):
        shapes[song.split].update(shape.tobytes() for shape in untransposed(song.clips))
    assert all(shapes.values())
    assert not shapes["train"] & shapes["validation"]
    assert not (shapes["train"] | shapes["validation"]) & shapes["test"]


def test_factors_come_lazily_in_flat_memory():
    """Reading ten times as many clips takes no more memory."""

    def peak(clips):
        tracemalloc.start()
        for _ in FACTORS.songs(CorpusRequest(clips=clips)):
            pass
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    peak(100)
    assert peak(4_000) < 1.2 * peak(400)


def test_factors_need_a_limit():
    """An endless corpus without a limit is refused with what to do."""
    with pytest.raises(CorpusError, match="--clips"):
        next(FACTORS.songs(CorpusRequest()))


def test_factors_keep_the_pitch_range():
    """Clips outside are left out and counted; a range that leaves hardly a clip is said, not searched forever."""
    told = Counter()
    request = CorpusRequest(clips=200, pitch_range=(55, 75), tally=lambda what, count: told.update({what: count}))
    clips = np.concatenate([song.clips for song in FACTORS.songs(request)])
    pitches = clips[clips < HOLD]
    assert len(clips) >= 200
    assert pitches.min() >= 55
    assert pitches.max() <= 75
    assert told["clips outside the pitch range"] > 0
    with pytest.raises(CorpusError, match="hardly a clip"):
        next(FACTORS.songs(CorpusRequest(clips=1, pitch_range=(0, 3))))


@pytest.mark.parametrize("name", ["folk/0/1", "factors/0", "factors/x/1", "factors/0/-1"])
def test_factors_of_another_song_are_refused(name):
    """Only names of this corpus have factors."""
    with pytest.raises(CorpusError, match="no song"):
        factors_of(name)


@given(st.integers(0, 10**6), st.integers(0, 10**9))
@settings(max_examples=20)
def test_a_broad_song_is_valid_and_repeatable(seed, index):
    """Any song can be made alone, twice the same: distinct valid clips from pitch 21 to 108, each with a note."""
    song, again = make_broad_song(seed, index), make_broad_song(seed, index)

    assert song is None or np.array_equal(song.clips, again.clips)
    if song is not None:
        pitches = song.clips[song.clips < HOLD]
        assert MELODY.valid(song.clips).all()
        assert (song.clips < HOLD).any(axis=1).all()
        assert 21 <= pitches.min() <= pitches.max() <= 108
        assert len({clip.tobytes() for clip in song.clips}) == len(song.clips) <= 16


def test_broad_clips_carry_sixty_nats():
    """The typical clip's information, given its song's style and its chords, is 60 nats or more."""
    nats = []
    for index in range(250):
        rng = np.random.default_rng([9, index])
        nats.append(melodies(MelodyStyle.draw(rng), 8, rng)[1])

    assert np.median(np.concatenate(nats)) > 60


def test_the_information_of_broad_clips_is_that_of_their_probability():
    """In a style of two places and two pitches, all clips together have probability 1, and come as often as that."""
    starts = np.full(16, 1e-300)
    starts[[0, 6]] = 0.3, 0.4
    pitch = np.zeros(88)
    pitch[[40, 45]] = 0.25, 0.75
    style = MelodyStyle(starts, 0.0, pitch, np.broadcast_to(pitch, (7, 88, 88)))

    clips, nats = melodies(style, 20_000, np.random.default_rng(0))
    distinct, where, counts = np.unique(clips, axis=0, return_index=True, return_counts=True)
    chances = np.exp(-nats[where])

    assert chances.sum() == pytest.approx(1, abs=1e-9)
    assert len(distinct) == 81 - 1
    np.testing.assert_allclose(counts / 20_000, chances, atol=0.01)


def test_broad_reaches_every_register_and_density():
    """Clips lie anywhere on the keyboard, from a few notes to nearly one on each step."""
    songs = list(BROAD.songs(CorpusRequest(clips=3000, seed=1)))
    clips = np.concatenate([song.clips for song in songs])
    onsets = (clips < HOLD).sum(axis=1)

    assert set(np.unique(clips[clips < HOLD])) == set(range(21, 109))
    assert np.quantile(onsets, [0.05, 0.95]) == pytest.approx([5, 27], abs=2)
    assert {split for split in SPLITS if any(song.split == split for song in songs)} == set(SPLITS)
