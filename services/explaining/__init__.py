"""How a row came to be as it is: its provenance and everything that was said, decided and sent about its subject."""
