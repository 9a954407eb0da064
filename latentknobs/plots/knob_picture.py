"""
The picture of knobs: response, criteria by amount, dimensions by share, and effects as a heat map across knobs.

One knob has its figures side by side; of several, each figure is a row with a panel for each knob, and the heat map has
a row for each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import numpy as np

from latentknobs.core.evidence import AT_MOST, Criterion
from latentknobs.core.knob import Knob
from latentknobs.errors import UnknownNameError, UsageError
from latentknobs.plots.figure import FAINT, INK, Picture, colour, new_figure, plain_axes, plain_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KnobFigure: TypeAlias = Literal["response", "criteria", "dimensions", "effects"]
FIGURES: tuple[KnobFigure, ...] = get_args(KnobFigure)
MOST_PANELS = 12
"""Knobs of one picture, but for one of effects alone."""
MOST_ROWS = 60
"""Knobs of a heat map."""
MOST_COLUMNS = 20
"""Attributes of a heat map: those that a knob moves most."""
MOST_SHARES = 16
"""Dimensions of a bar chart."""
MOST_EFFECT = 1.0
"""Standard deviations from which on a heat map has its strongest colour."""
_ACROSS = 4
_PANEL = (4.3, 3.1)
_LONGEST = 34
_PURPLE, _ORANGE = 0.0, 1.0


def knob_picture(knobs: Sequence[Knob], figures: Sequence[str] = ()) -> Picture:
    """
    Draw knobs.

    Args:
        knobs: Up to 12, or up to 60 where effects alone are drawn.
        figures: Which of :data:`FIGURES`, in this order; none = all, or effects alone where there are more than 12.

    Raises:
        UnknownNameError: No figure of that name.
        UsageError: No knob, or too many.
    """
    for name in figures:
        if name not in FIGURES:
            raise UnknownNameError("figure", name, FIGURES)
    chosen = tuple(dict.fromkeys(figures)) or (FIGURES if len(knobs) <= MOST_PANELS else ("effects",))
    most = MOST_ROWS if chosen == ("effects",) else MOST_PANELS
    if not 0 < len(knobs) <= most:
        hint = f", or up to {MOST_ROWS} with their effects alone" if most == MOST_PANELS else ""
        raise UsageError(f"A picture shows 1 to {most} knobs{hint}, and these are {len(knobs)}.")
    labels = _labels(knobs)
    panels = [name for name in chosen if name != "effects"]
    across = min(len(knobs), _ACROSS) if len(knobs) > 1 else min(len(chosen), 2)
    rows = -(-len(knobs) // across) if len(knobs) > 1 else -(-len(chosen) // 2)
    if len(knobs) == 1:
        figure = _new(across * _PANEL[0], rows * _PANEL[1])
        grid = figure.add_gridspec(rows, across)
        for i, name in enumerate(chosen):
            axes = figure.add_subplot(grid[i // across, i % across])
            _DRAWN[name](axes, knobs, labels)
    else:
        map_height = 1.6 + 0.3 * len(knobs)
        heights = [_PANEL[1]] * (rows * len(panels)) + ([map_height] if "effects" in chosen else [])
        width = max(across * _PANEL[0], 2 * _PANEL[0])
        figure = _new(width, sum(heights))
        grid = figure.add_gridspec(len(heights), across, height_ratios=heights)
        for r, name in enumerate(panels):
            for i, (knob, label) in enumerate(zip(knobs, labels, strict=True)):
                axes = figure.add_subplot(grid[r * rows + i // across, i % across])
                _DRAWN[name](axes, (knob,), (label,))
        if "effects" in chosen:
            _effects(figure.add_subplot(grid[-1, :]), knobs, labels)
    return Picture(figure)


def _new(width: float, height: float) -> Figure:
    """A figure whose panels make room for their labels; before a colour bar is drawn."""
    figure = new_figure(width, height)
    figure.set_layout_engine("constrained", w_pad=0.12, h_pad=0.1)
    return figure


def _labels(knobs: Sequence[Knob]) -> list[str]:
    """Their names, with as much more as tells them apart."""
    parts: list[Callable[[Knob], str]] = [lambda k: k.name, lambda k: k.fit, lambda k: k.model_name, lambda k: k.run_id]
    labels = [""] * len(knobs)
    for i, part in enumerate(parts):
        if i and len(set(labels)) == len(labels):
            break
        found = [part(knob) for knob in knobs]
        if i == 0 or len(set(found)) > 1:
            labels = [f"{label} {text}".strip() for label, text in zip(labels, found, strict=True)]
    return [_short(label) for label in labels]


def _short(text: str, most: int = _LONGEST) -> str:
    text = plain_text(text)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _titled(axes: Axes, label: str, text: str) -> None:
    axes.set_title(f"{label}\n{text}", loc="left", fontsize=9.5, color=INK)
    plain_axes(axes)


def _nothing(axes: Axes, text: str) -> None:
    """A panel without a picture, and why."""
    axes.text(0.5, 0.5, text, ha="center", va="center", fontsize=9, color=INK, transform=axes.transAxes, wrap=True)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def _amounts(axes: Axes, knob: Knob, measured: Sequence[float]) -> None:
    """The axis of amounts, with the usable range behind it."""
    axes.set_xlabel(_short(f"amount ({knob.unit})" if knob.unit else "amount"), fontsize=9, color=INK)
    if knob.low < knob.high:
        axes.axvspan(knob.low, knob.high, color=FAINT, alpha=0.35, linewidth=0)
    ends = [0.0, knob.low, knob.high, *measured]
    room = 0.06 * (max(ends) - min(ends) or 1.0)
    axes.set_xlim(min(ends) - room, max(ends) + room)


def _response(axes: Axes, knobs: Sequence[Knob], labels: Sequence[str]) -> None:
    """The mean change of the target by amount, with its interval, beside what was asked for."""
    (knob,), (label,) = knobs, labels
    evidence = knob.evidence
    split, metrics = ("test", evidence.test) if evidence.test else ("validation", evidence.validation)
    target = evidence.target
    _titled(axes, label, f"response on {split} songs" if target and metrics else "response")
    points = [
        (x.amount, x.effects[target]) for x in (metrics.amounts if metrics else ()) if target and target in x.effects
    ]
    points = [(amount, change) for amount, change in points if change.clips]
    if target is None or not points:
        _nothing(axes, "The edit has no target attribute." if target is None else "The response was not measured.")
        return
    amounts = np.array([0.0, *(amount for amount, _ in points)])
    order = np.argsort(amounts, kind="stable")
    values, low, high = (
        np.array([0.0, *(getattr(change, name) for _, change in points)]) for name in ("value", "low", "high")
    )
    axes.plot(amounts[order], amounts[order], color=INK, linewidth=0.9, linestyle=(0, (4, 3)), label="as asked")
    strong = colour(_PURPLE)
    axes.fill_between(amounts[order], low[order], high[order], color=strong, alpha=0.2, linewidth=0)
    axes.plot(amounts[order], values[order], color=strong, linewidth=1.4, marker="o", markersize=3.5, label="measured")
    _amounts(axes, knob, amounts.tolist())
    axes.set_ylabel(_short(f"change of {target}"), fontsize=9, color=INK)
    axes.legend(frameon=False, fontsize=8, loc="upper left", labelcolor=INK)
    response = metrics.response if metrics else None
    if response is not None:
        text = f"slope {response.slope.value:.3f}, R² {response.r2.value:.3f}"
        axes.text(0.98, 0.04, text, ha="right", va="bottom", fontsize=8, color=INK, transform=axes.transAxes)


def _criteria(axes: Axes, knobs: Sequence[Knob], labels: Sequence[str]) -> None:
    """Each criterion by amount with its limit; of leakage and loss the largest at an amount."""
    (knob,), (label,) = knobs, labels
    evidence = knob.evidence
    at = [c for c in evidence.criteria if c.amount is not None and c.value is not None]
    split = "test" if at else "validation"
    at = at or [c for c in evidence.range_criteria if c.amount is not None and c.value is not None]
    _titled(axes, label, f"criteria on {split} songs" if at else "criteria")
    if not at:
        _nothing(axes, "No criterion was measured at an amount.")
        return
    series: dict[str, dict[float, Criterion]] = {}
    for one in at:
        assert one.amount is not None
        name = f"largest {one.kind}" if one.kind in AT_MOST else one.measure
        old = series.setdefault(name, {}).get(one.amount)
        if old is None or (one.value or 0.0) > (old.value or 0.0):
            series[name][one.amount] = one
    top = 1.0
    for i, (name, points) in enumerate(series.items()):
        shade = colour(i / max(len(series) - 1, 1))
        amounts = sorted(points)
        values = [points[amount].value or 0.0 for amount in amounts]
        top = max(top, *values)
        limit = points[amounts[0]].limit
        line = "" if split == "validation" or points[amounts[0]].kind in AT_MOST else "-"
        (drawn,) = axes.plot(amounts, values, line, color=shade, linewidth=1.3, marker="o", markersize=3)
        drawn.set_label(_limited(name, points[amounts[0]]))
        for amount, value in zip(amounts, values, strict=True):
            low, high = points[amount].low, points[amount].high
            if points[amount].kind != "room" and high is not None:
                axes.vlines(amount, value if low is None else low, high, color=shade, linewidth=0.8)
        axes.axhline(limit, color=shade, linewidth=0.8, linestyle=(0, (2, 2)))
        failed = [a for a in amounts if not points[a].passed]
        axes.plot(failed, [points[a].value or 0.0 for a in failed], "x", color="#b3261e", markersize=7)
    _amounts(axes, knob, [c.amount for c in at if c.amount is not None])
    axes.set_ylim(min(0.0, *(c.value or 0.0 for c in at)) - 0.03, top * 1.05)
    axes.set_ylabel("value (dashed: limit, cross: failed)", fontsize=8, color=INK)
    axes.legend(frameon=False, fontsize=7.5, loc="upper left", bbox_to_anchor=(0, -0.2), labelcolor=INK)


def _limited(name: str, one: Criterion) -> str:
    """A criterion with its limit, and which end of the interval is held against it."""
    end = {"equivariance": " at the low end", "leakage": " at the upper end"}.get(one.kind, "")
    return f"{_short(name)} ({'≤' if one.kind in AT_MOST else '≥'} {one.limit:g}{end})"


def _dimensions(axes: Axes, knobs: Sequence[Knob], labels: Sequence[str]) -> None:
    """The share of the moved energy of each selected dimension, the largest first."""
    (knob,), (label,) = knobs, labels
    count = len(knob.dimensions)
    _titled(axes, label, f"{count} selected dimension{'' if count == 1 else 's'}")
    ranked = sorted(knob.dimensions, key=lambda one: -one.share)
    shown, rest = ranked[:MOST_SHARES], ranked[MOST_SHARES:]
    if not shown:
        _nothing(axes, "No dimension was selected.")
        return
    axes.bar(range(len(shown)), [100 * one.share for one in shown], color=colour(_PURPLE), width=0.75)
    names = [knob.evidence.structure.name_of(one.dim) for one in shown]
    if rest:
        axes.bar(len(shown) + 0.5, 100 * sum(one.share for one in rest), color=FAINT, width=0.75)
        names.append("rest")
    places = [*range(len(shown)), *([len(shown) + 0.5] if rest else [])]
    axes.set_xticks(places, names, rotation=90 if len(shown) > MOST_SHARES // 2 else 0)
    axes.tick_params(axis="x", labelsize=8)
    axes.set_xlim(-0.8, max(places[-1] + 0.8, 5))
    axes.set_xlabel(f"dimension (rest: {len(rest)} more)" if rest else "dimension", fontsize=9, color=INK)
    axes.set_ylabel("share of the moved energy (%)", fontsize=9, color=INK)


def _effects(axes: Axes, knobs: Sequence[Knob], labels: Sequence[str]) -> None:
    """Effects in standard deviations with the slope's sign: a row for each knob, a column for each attribute."""
    largest: dict[str, float] = {}
    for effect in (effect for knob in knobs for effect in knob.effects):
        largest[effect.attribute] = max(largest.get(effect.attribute, 0.0), effect.effect)
    names = sorted(largest, key=lambda name: -largest[name])[:MOST_COLUMNS]
    alone = len(knobs) == 1
    axes.set_title(
        f"{labels[0]}\neffects on attributes" if alone else "effects on attributes", loc="left", fontsize=9.5, color=INK
    )
    if not names:
        _nothing(axes, "No effect was measured.")
        return
    values = np.full((len(knobs), len(names)), np.nan)
    for row, knob in enumerate(knobs):
        for effect in knob.effects:
            if effect.attribute in names:
                values[row, names.index(effect.attribute)] = np.copysign(effect.effect, effect.slope)
    shown = values.T if alone else values
    image = axes.imshow(shown, cmap="PuOr_r", vmin=-MOST_EFFECT, vmax=MOST_EFFECT, aspect="auto")
    rows, columns = (names, [""]) if alone else (list(labels), names)
    axes.set_xticks(
        range(len(columns)), [_short(name, 20) for name in columns], rotation=0 if alone else 40, ha="right"
    )
    axes.set_yticks(range(len(rows)), [_short(name) for name in rows])
    axes.tick_params(length=0, labelsize=9, labelcolor=INK)
    axes.spines[:].set_visible(False)
    targets = [knob.evidence.target for knob in knobs]
    for (row, column), value in np.ndenumerate(shown):
        if np.isnan(value):
            continue
        name, knob_at = (names[row], column) if alone else (names[column], row)
        bold = "bold" if targets[knob_at] == name else "normal"
        text = "0" if abs(value) < 0.005 else f"{value:+.2f}".replace("-", "−")  # noqa: RUF001 - as on the axes
        dark = abs(value) > 0.6 * MOST_EFFECT
        axes.text(column, row, text, ha="center", va="center", fontsize=8, weight=bold, color="white" if dark else INK)
    bar = axes.figure.colorbar(image, ax=axes, extend="both", pad=0.02, fraction=0.05 if alone else 0.03)
    bar.set_label("effect at the ends\n(sd), bold: target", fontsize=8, color=INK)
    bar.ax.tick_params(labelsize=8, labelcolor=INK, length=0)
    bar.outline.set_visible(False)


_DRAWN: Mapping[str, Callable[[Axes, Sequence[Knob], Sequence[str]], None]] = {
    "response": _response,
    "criteria": _criteria,
    "dimensions": _dimensions,
    "effects": _effects,
}
