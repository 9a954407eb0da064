"""Corpora: tune books that come with music21, a folder of MIDI files, generated clips."""
