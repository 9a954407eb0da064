"""
The plugin surface: hook specifications, the plugin manager, discovery.

A plugin is a module with functions marked ``@hookimpl``, named as in :mod:`latentknobs.hooks.specs`.
"""

import pluggy

PROJECT = "latentknobs"
"""The pluggy project name, the entry-point group and the prefix of environment variables, all in one."""
HOOK_API = 1
"""Version of the hooks; a plugin states it as ``LATENTKNOBS_API = 1``."""

hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a plugin's function as an implementation of the hook of the same name."""
