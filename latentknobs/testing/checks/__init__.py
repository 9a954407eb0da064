"""
The promises of what plugins offer, as lists of checks that need no test runner.

``latentknobs.testing`` runs them under pytest and ``latentknobs plugins check`` in a process of its own: one list
behind both. Each check takes an offer and a kit, and raises a PluginError whose message is a sentence for the plugin's
author, or LeftOut where there is nothing for it to look at.
"""

from latentknobs.testing.checks.augmentations import CHECKS as CHECKS
from latentknobs.testing.checks.backends import BACKEND_CHECKS as BACKEND_CHECKS
from latentknobs.testing.checks.backends import BackendFixtures as BackendFixtures
from latentknobs.testing.checks.check_fixtures import Check as Check
from latentknobs.testing.checks.check_fixtures import CheckFixtures as CheckFixtures
from latentknobs.testing.checks.check_fixtures import LeftOut as LeftOut
from latentknobs.testing.checks.check_fixtures import melody_kit as melody_kit
from latentknobs.testing.checks.check_fixtures import sample_kit as sample_kit
from latentknobs.testing.checks.check_runner import CHECKS_OF as CHECKS_OF
from latentknobs.testing.checks.check_runner import CheckResult as CheckResult
from latentknobs.testing.checks.check_runner import Job as Job
from latentknobs.testing.checks.check_runner import jobs_of as jobs_of
from latentknobs.testing.checks.check_runner import run as run
from latentknobs.testing.checks.check_runner import run_checks as run_checks
