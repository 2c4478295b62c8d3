"""Names that people give to things: how two of them are compared."""

import unicodedata


def plain(name: str) -> str:
    """Equal for names that differ in width, case or blanks only."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
