"""Group chats made by an app."""

from simulator.family import Family

FAMILY = Family("appchats")
