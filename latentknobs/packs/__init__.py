"""Knob packs: knobs with all that another person needs to turn, hear and judge them, as a folder or a zip."""
