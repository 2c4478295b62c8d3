"""Customers from files and into files: uploads, imports and exports (CUS-6, CUS-7)."""
