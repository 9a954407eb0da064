"""Corpora as people name them: ``folk+whole-notes``, ``midi:FOLDER``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from attrs import evolve, frozen

from latentknobs.core.arrays import Bools, ClipBatch, clip_digests
from latentknobs.core.augmentation import Augmentation
from latentknobs.core.backend import BackendSpec
from latentknobs.core.composition import parts_of
from latentknobs.core.corpus import SPLITS, Corpus, CorpusRequest, Song, formats_of, needs_argument, requested_name
from latentknobs.core.melody_format import MELODY_FORMATS, untransposed
from latentknobs.core.model_calls import check_encodes
from latentknobs.errors import UnknownNameError, UsageError

# On tunes made of eighths the higher doublings leave almost no clip that still divides, so note-split is
# learned on whole notes as well. An augmentation cannot say this itself: it knows no corpora.
DEFAULT_CORPUS = {"note-split": "folk+whole-notes"}
_UNSTORABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@frozen
class CorpusPart:
    """
    One corpus and what stands after its colon.

    Attributes:
        corpus: The corpus.
        argument: "" for none.
    """

    corpus: Corpus
    argument: str


@frozen
class CorpusSelection:
    """
    The songs that an analysis reads.

    Attributes:
        corpus: Names joined with "+", as for :meth:`Workbench.songs`; None = what the analysis takes by default.
        clips: Clips of all splits together, asked of each corpus.
        seed: Seed of the songs and of everything that the analysis draws.
    """

    corpus: str | None = None
    clips: int = 4096
    seed: int = 0


DEFAULT_SELECTION = CorpusSelection()


def parse_sources(text: str, known: Mapping[str, Corpus]) -> tuple[CorpusPart, ...]:
    """
    The corpora that a text names.

    Args:
        text: Names joined with "+", each maybe with ":ARGUMENT".
        known: The corpora by name.

    Raises:
        UnknownNameError: No corpus of that name.
        UsageError: A corpus is named twice, has an argument that it does not take, or lacks one that it needs.
    """
    parts: list[str] = []
    for part in text.split("+"):
        # A "+" in a folder's name does not end the argument: "midi:/a+b".
        if parts and ":" in parts[-1] and part.partition(":")[0] not in known:
            parts[-1] += f"+{part}"
        else:
            parts.append(part)
    if len(set(parts)) < len(parts):
        raise UsageError(f"The corpus {text!r} names the same source twice; name each once.")
    out = []
    for part in parts:
        name, _, argument = part.partition(":")
        if name not in known:
            raise UnknownNameError("corpus", name, known)
        takes = known[name].takes
        if needs_argument(known[name]) and not argument:
            raise UsageError(f"The corpus {name!r} needs {takes} after a colon: {name}:...")
        if argument and not takes:
            raise UsageError(f"The corpus {name!r} takes nothing after a colon, got {argument!r}.")
        out.append(CorpusPart(known[name], argument))
    return tuple(out)


def storable(text: str) -> str:
    r"""A name with its control characters and the bytes that are no text written out, as "caf\xe9"."""
    return _UNSTORABLE.sub(lambda one: f"\\x{ord(one[0]) & 0xFF:02x}", text)


def default_corpus(augmentations: Iterable[Augmentation]) -> str:
    """The corpora that these edits, and the parts of those that are composed, are learned on: all of them, joined."""
    names = [part.name for augmentation in augmentations for part in parts_of(augmentation)]
    return "+".join(dict.fromkeys(one for name in names for one in DEFAULT_CORPUS.get(name, "folk").split("+")))


def check_format(sources: Iterable[CorpusPart], spec: BackendSpec) -> None:
    """
    See that a model can read these corpora.

    Raises:
        UsageError: One of them has clips of another format, or the model has no encoder.
    """
    check_encodes(spec)
    for corpus in (source.corpus for source in sources):
        formats = formats_of(corpus)
        if spec.clip_format.name not in formats:
            raise UsageError(
                f"The corpus {corpus.name!r} has clips of {', '.join(formats)}, "
                f"the model {spec.name!r} takes {spec.clip_format.name}; choose another corpus or model."
            )


def read(sources: Sequence[CorpusPart], request: CorpusRequest) -> Iterator[Song]:
    """
    The songs of the sources, one source after the other.

    The clips of the request are shared evenly between them; the first ones get what is left over. A corpus sifts
    its own songs. Of several, what one has already given in the same split is left out of the next ones, and a
    validation or test clip where it equals, up to transposition, a clip of an earlier split of any of them; both
    are counted. That needs all of their songs at once. A song whose name an earlier source has used gets a number.

    Raises:
        CorpusError: A corpus cannot give clips.
    """
    if len(sources) == 1:
        yield from sources[0].corpus.songs(request, sources[0].argument)
        return
    new_songs: list[tuple[Song, tuple[bytes, ...]]] = []
    earliest: dict[bytes, int] = {}
    first: dict[tuple[str, bytes], int] = {}
    names: set[str] = set()
    for i, source in enumerate(sources):
        share = request.clips
        if share is not None:
            share = share // len(sources) + (i < share % len(sources))
            if not share:
                continue
        before = frozenset(names)
        for song in source.corpus.songs(evolve(request, clips=share), source.argument):
            names.add(song.name)
            digests = clip_digests(song.clips)
            new = np.array([first.setdefault((song.split, digest), i) == i for digest in digests], dtype=bool)
            _left_out(request, "duplicate clips", new)
            if not new.any():
                continue
            name = f"{song.name} ({i + 1})" if song.name in before else song.name
            shapes = _shapes(song.clips[new], requested_name(source.corpus, request))
            new_songs.append((evolve(song, name=name, clips=song.clips[new]), shapes))
            for shape in shapes:
                earliest[shape] = min(earliest.get(shape, len(SPLITS)), SPLITS.index(song.split))
    for song, shapes in new_songs:
        alone = np.array([earliest[shape] == SPLITS.index(song.split) for shape in shapes], dtype=bool)
        _left_out(request, "clips seen in an earlier split", alone)
        if alone.any():
            yield evolve(song, clips=song.clips[alone])


def _left_out(request: CorpusRequest, what: str, kept: Bools) -> None:
    if not kept.all():
        request.tally(what, int((~kept).sum()))


def _shapes(clips: ClipBatch, clip_format: str) -> tuple[bytes, ...]:
    """One digest a clip, the same where clips are the same up to transposition."""
    # Of another format nobody knows what is a pitch.
    return clip_digests(untransposed(clips) if clip_format in MELODY_FORMATS else clips)
