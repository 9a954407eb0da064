"""
The registry: knobs and the runs they came from, kept in SQLite.

``store`` takes and returns core values, ``overlay`` reads the package's own knobs beneath a person's,
``migrate`` makes and upgrades files. Nothing here is imported until a registry is used.
"""
