"""Two models on the same clips: what ``model compare`` measures."""

from __future__ import annotations

import os
from typing import Any

from attrs import evolve

from latentknobs.core.corpus import CorpusRequest, Song, Split, Tally
from latentknobs.core.model_calls import accepted
from latentknobs.corpora.corpus_spec import DEFAULT_SELECTION, CorpusSelection, check_format, parse_sources
from latentknobs.discovery.run_spec import methods_for
from latentknobs.errors import CorpusError, UsageError
from latentknobs.evaluation.model_agreement import agreement
from latentknobs.evaluation.model_evaluation import ModelEvaluationSpec, evaluate
from latentknobs.workbench import Workbench


def compare_models(
    workbench: Workbench, a: str, b: str, selection: CorpusSelection = DEFAULT_SELECTION, split: Split = "test"
) -> dict[str, Any]:
    """
    Measure two models on the clips of a split that both can carry.

    Args:
        workbench: Has the models and the corpora.
        a: Name or location of a model.
        b: That of the other.
        selection: The songs, by default of "folk"; the seed also fixes the codes and pairs that are drawn.
        split: "train", "validation" or "test".

    Returns:
        JSON: ``corpus``, ``split``, ``clips``, ``songs``, ``left_out``; ``a`` and ``b``, each as
        :func:`latentknobs.evaluation.model_evaluation.evaluate` gives it; ``agreement``, see
        :func:`latentknobs.evaluation.model_agreement.agreement`.

    Raises:
        UnknownNameError: No corpus or model of that name.
        UsageError: The models take clips of different formats, or share no pitch.
        CorpusError: No clip of the split that both can carry.
    """
    corpus, seed = selection.corpus or "folk", selection.seed
    left, right = workbench.model(a), workbench.model(b)
    first, second = left.spec, right.spec
    if first.clip_format.name != second.clip_format.name:
        raise UsageError(
            f"The model {first.name!r} takes clips of {first.clip_format.name}, {second.name!r} of "
            f"{second.clip_format.name}: only models of the same clips can be compared."
        )
    for one in (first, second):
        check_format(parse_sources(corpus, workbench.corpora), one)
    ranges = [spec.pitch_range or (0, 127) for spec in (first, second)]
    low, high = max(low for low, _ in ranges), min(high for _, high in ranges)
    if low > high:
        raise UsageError(f"The models {first.name!r} and {second.name!r} have no pitch in common: {ranges}.")
    tally = Tally()
    request = CorpusRequest(
        clips=selection.clips, seed=seed, pitch_range=(low, high), tally=tally.add, workers=os.cpu_count() or 1
    )
    songs: list[Song] = []
    for song in workbench.songs(corpus, request):
        if song.split != split:
            continue
        mask = accepted(left, song.clips) & accepted(right, song.clips)
        tally.add("not accepted by both models", int((~mask).sum()))
        if mask.any():
            songs.append(evolve(song, clips=song.clips[mask]))
    if not songs:
        raise CorpusError(
            f"The corpus {corpus} has no {split} clips that both {first.name} and {second.name} can carry: ask for "
            "more clips, another split or another corpus."
        )
    methods = methods_for(workbench.plugins, first.clip_format)
    spec = ModelEvaluationSpec(split, seed, methods.attributes, methods.comparisons)
    results = [evaluate(model, songs, spec, progress=workbench.progress) for model in (left, right)]
    agreed = agreement(left, right, songs, seed, comparisons=methods.comparisons, progress=workbench.progress)
    shared = {"corpus": corpus, **{name: results[0][name] for name in ("split", "clips", "songs")}}
    return {**shared, "left_out": dict(tally.counts), "a": results[0], "b": results[1], "agreement": agreed}
