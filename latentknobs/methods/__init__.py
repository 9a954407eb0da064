"""The built-in bases, selectors and fits as a plugin; the functions live in the engine."""
