"""Stages of business lines: which there are, who is in which, by hand and by rule (STG-1)."""
