"""Statistics of members and of group chats."""

from simulator.family import Family

FAMILY = Family("statistics")
