"""The registry over HTTP: as commands list it, and as its page shows it. Nothing here changes it."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from latentknobs.core.query_spec import FILTERS, KnobQuery, Named
from latentknobs.errors import RegistryError, UnknownNameError
from latentknobs.frontends.web import registry_cards, registry_snippets, responses
from latentknobs.frontends.web.errors import RequestError
from latentknobs.frontends.web.requests import PREFIX, Filters, PageFilters, RunFilters, RunPageFilters
from latentknobs.frontends.web.routes import FAILURES, Services, download
from latentknobs.frontends.web.service import Service
from latentknobs.registry.knob_results import COLUMNS, Knobs

T = TypeVar("T")
MAX_ROWS = 10_000
"""Knobs of a CSV file."""
MAX_EXCHANGED = 50
"""Knobs of an exchange file: they travel with their operators, and are made in memory."""
_SINGLE = {one.name for one in FILTERS if not one.several} | {"start", "count"}


async def _once(request: Request) -> None:
    """Refuse a parameter that takes one value and has several, of which the last would be taken, unsaid."""
    for name in _SINGLE & request.query_params.keys():
        if len(request.query_params.getlist(name)) > 1:
            raise RequestError(422, "bad-value", f"The parameter {name} takes one value: give it once.")


router = APIRouter(prefix=f"{PREFIX}/registry", responses=FAILURES, dependencies=[Depends(_once)])


@router.get("/knobs")
async def knobs(query: Annotated[Filters, Query()], service: Services) -> list[dict[str, Any]]:
    """The knobs that meet every condition, as `latentknobs knobs list --json` has them."""
    filters = _asked(query)

    def read() -> list[dict[str, Any]]:
        _check_model(service, filters)
        found = service.workbench.knobs(**filters)
        formats = service.workbench.models.format_names({knob.model_name for knob in found})
        return [knob.as_dict() | {"format": formats.get(knob.model_name)} for knob in found]

    return await _reading(read)


@router.get("/runs")
async def runs(query: Annotated[RunFilters, Query()], service: Services) -> list[dict[str, Any]]:
    """The stored runs, the oldest first, as `latentknobs runs list --json` has them."""
    filters = _asked(query)

    def read() -> list[dict[str, Any]]:
        _check_model(service, filters)
        return service.workbench.runs(**filters).rows()

    return await _reading(read)


@router.get("/table/knobs")
async def knob_table(query: Annotated[PageFilters, Query()], service: Services) -> responses.KnobTable:
    """A page of the knobs that meet every condition."""
    filters = _asked(query)
    start, count = filters.pop("start", 0), filters.pop("count", 50)

    def read() -> responses.KnobTable:
        asked = _query(service, filters)
        page = service.workbench.registry.page(asked, start, count)
        if not page.total:
            service.workbench.registry.check_names(asked)
        return responses.KnobTable(
            total=page.total,
            start=start,
            knobs=[registry_cards.row(one.knob, current=one.current, attribute=asked.moves) for one in page.knobs],
            damaged=list(page.damaged),
            seen=registry_snippets.of_query(filters, asked, own_registry=service.own_registry),
        )

    return await _reading(read)


@router.get("/table/runs")
async def run_table(query: Annotated[RunPageFilters, Query()], service: Services) -> responses.RunTable:
    """A page of the runs that meet every condition, the newest first."""
    filters = _asked(query)
    start, count = filters.pop("start", 0), filters.pop("count", 50)

    def read() -> responses.RunTable:
        asked = _query(service, filters)
        found = service.workbench.runs(**filters)[::-1]
        return responses.RunTable(
            total=len(found),
            start=start,
            runs=[registry_cards.run_row(run) for run in found[start : start + count]],
            seen=registry_snippets.of_runs(filters, asked, own_registry=service.own_registry),
        )

    return await _reading(read)


@router.get("/values")
async def values(service: Services) -> responses.RegistryValues:
    """What the knobs of the registry have, to choose filters from."""
    kinds: Mapping[str, Named] = {
        "models": "model",
        "augmentations": "augmentation",
        "attributes": "attribute",
        "corpora": "corpus",
        "tags": "tag",
        "plugins": "plugin",
    }

    def read() -> responses.RegistryValues:
        known = service.workbench.registry.known
        return responses.RegistryValues(**{name: sorted(map(str, known(kind))) for name, kind in kinds.items()})

    return await _reading(read)


@router.get("/knobs/{knob:path}")
async def knob_card(knob: str, service: Services) -> responses.RegistryCard:
    """One knob, NAME@RUN/FIT, with what was measured of it."""

    def read() -> responses.RegistryCard:
        registry = service.workbench.registry
        name, _, at = knob.partition("@")
        run_id, _, fit = at.partition("/")
        query = KnobQuery(name=name.replace("*", ""), run=run_id, history=True)
        fits = registry.page(query, 0, 100).knobs
        rows = [registry_cards.row(one.knob, current=one.current) for one in fits]
        place = next((i for i, one in enumerate(fits) if one.knob.fit == fit), None)
        if place is None:
            raise UnknownNameError("knob", knob[:300], [one.id for one in rows], "in the registry")
        read = registry.page(query, place, 1, evidence=True)
        if not read.knobs:
            raise RegistryError(read.damaged[0])
        full = read.knobs[0].knob
        (run, *_) = *reversed(registry.run_outlines(KnobQuery(run=run_id))), None
        seen = registry_snippets.of_knobs([(knob, full.model_name)], own_registry=service.own_registry)
        return registry_cards.card(full, rows, run, seen)

    return await _reading(read)


@router.get("/seen")
async def seen(knob: Annotated[list[str], Query(min_length=1, max_length=4)], service: Services) -> responses.Snippets:
    """Several knobs side by side, to copy."""

    def read() -> responses.Snippets:
        named = []
        for id_ in knob:
            found = service.workbench.registry.run_outlines(KnobQuery(run=id_.partition("@")[2].partition("/")[0]))
            if not found:
                raise UnknownNameError("knob", id_[:300], (), "in the registry")
            named.append((id_, found[-1].model))
        return registry_snippets.of_knobs(named, own_registry=service.own_registry)

    return await _reading(read)


@router.get("/runs/{run}")
async def run_card(run: str, service: Services) -> responses.RunCard:
    """One run with its settings, counts and knobs."""

    def read() -> responses.RunCard:
        registry = service.workbench.registry
        stored = registry.run(run, evidence=False)
        page = registry.page(KnobQuery(run=run, history=True), 0, 500)
        return responses.RunCard(
            run=registry_cards.run_row(registry.run_outlines(KnobQuery(run=run))[-1]),
            parameters={name: json.dumps(value, allow_nan=False) for name, value in stored.spec.parameters.items()},
            counts=dict(stored.counts),
            knobs=[registry_cards.row(one.knob, current=one.current) for one in page.knobs],
            seen=registry_snippets.of_run(run, own_registry=service.own_registry),
        )

    return await _reading(read)


@router.get("/csv", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
async def as_csv(query: Annotated[Filters, Query()], service: Services) -> Response:
    """The knobs that meet every condition, as `latentknobs knobs list --csv` has them."""
    filters = _asked(query)

    def read() -> bytes:
        asked = _query(service, filters)
        page = service.workbench.registry.page(asked, 0, asked.limit or MAX_ROWS)
        text = io.StringIO()
        out = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        out.writeheader()
        out.writerows(Knobs(one.knob for one in page.knobs).rows())
        return text.getvalue().encode()

    return download("knobs.csv", "text/csv; charset=utf-8", await _reading(read))


@router.get("/exchange", response_class=Response, responses={200: {"content": {"application/json": {}}}})
async def exchange(query: Annotated[Filters, Query()], service: Services) -> Response:
    """The current knobs that meet every condition, with their operators, as `latentknobs knobs export` writes them."""
    filters = _asked(query)

    def read() -> bytes:
        registry = service.workbench.registry
        page = registry.page(_query(service, filters), 0, MAX_ROWS)
        current = [one.knob for one in page.knobs if one.current]
        if not 0 < len(current) <= MAX_EXCHANGED:
            raise RequestError(
                422,
                "too-much" if current else "bad-value",
                f"A file for another registry holds 1 to {MAX_EXCHANGED} current knobs, and these filters give "
                f"{len(current)}: change them, or use 'latentknobs knobs export'.",
            )
        return registry.export(current).encode()

    async with service.exporting:
        return download("knobs.json", "application/json", await _reading(read))


async def _reading(work: Callable[[], T]) -> T:
    return await asyncio.to_thread(work)


def _asked(query: Any) -> dict[str, Any]:
    """The filters that were given."""
    return {name: value for name, value in query if value not in ("", None, [])}


def _query(service: Service, filters: Mapping[str, Any]) -> KnobQuery:
    """The filters as the registry takes them."""
    _check_model(service, filters)
    return service.workbench.query(**filters)


def _check_model(service: Service, filters: Mapping[str, Any]) -> None:
    """
    Refuse a model that the registry does not have: it is named, not located, and clients open no files here.

    Raises:
        UnknownNameError: There is no such model.
    """
    models = service.workbench.registry.models()
    if (model := filters.get("model")) and model not in {word for pair in models for word in pair}:
        raise UnknownNameError("model", model, [name for name, _id in models], "in the registry")
