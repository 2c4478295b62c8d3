"""Customer group chats, their members, their inheritance and their join ways."""

from simulator.family import Family

FAMILY = Family("chats")
