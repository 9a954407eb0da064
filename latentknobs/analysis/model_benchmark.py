"""How fast, how exact and how large a model is on this machine: what ``latentknobs bench`` measures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from attrs import field, frozen, validators
from numpy.typing import NDArray

from latentknobs.analysis.batch_memory import MemoryJob, can_measure, growth
from latentknobs.analysis.bench_choice import choose
from latentknobs.analysis.bench_sample import BenchSample
from latentknobs.analysis.turns import in_turns
from latentknobs.core.backend import FlopCount, Posterior, VAEBackend
from latentknobs.core.bench_result import (
    FORMAT,
    WORKS,
    BatchTiming,
    BenchMachine,
    BenchResult,
    BenchSettings,
    PrecisionError,
)
from latentknobs.core.capability import capability
from latentknobs.core.seed import as_seed
from latentknobs.errors import BackendError, UnknownNameError, UsageError
from latentknobs.workbench import Workbench

COMPARED = 256
"""Clips at least on which precisions are compared."""
MEMORY = (
    "Memory: growth of the peak resident memory over one clip's, in a process of its own for each work and precision."
)
Key = tuple[str, str, int]
"""Work, precision and batch."""


def _sorted(values: Sequence[int]) -> tuple[int, ...]:
    return tuple(sorted(set(values)))


@frozen
class BenchRequest:
    """
    What to measure.

    Attributes:
        batches: Clips of a batch, each at least 1.
        precisions: Beside the backend's first; () = all that it has on this device.
        rounds: How often each is timed, at least 1.
        seed: Of the clips.
        plugins_dir: The folder of local plugins, for the processes in which memory is measured; None = what the
            environment says.
    """

    batches: tuple[int, ...] = field(
        default=(1, 32, 256),
        converter=_sorted,
        validator=[validators.min_len(1), validators.deep_iterable(validators.ge(1))],
    )
    precisions: tuple[str, ...] = ()
    rounds: int = field(default=7, validator=validators.ge(1))
    seed: int = field(default=0, converter=as_seed)
    plugins_dir: Path | None = None


def benchmark_model(workbench: Workbench, name: str, request: BenchRequest | None = None) -> BenchResult:
    """
    Time a model's encode and decode in each precision, in turns, beside the machine's matrix products.

    Args:
        workbench: The workbench, on whose device the model runs.
        name: Name or location of the model.
        request: What to measure; None = the defaults.

    Raises:
        UnknownNameError: No such model, or its backend lacks a precision that was asked for.
        UsageError: This device lacks a precision that was asked for.
        ModelError: The model cannot be loaded.
        BackendError: It breaks its contract.
    """
    from latentknobs.backends.machine import these_versions, this_machine, threads  # loads torch

    date, machine, request = datetime.now(UTC), this_machine(), request or BenchRequest()
    models, notes = _models(workbench, name, request)
    model = next(iter(models.values()))
    inputs = _Inputs.of(model, max(*request.batches, COMPARED), request.seed)
    exactness = tuple(inputs.exactness(precision, model, other) for precision, other in models.items())
    flops = flops_of(model)
    seconds, peak = _timed(workbench, models, inputs, request)
    memory, of_memory = _memory(workbench, name, tuple(models), inputs, request)
    timings = tuple(_timing(key, seconds[key], flops, peak, memory) for key in inputs.keys_of(models, request.batches))
    return BenchResult(
        format=FORMAT,
        version=1,
        date=date,
        model=model.spec.name,
        model_id=model.spec.model_id,
        machine=machine,
        versions=these_versions(),
        settings=BenchSettings(
            workbench.device, threads(), request.batches, tuple(models), request.rounds, request.seed
        ),
        peak=peak,
        flops=flops,
        timings=timings,
        exactness=exactness,
        choice=choose(timings, exactness),
        notes=(
            *_of_machine(machine),
            *notes,
            *inputs.remarks(model),
            *_of_peak(models, peak, flops),
            of_memory,
        ),
    )


def flops_of(model: VAEBackend) -> Mapping[str, float]:
    """
    Operations of a clip by work, empty where the backend does not say.

    Raises:
        BackendError: It names other work, or something else than numbers above 0.
    """
    counting = capability(model, FlopCount)
    if counting is None:
        return {}
    stated = counting.flops()
    if not isinstance(stated, Mapping) or not all(
        work in WORKS and isinstance(count, int | float) and 0 < count < np.inf for work, count in stated.items()
    ):
        raise BackendError(
            f"The flops of the model {model.spec.name} must be numbers above 0 by {' and '.join(WORKS)}."
        )
    return {work: float(count) for work, count in stated.items()}


@frozen(eq=False)
class _Inputs:
    """What the model is given: the rows of each work, and what one clip's code may differ by."""

    rows: Mapping[str, NDArray[Any]]
    posterior: Posterior | None
    distinct: int

    @classmethod
    def of(cls, model: VAEBackend, count: int, seed: int) -> _Inputs:
        sample = BenchSample.draw(model, count, seed)
        decoding: dict[str, NDArray[Any]] = {"decode": sample.codes}
        if sample.clips is None:
            return cls(decoding, None, sample.distinct)
        return cls({"encode": sample.clips} | decoding, model.encode(sample.clips), sample.distinct)

    def keys_of(self, models: Mapping[str, VAEBackend], batches: Sequence[int]) -> list[Key]:
        return [(work, precision, batch) for precision in models for work in self.rows for batch in batches]

    def exactness(self, precision: str, reference: VAEBackend, model: VAEBackend) -> PrecisionError:
        """How far a precision is from the reference on all rows."""
        codes = self.rows["decode"]
        same = reference.decode(codes) == model.decode(codes)
        off = None
        if self.posterior is not None and self.posterior.scale is not None:
            latent = reference.spec.structure.latent
            difference = np.abs(model.encode(self.rows["encode"]).mean.astype(np.float64) - self.posterior.mean)
            off = difference[:, latent] / self.posterior.scale[:, latent]
        return PrecisionError(
            precision=precision,
            clips=len(codes),
            tokens_equal=float(same.mean()),
            clips_equal=float(same.reshape(len(same), -1).all(axis=1).mean()),
            code_mean=None if off is None else float(off.mean()),
            code_largest=None if off is None else float(off.max()),
        )

    def remarks(self, model: VAEBackend) -> list[str]:
        """What is to be known of them."""
        out = []
        count = len(self.rows["decode"])
        if self.posterior is None:
            out.append(f"The model {model.spec.name} is a decoder alone: there is nothing to encode.")
        elif self.posterior.scale is None:
            out.append("The model has no posterior standard deviation: errors of codes have no unit.")
        if self.distinct < count:
            out.append(
                f"Of {count} clips drawn from the prior {self.distinct} are distinct: equal ones may share work."
            )
        return out


