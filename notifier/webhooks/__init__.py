"""Delivers facts to the endpoints of the retailer's own systems."""
