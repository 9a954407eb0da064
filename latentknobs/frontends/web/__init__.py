"""The web front end: a page, and the HTTP and WebSocket API behind it, on loopback."""
