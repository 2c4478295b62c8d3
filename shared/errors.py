"""Errors named after what the caller must do. Anything else is our bug: a few tries, then a dead letter."""


class RetryableError(Exception):
    """Try again after `after_s` seconds; `None` leaves the wait to the caller's backoff."""

    def __init__(self, reason: str, *, after_s: float | None = None) -> None:
        super().__init__(reason)
        self.after_s = after_s


class TerminalError(Exception):
    """Trying again cannot help; a person or a setting must change first."""
