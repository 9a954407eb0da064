"""
Pure functions on codes and clips: pairs, statistics, fits, measures, steering, discovery.

The engine knows a model by D, its clip format's shape, groups and vocabulary, and the backend's functions;
nothing here names a musical quality, a network or a size.
"""
