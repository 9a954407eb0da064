"""
One module for each schema, ``rNNNN_what.py``; its revision is NNNN, its down_revision the one before.

A migration carries its own copy of the tables and imports nothing of latentknobs, so that it does the same
for ever. There is no way down: an upgrade leaves a backup.
"""
