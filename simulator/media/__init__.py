"""Temporary media."""

from simulator.family import Family

FAMILY = Family("media")
