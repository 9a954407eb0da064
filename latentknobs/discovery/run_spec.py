"""What a run asks of the plugins: their offers for a clip format, and what its result depends on besides."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol

from latentknobs.core.experiment import Methods, Settings
from latentknobs.core.method_specs import Fit
from latentknobs.core.run import Run, RunSpec
from latentknobs.corpora.corpus_spec import CorpusPart
from latentknobs.errors import UnknownNameError
from latentknobs.hooks.manager import Plugins

if TYPE_CHECKING:
    from latentknobs.registry.overlay import Registry
    from latentknobs.workbench import Workbench


class PrescribedOperator(Protocol):
    """A knob that is there already, to be proved in place of what the fits would give."""

    def as_fit(self) -> Fit: ...
    def origin(self) -> dict[str, Any]: ...


def methods_for(plugins: Plugins, clip_format: str) -> Methods:
    """What the plugins offer for a clip format."""
    return Methods(
        fits=tuple(plugins.fits().values()),
        selectors=plugins.selectors(),
        bases=plugins.bases(),
        attributes=tuple(a for a in plugins.attributes().values() if a.clip_format == clip_format),
        comparisons=tuple(c for c in plugins.comparisons().values() if c.clip_format == clip_format),
    )


def parameters(
    plugins: Plugins, used: Iterable[tuple[str, str]], settings: Settings, sources: Iterable[CorpusPart], **more: Any
) -> dict[str, Any]:
    """
    Everything that a run depends on besides model, augmentation, corpus and seed, for RunSpec.

    Args:
        plugins: Where the offers come from.
        used: Kind and name of the offers that the result depends on, besides selector and corpora.
        settings: The run's settings.
        sources: Its corpora.
        more: What else, by name.
    """
    asked = [*used, ("selectors", settings.selector), *(("corpora", source.corpus.name) for source in sources)]
    reports = {plugins.origin(kind, name) for kind, name in asked}
    origins = {report.name: f"{report.origin} {report.version}" for report in reports}
    return {**settings.as_dict(), **more, "plugins": dict(sorted(origins.items()))}


def stored(registry: Registry, asked: RunSpec) -> Run | None:
    """The run of that spec, if there is one."""
    try:
        return registry.run(asked.run_id)
    except UnknownNameError:
        return None


def lacking(workbench: Workbench, asked: RunSpec) -> str:
    """Why the edit of a run cannot be made here, a sentence that names the plugin it came from; "" where it can."""
    if asked.augmentation is None:
        return ""
    try:
        workbench.augment(asked.augmentation)
    except UnknownNameError:
        plugins: dict[str, str] = asked.parameters.get("plugins", {})
        others = [f"{name} ({origin})" for name, origin in plugins.items() if not origin.startswith("built-in")]
        return f"Its edit {asked.augmentation!r} is not loaded: it came from the plugin {' or '.join(others) or '?'}."
    return ""
