"""The OSC front end: a shared session's parameters and notes as OSC messages over UDP, described by OSCQuery."""

PORT = 7770
"""Where it listens, unless another port is asked for."""
