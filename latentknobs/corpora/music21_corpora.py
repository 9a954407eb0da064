"""
Tune books in ABC that come with music21: which files, which tunes, and their clips.

Reading takes 3 milliseconds a tune, so it is done here, one tune after the other, and stops when enough clips
are there: processes would take longer to start than a discovery's tunes take to read.
"""

from __future__ import annotations

import importlib.util
import itertools
from collections import Counter
from collections.abc import Container, Iterator
from functools import cache
from pathlib import Path

import numpy as np
from attrs import frozen

from latentknobs.core.arrays import ClipBatch
from latentknobs.core.corpus import CorpusRequest, Song
from latentknobs.core.melody_format import MELODY, MELODY_FORMATS, MelodyFormat
from latentknobs.corpora.cache import ClipCaches
from latentknobs.corpora.deduplication import no_argument, read_songs
from latentknobs.corpora.windowing import reads, windows
from latentknobs.errors import CorpusError
from latentknobs.scores import abc_reader


@frozen
class TuneBooks:
    """
    Collections of tune books as a corpus: for each format the tunes in its meter, or (two bars joined) half of it.

    A song is a tune, named "folk/oneills1850/0101-0200/0150": corpus, collection, file, number in the file.

    Attributes:
        name: Name of the corpus.
        collections: Names of folders in music21's corpus.
        doc: One sentence.
        licence: What may be done with the clips.
        folder: Where the collections lie, None = in the installed music21.
    """

    name: str
    collections: tuple[str, ...]
    doc: str
    licence: str
    folder: Path | None = None
    clip_format: str = MELODY.name
    clip_formats: tuple[str, ...] = tuple(MELODY_FORMATS)
    takes: str = ""

    def tunes(self, clip_format: MelodyFormat = MELODY) -> dict[str, str]:
        """
        Name to ABC text of every tune whose time signature a format reads.

        Raises:
            CorpusError: music21 or a collection is not there.
        """
        root = self.folder or music21_corpus()
        out: dict[str, str] = {}
        for collection in self.collections:
            files = sorted((root / collection).glob("*.abc"))
            if not files:
                raise CorpusError(f"No tunes in {root / collection}: install music21 again (pip install music21).")
            for file in files:
                for number, text in abc_reader.split_book(file.read_text("utf-8", errors="replace")):
                    if reads(abc_reader.meter(text), clip_format):
                        out[unused_name(f"{self.name}/{collection}/{file.stem}/{number:04d}", out)] = text
        return out

    def songs(self, request: CorpusRequest, argument: str = "") -> Iterator[Song]:
        """
        The tunes that have clips, in an order fixed by the seed.

        Raises:
            CorpusError: music21 or a collection is not there, or no clip is in the pitch range.
        """
        no_argument(self.name, argument)
        tunes = cache(self.tunes)
        with ClipCaches(request.cache, self.name) as caches:

            def clips_of(name: str, clip_format: MelodyFormat) -> tuple[ClipBatch, Counter[str]]:
                text = tunes(clip_format)[name]
                return caches[clip_format].get(name, text.encode(), lambda: cut(text, clip_format))

            sieve = read_songs(self.name, tunes, clips_of, request)
        yield from sieve.songs()


def cut(tune: str, clip_format: MelodyFormat = MELODY) -> tuple[ClipBatch, Counter[str]]:
    """The clips of one tune, int16 (n, steps), and the counts of what was left out or joined."""
    try:
        return windows(abc_reader.measures(tune), clip_format)
    except CorpusError:
        return np.zeros((0, clip_format.steps), dtype=np.int16), Counter({"tunes that cannot be read": 1})


def music21_corpus() -> Path:
    """
    The folder of music that comes with the installed music21.

    Raises:
        CorpusError: music21 is not installed.
    """
    # Found without importing music21, which takes a third of a second and is not needed for cached clips.
    spec = importlib.util.find_spec("music21")
    if spec is None or not spec.submodule_search_locations:
        raise CorpusError("This music comes with music21, which is not installed: pip install music21.")
    return Path(spec.submodule_search_locations[0]) / "corpus"


def unused_name(name: str, taken: Container[str]) -> str:
    """The name, with a number after it where it is taken."""
    if name not in taken:
        return name
    return next(other for k in itertools.count(2) if (other := f"{name}-{k}") not in taken)


FOLK = TuneBooks(
    name="folk",
    collections=("oneills1850", "ryansMammoth", "airdsAirs"),
    doc="Tunes of O'Neill's, Ryan's and Aird's tune books, from the installed music21.",
    licence=(
        "Traditional tunes; the transcriptions come with music21 by permission of their makers, "
        "with no licence of their own: read them here, do not pass clips of them on."
    ),
)
ESSEN = TuneBooks(
    name="essen",
    collections=("essenFolksong",),
    doc="Songs of the Essen folk song collection, from the installed music21.",
    licence="Non-commercial use only, by the collection's own terms; a model trained on it inherits that.",
)
