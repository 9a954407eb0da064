"""What a stranger's methods, measures and corpora do wrong in a discovery, and what becomes of it."""

import importlib
import signal
import textwrap

import attrs
import numpy as np
import pytest

from latentknobs.core.experiment import Settings
from latentknobs.core.knob import Operator
from latentknobs.core.method_specs import Basis, BasisInput, Coordinates, Fit, FitInput, SelectInput, Selector
from latentknobs.errors import BackendError, CorpusError, NotFittedError, PluginError
from latentknobs.hooks import hookimpl
from latentknobs.hooks.built_ins import BUILTINS
from latentknobs.hooks.manager import Plugins
from latentknobs.hooks.plugin_types import KINDS
from latentknobs.workbench import Workbench

HEAD = """\
import sys
import numpy as np
from latentknobs import MELODY, Attribute, Basis, Comparison, Fit, Operator, Selector, Song, hookimpl
LATENTKNOBS_API = 1

def work(given, *more):
{body}

class Odd:
    name, doc, licence, clip_format, takes = "odd", "Odd.", "None.", MELODY.name, ""
    songs = staticmethod(work)

@hookimpl
def register_{kind}():
    return [{offer}]
"""
OFFERS = {
    "attributes": ("attribute", 'Attribute("odd", "", "Odd.", MELODY.name, work)'),
    "comparisons": ("comparison", 'Comparison("odd", "Odd.", MELODY.name, work)'),
    "bases": ("basis", 'Basis("odd", "Odd.", work)'),
    "selectors": ("selector", 'Selector("odd", "Odd.", work)'),
    "fits": ("fit", 'Fit("odd", "shift", "Odd.", work)'),
    "corpora": ("corpus", "Odd()"),
}
MUTATES = {
    "attributes": "given[0, 0] = 7",
    "comparisons": "more[0][0, 0] = 7",
    "bases": "given.covariance[:] = 0",
    "selectors": "np.multiply(given.share, 2, out=given.share)",
    "fits": "given.sample.codes.sort()",
}
WRONG = {
    "attributes": ("return given.mean()", "a float64; it must return an array of"),
    "comparisons": ("return 1.0", "a float; it must return an array of"),
    "bases": ("return np.ones((24, 24))", "columns that are not orthonormal"),
    "selectors": ("return given.share > 0", "an array of bool"),
    "fits": ("return Operator('shift', {'direction': np.ones(3)}), {}", "an operator for 3 dimensions; it must return"),
    "corpora": ("return None", "returned nothing; it must return Songs"),
}
FAULTS = [
    *((kind, "1 / 0", "failed: line 7: it raised ZeroDivisionError: division by zero") for kind in OFFERS),
    *((kind, "sys.exit(3)", "failed: line 7: it calls sys.exit(3), which a plugin must not do") for kind in OFFERS),
    *((kind, code, "writes into an array it is given (line 7: ") for kind, code in MUTATES.items()),
    *((kind, code, wanted) for kind, (code, wanted) in WRONG.items()),
]


def write(folder, kind, code):
    """A plugin file that offers one thing, with this code in its function."""
    path = folder / "stranger.py"
    text = HEAD.format(kind=kind, offer=OFFERS[kind][1], body=textwrap.indent(code, "    "))
    path.write_text(text, encoding="utf-8")
    return path


def settings_with(kind):
    """Settings of a small discovery that uses what the stranger offers."""
    fits = ("odd",) if kind == "fits" else ("mean", "ridge")
    small = Settings(trial_clips=8, controls=2, control_clips=4, sample_clips=64, fits=fits)
    return Settings(**{**small.as_dict(), "basis": "odd"}) if kind == "bases" else small


@pytest.fixture
def discover(plugins_dir, monkeypatch):
    """Runs a small discovery on the tiny model with a plugin file's offer in use; no knob of it may be stored."""

    def run(kind, code):
        path = write(plugins_dir, kind, code)
        corpus = "odd" if kind == "corpora" else "tiny"
        with Workbench.open() as workbench:
            try:
                workbench.discover("note-split", corpus=corpus, model="tiny", clips=400, settings=settings_with(kind))
            finally:
                assert not any(knob.model_name == "tiny" for knob in workbench.registry.knobs())
        return path

    return run


