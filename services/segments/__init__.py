"""Segments: whom a filter finds, kept as a list that is refreshed each day, or frozen when made (SEG-1, SEG-2)."""
