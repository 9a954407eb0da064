"""A magenta.js checkpoint folder as a model of clips of melodies or drums."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from reprlib import repr as short
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentknobs.backends.magenta_js.export import CONFIG, MELODIES, config_of
from latentknobs.backends.magenta_js.manifest import MANIFEST, OLDER, manifest_of, read_json, read_tensors
from latentknobs.backends.magenta_js.network import DECODER, FIRST, MagentaNetwork, Sizes, check_shapes
from latentknobs.backends.magenta_js.vocabulary import PIANO, DrumVocabulary, MelodyVocabulary, Vocabulary
from latentknobs.backends.torch_adapter import TorchBackend
from latentknobs.core.arrays import ClipBatch, Codes
from latentknobs.core.drum_format import DRUMS, DRUMS_4BAR, VOICES, DrumKitFormat
from latentknobs.core.melody_format import MELODY, MELODY_4BAR, MelodyFormat
from latentknobs.errors import ModelError

DRUMS_CONVERTER = "DrumsConverter"
LENGTHS = {MELODY.steps: (MELODY, DRUMS), MELODY_4BAR.steps: (MELODY_4BAR, DRUMS_4BAR)}
"""The format of melodies and the format of drums of so many steps."""
KIT = [set(voice.numbers) for voice in VOICES]
CONDITIONS = ("chordEncoder", "conditionOnKey", "extraControls", "useBooleanDecoder")
"""What turns a config's network into another one where it is set."""
GATES = ("input-gate", "new-input", "forget-gate", "output-gate")
"""Of layer 0, in the order of TensorFlow's kernels."""


class MagentaBackend(TorchBackend):
    """
    A model of the kind magenta: reads and writes clips of 2 or 4 bars, melodies with pitches in its range or drums.

    It has the optional capabilities :class:`~latentknobs.core.backend.LatentWeights`,
    :class:`~latentknobs.core.backend.LatentGradient` and :class:`~latentknobs.core.backend.Sampling`.

    Args:
        network: The network.
        config: Its config.json.
        name: The model's name.
        device: "auto", "cpu" or "cuda".
    """

    def __init__(self, network: MagentaNetwork, config: Mapping[str, Any], name: str, device: str = "auto") -> None:
        vocabulary = network.vocabulary
        pitches = {"pitch_range": [vocabulary.low, vocabulary.high]} if isinstance(vocabulary, MelodyVocabulary) else {}
        super().__init__(
            network,
            vocabulary.clip_format,
            name=name,
            device=device,
            config=config,
            training={"kind": "magenta-js", **pitches},
            carries=vocabulary.carries,
            posterior="mean-std" if network.sizes.sigma else "mean",
            latent_size=None if network.sizes.encoder else network.sizes.latent,
            prior="standard-normal",
        )
        self.network = network

    @classmethod
    def load(cls, folder: Path, device: str = "auto") -> MagentaBackend:
        """
        The model of a checkpoint folder.

        Raises:
            ModelError: It does not hold a working model of melodies or drums; says what is wrong.
            UsageError: No such device.
        """
        if not folder.is_dir():
            raise ModelError(
                f"There is no folder {folder}: name the one that holds {CONFIG}, {MANIFEST} and the shards, "
                "as in --model magenta:FOLDER."
            )
        manifest = manifest_of(folder)
        if manifest.name == OLDER and not (folder / CONFIG).exists():
            raise ModelError(
                f"There is no {CONFIG} beside {manifest}, as deeplearn.js wrote none: write it, for 2-bar melodies "
                f"{json.dumps(config_of(PIANO))}."
            )
        config = read_json(folder / CONFIG, f"{CONFIG}, {MANIFEST} and the shards")
        vocabulary = _vocabulary(config, folder / CONFIG)
        tensors = read_tensors(folder)
        where = str(manifest)
        sizes = Sizes.of(tensors, vocabulary, where)
        check_shapes(tensors, sizes.shapes(), where)
        return cls(MagentaNetwork(tensors, sizes, vocabulary), config, folder.resolve().name, device)

    def decode_sampled(self, z: Codes, temperature: float, seed: int) -> ClipBatch:
        """
        Random decoding to valid clips, int16 (N, steps): each of their tokens is drawn from p^(1/temperature).

        Raises:
            BackendError: The codes have another shape or are not finite, or the temperature is not above 0.
        """
        return self._sampled(z, temperature, seed, self.network.draw)

    def latent_weights(self) -> dict[str, NDArray[np.float32]]:
        """
        The matrices through which z enters the decoder, float32 (rows, D).

        "initial-state" gives the first states before their tanh, the others the gates of layer 0 at every step.
        """
        sizes = self.network.sizes
        kernel = self.network.get_buffer(DECODER.format(0) + "kernel")
        gates = kernel[sizes.vocabulary : sizes.vocabulary + sizes.latent].chunk(4, dim=1)
        first = self.network.get_buffer(FIRST + "kernel")
        named = {"initial-state": first, **dict(zip(GATES, gates, strict=True))}
        return {name: matrix.t().cpu().numpy().copy() for name, matrix in named.items()}


def _vocabulary(config: Any, path: Path) -> Vocabulary:
    """The tokens of a config, or what it is instead of a flat model of melodies or drums."""
    kind = config.get("type") if isinstance(config, dict) else None
    if kind != "MusicVAE":
        raise ModelError(f"{path} is of type {short(kind)}: only checkpoints of type 'MusicVAE' are read.")
    converter = config.get("dataConverter")
    kind = converter.get("type") if isinstance(converter, dict) else None
    args = converter.get("args") if isinstance(converter, dict) else None
    if kind not in (MELODIES, DRUMS_CONVERTER) or not isinstance(args, dict):
        raise ModelError(
            f"{path} has clips of {short(kind)}: melodies ({MELODIES}, as mel_2bar_small) and drums "
            f"({DRUMS_CONVERTER}, as drums_2bar_lokl_small) are read; other kinds of clips need a backend of their own."
        )
    steps = args.get("numSteps")
    if type(steps) is not int or steps not in LENGTHS or args.get("numSegments"):
        parts = f" in {short(args['numSegments'])} segments" if args.get("numSegments") else ""
        raise ModelError(
            f"{path} has clips of {short(steps)} steps{parts}: only clips of 2 or 4 bars are read "
            f"({' or '.join(map(str, LENGTHS))} steps in one segment); choose one of those."
        )
    for name in CONDITIONS:
        if config.get(name):
            raise ModelError(
                f"{path} sets {name!r}: a model that is told more than its code is not read; choose one without."
            )
    melodies, drums = LENGTHS[steps]
    return _melodies(args, melodies, path) if kind == MELODIES else _drums(args, drums, path)


def _melodies(args: Mapping[str, Any], clip_format: MelodyFormat, path: Path) -> MelodyVocabulary:
    low, high = args.get("minPitch"), args.get("maxPitch")
    if type(low) is not int or type(high) is not int or not 0 <= low <= high <= 127:
        raise ModelError(
            f"{path}: minPitch and maxPitch must be MIDI pitches, the lower first, not {short([low, high])}: correct "
            "them."
        )
    return MelodyVocabulary(low, high, clip_format)


def _drums(args: Mapping[str, Any], clip_format: DrumKitFormat, path: Path) -> DrumVocabulary:
    voices = args.get("pitchClasses")
    if voices and [set(drums) if isinstance(drums, list) else drums for drums in voices] != KIT:
        raise ModelError(
            f"{path} groups the drums into voices of its own (pitchClasses): only magenta's own {len(KIT)} voices "
            "are read; such a model needs a backend with a clip format of its own."
        )
    return DrumVocabulary(clip_format)
