"""Group robots."""

from simulator.family import Family

FAMILY = Family("robots")
