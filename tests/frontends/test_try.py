"""``latentknobs try FILE``: from an edit's file to its knob's card, and nothing kept unless asked."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from latentknobs.scaffold import new_plugin
from latentknobs.scores import read_piece

OPTIONS = ("--model", "tiny", "--corpus", "tiny", "--clips", "240")


@pytest.fixture
def file(monkeypatch, tmp_path):
    """A new plugin's file in the current folder, which is otherwise empty."""
    monkeypatch.chdir(tmp_path)
    path = Path("lift.py")
    path.write_text(next(iter(new_plugin("lift", "augmentation").values())), encoding="utf-8")
    return path


def test_card_rolls_and_picture(cli, file, own):
    """It prints the card, a clip before and after the edit and the knob, and a verdict; the registry stays."""
    before = (own / "registry.db").read_bytes()

    done = cli("try", file, *OPTIONS)

    assert done.code == 0, done.err
    assert "lift.py: 16 of 16 checks passed" in done.err
    assert "\nusable range " in done.out
    assert "edit +4 semitones, on the left before" in done.out
    assert "knob +4 semitones, on the left knob at 0" in done.out
    assert done.out.splitlines()[-1].startswith("lift: ")
    assert "The knob was not stored" in done.err
    assert "stored knob" not in done.err
    assert Path("lift.png").read_bytes().startswith(b"\x89PNG")
    plain, edited, knob = (read_piece(f"lift-{name}.mid") for name in ("before", "edit", "knob"))
    assert np.mean([n.pitch for n in edited.notes]) > np.mean([n.pitch for n in plain.notes])
    assert knob.notes
    assert all(Path(f"lift-{name}.wav").read_bytes().startswith(b"RIFF") for name in ("before", "edit", "knob"))
    assert (own / "registry.db").read_bytes() == before

    Path("lift.png").write_bytes(b"old")
    assert cli("try", file, *OPTIONS).code == 0, "what it has written itself it writes again"
    assert Path("lift.png").read_bytes().startswith(b"\x89PNG")


def test_a_knob_of_one_key_is_shown_there_where_no_pitch_knob_is_stored(cli, file, tmp_path):
    """The theme begins on E4, where the knob was learned, and not on its own C4: nothing stored could move it there."""
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('unit = "', 'relative_to = "first-note"\n    unit = "'), encoding="utf-8")

    done = cli("try", file, *OPTIONS, "--keep", "--registry", tmp_path / "empty.db")

    assert done.code == 0, done.err
    assert read_piece("lift-before.mid").notes[0].pitch == 64


def test_the_knob_is_kept_on_request(cli, file, plugins_dir):
    """--keep stores it where --registry says; a file that is in the plugins folder is no second plugin of its name."""
    place = shutil.copy(file, plugins_dir / "lift.py")

    done = cli("try", place, *OPTIONS, "--keep", "--registry", "mine.db", "-o", "picture.png", "--json")

    assert done.code == 0, done.err
    assert set(done.json) == {"checks", "runs", "picture", "melodies"}
    assert all(Path(place).is_file() for place in done.json["melodies"])
    assert (done.json["picture"], done.json["runs"][0]["augmentation"]) == ("picture.png", "lift")
    assert Path("mine.db").is_file()


def test_a_broken_promise_stops_it(cli, file):
    """Nothing is discovered of an edit that does not do what it says."""
    file.write_text(file.read_text().replace('"rests"', '"mean-pitch"').replace('"mean-pitch", "contour"', '"contour"'))

    done = cli("try", file, *OPTIONS)

    assert done.code == 1
    assert "failed: lift: preserved attributes hold: 'lift' says that it preserves 'mean-pitch'" in done.err
    assert done.err.splitlines()[-1].startswith("Error: lift.py fails 1 of 16 checks; nothing was discovered")
    assert not Path("lift.png").exists()


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("nothing.py",), "There is no file nothing.py"),
        (("lift.py", "--registry", "mine.db"), "add --keep"),
        (("lift.py", "-o", "lift.txt"), "should end in .png"),
        (("lift.py", "-o", "there.png"), "there.png is there already"),
        (("lift.py", "-o", "heard.png"), "heard-edit.wav is there already"),
    ],
)
def test_what_cannot_be_done_is_refused_first(cli, file, words, wanted):
    """A wrong use is found out before anything is run."""
    for name in ("there.png", "heard-edit.wav"):
        Path(name).write_bytes(b"mine")

    done = cli("try", *words)

    assert done.code == 2
    assert wanted in done.one_sentence()
    assert Path("there.png").read_bytes() == b"mine"


def test_a_plugin_without_an_edit_has_no_knob(cli, file):
    """It says so, after its checks."""
    file.write_text(next(iter(new_plugin("leap", "attribute").values())), encoding="utf-8")

    done = cli("try", file, *OPTIONS)

    assert done.code == 2
    assert "offers no augmentation" in done.one_sentence()


OWN_FORMAT = """
import numpy as np
from latentknobs import BackendFactory, MelodyFormat, Note, NoteAugmentation, Song, hookimpl, split_of
LATENTKNOBS_API = 1
WALTZ = MelodyFormat("3/4", name="waltz")

class Up(NoteAugmentation):
    \"\"\"Raises every note.\"\"\"
    name = knob_name = "up"
    amounts = (1.0, 2.0)
    target = "mean-pitch"
    def edit(self, notes, amount, rng):
        return [Note(n.onset, n.pitch + int(amount), n.length) for n in notes]

class Waltz:
    def __init__(self):
        import hashlib
        from latentknobs import BackendSpec
        self.spec = BackendSpec("waltz", WALTZ, 1, hashlib.sha256(b"waltz").hexdigest())
    def accepts(self, clips):
        return WALTZ.valid(clips) & (clips[:, 0] < 128)
    def encode(self, clips):
        from latentknobs import Posterior
        return Posterior((clips[:, :1] / 12 - 5).astype(np.float32))
    def decode(self, z):
        return WALTZ.repair(self.decode_log_probs(z).argmax(axis=-1).astype(np.int16))
    def decode_log_probs(self, z, given=None):
        odds = np.full((len(z), 24, 130), 1e-9)
        odds[:, 1:, 128] = 1
        odds[:, 0, :128] += np.exp(-((np.arange(128) - 60 - 12 * z) ** 2))
        return np.log(odds / odds.sum(axis=-1, keepdims=True)).astype(np.float32)

class Waltzes:
    name = doc = licence = "waltzes"
    clip_format, takes = "waltz", ""
    def songs(self, request, argument=""):
        for i in range(request.clips):
            name = f"waltzes/{i}"
            yield Song(name, WALTZ.tokens([Note(0, 56 + i % 20, 24)])[None], split_of(name))

@hookimpl
def register_augmentations():
    return [Up()]

@hookimpl
def register_backends():
    return [BackendFactory("waltz", "Waltz.", lambda location, device: Waltz(), {"waltz": ""})]

@hookimpl
def register_corpora():
    return [Waltzes()]
"""


def test_a_file_with_its_own_format_is_tried_on_its_own_model(cli, file):
    """Its corpus too; one note of 24 steps is measured by its changes, and the last line says why it is rejected."""
    Path("waltz.py").write_text(OWN_FORMAT, encoding="utf-8")

    done = cli("try", "waltz.py", "--clips", "300")

    assert done.code == 0, done.err
    assert "\nmodel                        waltz (" in done.out
    assert done.out.splitlines()[-1].startswith("up: rejected (effect beyond random controls")
