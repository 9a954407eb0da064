"""Corpora: tune books that come with music21, a folder of files of music, generated clips."""
