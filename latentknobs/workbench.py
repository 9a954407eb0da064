"""The workbench: the one object that ties plugins, models, corpora, the registry and the engine together."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from attrs import define, evolve, field, frozen

from latentknobs import __version__
from latentknobs.backends.loader import DEFAULT_MODEL, Models
from latentknobs.core.arrays import ClipBatch
from latentknobs.core.augmentation import Augmentation
from latentknobs.core.backend import VAEBackend
from latentknobs.core.composition import compose, is_composition, parts_of
from latentknobs.core.corpus import SPLITS, Corpus, CorpusRequest, Progress, Song, Split, Tally, no_progress
from latentknobs.core.determinism import one_thread_sums
from latentknobs.core.executor_specs import ShardMap
from latentknobs.core.experiment import Experiment, Settings, UnsupervisedSettings
from latentknobs.core.format_capabilities import check_serves
from latentknobs.core.knob import Knob
from latentknobs.core.model_calls import accepted, check_encodes
from latentknobs.core.paths import LOCAL_PLUGINS, cache_dir, default_registry, named_plugins_dir
from latentknobs.core.query_spec import RUN_FILTERS, KnobQuery
from latentknobs.core.run import Run, RunSpec
from latentknobs.corpora.corpus_spec import (
    CorpusSelection,
    check_format,
    default_corpus,
    parse_sources,
    read,
    storable,
)
from latentknobs.discovery.run_spec import PrescribedOperator, methods_for, parameters
from latentknobs.errors import CorpusError, DiscoveryError, UnknownNameError, UsageError
from latentknobs.executors.executor_map import ExecutorMap
from latentknobs.executors.worker import WorkerSpec
from latentknobs.hooks.manager import Plugins
from latentknobs.registry.knob_results import Knobs, Runs

if TYPE_CHECKING:
    from latentknobs.registry.overlay import Registry

BUILTINS = (
    "latentknobs.backends.gru_musicvae.plugin",
    "latentknobs.backends.magenta_js.plugin",
    "latentknobs.backends.training.plugin",
    "latentknobs.augmentations.plugin",
    "latentknobs.attributes.plugin",
    "latentknobs.corpora.plugin",
    "latentknobs.discovery.plugin",
    "latentknobs.metrics.plugin",
    "latentknobs.executors.plugin",
    "latentknobs.frontends.cli.plugin",
    "latentknobs.frontends.web.plugin",
    "latentknobs.frontends.midi.plugin",
)
"""The plugins that come with the package, by name: they use nothing that a stranger's plugin cannot."""

DEFAULT_CLIPS = 4096


def say(text: str) -> None:
    """Print a note for people on stderr: what a workbench does with notes unless it is told otherwise."""
    print(text, file=sys.stderr)  # noqa: T201 - this is the one place where a note becomes a line


def load_plugins(plugins_dir: Path | None = None) -> Plugins:
    """
    The built-in plugins, installed ones and the files of a folder.

    Args:
        plugins_dir: The folder, whose code is run; None = LATENTKNOBS_PLUGINS_DIR, else what is trusted in ``plugins``
            (``latentknobs plugins trust``).

    Raises:
        UsageError: The named folder is not there.
        PluginError: Two plugins offer the same name.
    """
    named = plugins_dir or named_plugins_dir()
    if named is not None and not named.is_dir():
        raise UsageError(f"The plugins folder {str(named)!r} is not there; name another or leave the option out.")
    return Plugins.build(BUILTINS, plugins_dir=named or LOCAL_PLUGINS, only_trusted=named is None)


@frozen(eq=False)
class DiscoveryPlan:
    """
    A discovery that has not begun.

    Attributes:
        spec: What it is stored under.
        experiment: What it is made with.
    """

    spec: RunSpec
    experiment: Experiment


