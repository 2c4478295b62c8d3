"""Rules over customers: which of them a change concerns, what they find, what follows (STG-1, TAG-5)."""
