"""The commands of ``latentknobs model``, one a module."""
