"""Tags of members."""

from simulator.family import Family

FAMILY = Family("member_tags")
