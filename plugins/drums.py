"""
Drums: a clip format, a small convolutional VAE, a corpus and two edits: all that a model of one's own needs.

A clip is a grid of 32 sixteenths by 9 voices, 1 = a hit. Train the model with `latentknobs drums train kit.npz`
(less than a minute) and find its knobs with `latentknobs discover thin-hits --model drums:kit.npz --corpus patterns`.
"""

from pathlib import Path
from typing import Annotated

import numpy as np

from latentknobs import (
    Attribute,
    BackendFactory,
    ClipError,
    CommandSpec,
    Comparison,
    CorpusError,
    CorpusRequest,
    DrumVoice,
    Host,
    ModelError,
    Note,
    OutputGroup,
    Param,
    Song,
    TokenAugmentation,
    hookimpl,
    split_of,
)

LATENTKNOBS_API = 1
BAR = 16


def _group(name, voices):
    """Hit or not, of some of the voices: a class for each token at each place of the grid, -1 outside."""
    table = np.full((32, 9, 2), -1, dtype=np.int16)
    table[:, voices] = 0, 1
    return OutputGroup(name, ("none", "hit"), table)


class DrumGrid:
    """The clip format."""

    name = "drum-grid"
    shape = (32, 9)
    vocabulary = 2
    steps = 32
    steps_per_beat = 4
    beats_per_bar = 4
    drums = (
        DrumVoice("kick", (36, 35)),
        DrumVoice("snare", (38, 40, 37, 39)),
        DrumVoice("closed hat", (42, 44)),
        DrumVoice("open hat", (46,)),
        DrumVoice("low tom", (45, 41, 43)),
        DrumVoice("mid tom", (48, 47)),
        DrumVoice("high tom", (50,)),
        DrumVoice("crash", (49, 52, 55, 57)),
        DrumVoice("ride", (51, 53, 59)),
    )
    groups = (_group("drums", (0, 1, 4, 5, 6)), _group("cymbals", (2, 3, 7, 8)))

    def valid(self, clips):
        """Every grid of 0 and 1 is a pattern."""
        return np.ones(len(clips), dtype=bool)

    def repair(self, clips):
        """Nothing to repair."""
        return clips

    def notes(self, clip):
        """A hit is a note of one step; its pitch is the drum's number."""
        return tuple(Note(int(step), self.drums[v].numbers[0], 1, int(v)) for step, v in np.argwhere(clip))

    def tokens(self, notes):
        """A grid with these hits, however long they last."""
        out = np.zeros(self.shape, dtype=np.int16)
        for note in notes:
            if note.onset >= self.steps or note.voice >= len(self.drums):
                raise ClipError(
                    f"{self.name} has 32 steps and 9 voices, and no step {note.onset} of voice {note.voice}."
                )
            out[note.onset, note.voice] = 1
        return out


DRUMS = DrumGrid()


def pattern(rng):
    """One clip: three to five neighbouring voices, the lowest on strong steps, the highest regular, two bars alike."""
    bar = np.zeros((BAR, 9), dtype=np.int16)
    voices = int(rng.integers(3, 6))
    low = int(rng.integers(0, 10 - voices))
    bar[[0, *rng.choice([6, 8, 10, 14], size=2, replace=False)], low] = 1
    bar[[4, 12], low + 1] = 1
    bar[int(rng.integers(0, 2)) :: int(rng.choice([1, 2, 4])), low + voices - 1] = 1
    for voice in range(low + 2, low + voices - 1):
        bar[rng.choice([3, 7, 11, 15]), voice] = 1
    clip = np.concatenate([bar, bar])
    if rng.random() < 0.5:
        clip[28:, low + 1] = 1
    return clip