@pytest.mark.parametrize(("kind", "code", "wanted"), FAULTS)
def test_a_strangers_fault_is_one_sentence(discover, plugins_dir, kind, code, wanted):
    """What fails, exits, writes into its input or gives back the wrong thing is named with plugin, file and duty."""
    with pytest.raises(PluginError) as caught:
        discover(kind, code)

    text = str(caught.value)
    path = plugins_dir / "stranger.py"
    assert text.startswith(f"{OFFERS[kind][0]} 'odd' of plugin 'stranger' ({path}) ")
    assert wanted in text
    assert "; it must " in text
    assert text.endswith(".")
    assert "\n" not in text


SONGS = {
    "no song": ("yield 7", "an int as a song"),
    "none among them": ("yield None", "nothing as a song"),
    "a split that is none": ("yield Song('a', good, 'dev')", "in the split 'dev', which is none of train"),
    "a name that is none": ("yield Song(7, good, 'test')", "7 as its name"),
    "a name twice": ("yield Song('a', good, 'test')\nyield Song('a', good, 'train')", "two songs named 'a'"),
    "floats": ("yield Song('a', good / 2, 'test')", "song 'a' with an array of float64"),
    "a list": ("yield Song('a', good.tolist(), 'test')", "song 'a' with a list as its clips"),
    "no clips": ("yield Song('a', good[:0], 'test')", "of shape (0, 32) as its clips"),
    "other clips": ("yield Song('a', good[:, :16], 'test')", "clips of shape (16,); those of melody-2bar have (32,)"),
    "a token too high": ("yield Song('a', good + 70, 'test')", "tokens 130 to 130"),
    "broken clips": ("yield Song('a', np.full((2, 32), 128), 'test')", "2 clips that break the rules of melody-2bar"),
    "an error on the way": ("yield Song('a', good, 'test')\n1 / 0", "failed: line 9: it raised ZeroDivisionError"),
    "writing into the request": ("given.clips = 7\nyield", "failed: line 8: it raised FrozenInstanceError"),
}


@pytest.mark.parametrize("fault", sorted(SONGS))
def test_a_song_that_is_none_ends_the_discovery(discover, fault):
    """Each song is checked as it comes: nothing of a corpus that gives a bad one is stored."""
    code, wanted = SONGS[fault]
    with pytest.raises(PluginError, match="corpus 'odd' of plugin 'stranger'") as caught:
        discover("corpora", f"good = np.full((2, 32), 60)\n{code}")

    assert wanted in str(caught.value)


def offered(kind, offer_of):
    """One offer as it is handed out, made by a function of what the package gives to authors."""

    def register(self):
        return [offer_of]

    register.__name__ = f"register_{kind}"
    plugins = Plugins(strict=True)
    plugins.register(type("Plugin", (), {register.__name__: hookimpl(register)})(), "strange")
    return next(iter(getattr(plugins, kind)().values()))


def handed(kind, code):
    """The function of an offer as it is handed out."""
    if kind == "fits":
        return offered(kind, Fit("odd", "shift", "Odd.", code)).fit
    if kind == "selectors":
        return offered(kind, Selector("odd", "Odd.", code)).select
    return offered(kind, Basis("odd", "Odd.", code)).compute


