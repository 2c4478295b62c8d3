"""Customers and their relations to members."""