def _models(workbench: Workbench, name: str, request: BenchRequest) -> tuple[dict[str, VAEBackend], list[str]]:
    """The model in each precision, the backend's first one first; and what is left out, in sentences."""
    known = workbench.models.precisions(name)
    for precision in request.precisions:
        if precision not in known:
            raise UnknownNameError("precision", precision, known, f"for the model {name}")
    models, notes = {}, []
    for precision in known:
        if request.precisions and precision not in (known[0], *request.precisions):
            continue
        try:
            models[precision] = workbench.models.load(name, workbench.device, precision)
        except UsageError as error:
            if precision == known[0] or request.precisions:
                raise
            notes.append(_one_line(f"{precision} is left out: {error}"))
    return models, notes


def _timed(
    workbench: Workbench, models: Mapping[str, VAEBackend], inputs: _Inputs, request: BenchRequest
) -> tuple[dict[Key, list[float]], dict[str, float]]:
    """Seconds of each work, and the peak of each precision that the machine multiplies in, operations a second."""
    from latentknobs.backends.devices import choose_device
    from latentknobs.backends.machine import PRODUCT_FLOPS, numbers, products

    device = choose_device(workbench.device).type
    limits = {
        (number, way): product
        for number in numbers(device)
        if number in models
        for way, product in products(number, device).items()
    }
    seconds: dict[Key, list[float]] = {}
    peak: dict[str, float] = {}
    for batch in request.batches:
        works: dict[tuple[str, ...], Callable[[], object]] = {
            (work, precision, ""): partial(getattr(model, work), rows[:batch])
            for precision, model in models.items()
            for work, rows in inputs.rows.items()
        }
        times = in_turns({**works, **limits}, request.rounds, workbench.progress, f"batches of {batch}")
        for key in works:
            seconds[key[0], key[1], batch] = times[key]
        for key in limits:
            peak[key[0]] = max(peak.get(key[0], 0.0), PRODUCT_FLOPS / min(times[key]))
    return seconds, peak


def _timing(
    key: Key,
    seconds: Sequence[float],
    flops: Mapping[str, float],
    peak: Mapping[str, float],
    memory: Mapping[Key, int],
) -> BatchTiming:
    work, precision, batch = key
    speed = batch / float(np.median(seconds))
    known = work in flops and precision in peak
    return BatchTiming(
        work=work,
        precision=precision,
        batch=batch,
        seconds=batch / speed,
        fastest=min(seconds),
        slowest=max(seconds),
        clips_a_second=speed,
        share_of_peak=speed * flops[work] / peak[precision] if known else None,
        memory=memory.get(key),
    )


def _memory(
    workbench: Workbench, name: str, precisions: Sequence[str], inputs: _Inputs, request: BenchRequest
) -> tuple[dict[Key, int], str]:
    """Bytes of each batch, where they can be measured, and how they were."""
    out: dict[Key, int] = {}
    if not can_measure():
        return out, "Memory is not measured: this system lets no process reset its peak."
    jobs = [(work, precision) for work in inputs.rows for precision in precisions]
    for done, (work, precision) in enumerate(jobs):
        workbench.progress("memory", done, len(jobs))
        job = MemoryJob(name, workbench.device, precision, work, request.batches)
        try:
            sizes = growth(job, inputs.rows[work][: request.batches[-1]], request.plugins_dir)
        except BackendError as error:
            return {}, f"Memory is not measured. {_one_line(str(error))}"
        out.update({(work, precision, batch): size for batch, size in sizes.items()})
    workbench.progress("memory", len(jobs), len(jobs))
    return out, MEMORY


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)


def _of_machine(machine: BenchMachine) -> list[str]:
    if not machine.busy:
        return []
    return [f"The machine was busy before the start (load {machine.load:.2g} a core): measure on a quiet one."]


def _of_peak(models: Mapping[str, VAEBackend], peak: Mapping[str, float], flops: Mapping[str, float]) -> list[str]:
    if not flops:
        return ["The backend does not say how many operations a clip takes: shares of the peak are left out."]
    out = [
        f"The machine's peak in {name} is not measured: its shares are left out." for name in models if name not in peak
    ]
    return [*out, "Operations are those of a clip by itself: clips that begin alike may share some."]
