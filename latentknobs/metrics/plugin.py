"""Registers the built-in metrics; they are loaded when they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latentknobs.hooks import hookimpl

if TYPE_CHECKING:
    from latentknobs.core.metric_specs import Metric


@hookimpl
def register_metrics() -> list[Metric]:
    """The field's metrics of codes and of controls."""
    from latentknobs.core.metric_specs import Metric
    from latentknobs.metrics import (
        dci,
        explicitness,
        fadernets,
        interpretability,
        latte,
        mig,
        modularity,
        sap,
        scc,
    )

    codes = (
        Metric(
            "interpretability",
            "R2 of the line through a factor and the dimension most related to it (Adel et al. 2018).",
            "codes",
            interpretability.interpretability,
        ),
        Metric(
            "interpretability-split",
            "Interpretability on rows that neither chose the dimension nor fitted the line.",
            "codes",
            interpretability.interpretability_split,
        ),
        Metric("mig", "Mutual information gap between the two best dimensions (Chen et al. 2018).", "codes", mig.mig),
        Metric("sap", "Gap between the scores of the two best dimensions (Kumar et al. 2018).", "codes", sap.sap),
        Metric("scc", "Largest absolute Spearman correlation with a dimension (Pati & Lerch 2021).", "codes", scc.scc),
        Metric(
            "modularity",
            "Whether each dimension tells of one factor only, over all dimensions (Ridgeway & Mozer 2018).",
            "codes",
            modularity.modularity,
        ),
        Metric(
            "modularity-active",
            "Modularity over the active dimensions that tell of something.",
            "codes",
            modularity.modularity_active,
        ),
        Metric(
            "explicitness",
            "Area under the curve of logistic regression from all dimensions (Ridgeway & Mozer 2018).",
            "codes",
            explicitness.explicitness,
        ),
        Metric(
            "dci-disentanglement",
            "Whether a dimension is important for one factor only, by lasso (Eastwood & Williams 2018).",
            "codes",
            dci.disentanglement,
        ),
        Metric(
            "dci-completeness",
            "Whether one dimension is enough for a factor, by lasso (Eastwood & Williams 2018).",
            "codes",
            dci.completeness,
        ),
        Metric(
            "dci-informativeness",
            "How well the lasso reads the factors on test rows, 1 - NRMSE (Eastwood & Williams 2018).",
            "codes",
            dci.informativeness,
        ),
    )
    traversals = (
        Metric(
            "consistency",
            "Whether one value of a control gives one value of its target (Tan & Herremans 2020).",
            "traversals",
            fadernets.consistency,
        ),
        Metric(
            "restrictiveness",
            "Whether a control leaves the other attributes as they are (Tan & Herremans 2020).",
            "traversals",
            fadernets.restrictiveness,
        ),
        Metric(
            "linearity",
            "R2 of the line through control and target, clip by clip (Tan & Herremans 2020).",
            "traversals",
            fadernets.linearity,
        ),
        Metric(
            "smoothness",
            "Whether the target changes at an even rate (Watcharasupat et al. 2021).",
            "traversals",
            latte.smoothness,
        ),
        Metric(
            "monotonicity",
            "Whether the target goes one way (Watcharasupat et al. 2021).",
            "traversals",
            latte.monotonicity,
        ),
    )
    return [*codes, *traversals]
