"""The blacklist: customers who are not to be approached (CUS-10)."""
