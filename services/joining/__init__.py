"""Finding, making and joining persons by their identities."""
