"""
Melodies over chords: a clip format, a corpus and a VAE of two latents, pitch and rhythm, with the chords as condition.

The network has the structure of EC2-VAE (Yang, Wang, Wang, Chen, Jiang and Xia, ISMIR 2019), in small; unlike theirs,
its encoder reads the states of all steps, and its decoders go from a vector for each step, not from the token before,
so that it is trained in minutes. A clip is two bars of one voice, a token for each sixteenth as in melodies, and then a
chord for each beat. Train the model with `latentknobs chords train chords.npz`, and find its knobs with
`latentknobs discover transpose note-split --model chord-melody:chords.npz --corpus chord-songs`.
"""

from pathlib import Path
from typing import Annotated

import numpy as np

from latentknobs import (
    MELODY,
    BackendFactory,
    CommandSpec,
    CorpusError,
    CorpusRequest,
    Host,
    ModelError,
    OutputGroup,
    Param,
    Song,
    hookimpl,
    split_of,
)

LATENTKNOBS_API = 1
STEPS, BEATS, TOKENS = 32, 8, 130
HOLD, REST = 128, 129
ROOTS = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
CHORDS = ("none", *(root + kind for root in ROOTS for kind in ("", "m")))
CHROMA = np.zeros((len(CHORDS), 12), dtype=np.float32)  # the pitch classes of each chord
for _root in range(12):
    CHROMA[1 + 2 * _root, [_root, (_root + 4) % 12, (_root + 7) % 12]] = 1
    CHROMA[2 + 2 * _root, [_root, (_root + 3) % 12, (_root + 7) % 12]] = 1


def _group(name, classes, place, tokens):
    """The classes of some tokens at some places of a clip, -1 outside."""
    table = np.full((STEPS + BEATS, TOKENS), -1, dtype=np.int16)
    table[place, : len(tokens)] = tokens
    return OutputGroup(name, classes, table)


class ChordMelody:
    """The clip format. Its notes are the melody's: MIDI neither shows nor gives the chords."""

    name = "chord-melody-2bar"
    shape = (STEPS + BEATS,)
    vocabulary = TOKENS
    steps = STEPS
    steps_per_beat = 4
    beats_per_bar = 4
    groups = (
        _group("onset", ("onset", "hold", "rest"), slice(STEPS), [0] * 128 + [1, 2]),
        _group("pitch", tuple(map(str, range(128))), slice(STEPS), range(128)),
        _group("chord", CHORDS, slice(STEPS, None), range(len(CHORDS))),
    )

    def valid(self, clips):
        """No hold without a note, and known chords."""
        return MELODY.valid(clips[:, :STEPS]) & (clips[:, STEPS:] < len(CHORDS)).all(axis=1)

    def repair(self, clips):
        """A hold without a note is a rest, an unknown chord none."""
        chords = np.where(clips[:, STEPS:] < len(CHORDS), clips[:, STEPS:], 0)
        return np.concatenate([MELODY.repair(clips[:, :STEPS]), chords], axis=1).astype(np.int16)

    def onsets(self, clips):
        """Where a note starts."""
        return MELODY.onsets(clips[:, :STEPS])

    def sounding(self, clips):
        """The pitch of each step."""
        return MELODY.sounding(clips[:, :STEPS])

    def notes(self, clip):
        """The melody's."""
        return MELODY.notes(clip[:STEPS])

    def tokens(self, notes):
        """A melody without chords."""
        return np.concatenate([MELODY.tokens(notes), np.zeros(BEATS, dtype=np.int16)])

    def with_notes(self, clip, notes):
        """The clip with another melody, over the same chords."""
        return np.concatenate([MELODY.tokens(notes), clip[STEPS:]])


CHORD_MELODY = ChordMelody()
LOW, HIGH = 52, 84
SCALE = (0, 2, 4, 5, 7, 9, 11)
PROGRESSIONS = ((0, 3, 4, 0), (0, 5, 3, 4), (5, 3, 0, 4), (0, 4, 5, 3), (1, 4, 0, 0), (0, 2, 3, 4), (3, 4, 2, 5))
RHYTHMS = (
    ("x...............",),
    ("x.......",),
    ("x...x...", "x.....x.", "x..x..x.", "x......."),
    ("x.x.", "x...", "x..x"),
    ("x.x.", "xxxx", "x.xx", "xxx.", "..x.", "x..x"),
)


