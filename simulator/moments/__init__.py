"""Moments, and their rule groups."""