@define(eq=False)
class Workbench:
    """
    The composition root; a context manager that closes the registry, and ends the workers.

    Attributes:
        plugins: What the plugins offer.
        registry_url: The registry to open, a path or a database URL; opened when first used.
        models: The models that can be loaded.
        device: Where models run unless a call says otherwise.
        precision: In which numbers they compute, "" = as they were trained.
        progress: Told of long work.
        cache_dir: Folder for what takes long to make.
        executor: Where discoveries and evaluations do their work, NAME or NAME:ARGUMENT; results do not depend on it.
        workers: How many work there, None = as many as there are.
    """

    plugins: Plugins
    registry_url: str = field(repr=False)  # may hold a password
    models: Models
    device: str = "auto"
    precision: str = ""
    progress: Progress = no_progress
    cache_dir: Path = field(factory=cache_dir)
    executor: str = "serial"
    workers: int | None = None
    _note: Callable[[str], None] = say
    _registry: Registry | None = field(default=None, init=False)
    _map: ExecutorMap = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._map = ExecutorMap.of(self.executor, self.workers, self, self.in_worker)

    @classmethod
    def open(
        cls,
        registry: str | None = None,
        plugins_dir: Path | None = None,
        *,
        device: str = "auto",
        precision: str = "",
        executor: str = "serial",
        workers: int | None = None,
        progress: Progress = no_progress,
        note: Callable[[str], None] = say,
        plugins: Plugins | None = None,
    ) -> Workbench:
        """
        A workbench on the built-in, installed and local plugins.

        Args:
            registry: Path or URL; None = LATENTKNOBS_REGISTRY, else registry.db in the current folder.
            plugins_dir: Folder of local plugins; None = as for :func:`load_plugins`.
            device: "cpu", "cuda" or "auto".
            precision: "float32", "bf16" or "int8" where the model's backend has it; "" = as it was trained.
            executor: Where work is done: "serial", "processes", "dask", "dask:ADDRESS", or one of a plugin.
            workers: How many work there, None = as many as there are.
            progress: Told of long work.
            note: Told remarks for people.
            plugins: Plugins that are loaded already; None = load them.

        Raises:
            PluginError: Two plugins offer the same name.
            UsageError: No executor of that name, or it does not take the argument or the number of workers.
            ExecutorError: The executor cannot be opened.
        """
        plugins = load_plugins(plugins_dir) if plugins is None else plugins
        out = cls(
            plugins,
            registry or default_registry(),
            Models(plugins.backends()),
            device,
            precision,
            progress,
            executor=executor,
            workers=workers,
            note=note,
        )
        out._map.open()
        return out

    @classmethod
    def in_worker(cls, spec: WorkerSpec) -> Workbench:
        """
        The workbench of a worker; nothing is stored from there.

        Raises:
            ExecutorError: The worker is not what the program is.
        """
        plugins = spec.load_plugins(BUILTINS)
        return cls(plugins, default_registry(), Models(plugins.backends()))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the registry and end the workers; both are there again when they are used."""
        self._map.close()
        if self._registry is not None:
            self._registry.close()
            self._registry = None

    @property
    def map(self) -> ShardMap:
        """Does a task to many items, where the executor says."""
        return self._map

    @property
    def registry(self) -> Registry:
        """The open registry above the package's own knobs."""
        if self._registry is None:
            from latentknobs.registry.overlay import Registry

            self._registry = Registry.open(self.registry_url)
        return self._registry

    @property
    def corpora(self) -> Mapping[str, Corpus]:
        """The corpora, by name."""
        return self.plugins.corpora()

    def note(self, text: str) -> None:
        """Tell people something."""
        self._note(text)

    def model(self, name: str = DEFAULT_MODEL, device: str | None = None) -> VAEBackend:
        """The model of that name or location; see :meth:`Models.load`."""
        return self.models.load(name, device or self.device, self.precision)

    def augment(self, name: str) -> Augmentation:
        """
        The augmentation of that name, or the one that a text such as "transpose:2|note-split:1" makes of several.

        Raises:
            UnknownNameError: There is none.
            UsageError: The text is no composition, or its parts do not fit together.
        """
        known = self.plugins.augmentations()
        if name not in known and is_composition(name):
            return compose(name, known)
        if name not in known:
            raise UnknownNameError("augmentation", name, known)
        return known[name]

    def knob(self, text: str, model: str = DEFAULT_MODEL) -> Knob:
        """
        A knob of a model with its operator, where that is kept.

        Args:
            text: NAME, the current knob; or NAME@RUN or NAME@RUN/FIT, one of an earlier run.
            model: Name, hash or location of the model.

        Raises:
            UnknownNameError: There is none.
        """
        model_id = self._model_id(model)
        name, _, at = text.partition("@")
        if not at:
            return self.registry.knob(model_id, name)
        run, _, fit = at.partition("/")
        run = self._run_id(run)
        known = self.registry.find(KnobQuery(model=model_id, run=run, history=True), operators=True)
        matches = [knob for knob in known if knob.name == name and fit in ("", knob.fit)]
        if not matches:
            raise UnknownNameError(
                "knob", text, {f"{k.name}@{k.run_id}/{k.fit}" for k in known}, f"for the model {model}"
            )
        # Without a fit: the knob that is current, else the one with the best verdict.
        return next((knob for knob in matches if knob.operator is not None), matches[0])

    def knobs(self, *, evidence: bool = True, **filters: Any) -> Knobs:
        """
        The knobs that meet all filters, without their operators.

        Args:
            evidence: Read the evidence, which takes most of the time; else it holds the target alone.
            **filters: The fields of :class:`~latentknobs.core.query_spec.KnobQuery`. ``model`` is the name, hash or
                location of a model; dates may be texts (2026-01-31).

        Raises:
            UsageError: A value is out of range.
            UnknownNameError: No kind, verdict, order or model of that name, or nothing that the registry has.
        """
        query = self.query(**filters)
        found = self.registry.find(query, evidence=evidence)
        if not found or len(list(query.named())) > 1:
            self.registry.check_names(query)
        return Knobs(found)

    def run(self, text: str) -> Run:
        """
        A stored run with its knobs and their evidence.

        Args:
            text: Its id, or the first 6 characters or more where no other begins so.

        Raises:
            UnknownNameError: There is none.
            RegistryError: It is damaged.
        """
        return self.registry.run(self._run_id(text))

    def _run_id(self, text: str) -> str:
        if not 6 <= len(text) < 16:  # a whole id has 16 digits
            return text
        ids = {run.run for run in self.registry.run_outlines() if run.run.startswith(text)}
        return ids.pop() if len(ids) == 1 else text

    def runs(self, **filters: Any) -> Runs:
        """
        The runs that meet all filters, the oldest first, without their knobs; :meth:`run` gives one whole.

        Args:
            **filters: Those of :meth:`knobs` that are of runs: model, augmentation, corpus, seed, plugin, since, until.

        Raises:
            UsageError: Another filter, or a value is out of range.
            UnknownNameError: No model of that name, or nothing that the registry has.
        """
        for name in filters.keys() - RUN_FILTERS:
            raise UsageError(f"Runs have no {name}: ask by {', '.join(sorted(RUN_FILTERS))}.")
        query = self.query(**filters)
        found = Runs(sorted(self.registry.run_outlines(query), key=lambda run: run.started))
        if not found or len(list(query.named())) > 1:
            self.registry.check_names(query)
        return found

    def query(self, **filters: Any) -> KnobQuery:
        """The filters of :meth:`knobs` as the registry takes them, the model by its identity; errors as there."""
        query = KnobQuery(**filters)
        query = evolve(query, run=tuple(map(self._run_id, query.run)))
        return query if query.model is None else evolve(query, model=self._model_id(query.model))

    def _model_id(self, model: str) -> str:
        """The identity of a model; its weights are loaded only where the registry does not know the name or hash."""
        known = self.registry.models()
        ids = {id_ for name, id_ in known if model == name or (len(model) >= 12 and id_.startswith(model))}
        # Retrained weights of the same name have another identity: then the model itself decides.
        return ids.pop() if len(ids) == 1 else self.model(model).spec.model_id

    def songs(self, corpus: str, request: CorpusRequest) -> Iterator[Song]:
        """
        The songs of a corpus as written on the command line.

        Args:
            corpus: Names joined with "+", each maybe with ":ARGUMENT" ("folk+whole-notes", "midi:tunes").
                The clips of the request are shared evenly between them.
            request: What is wanted; a missing cache or progress is the workbench's.

        Raises:
            UnknownNameError: No corpus of that name.
            CorpusError: A corpus cannot give clips.
        """
        sources = parse_sources(corpus, self.corpora)
        if request.cache is None:
            request = evolve(request, cache=self.cache_dir)
        if request.progress is no_progress:
            request = evolve(request, progress=self.progress)
        return read(sources, request)

    def clips(
        self, corpus: str, model: str = DEFAULT_MODEL, *, clips: int, seed: int = 0, split: Split | None = None
    ) -> ClipBatch:
        """
        Clips of a corpus that a model can carry, int16 (N, *shape).

        Args:
            corpus: As for :meth:`songs`.
            model: Name or location of the model.
            clips: How many are asked of the corpus, of all splits together.
            seed: Seed of the songs.
            split: "train", "validation" or "test": only clips of its songs; None = of all.

        Raises:
            UnknownNameError: No corpus, model or split of that name.
            CorpusError: The corpus gives no clip that the model can carry.
            UsageError: The parts have different clip formats.
        """
        if split not in (None, *SPLITS):
            raise UnknownNameError("split", str(split), SPLITS)
        backend = self.model(model)
        songs = list(self.songs_for(backend, CorpusSelection(corpus, clips, seed)))
        songs = [song for song in songs if split in (None, song.split)]
        batch = np.concatenate([song.clips for song in songs]) if songs else np.zeros((0, 1), np.int16)
        carried: ClipBatch = batch[accepted(backend, batch)] if len(batch) else batch
        if not len(carried):
            of_split = "" if split is None else f" of the split {split}"
            raise CorpusError(
                f"The corpus {corpus} gave no clip{of_split} that the model {backend.spec.name} can carry."
            )
        return carried

    def discover(
        self,
        augmentation: str,
        *,
        corpus: str | None = None,
        model: str = DEFAULT_MODEL,
        clips: int = DEFAULT_CLIPS,
        seed: int = 0,
        settings: Settings | None = None,
        decoupled: PrescribedOperator | None = None,
        keep: bool = True,
        resume: bool = False,
    ) -> Run:
        """
        Find the knob of an augmentation, store it and tell the observers.

        Args:
            augmentation: Its name, or a composition (:meth:`augment`).
            corpus: As for :meth:`songs`; None = :func:`default_corpus`.
            model: Name or location of the model.
            clips: Clips of all splits together, asked of the corpus.
            seed: The same seed gives the same run.
            settings: Everything else that the result depends on; None = the defaults. Its ``clips`` are
                those above.
            decoupled: A knob to evaluate in place of what the fits would give.
            keep: False = nothing is stored and no observer told.
            resume: Take a stored run of the same spec instead of making it again.

        Raises:
            UnknownNameError: No augmentation, corpus or model of that name.
            UsageError: The parts have different clip formats, or a number is out of range.
            DiscoveryError: The corpus gives too few pairs.
            RegistryError: The registry cannot be written; found out before the work starts.
        """
        from latentknobs.discovery.discover import discover  # loads all of discovery

        if keep:
            self.registry.check_writable()
        plan = self.plan(
            augmentation, corpus=corpus, model=model, clips=clips, seed=seed, settings=settings, decoupled=decoupled
        )
        spec, backend = plan.spec, plan.experiment.backend
        if others := [one.name for one in backend.spec.formats[1:]]:
            self.note(
                f"The model {backend.spec.name} reads {', '.join(others)} too; its knobs are looked for and judged on "
                f"{backend.spec.clip_format.name} alone."
            )
        if resume:
            with suppress(UnknownNameError):
                return self.registry.run(spec.run_id)
        tally = Tally()
        songs = self.songs_for(backend, CorpusSelection(spec.corpus, clips, seed), tally)
        with one_thread_sums(), _counted(tally):
            run = discover(plan.experiment, songs, spec, version=__version__, tally=tally, progress=self.progress)
        return self.store(run) if keep else run

    def plan(
        self,
        augmentation: str,
        *,
        corpus: str | None = None,
        model: str = DEFAULT_MODEL,
        clips: int = DEFAULT_CLIPS,
        seed: int = 0,
        settings: Settings | None = None,
        decoupled: PrescribedOperator | None = None,
    ) -> DiscoveryPlan:
        """
        What :meth:`discover` would do, without doing it: arguments and errors of its own, but for those of the work.

        Raises:
            UnknownNameError: As there.
            UsageError: As there.
        """
        if clips < 1:
            raise UsageError(f"A discovery looks at 1 clip or more, not {clips}: ask for more.")
        edit = self.augment(augmentation)
        corpus = storable(corpus or default_corpus([edit]))
        sources = parse_sources(corpus, self.corpora)
        backend = self.model(model)
        check_encodes(backend.spec)
        check_serves(edit, backend.spec.clip_format, self.plugins.augmentations())
        check_format(sources, backend.spec)
        settings = evolve(settings or Settings(), clips=clips)
        methods = methods_for(self.plugins, backend.spec.clip_format)
        used = [("bases", settings.basis), *(("augmentations", part.name) for part in parts_of(edit))]
        used += [("fits", fit.name) for fit in methods.fits if settings.makes(fit)]
        depends = parameters(
            self.plugins, used, settings, sources, **self.models.precision_option(model, self.precision)
        )
        if decoupled is not None:
            methods, depends = evolve(methods, fits=(decoupled.as_fit(),)), {**depends, **decoupled.origin()}
        spec = RunSpec(backend.spec.model_id, backend.spec.name, edit.name, corpus, seed, depends)
        experiment = evolve(Experiment.of(backend, edit, settings, methods, seed), map=self.map)
        return DiscoveryPlan(spec, experiment)

    def disentangle(
        self,
        model: str = DEFAULT_MODEL,
        corpus: str = "folk",
        *,
        clips: int = DEFAULT_CLIPS,
        seed: int = 0,
        settings: UnsupervisedSettings | None = None,
        keep: bool = True,
    ) -> Run:
        """
        Find knobs without an augmentation, store them and tell the observers.

        Args:
            model: Name or location of the model.
            corpus: As for :meth:`songs`.
            clips: Clips of all splits together, asked of the corpus.
            seed: The same seed gives the same run.
            settings: Everything else that the result depends on; None = the defaults. Its ``clips`` are
                those above.
            keep: Whether to store them and tell the observers.

        Raises:
            UnknownNameError: No corpus or model of that name.
            UsageError: The parts have different clip formats, or a number is out of range.
            DiscoveryError: A split has no clips, or no direction moves an attribute.
            RegistryError: The registry cannot be written; found out before the work starts.
        """
        from latentknobs.discovery.unsupervised import disentangle  # as above

        if clips < 1:
            raise UsageError(f"A discovery looks at 1 clip or more, not {clips}: ask for more.")
        if keep:
            self.registry.check_writable()
        corpus = storable(corpus)
        sources = parse_sources(corpus, self.corpora)
        backend = self.model(model)
        spec = backend.spec
        check_format(sources, spec)
        settings = evolve(settings or UnsupervisedSettings(), clips=clips)
        methods = methods_for(self.plugins, spec.clip_format)
        used = [("attributes", a.name) for a in methods.attributes]
        used += [("comparisons", c.name) for c in methods.comparisons]
        depends = parameters(
            self.plugins, used, settings, sources, **self.models.precision_option(model, self.precision)
        )
        run_spec = RunSpec(spec.model_id, spec.name, None, corpus, seed, depends)
        experiment = evolve(Experiment.of(backend, None, settings, methods, seed), map=self.map)
        tally = Tally()
        songs = self.songs_for(backend, CorpusSelection(corpus, clips, seed), tally)
        with one_thread_sums(), _counted(tally):
            run = disentangle(experiment, songs, run_spec, version=__version__, tally=tally, progress=self.progress)
        return self.store(run) if keep else run

    def store(self, run: Run) -> Run:
        """
        Store a run and tell the observers.

        Raises:
            RegistryError: The registry cannot be written.
        """
        self.plugins.run_finished(run)
        for knob in self.registry.save_run(run):
            self.plugins.knob_saved(knob)
        return run

    def songs_for(self, backend: VAEBackend, selection: CorpusSelection, tally: Tally | None = None) -> Iterator[Song]:
        """
        The songs of a corpus, "folk" where none is named, with the pitches that a model can carry.

        Args:
            backend: The model.
            selection: Corpus, number of clips and seed.
            tally: Counts what is left out or joined.

        Raises:
            UnknownNameError: No corpus of that name.
            UsageError: The corpus has clips of another format than the model's.
        """
        corpus = selection.corpus or "folk"
        check_format(parse_sources(corpus, self.corpora), backend.spec)
        request = CorpusRequest(
            clips=selection.clips,
            seed=selection.seed,
            pitch_range=backend.spec.pitch_range or (0, 127),
            clip_format=backend.spec.clip_format,
            tally=(tally or Tally()).add,
            workers=os.cpu_count() or 1,
        )
        return self.songs(corpus, request)


@contextmanager
def _counted(tally: Tally) -> Iterator[None]:
    """Say where a discovery fails what was read for it and left out."""
    try:
        yield
    except DiscoveryError as error:
        counts = "; ".join(f"{what}: {count}" for what, count in tally.counts.items())
        raise DiscoveryError(f"{error} What was read and left out: {counts or 'nothing'}.") from error
