"""
The registry that people see: their own file above the package's knobs.

Layers, the upper first: ``discovered.db`` where the open file is itself marked built-in (the checkout's
registry.db), the open file, the package's own file. Where two layers have a knob of the same (model, name)
the upper one wins, unless its verdict is worse: as within one file, a rejected or provisional knob never
takes the place of an accepted one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, TypeAlias, TypeVar

from attrs import evolve, frozen

from latentknobs.core.evidence import unstructure_evidence
from latentknobs.core.knob import RANK, Knob
from latentknobs.core.query_spec import EVERYTHING, KnobQuery, Named
from latentknobs.core.run import Run, RunOutline
from latentknobs.errors import MissingExtraError, RegistryError, UnknownNameError, UsageError
from latentknobs.registry import import_export, knob_edits, serialization
from latentknobs.registry.addresses import Address, address_of
from latentknobs.registry.connections import TIMEOUT
from latentknobs.registry.import_export import Conflict, TransferSummary
from latentknobs.registry.listing import KnobPage, ListedKnob, merged
from latentknobs.registry.serialization import key_of
from latentknobs.registry.store import KnobReader, KnobStore

_BUILT = Path(__file__).parent.parent / "data" / "registry.db"
PACKAGED = _BUILT if _BUILT.is_file() else Path(__file__).parents[2] / "registry.db"
"""The package's own knobs: the build step copies the checkout's file into the package (setup.py)."""
DISCOVERED = "discovered.db"

T = TypeVar("T")
Place: TypeAlias = tuple[int, str, str]
"""Number of a layer, model_id and name."""
Role: TypeAlias = Literal["discovered", "open", "package"]


@frozen
class RegistryLayer:
    """
    One file that a registry reads, for ``doctor``.

    Attributes:
        role: discovered, open or package.
        path: The file, or the database.
        exists: Whether it is there.
        written: Whether discoveries are stored in it.
        knobs: How many current knobs it holds.
        error: Why it cannot be read, None where it can.
    """

    role: Role
    path: Address
    exists: bool
    written: bool
    knobs: int
    error: str | None = None


class Registry(KnobReader):
    """
    An open registry with the package's own knobs beneath it; a context manager.

    Files are opened when they are first needed; every method but ``sources`` raises RegistryError where one
    of them cannot be used.
    """

    def __init__(self, address: Address, packaged: Path, *, timeout: float) -> None:
        self.address = address
        self._packaged = packaged
        self._timeout = timeout

    @classmethod
    def open(cls, url: str | Path, *, packaged: Path = PACKAGED, timeout: float = TIMEOUT) -> Self:
        """
        The registry of a path or URL; neither made nor read yet.

        Args:
            url: A path, sqlite:///PATH, or postgresql+psycopg://USER@HOST/DATABASE.
            packaged: The file beneath it.
            timeout: Seconds to wait for another program's lock.

        Raises:
            UsageError: It is a URL of something else than an SQLite file or a PostgreSQL database.
            RegistryError: It is a folder.
        """
        return cls(address_of(url), packaged.resolve(), timeout=timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the files go; they are opened again when they are needed."""
        self.__dict__.pop("_layers", None)

    def read(self, query: KnobQuery, *, operators: bool, evidence: bool = True) -> list[Knob | RegistryError]:
        """
        The knobs that meet a query, in its order, from all layers; damaged ones as the error that says what is wrong.

        A damaged knob hides none of a layer beneath.
        """
        stores = [store for _, store in self._layers]
        evidence = evidence or query.term is not None  # which sorts knobs of several files
        if query.history:
            found = [store.read(query, operators=operators, evidence=evidence) for store in stores]
            layers = _distinct(_demoted(stores, found), _facts)
        else:
            layers = _visible(stores, query, operators=operators, evidence=evidence)
        items = [item for layer in layers for item in layer]
        knobs = sorted((k for k in items if isinstance(k, Knob)), key=lambda k: (k.model_name, k.model_id, k.name))
        knobs.sort(key=query.key, reverse=query.descending)
        return [*knobs[: query.limit], *(item for item in items if isinstance(item, RegistryError))]

    def known(self, kind: Named) -> set[str | int]:
        """All names or numbers of a kind that knobs and runs have, in any layer."""
        return set().union(*(store.known(kind) for _, store in self._layers))

    def page(self, query: KnobQuery, start: int, count: int, *, evidence: bool = False) -> KnobPage:
        """
        Some of the knobs that meet a query, without operators; its limit does not matter.

        Args:
            query: The filters.
            start: How many to pass over.
            count: How many to give at most.
            evidence: Read the evidence too, which takes most of the time.
        """
        stores = [store for _, store in self._layers]
        hidden = _hidden(stores)
        first, *beneath = stores
        below = [store.index(query) for store in beneath]
        if query.history:
            there = first.results({entry.result for layer in below for entry in layer})
            below = _distinct(below, lambda entry: (entry.result, entry.position))
            below = [[entry for entry in layer if entry.result not in there] for layer in below]
        else:
            below = [[e for e in layer if (e.model_id, e.name) not in hidden[i]] for i, layer in enumerate(below, 1)]
        # Only the first layer may be large: of it is read what may be on the page, wherever those beneath stand.
        others = sum(map(len, below))
        out = set() if query.history else hidden[0]
        passed = max(0, start - others)
        window = first.index(query, out, start=passed, count=start + count - passed)
        entries = merged([window, *below], descending=query.descending)
        some = entries[start - passed :][:count]
        knobs, damaged = [], []
        items: dict[tuple[int, int], Knob | RegistryError] = {}
        for i, store in enumerate(stores):
            ids = [entry.id for layer, entry in some if layer == i]
            read = store.outlines(ids, evidence=evidence) if ids else []
            items |= {(i, id_): item for id_, item in zip(ids, read, strict=True)}
        for layer, entry in some:
            item = items[layer, entry.id]
            if isinstance(item, Knob):
                current = bool(entry.current) and (entry.model_id, entry.name) not in hidden[layer]
                knobs.append(ListedKnob(item, current))
            else:
                damaged.append(str(item))
        total = next((entry.total for entry in window or first.index(query, out, count=1)), 0)
        return KnobPage(total + others, tuple(knobs), tuple(damaged))

    def run_outlines(self, query: KnobQuery = EVERYTHING) -> tuple[RunOutline, ...]:
        """The runs, without their knobs, that meet a query as far as it is of runs: the lowest layer first."""
        layers = _distinct([store.run_outlines(query) for _, store in self._layers], lambda run: run.result)
        return tuple(run for layer in reversed(layers) for run in layer)

    def models(self) -> tuple[tuple[str, str], ...]:
        """Name and model_id of every model that has a run, by name; of two names in two files the upper one's."""
        names = {model_id: name for _, store in reversed(self._layers) for name, model_id in store.models()}
        return tuple(sorted((name, model_id) for model_id, name in names.items()))

    def runs(self, model_id: str | None = None) -> tuple[Run, ...]:
        """The runs, of one model or of all, the lowest layer first, each in the order they were saved."""
        layers = [store.runs(model_id) for _, store in self._layers]
        return tuple(run for layer in reversed(_distinct(layers, serialization.result_sha256)) for run in layer)

    def run(self, run_id: str, *, evidence: bool = True) -> Run:
        """
        The run of that id, from the uppermost layer that has it.

        Args:
            run_id: The id.
            evidence: Whether to read that of its knobs.

        Raises:
            UnknownNameError: There is none.
        """
        for _, store in self._layers:
            if store.has_run(run_id):
                return store.run(run_id, evidence=evidence)
        raise UnknownNameError("run", run_id, (run.run for run in self.run_outlines()), "in the registry")

    def check_writable(self) -> None:
        """
        Find out before long work whether its run could be stored; changes nothing.

        Raises:
            RegistryError: See :meth:`KnobStore.check_writable`.
        """
        self._layers[0][1].check_writable()

    def save_run(self, run: Run) -> tuple[Knob, ...]:
        """
        Store a run in the open file, or in discovered.db beside it where that is built-in.

        See :meth:`KnobStore.save_run`.

        Returns:
            The knobs that are new in it: the run's, or none where this run with this result was there already.
        """
        return run.knobs if self._layers[0][1].save_run(run) else ()

    def change_tags(self, model_id: str, name: str, *, add: Iterable[str] = (), remove: Iterable[str] = ()) -> None:
        """
        Give tags to a current knob and take tags from it.

        Raises:
            UsageError: A tag is empty or has a blank or a comma in it.
            UnknownNameError: The model has no knob of that name.
            RegistryError: The knob is not in the file that is written, or that cannot be written.
        """
        knob_edits.change_tags(self._own(model_id, name), model_id, name, tuple(add), tuple(remove))

    def write_note(self, model_id: str, name: str, text: str) -> None:
        """Write a note on a current knob in place of the one that is there, "" = none; errors as for tags."""
        knob_edits.write_note(self._own(model_id, name), model_id, name, text)

    def rename(self, model_id: str, name: str, new: str) -> None:
        """
        Let another name mean a current knob; its run goes on calling it as it did, and finding it again leaves it.

        Raises:
            UsageError: No knob may have that name, or one has it.
            UnknownNameError: The model has no knob of that name.
            RegistryError: The knob is not in the file that is written, or that cannot be written.
        """
        if self.find(KnobQuery(model=model_id, name=new.replace("*", ""))):
            raise UsageError(f"The model has a knob named {new!r}: rename or delete that one first.")
        knob_edits.rename(self._own(model_id, name), model_id, name, new)

    def delete(self, model_id: str, name: str) -> None:
        """
        Let a name mean no knob any more. Its operator goes; its run stays, and repeating that brings the knob back.

        A knob of that name in a file beneath is seen again. Errors as for tags.
        """
        knob_edits.forget(self._own(model_id, name), model_id, name)

    def export(self, knobs: Iterable[Knob]) -> str:
        """
        Current knobs with their runs as JSON, which data/knobs-3.schema.json describes.

        Raises:
            RegistryError: A registry cannot be read, or keeps only the hash of an operator.
        """
        keys = [(knob.model_id, knob.name) for knob in knobs]
        stores = [store for _, store in self._layers]
        parts = []
        for store, hidden in zip(stores, _hidden(stores), strict=True):
            there = store.standing(keys)
            parts.append((store, [key for key in keys if key in there and key not in hidden]))
        return json.dumps(import_export.outline(parts), allow_nan=False, ensure_ascii=False, indent=1) + "\n"

    def take(self, text: str, where: str, *, conflict: Conflict = "refuse") -> tuple[TransferSummary, ...]:
        """Store exported knobs in the file that is written; arguments and errors as for :func:`import_export.take`."""
        return import_export.take(self._layers[0][1], text, where, conflict=conflict)

    def _own(self, model_id: str, name: str) -> KnobStore:
        """The file that is written, if it has that knob."""
        (_, store), *_ = self._layers
        if (model_id, name) not in store.standing([(model_id, name)]):
            self.knob(model_id, name)
            raise RegistryError(
                f"The knob {name!r} is not in {store.address}, and what lies beneath never changes: copy it first, "
                f"with 'latentknobs knobs export {name} -o {name}.json' and 'latentknobs knobs import {name}.json'."
            )
        return store

    def sources(self) -> tuple[RegistryLayer, ...]:
        """The files that are read, the upper first, each with what is wrong with it; raises nothing."""
        try:
            paths: list[tuple[Role, Address]] = [(role, store.address) for role, store in self._layers]
        except (MissingExtraError, RegistryError):
            paths = [("open", self.address), ("package", self._packaged)]
        return tuple(self._source(role, path, written=path == paths[0][1]) for role, path in paths)

    def _source(self, role: Role, path: Address, *, written: bool) -> RegistryLayer:
        try:
            store = KnobStore.open(path, timeout=self._timeout)
            return RegistryLayer(role, path, store.exists, written, len(store.knobs(operators=False)))
        except (MissingExtraError, RegistryError) as error:
            return RegistryLayer(role, path, isinstance(path, Path) and path.is_file(), written, 0, str(error))

    @cached_property
    def _layers(self) -> tuple[tuple[Role, KnobStore], ...]:
        """What is read, the upper first; the first one is written."""
        opened = KnobStore.open(self.address, timeout=self._timeout)
        out: list[tuple[Role, KnobStore]] = [("open", opened)]
        if opened.built_in:
            beside = self.path.with_name(DISCOVERED)
            out.insert(0, ("discovered", KnobStore.open(beside, timeout=self._timeout)))
        if self._packaged != self.address and self._packaged.is_file():
            out.append(("package", KnobStore.open(self._packaged, timeout=self._timeout)))
        return tuple(out)


