"""Third-party and delegated applications: suites, their tickets, and the corps that installed them."""

from simulator.family import Family
from simulator.suites.acts import ACTS
from simulator.suites.api import ENDPOINTS
from simulator.suites.settings import SuiteSettings

FAMILY = Family("suites", ENDPOINTS, ACTS, SuiteSettings)
