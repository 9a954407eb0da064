"""A magenta.js checkpoint folder as a model of ``melody-2bar`` clips."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from reprlib import repr as short
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentknobs.backends.magenta_js.export import CONFIG, CONVERTER
from latentknobs.backends.magenta_js.manifest import MANIFEST, read_json, read_tensors
from latentknobs.backends.magenta_js.network import DECODER, MagentaNetwork, Sizes, check_shapes
from latentknobs.backends.magenta_js.vocabulary import Vocabulary
from latentknobs.backends.torch_adapter import TorchBackend
from latentknobs.core.melody_format import MELODY
from latentknobs.errors import ModelError

CONDITIONS = ("chordEncoder", "conditionOnKey", "extraControls", "useBooleanDecoder")
"""What turns a config's network into another one where it is set."""
GATES = ("input-gate", "new-input", "forget-gate", "output-gate")
"""Of layer 0, in the order of TensorFlow's kernels."""


class MagentaBackend(TorchBackend):
    """
    A model of the kind magenta: reads and writes ``melody-2bar`` clips with pitches in its own range.

    Args:
        network: The network.
        config: Its config.json.
        name: The model's name.
        device: "auto", "cpu" or "cuda".
    """

    def __init__(self, network: MagentaNetwork, config: Mapping[str, Any], name: str, device: str = "auto") -> None:
        vocabulary = network.vocabulary
        super().__init__(
            network,
            MELODY,
            name=name,
            device=device,
            config=config,
            training={"kind": "magenta-js", "pitch_range": [vocabulary.low, vocabulary.high]},
            carries=vocabulary.carries,
            posterior="mean-std" if network.sizes.sigma else "mean",
        )
        self.network = network

    @classmethod
    def load(cls, folder: Path, device: str = "auto") -> MagentaBackend:
        """
        The model of a checkpoint folder.

        Raises:
            ModelError: It does not hold a working model of 2-bar melodies; says what is wrong.
            UsageError: No such device.
        """
        if not folder.is_dir():
            raise ModelError(
                f"There is no folder {folder}: name the one that holds {CONFIG}, {MANIFEST} and the shards, "
                "as in --model magenta:FOLDER."
            )
        config = read_json(folder / CONFIG, f"{CONFIG}, {MANIFEST} and the shards")
        vocabulary = _vocabulary(config, folder / CONFIG)
        tensors = read_tensors(folder)
        where = str(folder / MANIFEST)
        sizes = Sizes.of(tensors, vocabulary.size, where)
        check_shapes(tensors, sizes.shapes(), where)
        return cls(MagentaNetwork(tensors, sizes, vocabulary), config, folder.resolve().name, device)

    def latent_weights(self) -> dict[str, NDArray[np.float32]]:
        """
        The matrices through which z enters the decoder, float32 (rows, D).

        "initial-state" gives the first states before their tanh, the others the gates of layer 0 at every step.
        """
        sizes = self.network.sizes
        kernel = self.network.get_buffer(DECODER.format(0) + "kernel")
        gates = kernel[sizes.vocabulary : sizes.vocabulary + sizes.latent].chunk(4, dim=1)
        first = self.network.get_buffer("decoder/z_to_initial_state/kernel")
        named = {"initial-state": first, **dict(zip(GATES, gates, strict=True))}
        return {name: matrix.t().cpu().numpy().copy() for name, matrix in named.items()}


def _vocabulary(config: Any, path: Path) -> Vocabulary:
    """The tokens of a config, or what it is instead of a flat model of 2-bar melodies."""
    kind = config.get("type") if isinstance(config, dict) else None
    if kind != "MusicVAE":
        raise ModelError(f"{path} is of type {short(kind)}: only checkpoints of type 'MusicVAE' are read.")
    converter = config.get("dataConverter")
    kind = converter.get("type") if isinstance(converter, dict) else None
    args = converter.get("args") if isinstance(converter, dict) else None
    if kind != CONVERTER or not isinstance(args, dict):
        raise ModelError(
            f"{path} has clips of {short(kind)}: only melody checkpoints of 2 bars are read ({CONVERTER} with "
            f"{MELODY.steps} steps, as mel_2bar_small); other kinds of clips need a backend of their own."
        )
    if args.get("numSteps") != MELODY.steps or args.get("numSegments"):
        parts = f" in {short(args['numSegments'])} segments" if args.get("numSegments") else ""
        raise ModelError(
            f"{path} has clips of {short(args.get('numSteps'))} steps{parts}: only melody checkpoints of 2 bars are "
            f"read ({MELODY.steps} steps in one segment); choose one of those."
        )
    for name in CONDITIONS:
        if config.get(name):
            raise ModelError(
                f"{path} sets {name!r}: a model that is told more than its code is not read; choose one without."
            )
    pitches: list[Any] = [args.get("minPitch"), args.get("maxPitch")]
    if not all(type(pitch) is int for pitch in pitches) or not 0 <= pitches[0] <= pitches[1] <= 127:
        raise ModelError(
            f"{path}: minPitch and maxPitch must be MIDI pitches, the lower first, not {short(pitches)}: correct them."
        )
    return Vocabulary(*pitches)
