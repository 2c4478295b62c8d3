"""Filters under a name, to be used again (CUS-3)."""
