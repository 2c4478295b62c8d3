"""Persons: who the retailer knows a customer to be, by identities and fields of its own."""
