"""Making two records of one person one, and taking that back (CUS-9)."""
