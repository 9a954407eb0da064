"""The commands of ``latentknobs registry``, one a module."""
