"""Fits that need gradients; the only place besides the backends that knows torch."""
