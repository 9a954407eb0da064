"""MIDI: controls turn parameters, notes become a piece, the piece goes out as notes and clock."""
