"""The front end for notebooks: a session's knobs, notes and sound as a widget."""