def _demoted(stores: Sequence[KnobStore], layers: list[list[Knob | RegistryError]]) -> list[list[Knob | RegistryError]]:
    """The layers, in which what another layer hides is not current."""
    return [
        [evolve(item, current=False) if isinstance(item, Knob) and key_of(item) in hidden else item for item in layer]
        for layer, hidden in zip(layers, _hidden(stores), strict=True)
    ]


def _visible(
    stores: Sequence[KnobStore],
    query: KnobQuery,
    damaged: frozenset[Place] = frozenset(),
    *,
    operators: bool,
    evidence: bool,
) -> list[list[Knob | RegistryError]]:
    """Of each layer the knobs that meet a query and that no other layer hides; a damaged one hides none."""
    layers = []
    for store, hidden in zip(stores, _hidden(stores, damaged), strict=True):
        # So many more, of which some may be hidden.
        limit = None if query.limit is None else query.limit + len(hidden)
        items = store.read(evolve(query, limit=limit), operators=operators, evidence=evidence)
        layers.append([item for item in items if key_of(item) not in hidden])
    more = {(i, *key_of(e)) for i, layer in enumerate(layers) for e in layer if isinstance(e, RegistryError)}
    return (
        layers if more <= damaged else _visible(stores, query, damaged | more, operators=operators, evidence=evidence)
    )


