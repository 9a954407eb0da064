"""What an augmentation that takes a ``context`` is told of the piece, and that it is told it wherever it is used."""

from __future__ import annotations

import numpy as np
import pytest
from attrs import evolve

from latentknobs import MELODY, EditContext, Key, Note, NoteAugmentation, TokenAugmentation, scores
from latentknobs.analysis.algebra import sample_clips
from latentknobs.augmentations.transpose import Transpose
from latentknobs.core.augmentation import in_context, takes_context
from latentknobs.core.composition import compose
from latentknobs.core.corpus import Tally
from latentknobs.core.edit_context import PROFILES, contexts_of, estimate_key
from latentknobs.core.plugin_guard import run_augmentation
from latentknobs.corpora.sharding import carried_shards, song_contexts
from latentknobs.evaluation.evaluation_set import ClipReservoir
from latentknobs.testing.tiny import TinyBackend


class Mirror(NoteAugmentation):
    """Mirrors every pitch around the first note of the piece."""

    name = knob_name = "mirror"
    changes = frozenset({"contour"})

    def edit(self, notes, amount, rng, context):
        """Mirror."""
        axis = 2 * context.first.pitch if context.first else 0
        return [Note(n.onset, axis - n.pitch, n.length) for n in notes]


class Numbered(TokenAugmentation):
    """Keeps what it was told."""

    name = knob_name = "numbered"
    told: list[EditContext]

    def edit_tokens(self, clips, amount, rng, context):
        """Nothing."""
        self.told += context
        return clips, np.ones(len(clips), dtype=bool)


class Plain:
    """An augmentation without a base class."""

    name = knob_name = "plain"
    unit, amounts, target, changes, preserves, doc = "", (1.0,), None, frozenset(), frozenset(), "Plain."
    needs = ("monophonic",)

    def __init__(self):
        self.told = []

    def __call__(self, clips, amount, rng, context):
        """As Transpose."""
        self.told += context
        return Transpose()(clips, amount, rng)


def rng():
    """The same every time."""
    return np.random.default_rng(0)


def tune(*pitches):
    """Quarters, eight a clip."""
    notes = [Note(4 * (k % 8), pitch, 4) for k, pitch in enumerate(pitches)]
    return np.stack([MELODY.tokens(notes[start : start + 8]) for start in range(0, len(notes), 8)])


@pytest.mark.parametrize(
    ("pitches", "key"),
    [
        ([60, 62, 64, 65, 67, 69, 71, 72], "C major"),
        ([69, 71, 72, 74, 76, 77, 80, 81], "A minor"),  # harmonic
        ([67, 69, 71, 72, 74, 76, 78, 79], "G major"),
        ([63, 65, 66, 68, 70, 71, 73, 75], "Eb minor"),
    ],
)
def test_a_scale_has_its_key(pitches, key):
    """The key of a scale from tonic to tonic is that of the scale, whatever octave it is in."""
    for octave in (-12, 0, 12):
        (context,) = contexts_of(tune(*(pitch + octave for pitch in pitches)), MELODY)
        assert (str(context.key), context.key.estimated) == (key, True)


@pytest.mark.parametrize("key", [Key(tonic, mode) for mode in PROFILES for tonic in range(12)])
def test_a_key_is_read_as_it_is_written(key):
    """In whatever case; a major key by its tonic alone."""
    assert Key.parse(str(key)) == Key.parse(str(key).upper()) == key
    if key.mode == "major":
        assert Key.parse(str(key).split()[0]) == key


def test_a_profile_fits_its_own_key_best():
    """Durations that are the profile of a key give that key, in all 24; nothing gives none."""
    for mode, profile in PROFILES.items():
        for tonic in range(12):
            assert estimate_key(np.roll(profile, tonic)) == Key(tonic, mode, estimated=True)
    assert estimate_key(np.zeros(12)) is None


def test_twinkle_is_in_its_key():
    """All clips of the example share key, first note, range and seed, and each has its place."""
    clips = scores.twinkle().cut(MELODY).clips
    contexts = contexts_of(clips, MELODY, seed=7)
    first = contexts[0]

    assert (str(first.key), first.first, first.pitch_range, first.seed) == ("C major", Note(0, 60, 4), (60, 69), 7)
    assert contexts == tuple(evolve(first, index=k) for k in range(len(clips)))
    assert first.count == len(clips)


def test_a_stated_key_is_taken_as_it_is():
    """A key that the source states is not estimated again; silence has none, nor a first note or range."""
    stated = Key(2, "minor")

    assert contexts_of(tune(60, 62, 64), MELODY, key=stated)[0].key is stated
    assert contexts_of(MELODY.tokens([])[None], MELODY)[0] == EditContext(None, None, None, 0, 1, 0)
    assert Key(9, "minor").scale == (9, 11, 0, 2, 4, 5, 7)
    for tonic, mode in ((12, "major"), (0, "dorian"), (0.5, "major")):
        with pytest.raises((ValueError, TypeError)):
            Key(tonic, mode)


