"""
Drums: a clip format, a small VAE, two corpora and five edits: all that a model of one's own needs.

A clip is two bars of twelfths of a beat by 9 voices, 1 = a hit: sixteenths (every third step), triplets and swung
sixteenths are exact. Train the model with `latentknobs drums train kit.npz` (two minutes) and find its knobs with
`latentknobs discover double-hat --model kit.npz --corpus patterns`. Where mma (Musical MIDI Accompaniment, Debian's
package `mma`) is installed, `--corpus patterns+mma` adds the drummers of its library to either.
"""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path
from typing import Annotated

import numpy as np

from latentknobs import (
    AmountError,
    Attribute,
    BackendFactory,
    ClipError,
    CommandSpec,
    Comparison,
    CorpusError,
    CorpusRequest,
    DrumVoice,
    Host,
    MidiError,
    ModelError,
    Note,
    OutputGroup,
    Param,
    Song,
    TokenAugmentation,
    hookimpl,
    read_piece,
    split_of,
)

LATENTKNOBS_API = 1
BEAT, BAR, STEPS, SIXTEENTH, EIGHTH = 12, 48, 96, 3, 6
KICK, SNARE, HAT, OPEN_HAT, LOW_TOM, MID_TOM, HIGH_TOM, CRASH, RIDE = range(9)
HATS, TOMS = [HAT, OPEN_HAT], [LOW_TOM, MID_TOM, HIGH_TOM]


def _group(name, voices):
    """Hit or not, of some of the voices: a class for each token at each place of the grid, -1 outside."""
    table = np.full((STEPS, 9, 2), -1, dtype=np.int16)
    table[:, voices] = 0, 1
    return OutputGroup(name, ("none", "hit"), table)


class DrumGrid:
    """The clip format."""

    name = "drum-grid"
    shape = (STEPS, 9)
    vocabulary = 2
    steps = STEPS
    steps_per_beat = BEAT
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
    groups = (_group("drums", [KICK, SNARE, *TOMS]), _group("cymbals", [*HATS, CRASH, RIDE]))

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
                    f"{self.name} has {STEPS} steps and 9 voices, and no step {note.onset} of voice {note.voice}."
                )
            out[note.onset, note.voice] = 1
        return out


DRUMS = DrumGrid()


# A style: feels, sixteenths between the strokes of the cymbal that keeps time, and how likely (in tenths) the other
# voices are hit on each sixteenth of a bar.
STYLES = (
    (("straight",), (2, 1, 4), {KICK: "9021304083204020", SNARE: "0000900101009002"}),  # rock
    (("straight", "swung"), (1, 2), {KICK: "9134103242310231", SNARE: "0012900302319013"}),  # funk
    (("swung", "straight"), (2, 1), {KICK: "9013001382302130", SNARE: "0000900200009003"}),  # hip-hop
    (
        ("straight",),
        (2, 4),
        {KICK: "9000900090009001", SNARE: "0000900000009002", OPEN_HAT: "0080008000800080"},
    ),  # house
    (("straight", "swung"), (2, 1), {KICK: "9023102000421020", SNARE: "0000000190001002"}),  # half time
    (("triplets",), (2,), {KICK: "9000204080304020", SNARE: "0000900000009010"}),  # shuffle
    (
        ("triplets",),
        (),
        {RIDE: "9000909090009090", HAT: "0000900000009000", KICK: "3010202030102020", SNARE: "0030102010303020"},
    ),  # swing
    (("straight",), (2, 1), {KICK: "9000008290000082", SNARE: "6020206020206010"}),  # bossa nova
    (
        ("straight", "swung"),
        (),
        {KICK: "9000900090009000", SNARE: "4646964646469646", HAT: "0090009000900090"},
    ),  # train beat
    (
        ("straight", "triplets"),
        (4, 2),
        {KICK: "9000102090001020", LOW_TOM: "6020402060204020", HIGH_TOM: "0030203000302040"},
    ),  # toms
    (
        ("straight", "swung"),
        (2,),
        {KICK: "9000006090000060", SNARE: "0000906000009060", MID_TOM: "0000000600000006"},
    ),  # latin
)
LATE = {"straight": (0, 0, 0, 0), "swung": (0, 1, 0, 1), "triplets": (0, 1, 2, 1)}
"""Steps by which the four sixteenths of a beat are late."""


