"""Models behind the generic interface; each folder is one plugin."""
