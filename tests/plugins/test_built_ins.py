"""Our own plugins keep every promise that is asked of a stranger's, by the same list of checks."""

import pytest

from latentknobs.core.augmentation import Augmentation
from latentknobs.hooks.built_ins import BUILTINS
from latentknobs.testing.contracts import PluginContract


class TestAttributes(PluginContract):
    """Attributes and comparisons."""

    plugin = "attributes"


class TestAugmentations(PluginContract):
    """Edits."""

    plugin = "augmentations"


class TestBackends(PluginContract):
    """The shipped model."""

    plugin = "backends.gru_musicvae"


class TestMagenta(PluginContract):
    """Checkpoints of magenta.js."""

    plugin = "backends.magenta_js"


class TestTraining(PluginContract):
    """The commands that make models."""

    plugin = "backends.training"


@pytest.mark.slow
class TestCorpora(PluginContract):
    """Sources of clips; without a cache, and a few songs of each."""

    plugin = "corpora"


class TestMetrics(PluginContract):
    """The field's metrics."""

    plugin = "metrics"


class TestCommandLine(PluginContract):
    """The command line."""

    plugin = "frontends.cli"


class TestPage(PluginContract):
    """The page in a browser."""

    plugin = "frontends.web"


class TestOsc(PluginContract):
    """Open Sound Control."""

    plugin = "frontends.osc"


class TestMidi(PluginContract):
    """MIDI."""

    plugin = "frontends.midi"


class TestNotebook(PluginContract):
    """The widget."""

    plugin = "frontends.notebook"


class TestExecutors(PluginContract):
    """Processes and dask."""

    plugin = "executors"


class TestDiscovery(PluginContract):
    """Bases, selectors and fits."""

    plugin = "discovery"


def test_these_are_all():
    """Each built-in plugin is tested here."""
    here = {value.plugin for value in globals().values() if isinstance(value, type) and hasattr(value, "plugin")}

    assert here == {name.removeprefix("latentknobs.").removesuffix(".plugin") for name in BUILTINS}


def test_a_contract_loads_what_it_is_told():
    """A built-in is found by name, beside the others."""
    plugins, report = TestAugmentations.load()

    assert report.state == "loaded"
    assert isinstance(plugins.augmentations()["transpose"], Augmentation)
