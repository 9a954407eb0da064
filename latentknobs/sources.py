"""Corpora as people name them: ``folk+whole-notes``, ``midi:FOLDER``."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from attrs import evolve, frozen

from latentknobs.core.arrays import ClipBatch
from latentknobs.core.corpus import SPLITS, Corpus, CorpusRequest, Song
from latentknobs.core.melody import MELODY, untransposed
from latentknobs.errors import UnknownNameError, UsageError


@frozen
class Source:
    """
    One corpus and what stands after its colon.

    Attributes:
        corpus: The corpus.
        argument: "" for none.
    """

    corpus: Corpus
    argument: str


def parse_sources(text: str, known: Mapping[str, Corpus]) -> tuple[Source, ...]:
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
        if takes and not argument:
            raise UsageError(f"The corpus {name!r} needs {takes} after a colon: {name}:...")
        if argument and not takes:
            raise UsageError(f"The corpus {name!r} takes nothing after a colon, got {argument!r}.")
        out.append(Source(known[name], argument))
    return tuple(out)


def read(sources: Sequence[Source], request: CorpusRequest) -> Iterator[Song]:
    """
    The songs of the sources, one source after the other.

    The clips of the request are shared evenly between them; the first ones get what is left over. A corpus sifts
    its own songs; of several, a validation or test clip is also left out, and counted, where it equals, up to
    transposition, a clip of an earlier split of any of them. That needs all of their songs at once.

    Raises:
        CorpusError: A corpus cannot give clips.
    """
    if len(sources) == 1:
        yield from sources[0].corpus.songs(request, sources[0].argument)
        return
    found: list[tuple[Song, tuple[bytes, ...]]] = []
    earliest: dict[bytes, int] = {}
    for i, source in enumerate(sources):
        share = request.clips
        if share is not None:
            share = share // len(sources) + (i < share % len(sources))
            if not share:
                continue
        for song in source.corpus.songs(evolve(request, clips=share), source.argument):
            shapes = _shapes(song.clips, source.corpus.clip_format)
            found.append((song, shapes))
            for shape in shapes:
                earliest[shape] = min(earliest.get(shape, len(SPLITS)), SPLITS.index(song.split))
    for song, shapes in found:
        alone = np.array([earliest[shape] == SPLITS.index(song.split) for shape in shapes], dtype=bool)
        if not alone.all():
            request.tally("clips seen in an earlier split", int((~alone).sum()))
        if alone.any():
            yield song if alone.all() else evolve(song, clips=song.clips[alone])


def _shapes(clips: ClipBatch, clip_format: str) -> tuple[bytes, ...]:
    """One digest a clip, the same where clips are the same up to transposition."""
    plain = untransposed(clips) if clip_format == MELODY.name else clips  # elsewhere nobody knows what is a pitch
    return tuple(hashlib.blake2b(clip.astype("<i2").tobytes(), digest_size=16).digest() for clip in plain)