def song(rng):
    """Six clips of one groove: as it is, with hits more and fewer, a crash, an open hat, a fill."""
    feels, spacings, chances = STYLES[rng.integers(len(STYLES))]
    feel = feels[rng.integers(len(feels))]
    likely = np.zeros((16, 9))
    for voice, tenths in chances.items():
        likely[:, voice] = [int(digit) / 10 for digit in tenths]
    if feel == "triplets":
        likely[1::2] = 0
    keeper, spacing = rng.choice([HAT, HAT, RIDE]), int(rng.choice(spacings)) if spacings else 0
    groove = rng.random((16, 9)) < likely
    clips = []
    for number in range(6):
        again = rng.random((32, 9)) < (0.15 if number else 0.05)
        clip = np.where(again, rng.random((32, 9)) < np.tile(likely, (2, 1)), np.tile(groove, (2, 1)))
        if spacing:
            clip[::spacing, keeper] = True
        clip[:, HAT] &= ~clip[:, OPEN_HAT]
        kind = rng.random(4)
        if kind[0] < 0.3:  # an open hat in the place of a stroke
            at = rng.choice([6, 14]) + 16 * rng.integers(2)
            clip[at, [HAT, RIDE]], clip[at, OPEN_HAT] = False, True
        if kind[1] < 0.3:  # strokes left out
            clip[rng.integers(0, 32, 3), keeper] = False
        if kind[2] < 0.3:
            clip[0, [HAT, RIDE]], clip[0, CRASH] = False, True
        if kind[3] < 0.3 and number:
            _drawn_fill(clip, rng)
        if feel == "triplets":
            clip[1::4] = False
            clip[3::4] = False
        clips.append(_placed(clip, feel))
    return np.unique(np.stack(clips), axis=0)


def _drawn_fill(clip, rng):
    """One or two beats at the end, down the toms."""
    start = 32 - 4 * int(rng.integers(1, 3))
    run = np.sort(rng.integers(0, 4, 32 - start))  # from the snare down, by chance
    clip[start:, [SNARE, *HATS, *TOMS, CRASH, RIDE]] = False
    clip[np.arange(start, 32), np.array([SNARE, HIGH_TOM, MID_TOM, LOW_TOM])[run]] = rng.random(32 - start) < 0.9


def _placed(clip, feel):
    """Sixteenths (32, 9) on the grid of twelfths, the late ones late."""
    out = np.zeros(DRUMS.shape, dtype=np.int16)
    out[np.arange(32) * SIXTEENTH + np.tile(LATE[feel], 8)] = clip
    return out


class Patterns:
    """The generated corpus."""

    name = "patterns"
    doc = "Drum patterns made by a program, without end."
    licence = "Made by a program; free to use."
    clip_format = DRUMS.name
    takes = ""

    def songs(self, request, argument=""):
        """The songs, in a fixed order for a seed; a clip that an earlier song has is left out."""
        if request.clips is None:
            raise CorpusError("The corpus patterns has no end: say how many clips are wanted.")
        seen: set[bytes] = set()
        number = 0
        while len(seen) < request.clips:
            clips = [c for c in song(np.random.default_rng([request.seed, number])) if c.tobytes() not in seen]
            seen.update(clip.tobytes() for clip in clips)
            name = f"patterns/{request.seed}/{number:06d}"
            if clips:
                yield Song(name, np.stack(clips), split_of(name))
            number += 1


