"""Welcome messages: what new friends hear within WeCom's twenty seconds (OUT-1)."""
