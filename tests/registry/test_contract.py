"""Our own store keeps the contract that we ask of any."""

import pytest

from latentknobs.registry.store import KnobStore
from latentknobs.testing.store import StoreContract


class TestKnobStore(StoreContract):
    """The contract, on an SQLite file that is not there yet."""

    @pytest.fixture
    def store(self, tmp_path):
        """An empty store."""
        return KnobStore.open(tmp_path / "registry.db")


class TestServerStore(StoreContract):
    """The contract, on an empty database of a server."""

    @pytest.fixture
    def store(self, database):
        """An empty store."""
        return KnobStore.open(database)
