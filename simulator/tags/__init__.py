"""Corp tags."""

from simulator.family import Family

FAMILY = Family("tags")
