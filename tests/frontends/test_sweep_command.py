"""``latentknobs sweep``: what a file asks for is made once, stored, and listed."""

from __future__ import annotations

import pytest

from latentknobs.discovery import discover as discovery
from latentknobs.workbench import Workbench

QUICK = """
[settings]
fits = ["ridge"]
trial_clips = 24
controls = 3
control_clips = 4
halves = 3
resamples = 5
"""
SWEEP = 'models = ["tiny"]\ncorpora = ["tiny"]\nclips = 800\n'


@pytest.fixture
def file(tmp_path):
    """Two edits, two seeds."""
    out = tmp_path / "sweep.toml"
    out.write_text(f'{SWEEP}augmentations = ["transpose", "note-split"]\nseeds = [0, 1]\n{QUICK}')
    return out


def test_every_combination_is_made_and_stored(cli, file):
    """A row for each in the file's order, and runs in the registry."""
    result = cli("sweep", file, "--json")

    assert result.code == 0, result.err
    made = [(run["augmentation"], run["seed"], run["stored"]) for run in result.json["runs"]]
    assert made == [
        ("transpose", 0, False),
        ("transpose", 1, False),
        ("note-split", 0, False),
        ("note-split", 1, False),
    ]
    stored = {run["run"] for run in cli("runs", "list", "--json").json}
    assert {run["run"] for run in result.json["runs"]} <= stored


def test_it_goes_on_where_it_stopped(cli, file, monkeypatch):
    """What was stored before it was interrupted is not made again, and the table shows it all."""
    real, made = discovery.discover, []

    def stopping(experiment, songs, spec, **more):
        if len(made) == 2:
            raise KeyboardInterrupt
        made.append((spec.augmentation, spec.seed))
        return real(experiment, songs, spec, **more)

    with monkeypatch.context() as patched:
        patched.setattr(discovery, "discover", stopping)
        stopped = cli("sweep", file)
    assert stopped.code == 130
    assert made == [("transpose", 0), ("transpose", 1)]
    assert stopped.out.count("transpose") == 2

    again = cli("sweep", file, "--json").json["runs"]

    assert [run["stored"] for run in again] == [True, True, False, False]


def test_equal_points_are_made_once(cli, tmp_path):
    """The same run by two names, as where an edit's own corpus is named too."""
    file = tmp_path / "sweep.toml"
    file.write_text(f'{SWEEP}augmentations = ["transpose", "transpose"]\nseeds = [3, 3]\n{QUICK}')

    assert len(cli("sweep", file, "--json").json["runs"]) == 1


def test_a_point_that_gives_no_run_is_told_and_the_others_go_on(cli, tmp_path):
    """The exit code is 1, and the sentence says which."""
    file = tmp_path / "sweep.toml"
    few = SWEEP.replace("800", "60")
    file.write_text(f'{few}augmentations = ["transpose", "note-split"]\n{QUICK}')

    result = cli("sweep", file)

    assert result.code == 1
    assert "transpose of tiny on tiny, seed 0: No amount of transpose has" in result.err
    assert "note-split of tiny on tiny, seed 0: No amount of note-split has" in result.err


def test_a_corpus_without_songs_costs_its_points_alone(cli, tmp_path):
    """Those behind it are made."""
    (tmp_path / "empty").mkdir()
    file = tmp_path / "sweep.toml"
    both = SWEEP.replace('["tiny"]\nclips', f'["midi:{tmp_path / "empty"}", "tiny"]\nclips')
    file.write_text(f'{both}augmentations = ["transpose"]\n{QUICK}')

    result = cli("sweep", file, "--json")

    assert result.code == 1
    assert ["error" in run for run in result.json["runs"]] == [True, False]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('modles = ["tiny"]', "has no key modles; did you mean models?"),
        ("[settings]\ntrial_clip = 3", "has no key settings.trial_clip; did you mean settings.trial_clips?"),
        ("x = 1", "has no key x; there is: augmentations, clips, corpora, models, seeds."),
        ('models = "tiny"', "has models = 'tiny'; it takes a list of texts in quotes."),
        ("seeds = 3", "has seeds = 3; it takes a list of whole numbers."),
        ("clips = true", "has clips = True; it takes a whole number."),
        ("[settings]\nthreshold = true", "has settings.threshold = True; it takes a number."),
        ('[settings]\ncontrols = "many"', "has settings.controls = 'many'; it takes a whole number."),
        ('[settings]\nfits = "mean"', "has settings.fits = 'mean'; it takes a list of texts in quotes."),
        ("models = []", "has a value that its key does not take"),
        ("seeds = [0.5]", "has seeds = [0.5]; it takes a list of whole numbers."),
        ("corpora = [3]", "has corpora = [3]; it takes a list of texts in quotes."),
        ("clips = 0", "has a value that its key does not take"),
        ("settings = 3", "has settings that are no table: write [settings] above them."),
        ("[settings]\ncontrols = 0", "has a value that its key does not take"),
        ("models = [", "cannot be read: "),
        ('models = ["nobody"]', "nobody"),
        ('augmentations = ["transpos"]\nmodels = ["tiny"]', "did you mean 'transpose'?"),
        ('corpora = ["folks"]\nmodels = ["tiny"]', "folks"),
    ],
)
def test_a_wrong_file_is_refused_before_anything_is_made(cli, tmp_path, listing, text, says):
    """One sentence, exit code 2, nothing stored."""
    file = tmp_path / "sweep.toml"
    file.write_text(text)
    before = listing()

    result = cli("sweep", file)

    assert result.code == 2
    assert says in result.one_sentence()
    assert listing() == before


def test_a_missing_file_is_refused(cli, tmp_path):
    """One sentence with the system's reason."""
    result = cli("sweep", tmp_path / "none.toml")

    assert result.code == 2
    assert "none.toml cannot be read: No such file or directory." in result.one_sentence()


@pytest.mark.slow
def test_other_processes_give_the_same_rows(cli, file, own):
    """The runs of a sweep are the same wherever they are made."""
    hashes = []
    for registry, more in (("serial.db", ()), ("two.db", ("--executor", "processes", "--workers", 2))):
        assert cli("sweep", file, "--registry", own / registry, *more).code == 0
        with Workbench.open(str(own / registry)) as workbench:
            runs = [run.run for run in workbench.runs(corpus="tiny")]
            # Listed by when they ended, which of two workers may be either way round.
            hashes.append(sorted((run, k.operator_sha256) for run in runs for k in workbench.run(run).knobs))

    assert hashes[0] == hashes[1]
