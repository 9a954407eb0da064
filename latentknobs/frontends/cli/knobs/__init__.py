"""The commands of ``latentknobs knobs``, one a module."""