def melody(rng, tonic, chords, density, inside):
    """One melody: chord tones on the beats, notes of the scale between them, each near the one before."""
    bars = ["".join(rng.choice(RHYTHMS[density], 16))[:16] for _ in range(2)]
    starts = np.array([mark == "x" for mark in bars[0] + bars[int(rng.random() < 0.6)]])
    out = np.where(np.maximum.accumulate(starts), HOLD, REST)
    scale = inside & np.isin((np.arange(128) - tonic) % 12, SCALE)
    middle = int(rng.integers(60, 77))
    pitch, again, rests = middle, int(rng.choice([STEPS, STEPS, 1, 2, 4])), rng.choice([0, 0.1, 0.2])
    for start, end in zip(np.flatnonzero(starts), [*np.flatnonzero(starts)[1:], STEPS], strict=True):
        chord = inside & (CHROMA[chords[start // 4]][np.arange(128) % 12] > 0) & (start % 4 == 0)
        fitting = np.flatnonzero(next(some for some in (chord, scale, inside) if some.any()))
        odds = np.exp(-np.abs(fitting - pitch) / 2.5 - ((fitting - middle) / 7) ** 2)
        pitch = int(rng.choice(fitting, p=odds / odds.sum()))
        out[start:end:again] = pitch
        if rng.random() < rests:
            out[(start + end) // 2 if rng.random() < 0.5 else start : end] = REST
    return out


class ChordSongs:
    """The corpus; a song is four clips with one key, one progression and about as many notes."""

    name = "chord-songs"
    doc = "Melodies over chords made by a program, without end."
    licence = "Made by a program; free to use."
    clip_format = CHORD_MELODY.name
    takes = ""

    def songs(self, request, argument=""):
        """The songs, in a fixed order for a seed."""
        if request.clips is None:
            raise CorpusError("The corpus chord-songs has no end: say how many clips are wanted.")
        low, high = max(LOW, request.pitch_range[0]), min(HIGH, request.pitch_range[1])
        inside = (np.arange(128) >= low) & (np.arange(128) <= high)
        if not inside.any():
            raise CorpusError(f"The corpus chord-songs has pitches {LOW} to {HIGH}: name a range that holds some.")
        for i in range(-(-request.clips // 4)):
            rng = np.random.default_rng([request.seed, i])
            tonic, density = int(rng.integers(12)), int(rng.integers(len(RHYTHMS)))
            degrees = np.array(PROGRESSIONS[rng.integers(len(PROGRESSIONS))])
            chords = 1 + 2 * ((tonic + np.take(SCALE, degrees)) % 12) + np.isin(degrees, (1, 2, 5))
            chords = np.repeat(chords * (rng.random() < 0.9), 2)
            clips = [np.concatenate([melody(rng, tonic, chords, density, inside), chords]) for _ in range(4)]
            name = f"chord-songs/{request.seed}/{i:06d}"
            yield Song(name, np.stack(clips).astype(np.int16), split_of(name))


def network(latent=64, width=128, features=32):
    """The VAE; torch is loaded here, so that listing plugins is quick."""
    import torch
    from torch import nn
    from torch.nn import functional

    class Decoder(nn.Module):
        """A part of the latent for each step, and what else is known of it, to logits by a recurrent layer."""

        def __init__(self, others, classes):
            super().__init__()
            self.unfold = nn.Linear(latent, STEPS * features)
            self.layer = nn.GRU(features + others, width // 2, batch_first=True, bidirectional=True)
            self.out = nn.Linear(width, classes)

        def forward(self, z, *others):
            own = self.unfold(z).reshape(len(z), STEPS, features)
            return self.out(self.layer(torch.cat([own, *others], dim=-1))[0])

    class ChordMelodyVae(nn.Module):
        def __init__(self):
            super().__init__()
            self.chroma: torch.Tensor
            self.register_buffer("chroma", torch.from_numpy(CHROMA), persistent=False)
            self.encoder = nn.GRU(TOKENS + 12, width // 2, batch_first=True, bidirectional=True)
            self.heads = nn.Linear(STEPS * width, 4 * latent)
            self.rhythm = Decoder(0, 3)
            self.melody = Decoder(3 + 12, TOKENS)

        def encode(self, tokens):
            each = functional.one_hot(tokens[:, :STEPS], TOKENS).float()
            chords = self.chroma[tokens[:, STEPS:]]
            states, _ = self.encoder(torch.cat([each, chords.repeat_interleave(4, dim=1)], dim=-1))
            mean, logvar = self.heads(states.flatten(1)).chunk(2, dim=1)
            held = chords.flatten(1)
            return torch.cat([mean, held], dim=1), torch.cat([torch.exp(0.5 * logvar), 0 * held], dim=1)

        def parts(self, z, rhythm=None):
            """Logits of rhythm, of this one or else from its own latent, and of the melody in that rhythm."""
            pitch, own, chords = z.split([latent, latent, 12 * BEATS], dim=1)
            marks = self.rhythm(own)
            rhythm = marks.softmax(dim=-1) if rhythm is None else rhythm
            chords = chords.reshape(-1, BEATS, 12)
            return marks, self.melody(pitch, rhythm, chords.repeat_interleave(4, dim=1)), chords

        def decode(self, z):
            _, tokens, chords = self.parts(z)
            near = -16 * (chords[:, :, None] - self.chroma).square().sum(dim=-1)
            near = functional.pad(near, (0, TOKENS - len(CHORDS)), value=-torch.inf)
            return torch.cat([tokens, near], dim=1)

    return ChordMelodyVae()


def train(
    host: Host,
    out: Annotated[Path, Param("The weights file to write (.npz).")],
    steps: Annotated[int, Param("Steps of training.")] = 1500,
    clips: Annotated[int, Param("Clips of the corpus.")] = 20000,
    seed: Annotated[int, Param("Seed of weights and songs.")] = 0,
) -> dict[str, object]:
    """Train on chord-songs and write the weights."""
    import torch
    from torch.nn import functional

    songs = ChordSongs().songs(CorpusRequest(clips=clips, seed=seed))
    read = np.concatenate([song.clips for song in songs if song.split == "train"])
    given = torch.from_numpy(read.astype(np.int64))
    pitches = torch.from_numpy(CHORD_MELODY.sounding(read).astype(np.int64))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = network()
        optimiser = torch.optim.Adam(model.parameters())
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 5e-3, total_steps=steps)
        for step in range(steps):
            rows = torch.randint(len(given), (64,))
            # Any melody over any chords: knobs transpose the melody alone.
            by = torch.randint(-12, 13, (64, 1))
            batch, struck = given[rows], pitches[rows] + by
            tokens = batch[:, :STEPS]
            tokens += by * (tokens < HOLD)
            # The pitch latent has to serve other rhythms: some held notes are struck anew on the way out.
            again = (tokens == HOLD) & (torch.rand(64, STEPS) < torch.rand(64, 1) * torch.randint(0, 2, (64, 1)))
            wanted = torch.where(again, struck, tokens)
            mean, scale = model.encode(batch)
            marks, logits, _ = model.parts(mean + scale * torch.randn_like(mean), _rhythm(wanted))
            wrong = functional.cross_entropy(logits.transpose(1, 2), wanted, reduction="sum")
            wrong += functional.cross_entropy(marks.transpose(1, 2), _rhythm(tokens).argmax(dim=-1), reduction="sum")
            mean, scale = mean[:, : -12 * BEATS], scale[:, : -12 * BEATS]
            far = 0.5 * (mean**2 + scale**2 - 1 - 2 * scale.log()).sum()
            loss = (wrong + 0.1 * min(1.0, 2 * step / steps) * far) / len(batch)
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            host.progress("training on chord-songs", step + 1, steps)
    np.savez(out, **{name: tensor.numpy() for name, tensor in model.state_dict().items()})
    return {"weights": str(out), "loss": round(loss.item(), 3)}


def _rhythm(tokens):
    """Onset, hold or rest of each step, one-hot."""
    import torch

    return torch.nn.functional.one_hot((tokens - HOLD + 1).clamp(min=0), 3).float()


def _carries(clips):
    pitch = CHORD_MELODY.sounding(clips)
    return ((pitch < 0) | ((pitch >= LOW - 12) & (pitch <= HIGH + 12))).all(axis=1)


def load(location, device):
    """The model of a weights file."""
    import torch

    from latentknobs import TorchBackend

    model = network()
    try:
        with np.load(location) as weights:
            model.load_state_dict({name: torch.from_numpy(weights[name]) for name in weights.files})
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelError(
            f"{location} holds no weights of it ({error}): make them with `latentknobs chords train`."
        ) from error
    return TorchBackend(
        model,
        CHORD_MELODY,
        name=Path(location).stem,
        device=device,
        file=location,
        config={"network": "ec2 1"},
        training={"pitch_range": [LOW - 12, HIGH + 12]},
        carries=_carries,
        posterior="mean-std",
        prior="standard-normal",
        blocks={"pitch": 64, "rhythm": 64, "chords": 12 * BEATS},
        condition="chords",
    )


@hookimpl
def register_backends():
    """The model, by weights file."""
    return [BackendFactory("chord-melody", "A small EC2-VAE of melodies over chords.", load)]


@hookimpl
def register_corpora():
    """The corpus."""
    return [ChordSongs()]


@hookimpl
def register_commands():
    """Training."""
    return [CommandSpec(("chords", "train"), "Train the model of melodies over chords; it takes a few minutes.", train)]
