"""The built-in bases, selectors, fits and metrics as a plugin; the functions live in engine/ and metrics/."""
