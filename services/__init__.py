"""The business rules. Records (customers, associates) say what exists, policies say what should happen.

Each domain has model.py (values), plan.py (decisions, no I/O) and store.py (rows).
"""
