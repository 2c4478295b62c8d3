"""When an associate was last in touch with a customer, by what we know of it (SOP-7)."""
