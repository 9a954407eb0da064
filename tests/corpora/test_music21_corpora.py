"""Rules of the tune books: which tunes, which names, what the cache may change (nothing)."""

import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from latentknobs.core.corpus import SPLITS, CorpusRequest, split_of
from latentknobs.core.melody_format import MELODY, untransposed
from latentknobs.corpora import music21_corpora
from latentknobs.corpora.music21_corpora import ESSEN, FOLK, TuneBooks
from latentknobs.errors import CorpusError

NOTES = "CDEFGABcdefg"


@pytest.fixture
def books(tmp_path):
    """A corpus of 30 made-up tunes in two files, and one tune in 6/8."""
    rng = np.random.default_rng(1)
    folder = tmp_path / "music" / "made"
    folder.mkdir(parents=True)
    for book in ("a", "b"):
        tunes = ["% a book that nobody printed\n"]
        for number in range(1, 16):
            bars = "|".join("".join(NOTES[i] for i in rng.integers(len(NOTES), size=8)) for _ in range(6))
            tunes.append(f"X:{number}\nT:Made up\nM:C\nL:1/8\nK:D\n{bars}|]\n\n")
        tunes.append("X:16\nM:6/8\nL:1/8\nK:C\nCDE FGA|CDE FGA|]\n")
        (folder / f"{book}.abc").write_text("".join(tunes))
    return TuneBooks("books", ("made",), "Made up.", "Free.", folder=tmp_path / "music")


def read(corpus, **wanted):
    """The songs as comparable values."""
    return [(song.name, song.split, song.clips.tobytes()) for song in corpus.songs(CorpusRequest(**wanted))]


def test_tunes_are_named_by_their_place(books):
    """A name is corpus, collection, file and number; tunes in other meters are not read."""
    names = list(books.tunes())
    assert names[0] == "books/made/a/0001"
    assert len(names) == 30


def test_number_used_twice_gives_two_names(books):
    """Two tunes with one number in one file are both kept."""
    path = books.folder / "made" / "a.abc"
    path.write_text("X:1\nM:C\nL:1/8\nK:C\nC8|D8|]\n\nX:1\nM:C\nL:1/8\nK:C\nE8|F8|]\n")
    assert [name for name in books.tunes() if "/a/" in name] == ["books/made/a/0001", "books/made/a/0001-2"]


def test_the_same_for_any_number_of_workers(books):
    """The result does not depend on workers."""
    assert read(books, workers=1) == read(books, workers=2)


def test_the_cache_changes_nothing(books, tmp_path):
    """Empty, filled in part, full or damaged: the songs and the counts are the same."""
    cache = tmp_path / "cache"
    told = []

    def counted(**wanted):
        counts = Counter()
        songs = read(books, tally=lambda what, count: counts.update({what: count}), **wanted)
        told.append(counts)
        return songs

    plain = counted()
    read(books, cache=cache, clips=12)
    assert counted(cache=cache) == plain
    assert counted(cache=cache) == plain
    (path,) = (cache / "corpora").iterdir()
    whole = path.read_bytes()
    for damage in (b"", whole[: len(whole) // 2], whole[:-40] + bytes(40), b"no archive at all"):
        path.write_bytes(damage)
        assert counted(cache=cache) == plain
        assert path.read_bytes() == whole
    assert all(counts == told[0] for counts in told)


def test_cached_tunes_are_not_read_again(books, tmp_path, monkeypatch):
    """What is cached is not cut again, unless the tune's text has changed."""
    plain = read(books, cache=tmp_path)
    cut = music21_corpora.cut
    asked = []
    monkeypatch.setattr(music21_corpora, "cut", lambda tune, *more: asked.append(tune) or cut(tune, *more))
    assert read(books, cache=tmp_path) == plain
    assert asked == []
    path = books.folder / "made" / "a.abc"
    path.write_text(path.read_text().replace("X:3\n", "X:3\nT:Another title\n"))
    assert read(books, cache=tmp_path) == plain
    assert len(asked) == 1


def test_cache_that_cannot_be_written_is_no_error(books, tmp_path):
    """Where the cache folder is a file, the songs come all the same."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert read(books, cache=blocked) == read(books)


def test_interrupted_reading_keeps_what_was_read(books, tmp_path):
    """Ctrl-C leaves a whole cache file and no part of one."""

    def stop(_what, done, _of):
        if done == 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read(books, cache=tmp_path, progress=stop)
    assert [path.suffix for path in (tmp_path / "corpora").iterdir()] == [".npz"]
    assert read(books, cache=tmp_path) == read(books)


def test_broken_tune_is_counted(books):
    """A tune that cannot be read costs itself only."""
    path = books.folder / "made" / "a.abc"
    path.write_text("X:1\nM:C\nL:1/8\nK:C\n(0CDE|C8|]\n\nX:2\nM:C\nL:1/8\nK:C\nE8|F8|]\n")
    counts = Counter()
    read(books, tally=lambda what, count: counts.update({what: count}))
    assert counts["tunes that cannot be read"] == 1


def test_missing_collection_is_a_sentence(tmp_path):
    """A folder without tunes is named."""
    with pytest.raises(CorpusError, match="No tunes in"):
        list(TuneBooks("x", ("y",), "", "", folder=tmp_path).songs(CorpusRequest()))


def test_argument_is_refused(books):
    """Tune books take nothing after a colon."""
    with pytest.raises(CorpusError, match="takes nothing"):
        list(books.songs(CorpusRequest(), "more"))


def test_plugin_does_not_import_music21():
    """The corpora are listed, and cached clips are read, without music21."""
    code = (
        "import sys; from latentknobs.corpora.plugin import register_corpora; "
        "names = [c.name for c in register_corpora()]; "
        "assert names == ['folk', 'essen', 'parts', 'midi', 'whole-notes', 'factors', 'broad'], names; "
        "assert not {'music21', 'mido', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_essen_is_marked_non_commercial():
    """People are told before they use it."""
    assert "non-commercial" in ESSEN.licence.lower()


def test_folk_gives_the_clips_asked_for():
    """The first 300 clips are valid, in split order of their names, and the same again."""
    songs = list(FOLK.songs(CorpusRequest(clips=300)))
    count = sum(len(song.clips) for song in songs)
    assert 300 <= count < 300 + 40
    for song in songs:
        assert song.clips.dtype == np.int16
        assert song.clips.shape[1:] == (32,)
        assert MELODY.valid(song.clips).all()
        assert song.split == split_of(song.name)
    assert read(FOLK, clips=300) == [(song.name, song.split, song.clips.tobytes()) for song in songs]


@pytest.mark.evidence
@pytest.mark.parametrize(("corpus", "tunes", "clips"), [(FOLK, 2594, 20_560), (ESSEN, 4682, 32_682)])
def test_counts_of_the_real_books(corpus, tunes, clips):
    """All of the books, counted with music21 10.5.1; no clip is, up to transposition, in two splits."""
    assert len(corpus.tunes()) == tunes
    songs = list(corpus.songs(CorpusRequest()))
    assert sum(len(song.clips) for song in songs) == pytest.approx(clips, rel=0.02)
    shapes = {split: set() for split in SPLITS}
    for song in songs:
        shapes[song.split].update(shape.tobytes() for shape in untransposed(song.clips))
    assert not shapes["train"] & shapes["validation"]
    assert not (shapes["train"] | shapes["validation"]) & shapes["test"]
