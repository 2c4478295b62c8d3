"""Member login and JS tickets."""

from simulator.family import Family

FAMILY = Family("login")
