"""What people did, counted by day."""
