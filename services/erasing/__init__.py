"""Deleting a customer: what goes, and what stays because it is WeCom's or holds nobody's data."""
