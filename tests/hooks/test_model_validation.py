"""What a stranger's models do wrong, and what becomes of it."""

import numpy as np
import pytest

from latentknobs.core.augmentation import NoteAugmentation
from latentknobs.core.backend import BackendFactory, LatentGradient, LatentWeights, Posterior, Sampling
from latentknobs.core.capability import capability
from latentknobs.core.melody_format import MELODY
from latentknobs.errors import BackendError, ClipError, ModelError, PluginError, UsageError
from latentknobs.hooks import hookimpl
from latentknobs.hooks.manager import Plugins
from latentknobs.session import Session
from latentknobs.testing.tiny import LATENT_SIZE, TinyBackend, tiny_clips
from latentknobs.workbench import Workbench

PLUGIN = """\
import sys
import numpy as np
from latentknobs import BackendFactory, Posterior, hookimpl
from latentknobs.testing.tiny import TinyBackend
LATENTKNOBS_API = 1

class Odd(TinyBackend):
    def {method}(self, given, *more):
        {code}

def load(location, device):
    {load}

def recognises(path):
    {recognises}

@hookimpl
def register_backends():
    return [BackendFactory("odd", "Odd.", load, {{"odd": ""}}, recognises)]
"""
FINE = {"method": "other", "code": "pass", "load": "return Odd()", "recognises": "return False"}
METHODS = {
    "accepts": ("return [True]", "a list; it must return an array of"),
    "encode": ("return super().encode(given).mean", "an array of float32 of shape"),
    "decode": ("return np.full((len(given), 32), 130)", "tokens 130 to 130"),
}
FAULTS = [
    *((name, "1 / 0", "failed: line 9: it raised ZeroDivisionError: division by zero") for name in METHODS),
    *((name, "sys.exit()", "failed: line 9: it calls sys.exit(), which a plugin must not do") for name in METHODS),
    *((name, "given[:] = 0", "writes into an array it is given (line 9: ") for name in METHODS),
    *((name, code, wanted) for name, (code, wanted) in METHODS.items()),
]


@pytest.fixture
def opened(plugins_dir):
    """Opens a workbench with a plugin file that offers a model named odd."""

    def write(**parts):
        (plugins_dir / "stranger.py").write_text(PLUGIN.format(**{**FINE, **parts}), encoding="utf-8")
        return Workbench.open()

    return write


@pytest.mark.parametrize(("method", "code", "wanted"), FAULTS)
def test_a_broken_model_is_one_sentence(opened, plugins_dir, method, code, wanted):
    """Whatever a method of a model does wrong, opening a piece with it names method, model, plugin and file."""
    with opened(method=method, code=code) as workbench, pytest.raises(BackendError) as caught:
        Session.open(workbench, model="odd")

    text = str(caught.value)
    assert text.startswith(f"{method} of model 'tiny' of plugin 'stranger' ({plugins_dir / 'stranger.py'}) ")
    assert wanted in text
    assert "; it must " in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("method", "code"),
    [
        ("encode", "return Posterior(super().encode(given).mean + np.random.default_rng().random(dtype=np.float32))"),
        ("decode", "return super().decode(given + np.random.default_rng().normal(size=given.shape))"),
    ],
)
def test_a_model_that_draws_is_noticed_when_it_is_first_used(opened, method, code):
    """An encoder or a decoder that gives something else the second time is one sentence, on any piece."""
    with opened(method=method, code=code) as workbench, pytest.raises(BackendError, match="the second time; it must"):
        Session.open(workbench, model="odd")


@pytest.mark.parametrize(
    ("load", "wanted"),
    [
        ("1 / 0", "failed: line 12: it raised ZeroDivisionError"),
        ("sys.exit(2)", "failed: line 12: it calls sys.exit(2)"),
        ("return None", "returned nothing"),
        ("return Odd", "returned the class Odd instead of an instance"),
        ("return object()", "returned an object"),
        ("return Odd(7)", "whose spec is not a BackendSpec"),
    ],
)
def test_a_model_that_cannot_be_loaded_is_one_sentence(opened, load, wanted):
    """What a backend gives is a model, or a sentence that names the backend."""
    with opened(load=load) as workbench, pytest.raises(PluginError, match=r"^backend 'odd' of plugin .*; it must") as e:
        workbench.model("odd")

    assert wanted in str(e.value)


