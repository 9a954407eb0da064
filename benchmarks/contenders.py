"""
Who is timed against whom: our encode and decode, and what people would otherwise run, with the same random weights.

The others are written from the paper's equations, in the plainest way that PyTorch offers: a bidirectional nn.GRU over
one-hot tokens, and a loop of GRUCells that reads [one-hot token, z] at every step. Every contender is checked against
them before it is timed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import numpy as np
import torch
from attrs import frozen
from torch import Tensor, nn
from torch.nn import functional

from latentknobs.backends.devices import has_bfloat16
from latentknobs.backends.gru_musicvae.cuda import CudaNetwork
from latentknobs.backends.gru_musicvae.gru_kernel import choose_gates
from latentknobs.backends.gru_musicvae.inference import FastNetwork, mix
from latentknobs.backends.gru_musicvae.network import GruMusicVae, flops_of
from latentknobs.backends.machine import numbers
from latentknobs.backends.network import NetworkConfig
from latentknobs.backends.precision import PRECISIONS

LATENT, LAYERS, STEPS, VOCABULARY = 128, 3, 32, 130
CHUNK = 256
"""As the backend decodes: so many clips at a time."""
CODES = {"float32": 1e-5, "compiled float32": 1e-5, "onnxruntime": 1e-4}
"""Most that a code may differ from the plain network's; of fewer bits 0.02."""
TOKENS = {"float32": 0.999, "compiled float32": 0.999, "onnxruntime": 0.99}
"""Least part of greedy tokens that are the plain network's; of fewer bits half. With random weights logits
are close together, and what follows one other token is another melody: with the trained model it is 99 %, see
tests/backends/test_gru_arithmetic.py."""

Work = Callable[[], Tensor]
Fast = FastNetwork | CudaNetwork


@frozen(eq=False)
class Contender:
    """
    One way to do a piece of work.

    Attributes:
        name: What it is called in tables.
        work: Does it once, and gives codes (N, D) or tokens (N, T).
        number: In which numbers its products are, for the limit beside it: "float32", "bf16" or "int8".
    """

    name: str
    work: Work
    number: str


def _config(hidden: int) -> NetworkConfig:
    return NetworkConfig(
        encoder_hidden=hidden, decoder_hidden=hidden, decoder_layers=LAYERS, latent_size=LATENT, embedding=0
    )


def flops(work: str, hidden: int) -> float:
    """Multiplications and additions of a clip that no way of computing can leave out."""
    return flops_of(_config(hidden))[work]