class Patterns:
    """The corpus; each song is one pattern and three with a few hits more or fewer."""

    name = "patterns"
    doc = "Drum patterns made by a program, without end."
    licence = "Made by a program; free to use."
    clip_format = DRUMS.name
    takes = ""

    def songs(self, request, argument=""):
        """The songs, in a fixed order for a seed."""
        if request.clips is None:
            raise CorpusError("The corpus patterns has no end: say how many clips are wanted.")
        for i in range(-(-request.clips // 4)):
            rng = np.random.default_rng([request.seed, i])
            clips = np.stack([pattern(rng)] * 4)
            used = clips[0].any(axis=0)
            for clip in clips[1:]:
                clip[rng.integers(0, 32, 2), rng.choice(np.flatnonzero(used), 2)] ^= 1
            name = f"patterns/{request.seed}/{i:06d}"
            yield Song(name, clips, split_of(name))


def thinness(clips):
    """How often the hits have been halved, down from one: minus log2 of their number."""
    hits = clips.sum(axis=(1, 2))
    return np.where(hits, -np.log2(np.maximum(hits, 1)), np.nan)


def mean_voice(clips):
    """Mean number of the voices that are hit."""
    hits = clips.sum(axis=(1, 2))
    return np.where(hits, (clips * np.arange(9)).sum(axis=(1, 2)) / np.maximum(hits, 1), np.nan)


def voices_used(clips):
    """How many voices are hit."""
    return clips.any(axis=1).sum(axis=1).astype(float)


def _f1(before, after):
    both, each = (before & after).sum(axis=1), before.sum(axis=1) + after.sum(axis=1)
    return np.where(each, 2.0 * both / np.maximum(each, 1), 1.0)


def hit_f1(before, after):
    """F1 of the hits."""
    return _f1(before.reshape(len(before), -1), after.reshape(len(after), -1))


def step_f1(before, after):
    """F1 of the steps on which anything is hit."""
    return _f1(before.any(axis=2), after.any(axis=2))


class ThinHits(TokenAugmentation):
    """Halves the number of hits so many times: the metrically weakest go first, and each voice keeps its strongest."""

    name, knob_name, unit = "thin-hits", "thinness", "halvings"
    amounts = (1.0, 2.0)
    target = "thinness"
    changes = frozenset({"thinness", "hit-f1"})
    preserves = frozenset({"voices-used"})
    clip_format, format = DRUMS.name, DRUMS

    def edit_tokens(self, clips, amount, rng):
        """A clip whose hits cannot be halved so often, with one left for each voice, is left out."""
        # The more often a step's number can be halved the stronger it is; of one strength the later goes first.
        step = np.arange(32)
        weak = np.where(step % BAR, -(step & -step), -BAR)[:, None] * 1000 + step[:, None] * 9 + np.arange(9)
        free = clips > 0
        np.put_along_axis(free, np.where(free, weak, BAR**4).argmin(axis=1)[:, None], False, axis=1)
        left = clips.sum(axis=(1, 2)) / 2**amount
        gone = (clips.sum(axis=(1, 2)) - left).astype(int)
        valid = (left >= 1) & (left % 1 == 0) & (free.sum(axis=(1, 2)) >= gone)
        order = np.where(free, weak, -(BAR**4)).reshape(len(clips), 32 * 9).argsort(axis=1)[:, ::-1]
        out = clips.reshape(len(clips), 32 * 9)
        taken = np.arange(out.shape[1]) < gone[:, None]
        np.put_along_axis(out, order, np.where(taken, 0, np.take_along_axis(out, order, axis=1)), axis=1)
        return out.reshape(clips.shape), valid


class ShiftVoices(TokenAugmentation):
    """Moves every hit to the voice so many rows higher."""

    name, knob_name, unit = "shift-voices", "voice", "voices"
    amounts = (-2.0, -1.0, 1.0, 2.0)
    target = "mean-voice"
    changes = frozenset({"mean-voice", "hit-f1"})
    preserves = frozenset({"thinness", "voices-used", "step-f1"})
    clip_format, format = DRUMS.name, DRUMS

    def edit_tokens(self, clips, amount, rng):
        """A clip with a hit that leaves the kit, and one without hits, is left out."""
        by = round(amount)
        out = np.roll(clips, by, axis=2)
        over = clips[:, :, -by:] if by > 0 else clips[:, :, :-by]
        return out, clips.any(axis=(1, 2)) & ~over.any(axis=(1, 2))


def network(latent=24, width=16):
    """The VAE; torch is loaded here, so that listing plugins is quick."""
    import torch
    from torch import nn

    class DrumVae(nn.Module):
        def __init__(self):
            super().__init__()
            self.down = nn.Sequential(
                nn.Conv2d(1, width, 3, padding=1), nn.ELU(),
                nn.Conv2d(width, width, (4, 3), (2, 1), 1), nn.ELU(),
                nn.Conv2d(width, width, (4, 3), (2, 1), 1), nn.ELU(), nn.Flatten(),
            )  # fmt: skip
            self.mean, self.spread = nn.Linear(72 * width, latent), nn.Linear(72 * width, latent)
            self.up = nn.Sequential(
                nn.Linear(latent, 72 * width), nn.ELU(), nn.Unflatten(1, (width, 8, 9)),
                nn.ConvTranspose2d(width, width, (4, 3), (2, 1), 1), nn.ELU(),
                nn.ConvTranspose2d(width, width, (4, 3), (2, 1), 1), nn.ELU(),
                nn.Conv2d(width, 1, 3, padding=1),
            )  # fmt: skip

        def encode(self, tokens):
            hidden = self.down(tokens[:, None].float())
            return self.mean(hidden), torch.exp(0.5 * self.spread(hidden))

        def decode(self, z):
            hit = self.up(z)[:, 0]
            return torch.stack([torch.zeros_like(hit), hit], dim=-1)

    return DrumVae()


def train(
    host: Host,
    out: Annotated[Path, Param("The weights file to write (.npz).")],
    steps: Annotated[int, Param("Steps of training.")] = 1500,
    seed: Annotated[int, Param("Seed of weights and patterns.")] = 0,
) -> dict[str, object]:
    """Train on patterns and write the weights."""
    import torch
    from torch.nn import functional

    songs = Patterns().songs(CorpusRequest(clips=8000, seed=seed))
    clips = torch.from_numpy(np.concatenate([song.clips for song in songs if song.split == "train"]).astype(np.int64))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = network()
        optimiser = torch.optim.Adam(model.parameters(), lr=2e-3)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=steps)
        for step in range(steps):
            batch = clips[torch.randint(len(clips), (64,))]
            mean, scale = model.encode(batch)
            logits = model.decode(mean + scale * torch.randn_like(mean))[..., 1]
            wrong = functional.binary_cross_entropy_with_logits(logits, batch.float(), reduction="sum")
            far = 0.5 * (mean**2 + scale**2 - 1 - 2 * scale.log()).sum()
            loss = (wrong + 0.2 * min(1.0, 2 * step / steps) * far) / len(batch)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            host.progress("training on patterns", step + 1, steps)
    np.savez(out, **{name: tensor.numpy() for name, tensor in model.state_dict().items()})
    return {"weights": str(out), "loss": round(loss.item(), 3)}


def load(location, device):
    """The model of a weights file: any torch module with encode and decode becomes a model like this."""
    import torch

    from latentknobs import TorchBackend

    model = network()
    try:
        with np.load(location) as weights:
            model.load_state_dict({name: torch.from_numpy(weights[name]) for name in weights.files})
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelError(
            f"{location} holds no weights of it ({error}): make them with `latentknobs drums train`."
        ) from error
    return TorchBackend(
        model,
        DRUMS,
        name=Path(location).stem,
        device=device,
        file=location,
        config={"network": "conv 1"},
        posterior="mean-std",
        prior="standard-normal",
    )


@hookimpl
def register_backends():
    """The model, by weights file."""
    doc = "A small convolutional VAE of drum patterns."
    return [BackendFactory("drums", doc, load, recognises=lambda path: path.suffix == ".npz")]


@hookimpl
def register_augmentations():
    """The edits."""
    return [ThinHits(), ShiftVoices()]


@hookimpl
def register_attributes():
    """Numbers measured on one clip."""
    return [
        Attribute("thinness", "halvings", "Minus log2 of the number of hits.", DRUMS.name, thinness),
        Attribute("mean-voice", "voices", "Mean row of the hits.", DRUMS.name, mean_voice),
        Attribute("voices-used", "voices", "Number of voices that are hit.", DRUMS.name, voices_used),
    ]


@hookimpl
def register_comparisons():
    """Numbers measured on two clips."""
    return [
        Comparison("hit-f1", "F1 of the hits.", DRUMS.name, hit_f1),
        Comparison("step-f1", "F1 of the steps with a hit.", DRUMS.name, step_f1),
    ]


@hookimpl
def register_corpora():
    """The corpus."""
    return [Patterns()]


@hookimpl
def register_commands():
    """Training."""
    return [CommandSpec(("drums", "train"), "Train the drum model; it takes less than a minute.", train)]
