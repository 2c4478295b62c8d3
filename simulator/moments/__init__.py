"""Moments published to customers."""

from simulator.family import Family

FAMILY = Family("moments")
