"""Corpora as people name them: ``folk+whole-notes``, ``midi:FOLDER``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from attrs import evolve, frozen

from latentknobs.core.corpus import Corpus, CorpusRequest, Song
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

    The clips of the request are shared evenly between them; the first ones get what is left over.

    Raises:
        CorpusError: A corpus cannot give clips.
    """
    for i, source in enumerate(sources):
        share = request.clips
        if share is not None:
            share = share // len(sources) + (i < share % len(sources))
        if share != 0:
            yield from source.corpus.songs(evolve(request, clips=share), source.argument)
