"""Cards: one derived row per customer, made of everything that lists, filters, segments and rules ask for."""
