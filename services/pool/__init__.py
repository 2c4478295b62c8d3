"""The pool: people whom the retailer knows and nobody has added yet, and who is to add them."""
