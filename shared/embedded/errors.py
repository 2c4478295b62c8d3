"""What goes wrong with embedded servers, said so that the reader knows what to do next."""


class EmbeddedServerError(Exception):
    """The embedded servers cannot be used; the message says what to do about it."""
