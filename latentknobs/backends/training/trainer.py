"""
Training: the loop, its checkpoints, and what is measured on validation songs on the way.

A step is a function of the config, the data, the seed and the step's number (see :mod:`.data`), so a resumed
run ends in the same bytes as one that was never stopped, on the same machine with as many threads.
"""

from __future__ import annotations

import contextlib
import json
import math
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import attrs
import torch
from torch import Tensor

from latentknobs import __version__
from latentknobs.backends.devices import choose_device, trains_in_bfloat16
from latentknobs.backends.gru_musicvae.network import GruMusicVae
from latentknobs.backends.magenta_js.lstm import LstmMusicVae
from latentknobs.backends.network import Network
from latentknobs.backends.training.checkpoint import TrainingProgress, read_facts, restore, take_over, write_state
from latentknobs.backends.training.config import Config
from latentknobs.backends.training.data import Batches, TrainingData, seed_of
from latentknobs.backends.training.equivariance_loss import FollowingMaps
from latentknobs.backends.training.latent_rotation import rotation, turn
from latentknobs.backends.training.validation_metrics import cross_entropy, divergence, measure
from latentknobs.backends.weights import (
    build,
    card_path,
    check_tensors,
    read_card,
    read_tensors,
    save_model,
    write_atomically,
)
from latentknobs.core.arrays import ClipBatch
from latentknobs.core.corpus import Progress, no_progress
from latentknobs.errors import ModelError, TrainingError, UsageError

NETWORKS: Mapping[str, type[Network]] = {kind.cell: kind for kind in (GruMusicVae, LstmMusicVae)}
"""By the ``cell`` of their config."""
MODEL = "model.safetensors"
CHECKPOINT = "checkpoint.safetensors"
BEST = "best.safetensors"
LOG = "log.jsonl"
EDITED_SHARE = 0.5
"""Part of a batch that is the other part, edited, where edits are followed: their cost is a mean over this part."""


