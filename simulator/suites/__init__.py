"""Third-party and delegated applications."""

from simulator.family import Family

FAMILY = Family("suites")