SIZE = 4
NONE = np.zeros((2, SIZE + 1, SIZE + 1))
FIT = FitInput(SIZE, (1.0, 2.0), np.ones((2, SIZE)), NONE, NONE, NONE, NONE, np.zeros(2), options={"steps": 1})
SELECT = SelectInput(np.ones((2, SIZE)), np.full(SIZE, 0.25), lambda _dims: 1.0, {"keep": 0.9})
SHIFT = Operator("shift", {"direction": np.ones(SIZE)})
AFFINE = {"amounts": [1, 2], "matrices": np.zeros((2, SIZE, SIZE)), "offsets": np.zeros((2, SIZE))}
FITTED = {
    "one thing": (lambda: SHIFT, "returned an Operator"),
    "three things": (lambda: (SHIFT, {}, {}), "returned a tuple"),
    "no operator": (lambda: ({"direction": np.ones(SIZE)}, {}), "a dict as its operator"),
    "another kind": (lambda: (Operator("affine", AFFINE), {}), "an operator of kind 'affine'"),
    "numbers that are none": (lambda: (Operator("shift", {"direction": [np.nan] * SIZE}), {}), "not finite"),
    "an array missing": (lambda: (Operator("shift", {}), {}), "without an array 'direction'"),
    "an array too many": (lambda: (Operator("shift", {"direction": np.ones(SIZE), "bias": [1]}), {}), "array 'bias'"),
    "a bent projection": (
        lambda: (Operator("shift", {"direction": np.ones(SIZE), "projection": np.ones((SIZE, 2))}), {}),
        "whose 'projection' has columns that are not orthonormal",
    ),
    "facts in a list": (lambda: (SHIFT, [1]), "a list as its facts"),
    "a fact that is none": (lambda: (SHIFT, {"loss": np.nan}), "the fact 'loss' with nan"),
    "a fact in a list": (lambda: (SHIFT, {"loss": [1.0, np.inf]}), "the fact 'loss' with inf"),
    "an array as a fact": (lambda: (SHIFT, {"loss": np.ones(2)}), "the fact 'loss' with an array"),
    "a dictionary as a fact": (lambda: (SHIFT, {"loss": {}}), "the fact 'loss' with a dict"),
    "words in a list": (lambda: (SHIFT, {"loss": ["low"]}), "the fact 'loss' with a str"),
    "a fact without a name": (lambda: (SHIFT, {1: 1}), "a fact whose name is an int"),
}


@pytest.mark.parametrize("fault", sorted(FITTED))
def test_what_a_fit_gives_is_an_operator_that_can_turn_codes(fault):
    """Its arrays have the names and shapes of its kind, and what is kept of the fitting is what JSON carries."""
    found, wanted = FITTED[fault]

    with pytest.raises(PluginError, match=wanted) as caught:
        handed("fits", lambda _given: found())(FIT)

    assert "an Operator of kind 'shift' for 4 dimensions and a dictionary of facts" in str(caught.value)


@pytest.mark.parametrize(
    ("arrays", "wanted"),
    [
        ({"amounts": [2, 1]}, "not ascending without 0"),
        ({"amounts": [0, 2]}, "not ascending without 0"),
        ({"amounts": [1, 1.5]}, "for amounts 1 to 1.5, where the run has 1 to 2"),
        ({"matrices": np.zeros((2, SIZE, SIZE + 1))}, r"'matrices' has shape \(2, 4, 5\) instead of \(2, 4, 4\)"),
        ({"offsets": np.zeros((3, SIZE))}, r"'offsets' has shape \(3, 4\) instead of \(2, 4\)"),
        ({"offsets": np.zeros(SIZE)}, r"instead of"),
    ],
)
def test_an_affine_operator_reaches_the_amounts_that_are_asked_for(arrays, wanted):
    """Its arrays fit one another, and its amounts ascend and span those of the run."""
    good = offered("fits", Fit("odd", "affine", "Odd.", lambda _given: (Operator("affine", AFFINE), {})))
    bad = offered("fits", Fit("odd", "affine", "Odd.", lambda _given: (Operator("affine", {**AFFINE, **arrays}), {})))

    assert good.fit(FIT)[0].kind == "affine"
    with pytest.raises(PluginError, match=wanted):
        bad.fit(FIT)


