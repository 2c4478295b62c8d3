"""Scores and points: rules per behaviour, and a ledger that their balances are the sum of (CUS-11)."""
