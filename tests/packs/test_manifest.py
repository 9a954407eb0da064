"""The manifest of a pack: what is written is what is read, and the published schema says the same."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from referencing import Registry, Resource

from latentknobs.errors import PackError
from latentknobs.packs.manifest import (
    SCHEMA,
    Manifest,
    PackedFile,
    PackedKnob,
    PackedModel,
    PackedPlugin,
    read_manifest,
)
from latentknobs.registry.import_export import SCHEMA as KNOBS_SCHEMA
from tests.schemas import schema_of


def test_the_schema_is_generated():
    """The published schema is that of the classes that read the file."""
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "latentknobs-pack-1",
        "title": "A pack of knobs of latentknobs, version 1",
    }
    schema = schema_of(Manifest)
    schema["properties"]["runs"]["items"] = {"$ref": "latentknobs-knobs-3#/$defs/run"}
    text = json.dumps(head | schema, indent=2)

    assert SCHEMA.read_text(encoding="utf-8") == text + "\n"


def validate(facts: Any) -> None:
    """Hold it against the published schema."""
    schemas = [json.loads(path.read_text(encoding="utf-8")) for path in (SCHEMA, KNOBS_SCHEMA)]
    registry = Registry().with_resources((one["$id"], Resource.from_contents(one)) for one in schemas)
    jsonschema.Draft202012Validator.check_schema(schemas[0])
    jsonschema.Draft202012Validator(schemas[0], registry=registry).validate(facts)


words = st.text(st.characters(categories=("L", "N", "P")), min_size=1, max_size=20)
hashes = st.text("0123456789abcdef", min_size=64, max_size=64)


@st.composite
def manifests(draw: st.DrawFn) -> Manifest:
    """Any manifest that agrees with itself; its runs are nobody's."""
    names = draw(st.lists(st.from_regex(r"[b-z][a-z0-9_-]{4,20}", fullmatch=True), min_size=1, max_size=4, unique=True))
    knobs = tuple(
        PackedKnob(draw(st.integers(0, 5)), draw(st.integers(0, 5)), name, draw(st.none() | st.floats(-9, 9)))
        for name in names
    )
    stems = draw(st.lists(st.from_regex(r"[a-z][a-z0-9_]{4,20}", fullmatch=True), max_size=3, unique=True))
    plugins = tuple(PackedPlugin(f"plugins/{stem}.py", (draw(words),)) for stem in stems)
    weights = draw(st.none() | st.just("models/a.safetensors"))
    model = PackedModel(draw(words), draw(hashes), draw(st.integers(1, 999)), (draw(words),), draw(words), weights)
    files = {"README.md", *(one.operator for one in knobs), *(name for one in knobs for name in one.examples)}
    files |= {"examples/before.mid", "examples/before.wav"} if any(one.examples for one in knobs) else set()
    files |= {one.path for one in plugins} | ({"models/a.safetensors", "models/a.json"} if weights else set())
    hashed = {name: PackedFile(draw(st.integers(0, 2**30)), draw(hashes)) for name in sorted(files)}
    head = ("latentknobs-pack", 1, draw(words), draw(words))
    return Manifest(*head, model, (), knobs, plugins, tuple(draw(st.lists(words, max_size=2))), hashed)


@settings(max_examples=30)
@given(manifests())
def test_what_is_written_is_what_is_read(manifest):
    """A manifest comes back from its text, its text from it, and the schema allows it."""
    text = manifest.text()

    assert read_manifest(text.encode(), "it") == manifest
    assert read_manifest(text.encode(), "it").text() == text
    validate(json.loads(text))


@settings(max_examples=30)
@given(manifests(), st.data())
def test_what_is_wrong_is_refused_by_both(manifest, data):
    """Without one of its keys, or with one more, neither the reader nor the schema takes it."""
    facts = json.loads(manifest.text())
    place = data.draw(st.sampled_from([facts, facts["model"], facts["knobs"][0], facts["files"]["README.md"]]))
    if data.draw(st.booleans()):
        del place[data.draw(st.sampled_from(sorted(place)))]
    else:
        place["more"] = 1

    with pytest.raises(PackError, match=r"^knobs.json of it cannot be used: .*\.$"):
        read_manifest(json.dumps(facts).encode(), "it")
    with pytest.raises(jsonschema.ValidationError):
        validate(facts)
