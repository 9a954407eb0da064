"""Schema history, run by :mod:`latentknobs.registry.migrate`; package data."""
