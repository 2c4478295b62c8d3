"""What people write down of a customer: notes, and events by hand after a template (CUS-13)."""
