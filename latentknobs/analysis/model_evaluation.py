"""How good a model is: reconstruction, codes from the prior, and smoothness of interpolation."""

from __future__ import annotations

from typing import Any

from latentknobs.backends.loader import DEFAULT_MODEL
from latentknobs.core.corpus import Split, Tally
from latentknobs.corpora.corpus_spec import DEFAULT_SELECTION, CorpusSelection
from latentknobs.discovery.run_spec import methods_for
from latentknobs.evaluation.model_evaluation import ModelEvaluationSpec, evaluate
from latentknobs.workbench import Workbench


def evaluate_model(
    workbench: Workbench,
    model: str = DEFAULT_MODEL,
    selection: CorpusSelection = DEFAULT_SELECTION,
    split: Split = "test",
) -> dict[str, Any]:
    """
    Measure a model on the clips of a split.

    Args:
        workbench: Has the models, the corpora and the plugins' attributes and comparisons.
        model: Name or location of the model.
        selection: The songs, by default of "folk"; the seed also fixes the codes and pairs that are drawn.
        split: "train", "validation" or "test".

    Returns:
        JSON: ``corpus``, and what :func:`latentknobs.evaluation.model_evaluation.evaluate` gives.

    Raises:
        UnknownNameError: No corpus or model of that name.
        UsageError: The corpus has clips of another format than the model's.
        CorpusError: No clip of the split that the model can carry.
    """
    backend = workbench.model(model)
    tally = Tally()
    songs = workbench.songs_for(backend, selection, tally)
    methods = methods_for(workbench.plugins, backend.spec.clip_format)
    result = evaluate(
        backend,
        songs,
        ModelEvaluationSpec(split, selection.seed, methods.attributes, methods.comparisons, workbench.map),
        tally=tally,
        progress=workbench.progress,
    )
    return {"corpus": selection.corpus or "folk", **result}