class _Interrupts:
    """Defers the first Ctrl-C to the end of a step, so that no step is left half done."""

    def __init__(self) -> None:
        self.requested = False
        self._before: Any = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():  # Python handles signals there only
            self._before = signal.signal(signal.SIGINT, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    @contextlib.contextmanager
    def deferred(self) -> Iterator[None]:
        """An interrupt raised in this block is deferred as well."""
        try:
            yield
        except KeyboardInterrupt:
            self.requested = True

    def _on_signal(self, *_: object) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True


class Trainer:
    """
    One training run in one folder.

    Args:
        config: What to train, and how.
        data: The clips.
        folder: Where checkpoints, log, config and the finished model go; made if missing.
        device: "auto", "cpu" or "cuda".
        resume: Go on from the folder's checkpoint; otherwise the folder must not hold one.
        after: Folder of a finished run with the same network and followed edits, whose last weights are the first
            ones here (with ``align``, turned); or the weights file of a model with the same network, whose maps of
            followed edits are learned anew. The optimiser starts anew in either case.
        progress: Called after each step.

    Raises:
        TrainingError: The folder holds a run already, or (resume) none, or one of another config or data,
            or the folder cannot be written; or (after) there is no finished run.
        ModelError: The run to start after is of another network or follows other edits.
    """

    def __init__(
        self,
        config: Config,
        data: TrainingData,
        folder: Path,
        *,
        device: str = "auto",
        resume: bool = False,
        after: Path | None = None,
        progress: Progress = no_progress,
    ) -> None:
        self.config, self.data, self.folder = config, data, folder
        self._report = progress
        self._device = choose_device(device)
        self._half = trains_in_bfloat16(config.training.precision, self._device)
        self._batches = Batches(data, config)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed_of(config.training.seed, 0))
            self.network = NETWORKS[config.network.cell](config.network).to(self._device)
        follow, size = config.data.follow, config.network.latent_size
        self._maps = FollowingMaps(follow, size, len(config.formats)).to(self._device) if follow else None
        modules = {"network": self.network, **({"maps": self._maps} if self._maps else {})}
        self._trained = torch.nn.ModuleDict(modules)
        self._optimiser = torch.optim.Adam(self._trained.parameters(), lr=config.training.learning_rate)
        self.progress = TrainingProgress()
        checkpoint = folder / CHECKPOINT
        if resume:
            self._go_on_from(checkpoint)
        elif checkpoint.exists() or any(folder.glob("*.safetensors")) or (folder / LOG).exists():
            raise TrainingError(f"{folder} holds a training run already: resume it (--resume), or name another folder.")
        elif after is not None:
            self._start_after(after)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "config.toml").write_text(config.to_toml(), encoding="utf-8")
        except OSError as error:
            raise TrainingError(f"{folder} cannot be trained into ({error}): name another folder.") from error
        self._validation = self._tokens(data.validation)
        generator = torch.Generator().manual_seed(seed_of(config.training.seed, 4))
        draws = torch.randn(len(data.validation), config.network.latent_size, generator=generator)
        self._draws = draws.to(self._device)

    def run(self) -> dict[str, float]:
        """
        Train to the last step, or until validation stops getting better; the figures of the last evaluation.

        Every ``evaluate_every`` steps a line goes to ``log.jsonl``, and the weights to ``best.safetensors`` where
        their validation loss is the lowest, or always with ``keep = "last"``.

        Raises:
            KeyboardInterrupt: Ctrl-C; the step under way is finished first and a checkpoint written. A second
                Ctrl-C does not wait: the checkpoint before stands.
        """
        training = self.config.training
        figures: dict[str, float] = {}
        since = time.perf_counter()
        sums, counted = torch.zeros(3, dtype=torch.float64), 0
        with _Interrupts() as interrupts:
            while self.progress.step < training.steps and not self._stopped:
                sums += self._step(self.progress.step)
                counted += 1
                step = self.progress.step + 1
                self.progress = attrs.evolve(self.progress, step=step)
                if step % training.evaluate_every == 0 or step == training.steps:
                    speed = counted * training.batch / (time.perf_counter() - since)
                    figures = self._evaluate(sums / counted, speed)
                    sums, counted, since = torch.zeros(3, dtype=torch.float64), 0, time.perf_counter()
                with interrupts.deferred():
                    self._report("training", step, training.steps)
                if step % training.checkpoint_every == 0 or step == training.steps or interrupts.requested:
                    self.checkpoint()
                if interrupts.requested:
                    raise KeyboardInterrupt
        return figures

    @property
    def _stopped(self) -> bool:
        return 0 < self.config.training.patience <= self.progress.waited

    def checkpoint(self) -> Path:
        """Write everything needed to go on from here."""
        path = self.folder / CHECKPOINT
        write_state(
            path, self._trained, self._optimiser, self.progress, config=self.config, fingerprint=self.data.fingerprint
        )
        return path

    def finish(self, path: Path, facts: dict[str, Any]) -> tuple[str, dict[str, float]]:
        """
        Write the weights that are to be kept, with their card; model id and figures as stored.

        Args:
            path: The weights file.
            facts: More lines for the card (corpus, licence note, ...).

        Raises:
            TrainingError: Nothing was evaluated yet.
        """
        best = self.folder / BEST
        if self.progress.best_loss is None:
            raise TrainingError(f"{self.folder} has not been evaluated once: resume the run first.")
        training, network = self.config.training, self.config.network
        tensors = read_tensors(best)
        stored = {name: (t.half() if training.storage == "float16" else t) for name, t in tensors.items()}
        model = build(type(self.network), network, stored, str(best)).to(self._device)
        figures = measure(model, self._validation, self._draws, training.kl_end)
        card = {
            "version": __version__,
            **facts,
            "seed": training.seed,
            "steps": self.progress.best_step,
            **({"after": self.progress.after} if self.progress.after else {}),
            "pitch_range": list(self.config.data.pitch_range),
            "transposition": list(training.transpose),
            "clips": self.data.sizes,
            "metrics": figures,
            "training": self.config.tables()["training"],
            "data": self.config.tables()["data"],
        }
        return save_model(model, path, card, training.storage), figures

    def _step(self, step: int) -> Tensor:
        """One optimiser step; cross-entropy, KL and what following costs, in nats a clip, float64 (3,)."""
        training, network = self.config.training, self.network
        clips, maps = self._batches(step)
        tokens = self._tokens(clips)
        noise, keep, known, through = self._draw(step, len(clips))
        network.train()
        for group in self._optimiser.param_groups:
            group["lr"] = training.rate(step)
        still = self._maps is not None and step < training.maps_first
        with self._precision(), torch.set_grad_enabled(not still):
            mean, scale = network.encode(tokens)
        mean, scale = mean.float(), scale.float()
        z, following = mean + scale * noise, torch.zeros((), device=self._device)
        if self._maps is not None and maps is not None:
            half, which = len(maps), torch.from_numpy(maps).to(self._device)
            predicted = self._maps.predict(z[:half], which)
            following = self._maps.cost(predicted, mean[half:], scale[half:], which)
            z = torch.cat([z[:half], torch.where(through[half:], predicted, z[half:])])
        with self._precision(), torch.set_grad_enabled(not still):
            if known is None:
                logits = network.decode_given(z, tokens, keep)
            else:
                logits = network.decode_steps(z, tokens, known, keep)
        entropy, kl = cross_entropy(logits, tokens), divergence(mean, scale)
        rate = kl + EDITED_SHARE * training.follow_weight * following
        loss = (entropy + training.kl_weight(step) * rate) / self.config.network.steps
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it without types
        if still:  # Adam then has moments of every parameter, as a checkpoint does
            for parameter in network.parameters():
                parameter.grad = torch.zeros_like(parameter)
        norm = torch.nn.utils.clip_grad_norm_(self._trained.parameters(), training.gradient_clip)
        if not math.isfinite(float(norm)):
            raise TrainingError(
                f"The gradient at step {step} is not finite: lower learning_rate, or set precision to float32, "
                f"and start again; the checkpoint in {self.folder} is from before."
            )
        self._optimiser.step()
        if still:  # its correction for the first steps is still to come where nothing has been learned
            for parameter in network.parameters():
                self._optimiser.state[parameter]["step"].zero_()
        return torch.stack([entropy.detach(), kl.detach(), following.detach()]).double().cpu()

    def _precision(self) -> torch.autocast:
        """For the large products; codes and their maps stay in float32."""
        return torch.autocast(self._device.type, dtype=torch.bfloat16, enabled=self._half)

    def _tokens(self, clips: ClipBatch) -> Tensor:
        """Clips int16 (n, T) in the network's tokens, int64 (n, T)."""
        return self.network.tokens(torch.from_numpy(clips.astype("int64"))).to(self._device)

    def _draw(self, step: int, clips: int) -> tuple[Tensor, Tensor | None, Tensor | None, Tensor]:
        """
        What is drawn for a step, from its seed.

        Noise for z, the tokens to keep, the steps after which the true token is read, and which edited clips are
        decoded from their prediction, bool (clips, 1).
        """
        training, network = self.config.training, self.config.network
        generator = torch.Generator().manual_seed(seed_of(training.seed, 5, step))
        shape = (clips, network.steps)
        noise = torch.randn(clips, network.latent_size, generator=generator).to(self._device)
        keep = known = None
        if training.token_dropout:
            keep = (torch.rand(shape, generator=generator) >= training.token_dropout).float().to(self._device)
        if training.sampling_k:
            known = (torch.rand(shape, generator=generator) < training.forcing(step)).to(self._device)
        through = (torch.rand(clips, 1, generator=generator) < training.follow_through).to(self._device)
        return noise, keep, known, through

    def _evaluate(self, sums: Tensor, speed: float) -> dict[str, float]:
        training, step = self.config.training, self.progress.step
        self.network.eval()
        figures = measure(self.network, self._validation, self._draws, training.kl_end)
        best = self.progress.best_loss
        if best is None or figures["validation_loss"] < best or self.config.training.keep == "last":
            loss = figures["validation_loss"]
            self.progress = attrs.evolve(self.progress, best_loss=loss, best_step=step, waited=0)
            write_atomically(self.network.state_dict(), self.folder / BEST)
        else:
            self.progress = attrs.evolve(self.progress, waited=self.progress.waited + 1)
        entropy, kl, following = sums.tolist()
        weight = training.kl_weight(step - 1)
        line = {
            "step": step,
            "loss": entropy + weight * (kl + EDITED_SHARE * training.follow_weight * following),
            "cross_entropy": entropy,
            "kl": kl,
            "kl_weight": weight,
            **({"following": following} if self._maps is not None else {}),
            "learning_rate": training.rate(step - 1),
            **figures,
            "clips_per_second": round(speed, 1),
        }
        with (self.folder / LOG).open("a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")
        return figures

    def _start_after(self, folder: Path) -> None:
        if folder.is_file():
            if self.config.training.align:
                raise UsageError("A run with 'align' goes on from the folder of a finished run, not from a model.")
            tensors = {name: value.float() for name, value in read_tensors(folder).items()}
            check_tensors(tensors, self.network.state_dict(), str(folder))
            self.network.load_state_dict(tensors)
            self.progress = TrainingProgress(after=str(read_card(folder)["model_id"]))
            return
        facts = read_facts(folder / CHECKPOINT)
        if not card_path(folder / MODEL).exists():
            raise TrainingError(f"The run in {folder} is not finished: finish it (--resume), or start without it.")
        if facts["config"].data.follow != self.config.data.follow:
            raise ModelError(f"The run in {folder} follows other edits than this one is to: start without it.")
        take_over(folder / CHECKPOINT, self._trained)
        if self.data.moves is not None and isinstance(self.network, GruMusicVae):  # a config allows no other
            turn(self.network, self._maps, rotation(self.network, self.data.moves))
        self.progress = TrainingProgress(after=str(read_card(folder / MODEL)["model_id"]))

    def _go_on_from(self, path: Path) -> None:
        facts = read_facts(path)
        if facts["config"] != self.config:
            raise TrainingError(
                f"{path} belongs to a run with another config: resume it without other settings, "
                "or name another folder."
            )
        if facts["data"] != self.data.fingerprint:
            raise TrainingError(
                f"{path} belongs to a run on other training clips (other corpora or versions of them): "
                "bring those back, or start a new run in another folder."
            )
        self.progress = facts["progress"]
        restore(path, self._trained, self._optimiser, self.progress.step)
        # What was measured after the checkpoint will be measured again.
        log = self.folder / LOG
        lines = log.read_text(encoding="utf-8").splitlines(keepends=True) if log.exists() else []
        log.write_text("".join(line for line in lines if _step_of(line) <= self.progress.step), encoding="utf-8")


def _step_of(line: str) -> float:
    """The step of a line of the log; a line that a crash cut short counts as after everything."""
    try:
        return float(json.loads(line)["step"])
    except ValueError:
        return math.inf
