"""
For authors of plugins and for our own tests: contracts under pytest, fixtures, and a small model without torch.

Subclass a contract, say what is under test, and pytest runs every rule::

    class TestSwing(PluginContract):
        plugin = Path("plugins/swing.py")

Production code imports nothing from here.
"""

import sys

if "pytest" in sys.modules:  # so that a failing contract shows its values, as a test's own asserts do
    sys.modules["pytest"].register_assert_rewrite(f"{__name__}.contracts", f"{__name__}.store")
