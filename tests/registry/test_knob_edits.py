import pytest
from attrs import evolve

from latentknobs.core.query_spec import KnobQuery
from latentknobs.errors import RegistryError, UnknownNameError, UsageError
from latentknobs.registry.overlay import Registry
from latentknobs.registry.store import KnobStore
from latentknobs.testing.store import MODEL, arrays, sample_run


@pytest.fixture
def registry(saved, tmp_path):
    """A person's registry with a pitch knob, above a package's with rhythm."""
    packaged = tmp_path / "package" / "registry.db"
    packaged.parent.mkdir()
    KnobStore.open(packaged, allow_built_in=True).save_run(sample_run(2, name="rhythm"))
    return Registry.open(saved, packaged=packaged)


def names(registry):
    """The names of the current knobs."""
    return [knob.name for knob in registry.knobs()]


def test_tags_come_and_go(registry):
    """Tags are added once and taken away, and what is asked twice stays as it is."""
    registry.change_tags(MODEL, "pitch", add=["favourite", "favourite", "melody"], remove=["shipped", "unknown"])

    assert registry.knob(MODEL, "pitch").tags == ("favourite", "melody")
    assert [knob.name for knob in registry.find(KnobQuery(tag="favourite"))] == ["pitch"]


@pytest.mark.parametrize("tag", ["", "two words", "a,b", "line\nbreak"])
def test_a_tag_is_one_word(registry, tag):
    """What would not stand between blanks and commas is no tag, and nothing is changed."""
    with pytest.raises(UsageError, match="is no tag"):
        registry.change_tags(MODEL, "pitch", add=["fine", tag])

    assert registry.knob(MODEL, "pitch").tags == ("melody", "shipped")


def test_a_note_is_written_over_and_taken_away(registry):
    """A knob has one note, any text, until it is emptied."""
    for text in ("first", "Fünf \u266d\nlines", ""):
        registry.write_note(MODEL, "pitch", text)
        assert registry.knob(MODEL, "pitch").note == text


def test_a_renamed_knob_is_the_same_knob(registry, saved):
    """A rename changes the name that means a knob and nothing of its run; the old name means nothing then."""
    before = registry.knob(MODEL, "pitch")
    registry.rename(MODEL, "pitch", "height")

    after = registry.knob(MODEL, "height")
    assert names(registry) == ["height", "rhythm"]
    assert (arrays(after), after.run_id, after.tags) == (arrays(before), before.run_id, before.tags)
    assert {knob.name for knob in registry.run(before.run_id).knobs} == {"pitch"}
    assert [k.fit for k in registry.find(KnobQuery(name="height", history=True))] == ["ridge"]
    assert [k.fit for k in registry.find(KnobQuery(name="pitch", history=True))] == ["mean"]
    assert [k.name for k in registry.find(KnobQuery(name="he*"))] == ["height"]


def test_a_knob_found_again_keeps_its_new_name(registry):
    """Saving the run of a renamed knob again adds no second knob, and another run's takes the old name."""
    registry.rename(MODEL, "pitch", "height")
    registry.save_run(sample_run())
    assert names(registry) == ["height", "rhythm"]

    registry.save_run(sample_run(5))
    assert names(registry) == ["height", "pitch", "rhythm"]


@pytest.mark.parametrize(
    ("new", "match"),
    [
        ("Pitch Two", "write small letters"),
        ("random", "none of random, others"),
        ("pitch-auto", "found without an edit"),
        ("rhythm", "has a knob named 'rhythm'"),
        ("*", "write small letters"),
    ],
)
def test_names_that_no_knob_can_have(registry, new, match):
    """A name that is not one, reserved or taken, in any layer, is refused, and the knob keeps its own."""
    with pytest.raises(UsageError, match=match):
        registry.rename(MODEL, "pitch", new)

    assert names(registry) == ["pitch", "rhythm"]


def test_a_knob_found_without_an_edit_may_keep_such_a_name(path, tmp_path):
    """Only edits' knobs may not end in -auto."""
    run = sample_run()
    spec = evolve(run.spec, augmentation=None)
    knobs = tuple(evolve(knob, augmentation=None, run_id=spec.run_id) for knob in run.knobs)
    KnobStore.open(path).save_run(evolve(run, spec=spec, knobs=knobs))
    registry = Registry.open(path, packaged=tmp_path / "none.db")
    registry.rename(MODEL, "pitch", "height-auto")

    assert names(registry) == ["height-auto"]


def test_a_deleted_knob_can_be_found_again(registry):
    """Deleting takes the name and the operator; the run keeps the evidence, and saving it again brings both back."""
    before = registry.knob(MODEL, "pitch")
    registry.delete(MODEL, "pitch")

    assert names(registry) == ["rhythm"]
    (kept,) = (knob for knob in registry.run(before.run_id).knobs if knob.fit == "ridge")
    assert (kept.operator, kept.evidence) == (None, before.evidence)
    registry.save_run(sample_run())
    assert arrays(registry.knob(MODEL, "pitch")) == arrays(before)


@pytest.mark.parametrize("act", ["change_tags", "write_note", "rename", "delete"])
def test_what_lies_beneath_is_never_changed(registry, act):
    """The package's knobs take no tags, notes or names, and the sentence says how to copy one."""
    words = {"change_tags": (), "write_note": ("text",), "rename": ("other",), "delete": ()}[act]
    before = registry._packaged.read_bytes()

    with pytest.raises(RegistryError, match=r"knobs export rhythm -o rhythm\.json"):
        getattr(registry, act)(MODEL, "rhythm", *words)
    with pytest.raises(UnknownNameError, match="did you mean 'pitch'"):
        getattr(registry, act)(MODEL, "pich", *words)

    assert registry._packaged.read_bytes() == before


def test_in_an_empty_registry_there_is_nothing_to_change(path, tmp_path):
    """Without a file a knob is unknown, and no file is made."""
    registry = Registry.open(path, packaged=tmp_path / "none.db")

    with pytest.raises(UnknownNameError, match="none yet"):
        registry.delete(MODEL, "pitch")
    assert not path.exists()