def test_a_backend_says_itself_what_is_wrong_with_a_file(opened):
    """A ModelError of loading reaches people as it is."""
    load = "from latentknobs.errors import ModelError; raise ModelError('The weights are torn.')"
    with opened(load=load) as workbench, pytest.raises(ModelError, match=r"^The weights are torn\.$"):
        workbench.model("odd")


@pytest.mark.parametrize(("code", "wanted"), [("1 / 0", "ZeroDivisionError"), ("return None", "returned nothing")])
def test_a_backend_recognises_files_or_not(opened, tmp_path, code, wanted):
    """The answer is True or False; anything else names the backend."""
    (tmp_path / "some.weights").write_text("none")
    with opened(recognises=code) as workbench, pytest.raises(PluginError, match="recognises of backend 'odd'") as e:
        workbench.model(str(tmp_path / "some.weights"))

    assert wanted in str(e.value)


def guarded(model):
    """A model as it is handed out."""

    class Plugin:
        @hookimpl
        def register_backends(self):
            return [BackendFactory("odd", "Odd.", lambda _location, _device: model)]

    plugins = Plugins(strict=True)
    plugins.register(Plugin(), "strange")
    return plugins.backends()["odd"].load("", "cpu")


CODES = TinyBackend().encode(tiny_clips(3)).mean
ANSWERS = {
    "a short mask": ("accepts", np.ones(2, bool), r"an array of bool of shape \(2,\)"),
    "numbers as a mask": ("accepts", np.ones(3), "an array of float64"),
    "fewer codes": ("encode", Posterior(CODES[1:]), r"shape \(2, 24\) as its mean"),
    "whole numbers as codes": (
        "encode",
        Posterior(CODES.astype(int)),
        r"int64 as its mean \(discrete codes .* quantize inside decode\); it must",
    ),
    "codes that are not finite": ("encode", Posterior(CODES * np.nan), "not finite as its mean"),
    "a short scale": ("encode", Posterior(CODES, CODES[1:]), r"\(2, 24\) as its scale"),
    "a scale below 0": ("encode", Posterior(CODES, -np.ones_like(CODES)), "a scale that is not above 0"),
    "a scale of 0": ("encode", Posterior(CODES, np.zeros_like(CODES)), "a scale that is not above 0"),
    "floats as clips": ("decode", np.zeros((3, 32)), "float64"),
    "fewer clips": ("decode", tiny_clips(2), r"shape \(2, 32\)"),
    "broken clips": ("decode", np.full((3, 32), 128), "3 clips that break the rules"),
    "other steps": ("decode_log_probs", np.zeros((3, 32, 12)), r"\(3, 32, 12\); it must .* \(3, 32, 130\)"),
    "probabilities": ("decode_log_probs", np.ones((3, 32, 130)), "numbers up to 1"),
    "nan": ("decode_log_probs", np.full((3, 32, 130), np.nan), "numbers up to nan"),
    "a list of weights": ("latent_weights", [], "a list"),
    "other weights": ("latent_weights", {"in": np.zeros((5, 3))}, r"\(5, 3\) as its 'in'"),
    "no weights": ("latent_weights", {"in": None}, "nothing as its 'in'"),
    "another product": ("jvp", np.zeros((3, 24)), r"\(3, 24\); it must .* \(3, 32, 130\)"),
    "broken drawn clips": ("decode_sampled", np.full((3, 32), 128), "3 clips that break the rules"),
    "a product that is not finite": ("vjp", np.full((3, 24), np.inf), "not finite"),
}
GIVEN = {
    "accepts": (tiny_clips(3),),
    "encode": (tiny_clips(3),),
    "decode": (CODES,),
    "decode_log_probs": (CODES,),
    "latent_weights": (),
    "decode_sampled": (CODES, 1.0, 0),
    "jvp": (CODES, tiny_clips(3), CODES),
    "vjp": (CODES, tiny_clips(3), np.zeros((3, 32, 130), np.float32)),
}


