"""Tasks on a customer: made for an associate, done or cancelled (CUS-13)."""
