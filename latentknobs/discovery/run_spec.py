"""What a run takes from the plugins: the methods for a clip format, and everything else that its result depends on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from latentknobs.core.augmentation import Augmentation
from latentknobs.core.clip import ClipFormat
from latentknobs.core.experiment import Methods, Settings
from latentknobs.core.format_capabilities import serves
from latentknobs.core.knob import Operator
from latentknobs.core.method_specs import Fit, FitInput
from latentknobs.core.run import RunSpec
from latentknobs.corpora.corpus_spec import CorpusPart
from latentknobs.errors import NotFittedError, UnknownNameError
from latentknobs.hooks.manager import Plugins


class PrescribedOperator(Protocol):
    """An existing knob, to be evaluated in place of what the fits would give."""

    def as_fit(self) -> Fit: ...
    def origin(self) -> dict[str, Any]: ...


def prescribed_fit(name: str, operator: Operator, doc: str, facts: Mapping[str, Any]) -> Fit:
    """A fit that gives this operator and facts, of clips whose amounts lie within those it was fitted for."""
    amounts = operator.arrays.get("amounts")

    def fit(data: FitInput) -> tuple[Operator, Mapping[str, Any]]:
        if amounts is not None and not (amounts[0] <= min(data.amounts) and max(data.amounts) <= amounts[-1]):
            raise NotFittedError("the knob was not fitted for all the amounts of these clips: ask for fewer clips.")
        return operator, facts

    return Fit(name, operator.kind, doc, fit, own_units=True)


def methods_for(plugins: Plugins, clip_format: ClipFormat) -> Methods:
    """What the plugins offer, of attributes and comparisons those that can measure clips of a format."""
    return Methods(
        fits=tuple(plugins.fits().values()),
        selectors=plugins.selectors(),
        bases=plugins.bases(),
        attributes=tuple(a.for_format(clip_format) for a in plugins.attributes().values() if serves(a, clip_format)),
        comparisons=tuple(c.for_format(clip_format) for c in plugins.comparisons().values() if serves(c, clip_format)),
    )


def parameters(
    plugins: Plugins, used: Iterable[tuple[str, str]], settings: Settings, sources: Iterable[CorpusPart], **more: Any
) -> dict[str, Any]:
    """
    What a run depends on besides model, augmentation, corpus and seed, for RunSpec.

    Args:
        plugins: The loaded plugins.
        used: Kind and name of what the result depends on, besides selector and corpora.
        settings: The run's settings.
        sources: Its corpora.
        more: What else, by name.
    """
    names = [*used, ("selectors", settings.selector), *(("corpora", source.corpus.name) for source in sources)]
    reports = {plugins.origin(kind, name) for kind, name in names}
    origins = {report.name: f"{report.origin} {report.version}" for report in reports}
    return {**settings.as_dict(), **more, "plugins": dict(sorted(origins.items()))}


def lacking(augment: Callable[[str], Augmentation], spec: RunSpec) -> str:
    """
    Why the edit of a run cannot be made here, a sentence that names the plugin it came from; "" where it can.

    Args:
        augment: The augmentation of a name; raises UnknownNameError where there is none.
        spec: The run's.
    """
    if spec.augmentation is None:
        return ""
    try:
        augment(spec.augmentation)
    except UnknownNameError:
        plugins: dict[str, str] = spec.parameters.get("plugins", {})
        others = [f"{name} ({origin})" for name, origin in plugins.items() if not origin.startswith("built-in")]
        return f"Its edit {spec.augmentation!r} is not loaded: it came from the plugin {' or '.join(others) or '?'}."
    return ""
