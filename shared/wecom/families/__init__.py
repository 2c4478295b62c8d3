"""The APIs by family: typed calls. Each family is an attribute of the client."""
