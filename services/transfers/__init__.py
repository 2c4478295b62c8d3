"""Handovers of customers and group chats from one associate to another (TRF)."""