def network(hidden: int) -> GruMusicVae:
    """The paper's network of this size with torch's first weights, one-hot tokens."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(hidden)
        return GruMusicVae(_config(hidden)).eval().requires_grad_(requires_grad=False)


def encoders(plain: GruMusicVae, tokens: Tensor) -> Iterator[Contender]:
    """Everybody who encodes, the plain one first."""

    def one_hot() -> Tensor:
        _, last = plain.gru_0(functional.one_hot(tokens, VOCABULARY).float())
        return _code(plain, torch.cat([last[0], last[1]], dim=-1))

    yield Contender("one-hot nn.GRU", one_hot, "float32")
    yield from _ours(plain, lambda fast: fast.encode(tokens)[0])
    if has_bfloat16(tokens.device):
        half = nn.GRU(VOCABULARY, plain.config.encoder_hidden, batch_first=True, bidirectional=True)
        half.load_state_dict(plain.gru_0.state_dict())
        half = half.to(tokens.device).bfloat16()

        def in_bf16() -> Tensor:
            _, last = half(functional.one_hot(tokens, VOCABULARY).bfloat16())
            return _code(plain, torch.cat([last[0], last[1]], dim=-1).float())

        yield Contender("nn.GRU in bf16", in_bf16, "bf16")
    if tokens.device.type == "cpu":
        yield from _onnx(plain, tokens)


def decoders(plain: GruMusicVae, z: Tensor) -> Iterator[Contender]:
    """Everybody who decodes greedily, the plain one first."""

    def loop() -> Tensor:
        states: list[Tensor] = []
        token = torch.full((len(z),), VOCABULARY - 1, device=z.device)
        out = []
        for step in range(STEPS):
            x = torch.cat([functional.one_hot(token, VOCABULARY).float(), z], dim=-1)
            for layer, cell in enumerate(plain.cells):
                if step == 0:
                    states.append(torch.tanh(plain.linear_init(z)) if layer == 0 else states[layer - 1])
                states[layer] = cell(x, states[layer])
                x = states[layer]
            token = plain.linear_out(x).argmax(dim=-1)
            out.append(token)
        return torch.stack(out, dim=1)

    yield Contender("GRUCell loop", loop, "float32")
    yield from _ours(plain, lambda fast: _in_chunks(fast, z, lambda part: fast.greedy(part)[0]))


def _ours(plain: GruMusicVae, work: Callable[[Fast], Tensor]) -> Iterator[Contender]:
    device = plain.linear_mu.weight.device.type
    for name in numbers(device):
        way = PRECISIONS[name]()
        fast = CudaNetwork(plain, way, bf16=name == "bf16") if device == "cuda" else FastNetwork(plain, way)
        yield Contender(name, partial(work, fast), name)
    if device == "cuda":
        return
    gates = choose_gates()
    if gates is not mix:
        for name in numbers():
            yield Contender(f"compiled {name}", partial(work, FastNetwork(plain, PRECISIONS[name](), gates)), name)


def _in_chunks(fast: Fast, rows: Tensor, work: Callable[[Tensor], Tensor]) -> Tensor:
    # As many as the backend gives.
    some = rows[torch.arange(fast.enough(len(rows))) % len(rows)]
    return torch.cat([work(part) for part in torch.split(some, CHUNK)])[: len(rows)]


def _code(plain: GruMusicVae, hidden: Tensor) -> Tensor:
    code: Tensor = plain.linear_mu(hidden)
    return code


def _onnx(plain: GruMusicVae, tokens: Tensor) -> Iterator[Contender]:
    """ONNX Runtime with the GRU operator, where it and onnx are installed."""
    try:
        import onnx
        import onnxruntime
    except ImportError:
        return
    weights = {name: value.numpy() for name, value in plain.gru_0.state_dict().items()}

    def gates(name: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        # ONNX has the gates in the order update, reset, new; torch has reset first.
        sides = [np.split(weights[f"{name}_l0{side}"], 3) for side in ("", "_reverse")]
        return np.stack([np.concatenate([side[1], side[0], side[2]]) for side in sides])

    hidden = plain.config.encoder_hidden
    held = {"W": gates("weight_ih"), "R": gates("weight_hh")}
    held["B"] = np.concatenate([gates("bias_ih"), gates("bias_hh")], axis=1)
    node = onnx.helper.make_node(
        "GRU",
        ["X", "W", "R", "B"],
        ["", "Y"],
        hidden_size=hidden,
        direction="bidirectional",
        linear_before_reset=1,
    )
    shapes = {"X": [STEPS, "n", VOCABULARY], "Y": [2, "n", hidden]}
    x, y = (onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name, shape in shapes.items())
    graph = onnx.helper.make_graph(
        [node], "gru", [x], [y], [onnx.numpy_helper.from_array(value, name) for name, value in held.items()]
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 14)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    # Its threads would go on turning after its turn, and take the processor from whoever is next.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])

    def run() -> Tensor:
        entering = functional.one_hot(tokens.t(), VOCABULARY).float().numpy()
        (last,) = session.run(["Y"], {"X": entering})
        return _code(plain, torch.from_numpy(last).transpose(0, 1).flatten(1))

    yield Contender("onnxruntime", run, "float32")


def check(contender: Contender, result: Tensor, expected: Tensor) -> dict[str, float]:
    """
    How far a contender's result is from the plain one's.

    Raises:
        AssertionError: Too far.
    """
    assert result.shape == expected.shape
    if expected.dtype == torch.int64:
        equal = float((result == expected).double().mean())
        assert equal >= TOKENS.get(contender.name, 0.5), f"{contender.name}: {equal:.2%} of the tokens are equal"
        return {"tokens_equal": equal}
    worst = float((result - expected).abs().max())
    assert worst <= CODES.get(contender.name, 0.02), f"{contender.name}: codes are off by {worst:g}"
    return {"codes_off": worst}


def batch(size: int) -> tuple[Tensor, Tensor]:
    """Random tokens (size, T) and codes (size, D)."""
    generator = torch.Generator().manual_seed(size)
    return (
        torch.randint(VOCABULARY, (size, STEPS), generator=generator),
        torch.randn(size, LATENT, generator=generator),
    )


WORK: Mapping[str, Callable[[GruMusicVae, Tensor], Iterator[Contender]]] = {"encode": encoders, "decode": decoders}
"""The pieces of work, and who does them."""

NAMES = (
    "one-hot nn.GRU",
    "GRUCell loop",
    "nn.GRU in bf16",
    "onnxruntime",
    "float32",
    "bf16",
    "int8",
    "compiled float32",
    "compiled bf16",
    "compiled int8",
)
"""All contenders; which of them are there depends on the work and on the machine."""
