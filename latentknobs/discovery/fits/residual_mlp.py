"""
The residual fit: the affine map of each amount, plus one small network for all amounts.

    T(z, a) = M_a z + b_a + s * W3 silu(W2 silu(W1 (z / s) + e_a) + c)

with s the spread of each code dimension. More hidden layers are residual blocks before W3, each of which adds
silu(B n + d) to its input, n being that input normalized over its units. It starts as the ridge map with an output of 0
and is trained on the sampled pairs of training songs (AdamW; Loshchilov & Hutter 2019) on the squared error in units of
s, once with little and once with more noise on the code before: inversion, where small differences count, wants little,
and note-split, which has few clips at the higher amounts, wants more. Where further pairs can be made of the training
clips, little is enough; and pairs of two edited clips are then left out, as the map is used on others. The weights with
the smallest error on validation songs are kept, rounded to 8 bits. T is a function of z and the amount alone.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from attrs import asdict, evolve, frozen
from torch import Tensor, nn
from torch.nn import functional

from latentknobs.backends.devices import has_bfloat16_units
from latentknobs.core.arrays import Codes
from latentknobs.core.experiment import LEAST_LAYERS
from latentknobs.core.knob import LAYER_NORM, Operator
from latentknobs.core.method_specs import CodeSample, FitInput
from latentknobs.core.operator_codec import NETWORK, Bits, compact
from latentknobs.discovery.fits.closed_form import affine_by_ridge
from latentknobs.discovery.pair_statistics import PairMoments

HIDDEN = 512
GROUPS, GROUP = 8, 64
"""Each step samples this many amounts, and this many pairs of each."""
RATE = 2e-3
DECAY = 0.1
JITTERS = (0.1, 0.3)
"""Standard deviations of the noise on the code before, in spreads: the map is to hold between the codes seen."""
EXACT = 1e-5
"""An affine map with a smaller error, in parts of the squared displacement, leaves nothing to learn."""
NETWORK_BITS: Bits = 8
"""Bits of each weight of the network that is left, which is judged so: what it gets wrong is far more than rounding."""
CHECKS = 10
"""Number of times that the validation error is computed."""


def _chosen(table: Tensor, rows: Tensor) -> Tensor:
    """
    ``table[rows]``, with a gradient that is the same every time.

    Plain indexing accumulates its gradient in thread order, which varies.
    """
    return functional.embedding(rows, table.flatten(1)).view(-1, *table.shape[1:])


class _Map(nn.Module):
    def __init__(self, matrices: Tensor, offsets: Tensor, blocks: int = 0) -> None:
        super().__init__()
        amounts, size = offsets.shape
        self.matrices = nn.Parameter(matrices)  # of z / s, the identity left out
        self.offsets = nn.Parameter(offsets)
        self.enter = nn.Linear(size, HIDDEN, bias=False)
        self.entry = nn.Parameter(torch.randn(amounts, HIDDEN) * 0.3)
        self.hidden = nn.Linear(HIDDEN, HIDDEN)
        self.blocks = nn.ModuleList(nn.Linear(HIDDEN, HIDDEN) for _ in range(blocks))
        self.leave = nn.Linear(HIDDEN, size, bias=False)
        nn.init.zeros_(self.leave.weight)

    def forward(self, x: Tensor, amounts: Tensor) -> Tensor:
        """Displacements in spreads, (G, n, D), of codes x (G, n, D) in spreads at amounts (G,)."""
        straight = x @ _chosen(self.matrices, amounts).transpose(1, 2) + _chosen(self.offsets, amounts)[:, None]
        inner = functional.silu(self.enter(x) + _chosen(self.entry, amounts)[:, None])
        inner = functional.silu(self.hidden(inner))
        for block in self.blocks:
            inner = inner + functional.silu(block(functional.layer_norm(inner, (HIDDEN,), eps=LAYER_NORM)))
        out: Tensor = straight + self.leave(inner)
        return out


@frozen(eq=False)
class _Pool:
    """The pairs of one amount: rows of the sample, knots before and after."""

    rows: Tensor
    before: Tensor
    after: Tensor


def _pools(sample: CodeSample, amounts: tuple[float, ...]) -> list[_Pool]:
    out = []
    for amount in amounts:
        parts = [(np.flatnonzero(sample.paired(i, j)), i, j) for i, j in sample.routes[amount]]
        out.append(
            _Pool(
                torch.from_numpy(np.concatenate([rows for rows, _, _ in parts])),
                torch.from_numpy(np.concatenate([np.full(len(rows), i) for rows, i, _ in parts])),
                torch.from_numpy(np.concatenate([np.full(len(rows), j) for rows, _, j in parts])),
            )
        )
    return out


def residual_network(fit_input: FitInput) -> tuple[Operator, Mapping[str, Any]]:
    """
    Fit the map described above.

    Options: ``steps`` for each fitted amount, and the hidden ``layers``, at least 2. The result depends on the seed,
    and on the machine's rounding.

    Facts: ``steps``, the ``step`` that was taken (0 = the ridge map as it is), the ``jitter``, ``pairs``, and ``error``
    and ``error_ridge``, the squared error on validation songs (training songs where there are none) in parts of the
    squared displacement.
    """
    ridge, _ = affine_by_ridge(_in_part(fit_input))
    size = fit_input.latent_size
    gram = fit_input.gram[np.argmax(fit_input.gram[:, 0, 0])]
    mean = gram[0, 1:] / gram[0, 0]
    spread = np.sqrt(np.maximum(np.diag(gram)[1:] / gram[0, 0] - mean**2, 1e-12)).astype(np.float32)
    spread = np.maximum(spread, 1e-3 * spread.max())  # a dimension that hardly moves must not divide by 0
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(fit_input.seed)
        moving = torch.from_numpy(ridge.arrays["matrices"] - np.eye(size, dtype=np.float32))
        scale = torch.from_numpy(spread)
        offsets = torch.from_numpy(ridge.arrays["offsets"].copy()) / scale
        network = _Map(moving * scale / scale[:, None], offsets, _further_layers(fit_input))
        facts = _train(network, fit_input, scale)
    arrays = {name: tensor.detach().numpy() for name, tensor in network.state_dict().items()}
    moved = arrays["matrices"] * spread[:, None] / spread
    operator = Operator(
        "residual",
        {
            "amounts": np.asarray(fit_input.amounts),
            "matrices": moved + np.eye(size, dtype=np.float32),
            "offsets": arrays["offsets"] * spread,
            "scale": spread,
            "input": arrays["enter.weight"],
            "entry": arrays["entry"],
            "hidden": arrays["hidden.weight"],
            "hidden_bias": arrays["hidden.bias"],
            "output": arrays["leave.weight"],
            **_blocks(arrays, len(network.blocks)),
        },
    )
    return compact(operator, NETWORK_BITS, NETWORK), facts


def _further_layers(fit_input: FitInput) -> int:
    return int(fit_input.options.get("layers", LEAST_LAYERS)) - LEAST_LAYERS


def _blocks(arrays: Mapping[str, np.ndarray[Any, Any]], count: int) -> dict[str, np.ndarray[Any, Any]]:
    """The operator's arrays of the blocks, none where there are none."""
    if not count:
        return {}
    weights, biases = (np.stack([arrays[f"blocks.{i}.{part}"] for i in range(count)]) for part in ("weight", "bias"))
    return {"blocks": weights, "blocks_bias": biases}


