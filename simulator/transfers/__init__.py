"""Inheritance of customers: in service, resigned, and the waiting list of those who left."""
