"""Which facts are told to whom."""
