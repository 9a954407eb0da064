"""The built-in attributes (of one clip) and comparisons (of two)."""
