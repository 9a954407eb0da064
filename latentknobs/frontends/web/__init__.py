"""The web front end: a page, and the HTTP and WebSocket API behind it, on loopback."""

PORT = 8765
"""Where it listens, unless another port is asked for."""
