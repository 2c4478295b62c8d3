"""Welcomes new friends within WeCom's twenty seconds, in threads and connections of its own (OUT-1)."""