def _hidden(stores: Sequence[KnobStore], damaged: frozenset[Place] = frozenset()) -> list[set[tuple[str, str]]]:
    """Of each layer the (model_id, name) whose knob another layer hides, whether a query asks for that one or not."""
    # Only the first layer is written and may be large; what the others have is looked up in it.
    below = [store.standing() for store in stores[1:]]
    keys = {key for layer in below for key in layer}
    layers = [stores[0].standing(keys), *below]
    out: list[set[tuple[str, str]]] = [set() for _ in layers]
    for key in keys:
        there = [i for i, layer in enumerate(layers) if key in layer and (i, *key) not in damaged]
        wins = max(there, key=lambda i: (RANK.get(layers[i][key], -1), -i), default=None)
        for i in there:
            if i != wins:
                out[i].add(key)
    return out


def _distinct(layers: Iterable[Iterable[T]], key: Callable[[T], Hashable]) -> list[list[T]]:
    """The layers without what an upper one has: the checkout's registry.db is a copy of the package's."""
    seen: set[Hashable] = set()
    out = []
    for layer in layers:
        new = [(key(item), item) for item in layer]
        out.append([item for facts, item in new if facts not in seen])
        seen.update(facts for facts, _ in new)
    return out


def _facts(item: Knob | RegistryError) -> str:
    if isinstance(item, RegistryError):
        return str(item)
    # One result may have been stored at two times, and be current in one layer only.
    facts = item.as_dict() | {"note": "", "found": None, "current": None}
    return json.dumps([facts, unstructure_evidence(item.evidence)], sort_keys=True)
