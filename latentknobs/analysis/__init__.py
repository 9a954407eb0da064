"""Functions that take a workbench: algebra, decoupling, transfer, comparison and reproduction of knobs and models."""