class Mma:
    """The corpus of mma's library: a song is one of its grooves."""

    name = "mma"
    doc = "The drummers of mma's library of grooves, where mma is installed."
    licence = "GPL 2 or later, as mma's library; rendered where it is installed and never passed on."
    clip_format = DRUMS.name
    takes = ""

    def songs(self, request, argument=""):
        """
        The grooves in 4/4, in a fixed order for a seed: two bars from each bar on.

        Grooves of one file of the library are alike, so they share a split; a clip that an earlier song has is left
        out. The library is rendered as far as the request goes.
        """
        if shutil.which("mma") is None or not LIBRARY.is_dir():
            raise CorpusError(
                f"The corpus mma needs the program mma and its library in {LIBRARY}: install both with "
                "`apt-get install mma`, or choose the corpus patterns."
            )
        files = sorted(LIBRARY.rglob("*.mma"))
        texts = [file.read_bytes() for file in files]  # one file includes others
        known = hashlib.sha256(b"".join([Path(__file__).read_bytes(), *texts])).hexdigest()[:16]
        kept = request.cache / "corpora" / f"mma-{known}" if request.cache else None
        seen: set[bytes] = set()
        for done, i in enumerate(np.random.default_rng(request.seed).permutation(len(files)), start=1):
            name = files[i].relative_to(LIBRARY).with_suffix("").as_posix()
            for groove, clips in _grooves(name, texts[i].decode("utf-8", "replace"), kept, request):
                new = [clip for clip in clips if clip.tobytes() not in seen]
                request.tally("duplicate clips", len(clips) - len(new))
                seen.update(clip.tobytes() for clip in new)
                if new:
                    yield Song(f"mma/{name}/{groove}", np.stack(new), split_of(f"mma/{name}"))
                if request.clips is not None and len(seen) >= request.clips:
                    return
            request.progress("rendering the grooves of mma", done, len(files))


LIBRARY = Path("/usr/share/mma/lib")
BARS = 8
"""Bars of each groove that are rendered."""


def _grooves(name, text, kept, request):
    """Of each groove of a file of the library its name and its distinct clips, from the folder where they are kept."""
    file = kept and kept / f"{name.replace('/', '_')}.npz"
    try:
        with np.load(file) as data:
            return [(groove, clips.astype(np.int16)) for groove, clips in data.items()]
    except (TypeError, OSError, ValueError, EOFError, zipfile.BadZipFile):
        pass  # kept nowhere, not there yet, or damaged
    grooves = _rendered(name, text, request)
    if file:
        kept.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(f".{os.getpid()}.npz")
        np.savez_compressed(part, **{groove: clips.astype(np.uint8) for groove, clips in grooves})
        part.replace(file)
    return grooves


def _rendered(name, text, request):
    """The grooves of one file: one call of mma, eight bars of each that has four beats, as written and not swayed."""
    names = re.findall(r"^\s*DefGroove\s+(\S+)", text, re.IGNORECASE | re.MULTILINE)
    lines = ["RndSeed 1", "Tempo 120"]
    for groove in dict.fromkeys(one.upper() for one in names):
        lines += [f"Groove {name}:{groove}", "If eq $_Time 4", "TimeSig 4 4", "AllTracks RTime 0"]
        lines += [f"Print GROOVE {groove}", f"C * {BARS}", "EndIf"]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "in.mma").write_text("\n".join([*lines, ""]), "utf-8")
        midi = Path(folder, "out.mid")
        told = subprocess.run(  # noqa: S603 - the installed mma, on a file of ours
            [str(shutil.which("mma")), "-w", "-m", "9999", "in.mma", "-f", midi.name],
            cwd=folder, env={**os.environ, "HOME": folder}, capture_output=True, text=True, check=False,
        ).stdout  # fmt: skip
        played = re.findall(r"^GROOVE (\S+)$", told, re.MULTILINE)
        try:
            notes = read_piece(midi, clip_format=DRUMS).notes if midi.exists() else ()
        except MidiError:  # no drums that the kit has
            notes = ()
    hits = np.zeros((len(played) * BARS * BAR, 9), dtype=np.int16)
    for note in notes:
        if note.onset < len(hits):  # a flam may come after the last bar
            hits[note.onset, note.voice] = 1
    request.tally("grooves of mma in another meter", len(set(names)) - len(played))
    out = []
    for groove, bars in zip(played, hits.reshape(len(played), BARS, BAR, 9), strict=True):
        clips = np.unique(np.concatenate([bars[:-1], bars[1:]], axis=1), axis=0)
        clips = clips[clips.sum(axis=(1, 2)) >= 4]
        if len(clips):
            out.append((groove, clips))
        else:
            request.tally("grooves of mma without drums", 1)
    return out