def test_a_residual_operator_divides_by_no_zero():
    """A spread of 0 in its scale would make every turned code infinite."""
    network = {"scale": [1, 1, 1, 0], "input": np.zeros((3, SIZE)), "entry": np.zeros((2, 3)), "hidden": np.eye(3)}
    arrays = {**AFFINE, **network, "hidden_bias": [0] * 3, "output": np.zeros((SIZE, 3))}

    with pytest.raises(PluginError, match="'scale' has a 0"):
        offered("fits", Fit("odd", "residual", "Odd.", lambda _given: (Operator("residual", arrays), {}))).fit(FIT)


@pytest.mark.parametrize(
    ("blocks", "wanted"),
    [
        ({"blocks": np.zeros((2, 3, 3))}, "without an array 'blocks_bias'"),
        ({"blocks": np.zeros((2, 3, 3)), "blocks_bias": np.zeros((1, 3))}, r"'blocks_bias' has shape \(1, 3\)"),
    ],
)
def test_a_deeper_residual_operator_has_a_bias_for_each_block(blocks, wanted):
    """Matrices and biases of the further layers come together, as many of one as of the other."""
    network = {"scale": [1] * SIZE, "input": np.zeros((3, SIZE)), "entry": np.zeros((2, 3)), "hidden": np.eye(3)}
    arrays = {**AFFINE, **network, "hidden_bias": [0] * 3, "output": np.zeros((SIZE, 3)), **blocks}

    with pytest.raises(PluginError, match=wanted):
        offered("fits", Fit("odd", "residual", "Odd.", lambda _given: (Operator("residual", arrays), {}))).fit(FIT)


@pytest.mark.parametrize(
    ("step", "wanted"),
    [([0.0], "not above 0"), ([0.75], "amount 1 is no multiple"), ([1.0, 2.0], r"shape \(2,\) instead of \(1,\)")],
)
def test_a_group_operator_has_one_step_that_serves_the_amounts(step, wanted):
    """One step above 0, of which every amount asked for is a multiple."""

    def made(one):
        arrays = {"step": one, "matrix": np.eye(SIZE), "offset": np.zeros(SIZE)}
        return offered("fits", Fit("odd", "group", "Odd.", lambda _given: (Operator("group", arrays), {})))

    assert made([0.5]).fit(FIT)[0].kind == "group"
    with pytest.raises(PluginError, match=wanted):
        made(step).fit(FIT)


def test_a_fit_may_decline():
    """What a fit says to people of an edit that it cannot serve passes as it is."""

    def decline(_given):
        raise NotFittedError("no powers here.")

    with pytest.raises(NotFittedError, match="no powers here"):
        offered("fits", Fit("odd", "group", "Odd.", decline)).fit(FIT)


def test_facts_of_a_fit_come_out_in_plain_types():
    """Numbers of numpy and tuples are taken, as the registry keeps them."""
    facts = {"loss": np.float32(0.5), "steps": np.int64(3), "errors": (1, None), "why": "so", "none": None}
    _, kept = handed("fits", lambda _given: (SHIFT, facts))(FIT)

    assert kept == {"loss": 0.5, "steps": 3, "errors": [1, None], "why": "so", "none": None}
    assert [type(kept[name]) for name in ("loss", "steps")] == [float, int]


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        ([0, 4], "numbers from 0 to 4"),
        ([-1], "numbers from -1 to -1"),
        ([1, 1], "a dimension twice"),
        ([0.5], "a list"),
        (np.zeros((1, 1), int), r"an array of int64 of shape \(1, 1\)"),
        (None, "nothing"),
        ("01", "a str"),
    ],
)
def test_what_a_selector_gives_are_dimensions(found, wanted):
    """Distinct whole numbers of dimensions that there are."""
    with pytest.raises(PluginError, match=f"returned {wanted}.*distinct whole numbers from 0 to 3"):
        handed("selectors", lambda _given: found)(SELECT)


@pytest.mark.parametrize("found", [[], [2, 0], (3,), np.array([1], dtype=np.int16)])
def test_a_selector_may_give_any_whole_numbers(found):
    """A list will do, and none at all; int64 is handed on."""
    dims = handed("selectors", lambda _given: found)(SELECT)

    assert dims.dtype == np.int64
    assert dims.tolist() == list(found)


