"""Pieces of names, so that any part of a name is found through an index, also one Chinese character. Pure.

Indexes over three characters at a time (pg_trgm) find nothing for the one or two characters that a Chinese name has. So
a name is kept as all its adjacent pieces of one, two and three characters, and a query asks for its longest ones. A
query of four or more characters can find a name that has all its pieces, but apart: rare, and one word too many.
"""

import unicodedata
from collections.abc import Iterable

from shared.vault import Cipher

LONGEST = 3


def normalise(text: str) -> str:
    """Width, case and runs of spaces make no difference."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def pieces(texts: Iterable[str]) -> frozenset[str]:
    """All adjacent pieces of one to three characters, of each text by itself."""
    found: set[str] = set()
    for text in texts:
        plain = normalise(text)
        for size in range(1, LONGEST + 1):
            found.update(plain[start : start + size] for start in range(len(plain) - size + 1))
    return frozenset(found)


def sought(query: str) -> frozenset[str]:
    """The pieces that a text must have to hold the query; none when the query is empty."""
    plain = normalise(query)
    size = min(LONGEST, len(plain))
    return frozenset(plain[start : start + size] for start in range(len(plain) - size + 1)) if plain else frozenset()


def number_of(cipher: Cipher, kind: str, piece: str) -> int:
    """A piece under a tenant's key, as 64 bits: a database that is stolen tells no names."""
    return int.from_bytes(cipher.index(f"piece:{kind}", piece)[:8], signed=True)
