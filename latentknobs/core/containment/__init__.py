"""
What a plugin's code cannot do to the program: what it changes is put back, and it ends nothing but its own call.

Code in Python's own process cannot be locked in: this holds against mistakes, not against malice. Built-in plugins are
called without it. :class:`~latentknobs.core.containment.contain.Containment` is the way in.
"""
