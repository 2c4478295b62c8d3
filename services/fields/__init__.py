"""Custom fields: what a retailer adds to what is known of customers (CUS-5)."""
