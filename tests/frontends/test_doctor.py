"""``latentknobs doctor``: what an installation and its machine have."""

from __future__ import annotations

import socket

import pytest


def test_doctor(cli):
    """Doctor tells versions, plugins, the registry's files and where the cache is."""
    facts = cli("doctor", "--json").json

    assert {"latentknobs", "python", "packages", "extras", "cache", "registry", "plugins", "threads"} <= set(facts)
    assert any("2 knobs" in text for text in facts["registry"].values())
    assert cli("doctor").code == 0


def test_doctor_tells_whether_ports_are_free(cli):
    """Of each front end that listens, by TCP and UDP."""
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as taken:
            try:
                taken.bind(("127.0.0.1", 7770))
            except OSError:
                pytest.skip("something listens there already")
            if kind == socket.SOCK_STREAM:
                taken.listen()
            network = cli("doctor", "--json").json["network"]
            assert network["osc"] == "port 7770 taken: is it running already?"
    assert cli("doctor", "--json").json["network"]["osc"] == "port 7770 free"
    assert network["web"].startswith("port 8765 ")
    assert "lo" in network["interfaces"]