@pytest.mark.parametrize("found", [np.eye(3), np.eye(4)[:, :3], np.eye(4) * np.nan, np.eye(4).tolist(), 2 * np.eye(4)])
def test_what_a_basis_gives_is_orthonormal(found):
    """As many columns as dimensions, of length 1, at right angles."""
    with pytest.raises(PluginError, match=r"shape \(4, 4\) with orthonormal columns"):
        handed("bases", lambda _given: found)(BasisInput(4, np.eye(4)))


@pytest.mark.parametrize(
    ("columns", "dual", "wanted"),
    [
        (2 * np.eye(4), np.eye(4) / 2, None),
        (np.triu(np.ones((4, 4))), np.linalg.inv(np.triu(np.ones((4, 4)))).T, None),
        (np.triu(np.ones((4, 4))), np.linalg.inv(np.triu(np.ones((4, 4)))), "whose dual is not the inverse"),
        (2 * np.eye(4), 2 * np.eye(4), "whose dual is not the inverse"),
        (np.eye(4), np.eye(3), r"an array of float64 of shape \(3, 3\) as its dual"),
        (np.full((4, 4), np.inf), np.eye(4), "numbers that are not finite as its columns"),
        (np.eye(4).tolist(), np.eye(4), "a list as its columns"),
    ],
)
def test_coordinates_of_a_basis_undo_one_another(columns, dual, wanted):
    """A basis that is not orthonormal comes with its dual, whose transpose is the inverse of its columns."""
    compute = handed("bases", lambda _given: Coordinates(columns, dual))

    if wanted is None:
        assert np.array_equal(compute(BasisInput(4, np.eye(4))).dual, dual)
    else:
        with pytest.raises(PluginError, match=wanted):
            compute(BasisInput(4, np.eye(4)))


def test_a_fault_of_what_it_calls_is_not_the_selectors():
    """Where the model breaks while a selector asks for an effect, the sentence is about the model."""

    def kept(_dims):
        raise BackendError("decode of model 'm' failed.")

    with pytest.raises(BackendError, match=r"^decode of model 'm' failed\.$"):
        handed("selectors", lambda given: [int(given.kept(np.arange(2)))])(SelectInput(NONE[0], np.ones(4), kept))


@pytest.mark.parametrize("kind", ["fits", "selectors", "bases"])
def test_ctrl_c_in_a_method_ends_the_work(kind):
    """A keyboard interrupt of the signal passes every guard."""

    def interrupt(_given):
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        handed(kind, interrupt)({"fits": FIT, "selectors": SELECT, "bases": BasisInput(4, np.eye(4))}[kind])


def test_a_corpus_speaks_for_itself(discover):
    """A CorpusError is the corpus's own sentence and reaches people as it is."""
    with pytest.raises(CorpusError, match=r"^Nothing here: look elsewhere\.$"):
        discover(
            "corpora", "from latentknobs.errors import CorpusError\nraise CorpusError('Nothing here: look elsewhere.')"
        )


def test_built_ins_are_handed_out_as_they_are():
    """No wrapper stands between the program and a function of a built-in."""
    plugins = Plugins.build(BUILTINS, plugins_dir=None, entry_points=False)

    for module in map(importlib.import_module, BUILTINS):
        for kind in KINDS:
            for offer in getattr(module, kind.hook, list)():
                same = handed_out(plugins, kind, offer)
                functions = [value for value in vars_of(same) if callable(value)]
                assert type(same) is type(offer)
                assert not any("hooks" in function.__module__ for function in functions)


def vars_of(offer):
    """The values of an offer's fields."""
    return [getattr(offer, field.name) for field in attrs.fields(type(offer))] if attrs.has(type(offer)) else []


def handed_out(plugins, kind, offer):
    """The plugins' offer of the same kind and name."""
    offers = plugins.commands() if kind.name == "commands" else getattr(plugins, kind.name)().values()
    return next(other for other in offers if kind.key(other) == kind.key(offer))
