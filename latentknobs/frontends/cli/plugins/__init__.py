"""The commands of ``latentknobs plugins``, one a module."""