class Able(TinyBackend):
    """A model with the optional capabilities."""

    def latent_weights(self):
        return {"in": np.ones((5, LATENT_SIZE))}

    def jvp(self, z, given, vectors):
        return np.zeros((len(z), 32, 130))

    def vjp(self, z, given, vectors):
        return np.zeros(z.shape)

    def decode_sampled(self, z, temperature, seed):
        return self.decode(z)

    def about(self):
        return "able"


@pytest.mark.parametrize("fault", sorted(ANSWERS))
def test_answers_of_a_model_are_checked(fault):
    """Every method, the optional ones too, gives arrays of the promised type, shape and range."""
    method, answer, wanted = ANSWERS[fault]
    model = guarded(type("Odd", (Able,), {method: lambda _self, *_given: answer})())

    with pytest.raises(BackendError, match=f"{method} of model 'tiny' of plugin 'strange'.* returned .*{wanted}"):
        getattr(model, method)(*GIVEN[method])


def test_a_model_has_the_capabilities_that_it_has():
    """Optional capabilities are seen through the wrapper, and so is what else a model has."""
    able, plain = guarded(Able()), guarded(TinyBackend())

    for protocol in (LatentWeights, LatentGradient, Sampling):
        assert capability(able, protocol) is able
        assert capability(plain, protocol) is None
    assert able.latent_weights()["in"].dtype == np.float32
    assert able.about() == "able"
    with pytest.raises(AttributeError):
        plain.about()


def test_answers_of_a_sound_model_are_handed_on():
    """They are the model's own, to the bit, in the types of the interface, for no clips too."""
    tiny, model, clips = TinyBackend(), guarded(TinyBackend()), tiny_clips(5)

    for some in (clips, clips[:0]):
        posterior, codes = model.encode(some), tiny.encode(some).mean
        assert np.array_equal(posterior.mean, codes)
        assert np.array_equal(posterior.scale, tiny.encode(some).scale)
        assert np.array_equal(model.accepts(some), tiny.accepts(some))
        assert np.array_equal(model.decode(codes), tiny.decode(codes))
        for given in (None, some):
            assert np.array_equal(model.decode_log_probs(codes, given), tiny.decode_log_probs(codes, given))


def test_a_model_may_compute_in_double_precision():
    """Codes of float64 and clips of int64 are handed on as float32 and int16."""
    tiny = TinyBackend()

    class Wide(TinyBackend):
        def encode(self, clips):
            return Posterior(tiny.encode(clips).mean.astype(np.float64))

        def decode(self, z):
            return tiny.decode(z).astype(np.int64)

    assert guarded(Wide()).encode(tiny_clips(3)).mean.dtype == np.float32
    assert guarded(Wide()).decode(CODES).dtype == np.int16


def test_a_model_may_refuse_what_are_no_clips():
    """A ClipError is about what the model was given, and passes as it is."""
    with pytest.raises(ClipError, match=MELODY.name):
        guarded(TinyBackend()).encode(np.zeros((2, 16), dtype=np.int16))


def test_a_latent_size_that_changes_is_refused():
    """Codes of another size than the model's names both shapes."""

    class Growing(TinyBackend):
        def encode(self, clips):
            return Posterior(np.zeros((len(clips), LATENT_SIZE + len(clips) // 2), dtype=np.float32))

    model = guarded(Growing())
    assert model.encode(tiny_clips(1)).mean.shape == (1, LATENT_SIZE)
    with pytest.raises(BackendError, match=r"encode of .* shape \(4, 26\) as its mean; it must .* \(4, 24\)"):
        model.encode(tiny_clips(4))


def test_an_edit_of_other_clips_is_refused(opened):
    """An edit of other clips is refused with its need, what the model's clips offer and what fits."""

    class Other(NoteAugmentation):
        name = knob_name = "other"
        clip_format = "drum-grid"

        def edit(self, notes, amount, rng):
            return notes

    class Plugin:
        @hookimpl
        def register_augmentations(self):
            return [Other()]

    with opened() as workbench:
        workbench.plugins.register(Plugin(), "others")
        with pytest.raises(
            UsageError,
            match=r"^other needs clips of drum-grid, and melody-2bar offers monophonic, sixteenths; what fits is ",
        ):
            workbench.discover("other", model="odd", corpus="folk")
