"""Two models on the same clips: what ``model compare`` measures."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from attrs import evolve

from latentknobs.core.corpus import CorpusRequest, Song, Split, Tally
from latentknobs.corpora.corpus_spec import check_format, parse_sources
from latentknobs.discovery.run_spec import methods_for
from latentknobs.errors import CorpusError, UsageError

if TYPE_CHECKING:
    from latentknobs.workbench import Workbench


def compare(
    workbench: Workbench, a: str, b: str, *, corpus: str = "folk", split: Split = "test", clips: int, seed: int = 0
) -> dict[str, Any]:
    """
    Measure two models on the clips of a split that both can carry.

    Args:
        workbench: Has the models and the corpora.
        a: Name or location of a model.
        b: That of the other.
        corpus: As for :meth:`Workbench.songs`.
        split: "train", "validation" or "test".
        clips: Clips of all splits together, asked of the corpus.
        seed: Seed of the songs, of the codes and pairs drawn, and of the intervals.

    Returns:
        JSON: ``corpus``, ``split``, ``clips``, ``songs``, ``left_out``; ``a`` and ``b``, each as
        :func:`latentknobs.evaluation.model_evaluation.evaluate` gives it; ``agreement``, see
        :func:`latentknobs.evaluation.model_agreement.agreement`.

    Raises:
        UnknownNameError: No corpus or model of that name.
        UsageError: The models take clips of different formats, or share no pitch.
        CorpusError: No clip of the split that both can carry.
    """
    from latentknobs.evaluation.model_agreement import agreement  # only this needs all of the engine
    from latentknobs.evaluation.model_evaluation import evaluate

    left, right = workbench.model(a), workbench.model(b)
    first, second = left.spec, right.spec
    if first.clip_format.name != second.clip_format.name:
        raise UsageError(
            f"The model {first.name!r} takes clips of {first.clip_format.name}, {second.name!r} of "
            f"{second.clip_format.name}: only models of the same clips can be compared."
        )
    check_format(parse_sources(corpus, workbench.corpora), first)
    ranges = [spec.pitch_range or (0, 127) for spec in (first, second)]
    low, high = max(low for low, _ in ranges), min(high for _, high in ranges)
    if low > high:
        raise UsageError(f"The models {first.name!r} and {second.name!r} have no pitch in common: {ranges}.")
    tally = Tally()
    request = CorpusRequest(
        clips=clips, seed=seed, pitch_range=(low, high), tally=tally.add, workers=os.cpu_count() or 1
    )
    songs: list[Song] = []
    for song in workbench.songs(corpus, request):
        if song.split != split:
            continue
        carried = left.accepts(song.clips) & right.accepts(song.clips)
        tally.add("not accepted by both models", int((~carried).sum()))
        if carried.any():
            songs.append(evolve(song, clips=song.clips[carried]))
    if not songs:
        raise CorpusError(
            f"The corpus {corpus} has no {split} clips that both {first.name} and {second.name} can carry: ask for "
            "more clips, another split or another corpus."
        )
    offers = methods_for(workbench.plugins, first.clip_format.name)
    found = [
        evaluate(
            model,
            songs,
            split,
            seed,
            attributes=offers.attributes,
            comparisons=offers.comparisons,
            progress=workbench.progress,
        )
        for model in (left, right)
    ]
    agreed = agreement(left, right, songs, seed, comparisons=offers.comparisons, progress=workbench.progress)
    shared = {"corpus": corpus, **{name: found[0][name] for name in ("split", "clips", "songs")}}
    return {**shared, "left_out": dict(tally.counts), "a": found[0], "b": found[1], "agreement": agreed}