def _together(one: CodeSample, other: CodeSample) -> CodeSample:
    """The clips of two samples of the same edit."""
    joined = (np.concatenate([getattr(one, n), getattr(other, n)]) for n in ("codes", "mask", "target", "exact"))
    codes, mask, target, exact = joined
    return CodeSample(one.knots, codes, mask, one.routes, target, exact)


def _in_part(fit_input: FitInput) -> FitInput:
    """The same with the moments of the sample's pairs, where an edit learns from more pairs than the moments have."""
    if np.array_equal(fit_input.sample.exact, fit_input.sample.mask):
        return fit_input
    train, validation = (_moments(sample, fit_input) for sample in (fit_input.sample, fit_input.validation_sample))
    return evolve(
        fit_input,
        gram=train.gram,
        cross=train.cross,
        validation_gram=validation.gram,
        validation_cross=validation.cross,
        validation_square=validation.square.sum(axis=1),
    )


def _moments(sample: CodeSample, fit_input: FitInput) -> PairMoments:
    """The moments of a sample's pairs from the unedited clips (to them at a swapped amount)."""
    moments = PairMoments.empty(len(fit_input.amounts), fit_input.latent_size)
    for a, pool in enumerate(_pools(_from_zero(sample, fit_input.amounts), fit_input.amounts)):
        rows, before, after = pool.rows.numpy(), pool.before.numpy(), pool.after.numpy()
        moments.add(a, sample.codes[rows, before], sample.codes[rows, after])
    return moments


