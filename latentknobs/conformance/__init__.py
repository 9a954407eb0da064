"""
The promises of what plugins offer, as lists of checks that need no test runner.

``latentknobs.testing`` runs them under pytest and ``latentknobs plugins check`` in a process of its own: one list
behind both. Each check takes an offer and a kit, and raises a PluginError whose message is a sentence for the plugin's
author, or LeftOut where there is nothing for it to look at.
"""

from latentknobs.conformance.augmentations import CHECKS as CHECKS
from latentknobs.conformance.backends import BACKEND_CHECKS as BACKEND_CHECKS
from latentknobs.conformance.backends import ModelKit as ModelKit
from latentknobs.conformance.jobs import CHECKS_OF as CHECKS_OF
from latentknobs.conformance.jobs import CheckResult as CheckResult
from latentknobs.conformance.jobs import Job as Job
from latentknobs.conformance.jobs import jobs_of as jobs_of
from latentknobs.conformance.jobs import run as run
from latentknobs.conformance.jobs import run_checks as run_checks
from latentknobs.conformance.kit import Check as Check
from latentknobs.conformance.kit import Kit as Kit
from latentknobs.conformance.kit import LeftOut as LeftOut
from latentknobs.conformance.kit import melody_kit as melody_kit
