"""Welcome messages and the welcome material of group chats."""

from simulator.family import Family

FAMILY = Family("welcome")
