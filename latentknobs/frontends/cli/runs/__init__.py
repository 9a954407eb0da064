"""The commands of ``latentknobs runs``, one a module."""