def thinness(clips):
    """Minus the number of hits."""
    return -clips.sum(axis=(1, 2)).astype(float)


def hat_doublings(clips):
    """Logarithm to base 2 of the number of hits of the hat, closed or open; NaN without one."""
    hits = clips[:, :, HATS].sum(axis=(1, 2))
    return np.where(hits, np.log2(np.maximum(hits, 1)), np.nan)


def _within_beat(clips):
    """Hits by their place in the beat, (N, 12)."""
    return clips.reshape(len(clips), STEPS // BEAT, BEAT, 9).sum(axis=(1, 3))


def sixteenth_swing(clips):
    """Twelfths of a beat by which the hits on the second and fourth sixteenths are late; NaN without one."""
    within = _within_beat(clips)
    straight, late = within[:, [3, 9]].sum(axis=1), within[:, [4, 10]].sum(axis=1)
    return np.where(straight + late, late / np.maximum(straight + late, 1), np.nan)


def fill_beats(clips):
    """How many of the last two beats have three hits of toms or more."""
    return (_toms_at_the_end(clips) >= 3).sum(axis=1).astype(float)


def _toms_at_the_end(clips):
    """Hits of toms in each of the last two beats, (N, 2)."""
    return clips[:, -2 * BEAT :, TOMS].reshape(len(clips), 2, BEAT * 3).sum(axis=2)


def voices_used(clips):
    """How many voices are hit."""
    return clips.any(axis=1).sum(axis=1).astype(float)


def _f1(before, after):
    both, each = (before & after).sum(axis=(1, 2)), (before + after).sum(axis=(1, 2))
    return np.where(each, 2.0 * both / np.maximum(each, 1), 1.0)


def hit_f1(before, after):
    """F1 of the hits."""
    return _f1(before, after)


def sixteenth_f1(before, after):
    """F1 of the hits, each known by its voice and the sixteenth that it is in, early or late."""
    return _f1(*(clips.reshape(len(clips), STEPS // SIXTEENTH, SIXTEENTH, 9).max(axis=2) for clips in (before, after)))


def opening_f1(before, after):
    """F1 of the hits before the last two beats."""
    return _f1(before[:, : -2 * BEAT], after[:, : -2 * BEAT])


def feel(clips):
    """Steps by which the four sixteenths of a beat are late, (N, 4): of straight, swung or triplet patterns."""
    within = _within_beat(clips)
    swung = within[:, [4, 10]].sum(axis=1) > within[:, [3, 9]].sum(axis=1)
    late = np.where(swung[:, None], LATE["swung"], LATE["straight"])
    return np.where((within[:, 8] > within[:, 6])[:, None], LATE["triplets"], late)


class _DrumEdit(TokenAugmentation):
    clip_format, format = DRUMS.name, DRUMS


def _weakness():
    """The order in which thinning takes hits, (96, 9): e, a, other places, "and"; snares, toms, cymbals, kicks."""
    place = {3: 0, 4: 0, 9: 1, 10: 1, 6: 3, 8: 3, 0: 4}
    step = np.arange(STEPS)
    beats = np.array([3, 1, 2, 0])  # beat 4 before 2, 3 and 1
    places = np.array([place.get(s % BEAT, 2) for s in range(STEPS)])
    voices = np.argsort([SNARE, *TOMS, HAT, OPEN_HAT, RIDE, CRASH, KICK])
    order = places[:, None] * 9 + voices
    return (order * 4 + beats[step // BEAT % 4][:, None]) * STEPS + step[:, None]


class ThinHits(_DrumEdit):
    """Takes so many hits away, the ghost notes and what is between the eighths first; hits on a beat stay."""

    name, knob_name, unit = "thin-hits", "thinness", "hits"
    amounts = (2.0, 4.0, 8.0)
    target = "thinness"
    changes = frozenset({"thinness", "hit-f1"})
    preserves = frozenset({"voices-used"})
    order = _weakness()

    def edit_tokens(self, clips, amount, rng):
        """Each voice keeps its strongest hit; a clip with fewer hits that may go is left out."""
        if amount != round(amount) or amount < 0:
            raise AmountError(f"{self.name} takes away a whole number of hits, not {amount:g}.")
        hits = clips > 0
        free = hits & (np.arange(STEPS) % BEAT > 0)[:, None]
        strongest = np.where(hits, self.order, -1).argmax(axis=1)
        np.put_along_axis(free, strongest[:, None], False, axis=1)
        order = np.where(free, self.order, self.order.max() + 1).reshape(len(clips), STEPS * 9).argsort(axis=1)
        out = clips.reshape(len(clips), STEPS * 9)
        np.put_along_axis(out, order[:, : int(amount)], 0, axis=1)
        return out.reshape(clips.shape), free.sum(axis=(1, 2)) >= amount


class DoubleHat(_DrumEdit):
    """Doubles the strokes of the hat: quarters become eighths, eighths sixteenths; at -1 halves them."""

    name, knob_name, unit = "double-hat", "hat", "doublings"
    amounts = (-1.0, 1.0)
    target = "hat-doublings"
    changes = frozenset({"hat-doublings", "hit-f1", "thinness"})

    def edit_tokens(self, clips, amount, rng):
        """A closed hit comes, or goes, halfway, late where the pattern swings; an irregular hat is left out."""
        if amount not in (-1, 1):
            raise AmountError(f"{self.name} takes 1, to double, or -1, to halve, not {amount:g}.")
        late = feel(clips)
        hat = clips[:, :, HATS].any(axis=2)
        between = np.zeros_like(hat)
        done = hat.sum(axis=1) < (4 if amount > 0 else 8)
        valid = ~done
        for spacing, after in ((2 * BEAT, BEAT), (BEAT, EIGHTH + late[:, 2]), (EIGHTH, SIXTEENTH + late[:, 1])):
            for first in range(0, spacing, SIXTEENTH):
                strokes = hat & (np.arange(STEPS) % spacing == first)
                where = (np.arange(STEPS) - np.broadcast_to(after, len(clips))[:, None]) % STEPS
                half = np.take_along_axis(strokes, where, axis=1)
                regular = ~done & ((strokes if amount > 0 else strokes | half) == hat).all(axis=1)
                if amount < 0:
                    regular &= ~(half & (clips[:, :, OPEN_HAT] > 0)).any(axis=1)
                between |= half & regular[:, None]
                done |= regular
        clips[:, :, HAT] = np.where(between, amount > 0, clips[:, :, HAT])
        return clips, valid & done


class ShiftHits(_DrumEdit):
    """Moves the whole pattern so many sixteenths later; what leaves at the end comes in at the beginning."""

    name, knob_name, unit = "shift-hits", "shift", "sixteenths"
    amounts = (-2.0, -1.0, 1.0, 2.0)
    changes = frozenset({"hit-f1"})
    preserves = frozenset({"thinness", "voices-used", "hat-doublings"})

    def edit_tokens(self, clips, amount, rng):
        """A clip that would stay the same is left out."""
        if amount != round(amount):
            raise AmountError(f"{self.name} moves by whole sixteenths, not by {amount:g}.")
        out = np.roll(clips, SIXTEENTH * int(amount), axis=1)
        return out, (out != clips).any(axis=(1, 2))


class SwingSixteenths(_DrumEdit):
    """Plays every second sixteenth late, in the ratio 2 to 1."""

    name, knob_name = "swing-sixteenths", "sixteenth-swing"
    target = "sixteenth-swing"
    changes = frozenset({"sixteenth-swing", "hit-f1"})
    preserves = frozenset({"thinness", "voices-used", "hat-doublings", "sixteenth-f1"})

    def edit_tokens(self, clips, amount, rng):
        """A clip without such sixteenths, with some of them late or with triplets is left out."""
        places = np.arange(STEPS) % BEAT
        straight, late = np.isin(places, (3, 9)), np.isin(places, (4, 10))
        valid = clips[:, straight].any(axis=(1, 2)) & ~clips[:, late].any(axis=(1, 2)) & (feel(clips)[:, 2] == 0)
        out = np.where(straight[:, None], 0, clips)
        out[:, late] = clips[:, straight]
        return out, valid


class DrumFill(_DrumEdit):
    """Plays the last one or two beats on the toms, from the high one down; the kick goes on."""

    name = knob_name = "drum-fill"
    unit = "beats"
    amounts = (1.0, 2.0)
    target = "fill-beats"
    changes = frozenset({"fill-beats", "hit-f1"})
    preserves = frozenset({"opening-f1"})
    runs = (
        {3: (HIGH_TOM, MID_TOM, LOW_TOM), 4: (HIGH_TOM, HIGH_TOM, MID_TOM, LOW_TOM)},
        {3: (*[HIGH_TOM] * 2, *[MID_TOM] * 2, *[LOW_TOM] * 2), 4: (*[HIGH_TOM] * 4, *[MID_TOM] * 2, *[LOW_TOM] * 2)},
    )
    """The toms of one and of two beats, by the strokes in a beat."""

    def edit_tokens(self, clips, amount, rng):
        """Sixteenths, or triplets where the pattern has them; a clip with toms there is left out."""
        if amount not in (1, 2):
            raise AmountError(f"{self.name} fills 1 or 2 beats, not {amount:g}.")
        valid = clips.any(axis=(1, 2)) & ~_toms_at_the_end(clips).any(axis=1)
        late = feel(clips)
        start = STEPS - int(amount) * BEAT
        clips[:, start:, SNARE:] = 0
        for name, by in LATE.items():
            strokes = 3 if name == "triplets" else 4
            toms = self.runs[int(amount) - 1][strokes]
            for number, tom in enumerate(toms):
                beat, sixteenth = divmod(number, strokes)
                place = start + beat * BEAT + sixteenth * SIXTEENTH + by[sixteenth]
                clips[(late == by).all(axis=1), place, tom] = 1
        return clips, valid


EDITS = (ThinHits(), DoubleHat(), ShiftHits(), SwingSixteenths(), DrumFill())


def network(latent=96, rhythm=48, width=256):
    """The VAE; torch is loaded here, so that listing plugins is quick."""
    import torch
    from torch import nn

    class DrumVae(nn.Module):
        """The same layers read, and write, the rhythm of every voice; others join the voices to a code."""

        def __init__(self):
            super().__init__()
            self.read = nn.Sequential(nn.Linear(STEPS, width), nn.ELU(), nn.Linear(width, rhythm), nn.ELU())
            self.join = nn.Sequential(nn.Flatten(), nn.Linear(9 * rhythm, width), nn.ELU())
            self.mean, self.spread = nn.Linear(width, latent), nn.Linear(width, latent)
            self.part = nn.Sequential(nn.Linear(latent, width), nn.ELU(), nn.Linear(width, 9 * rhythm), nn.ELU())
            self.write = nn.Sequential(nn.Linear(rhythm, width), nn.ELU(), nn.Linear(width, STEPS))

        def encode(self, tokens):
            hidden = self.join(self.read(tokens.float().transpose(1, 2)))
            return self.mean(hidden), torch.exp(0.5 * self.spread(hidden))

        def decode(self, z):
            hit = self.write(self.part(z).unflatten(1, (9, -1))).transpose(1, 2)
            return torch.stack([torch.zeros_like(hit), hit], dim=-1)

    return DrumVae()


def with_edits(clips, rng):
    """The clips and what each edit makes of them at an amount drawn for each, uint8 (n, 96, 9)."""
    out = [clips]
    for edit in EDITS:
        drawn = rng.integers(len(edit.amounts), size=len(clips))
        for number, amount in enumerate(edit.amounts):
            edited = edit(clips[drawn == number], amount, rng)
            out.append(edited.clips[edited.valid])
    return np.concatenate(out).astype(np.uint8)


def _batch(pools, size):
    """Clips, as many of each corpus; bars of single voices come from others, and some hits are left out: float32."""
    import torch

    clips = torch.cat([pool[torch.randint(len(pool), (size // len(pools),))] for pool in pools])
    taken = (torch.rand(len(clips), 2, 1, 9) < 0.5) & (torch.rand(len(clips), 1, 1, 1) < 0.8)
    bars = clips.unflatten(1, (2, BAR))
    mixed = torch.where(taken, bars[torch.randperm(len(clips))], bars).flatten(1, 2)
    played = (torch.rand(mixed.shape) > 0.15) | (torch.rand(len(clips), 1, 1) > 0.3)
    return (mixed * played).float()


def train(
    host: Host,
    out: Annotated[Path, Param("The weights file to write (.npz).")],
    corpus: Annotated[str, Param("Corpora to learn from, as patterns+mma.")] = "patterns",
    clips: Annotated[int, Param("Clips of each.")] = 12000,
    steps: Annotated[int, Param("Steps of training.")] = 6000,
    seed: Annotated[int, Param("Seed of weights and patterns.")] = 0,
) -> dict[str, object]:
    """Train on the train songs of the corpora and what the edits make of them, and write the weights."""
    import torch
    from torch import nn

    rng = np.random.default_rng(seed)
    pools = []
    for name in corpus.split("+"):
        songs = host.songs(name, CorpusRequest(clips=clips, seed=seed))
        own = np.concatenate([song.clips for song in songs if song.split == "train"])
        pools.append(torch.from_numpy(with_edits(own, rng)))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = network()
        optimiser = torch.optim.Adam(model.parameters())
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=steps)
        for step in range(steps):
            batch = _batch(pools, 128)
            mean, scale = model.encode(batch)
            logits = model.decode(mean + scale * torch.randn_like(mean))[..., 1]
            wrong = nn.functional.binary_cross_entropy_with_logits(logits, batch, reduction="sum")
            far = 0.5 * (mean**2 + scale**2 - 1 - 2 * scale.log()).sum()
            loss = (wrong + 0.01 * min(1.0, 2 * step / steps) * far) / len(batch)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 50.0)
            optimiser.step()
            schedule.step()
            host.progress(f"training on {corpus}", step + 1, steps)
    np.savez(out, **{name: tensor.numpy() for name, tensor in model.state_dict().items()})
    return {"weights": str(out), "loss": round(loss.item(), 3)}


def load(location, device):
    """The model of a weights file: any torch module with encode and decode becomes a model like this."""
    from latentknobs import TorchBackend, load_weights

    model = network()
    try:
        load_weights(model, location)
    except ModelError as error:
        raise ModelError(f"{error} `latentknobs drums train` makes weights of this model.") from error
    return TorchBackend(
        model,
        DRUMS,
        name=Path(location).stem,
        device=device,
        file=location,
        config={"network": "voices 1"},
        posterior="mean-std",
        prior="standard-normal",
    )


@hookimpl
def register_backends():
    """The model, by weights file."""
    doc = "A small VAE of drum patterns."
    return [BackendFactory("drums", doc, load, recognises=lambda path: path.suffix == ".npz")]


@hookimpl
def register_augmentations():
    """The edits."""
    return list(EDITS)


@hookimpl
def register_attributes():
    """Numbers measured on one clip."""
    return [
        Attribute("thinness", "hits", "Minus the number of hits.", DRUMS.name, thinness),
        Attribute("hat-doublings", "doublings", "Log2 of the hits of the hat.", DRUMS.name, hat_doublings),
        Attribute("sixteenth-swing", "twelfths", "Lateness of every second sixteenth.", DRUMS.name, sixteenth_swing),
        Attribute("fill-beats", "beats", "Beats at the end that the toms fill.", DRUMS.name, fill_beats),
        Attribute("voices-used", "voices", "Number of voices that are hit.", DRUMS.name, voices_used),
    ]


@hookimpl
def register_comparisons():
    """Numbers measured on two clips."""
    return [
        Comparison("hit-f1", "F1 of the hits.", DRUMS.name, hit_f1),
        Comparison("sixteenth-f1", "F1 of the hits by sixteenth, early or late.", DRUMS.name, sixteenth_f1),
        Comparison("opening-f1", "F1 of the hits before the last two beats.", DRUMS.name, opening_f1),
    ]


@hookimpl
def register_corpora():
    """The corpora."""
    return [Patterns(), Mma()]


@hookimpl
def register_commands():
    """Training."""
    return [CommandSpec(("drums", "train"), "Train the drum model; it takes two minutes.", train)]
