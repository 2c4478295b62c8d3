"""Contact ways and temporary chats."""

from simulator.family import Family

FAMILY = Family("contact_ways")
