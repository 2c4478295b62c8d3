"""Inheritance of customers: in service, resigned, and the waiting list of those who left."""

from simulator.family import Family

FAMILY = Family("transfers")