def _train(network: _Map, fit_input: FitInput, scale: Tensor) -> dict[str, Any]:
    """Leave the network with the weights of the smallest validation error; the facts."""
    sample = fit_input.sample
    jitters: tuple[float, ...] = JITTERS
    validation_codes = _tensor(fit_input.validation_sample.codes)
    validation = _pools(_from_zero(fit_input.validation_sample, fit_input.amounts), fit_input.amounts)
    if not any(len(pool.rows) for pool in validation):
        validation_codes, validation = _tensor(sample.codes), _pools(sample, fit_input.amounts)
    steps = int(fit_input.options.get("steps", 80)) * len(fit_input.amounts)
    start, ridge = _copied(network), _error(network, validation_codes, validation, scale)
    best, state = _Taken(ridge, 0, 0.0), start
    if ridge <= EXACT:
        jitters = ()
    elif fit_input.recombined is not None:
        together, jitters = _together(sample, fit_input.recombined()), JITTERS[:1]
        sample = _from_zero(together, fit_input.amounts)
    codes, pools = _tensor(sample.codes), _pools(sample, fit_input.amounts)
    half = has_bfloat16_units(codes.device)  # halves the time
    for jitter in jitters:
        network.load_state_dict(start)
        generator = torch.Generator().manual_seed(fit_input.seed)
        optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY, fused=True)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=RATE, total_steps=steps + 1, pct_start=0.1)
        for step in range(1, steps + 1):
            amounts, x, y = _batch(codes, pools, generator)
            noise = torch.randn(x.shape, generator=generator) * jitter
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
                predicted = network(x / scale + noise, amounts)
            loss = ((predicted.float() - (y - x) / scale) ** 2).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            if step % max(steps // CHECKS, 1) == 0 or step == steps:
                error = _error(network, validation_codes, validation, scale)
                if error < best.error:
                    best, state = _Taken(error, step, jitter), _copied(network)
    network.load_state_dict(state)
    pairs = sum(len(pool.rows) for pool in pools)
    return {"steps": steps, "pairs": pairs, "error_ridge": ridge, **asdict(best)}


@frozen
class _Taken:
    error: float
    step: int
    jitter: float


def _copied(network: _Map) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def _batch(codes: Tensor, pools: list[_Pool], generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Amounts (G,) and codes before and after, (G, n, D); amounts with more pairs come more often."""
    weights = torch.tensor([float(len(pool.rows)) for pool in pools]).sqrt()
    amounts = torch.multinomial(weights, GROUPS, replacement=True, generator=generator)
    before, after = [], []
    for pool in (pools[a] for a in amounts.tolist()):
        drawn = torch.randint(len(pool.rows), (GROUP,), generator=generator)
        rows = pool.rows[drawn]
        before.append(codes[rows, pool.before[drawn]])
        after.append(codes[rows, pool.after[drawn]])
    return amounts, torch.stack(before), torch.stack(after)


def _tensor(codes: Codes) -> Tensor:
    """A tensor in the memory of codes, which are read-only and too many to copy."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch says that writing to it has no defined result: nothing here does
        return torch.from_numpy(codes)


def _from_zero(sample: CodeSample, amounts: tuple[float, ...]) -> CodeSample:
    """The pairs that acceptance criteria are about: from the unedited clips (to them at a swapped amount)."""
    zero = sample.knots.index(0.0)
    routes = {
        a: tuple(route for route in sample.routes[a] if route[0 if a in sample.knots else 1] == zero) for a in amounts
    }
    return evolve(sample, routes=routes)


@torch.no_grad()
def _error(network: _Map, codes: Tensor, pools: list[_Pool], scale: Tensor) -> float:
    """Squared error in parts of the squared displacement, in spreads, over all amounts."""
    error = displacement = 0.0
    for a, pool in enumerate(pools):
        if len(pool.rows):
            x, y = codes[pool.rows, pool.before] / scale, codes[pool.rows, pool.after] / scale
            predicted = network(x[None], torch.tensor([a]))[0]
            error += float(((predicted - (y - x)) ** 2).sum(dtype=torch.float64))
            displacement += float(((y - x) ** 2).sum(dtype=torch.float64))
    return error / displacement if displacement else 0.0