def test_a_parameter_says_that_the_context_is_wanted():
    """An edit asks by a parameter named context of its own function; the others are called as ever."""
    assert [takes_context(edit) for edit in (Mirror(), Numbered(), Plain(), Transpose())] == [True, True, True, False]


def test_clips_of_a_piece_are_edited_alike():
    """With the piece's contexts the second clip turns around the first one's first note, alone around its own."""
    clips = tune(60, 62, 64, 65, 67, 69, 71, 72, 72, 71, 69, 67, 65, 64, 62, 60)
    together = run_augmentation(in_context(Mirror(), contexts_of(clips, MELODY)), clips, 1, rng(), MELODY)
    alone = run_augmentation(Mirror(), clips, 1, rng(), MELODY)

    assert MELODY.notes(together.clips[1])[0].pitch == 48
    assert MELODY.notes(alone.clips[1])[0].pitch == 72
    assert np.array_equal(Mirror()(clips, 1, rng()).clips, alone.clips)


def test_every_way_to_write_an_edit_is_told():
    """Token edits and edits without a base class are given a context for each clip of the batch."""
    clips = tune(*range(60, 76))
    contexts = contexts_of(clips, MELODY)
    numbered, plain = Numbered(), Plain()
    numbered.told = []
    for edit in (numbered, plain):
        run_augmentation(in_context(edit, contexts), clips, 1, rng(), MELODY)

    assert tuple(numbered.told) == tuple(plain.told) == contexts


def test_parts_of_a_composition_are_told_of_the_clips_that_are_left():
    """Where the first part masks a clip, the second is given the contexts of the others."""
    clips = np.concatenate([tune(*[127] * 8), tune(*range(60, 68))])
    plain = Plain()
    both = compose("transpose:1|plain:1", {"transpose": Transpose(), "plain": plain})
    run_augmentation(in_context(both, contexts_of(clips, MELODY)), clips, 1, rng(), MELODY)

    assert [context.index for context in plain.told] == [1]


class Picky(TinyBackend):
    """Does not carry clips that begin with a rest."""

    def accepts(self, clips):
        return clips[:, 0] != 129


def test_contexts_stay_with_their_clips(songs):
    """Through shards and samples each clip keeps the place in its song, the same for a seed; a stated key is passed."""
    keyed = [evolve(song, key=Key(5, "minor")) for song in songs[:40]]
    told = song_contexts([Mirror()], MELODY, 3)
    sample = ClipReservoir(50, 0)
    for shard, _ in carried_shards(Picky(), keyed, 16, Tally(), told):
        for name, clip, context in zip(shard.songs, shard.clips, shard.contexts, strict=True):
            (song,) = [one for one in keyed if one.name == name]
            assert np.array_equal(song.clips[context.index], clip)
            assert context == told(song)[context.index]
        sample.add(shard)
    clips, names = sample.clips((32,))

    assert {context.key for context in sample.contexts()} == {Key(5, "minor")}
    for clip, name, context in zip(clips, names, sample.contexts(), strict=True):
        (song,) = [one for one in keyed if one.name == name]
        assert np.array_equal(song.clips[context.index], clip)
    assert song_contexts([Transpose()], MELODY, 3)(keyed[0]) == ()
    assert told(keyed[0])[0].seed != told(keyed[1])[0].seed


def test_a_discovery_tells_the_edit(find, songs):
    """A discovery gives the songs' contexts on training, validation and test clips, and the same run each time."""
    plain = Plain()
    first = find(plain, fits_made=("mean",))
    seen = {(context.index, context.count) for context in plain.told}
    again = find(Plain(), fits_made=("mean",))

    assert seen >= {(k, 4) for k in range(4)}
    assert {context.seed for context in plain.told} <= {
        song_contexts([plain], MELODY, 0)(song)[0].seed for song in songs
    }
    assert first.knobs[0].operator.sha256 == again.knobs[0].operator.sha256


def test_an_algebra_samples_contexts_with_its_clips(songs):
    """Each sampled clip of test and of training songs has the context of its place in its song."""
    told = song_contexts([Mirror()], MELODY, 0)
    sample = sample_clips(TinyBackend(), songs, 0, most=20, contexts=told)
    by_name = {song.name: song for song in songs}

    assert len(sample.contexts) == len(sample.test) == len(sample.train_contexts) == 20
    for clip, name, context in zip(sample.test, sample.songs, sample.contexts, strict=True):
        assert np.array_equal(by_name[name].clips[context.index], clip)
        assert context == told(by_name[name])[context.index]
