"""Pieces of names, for searches by part that an index answers: also one or two Chinese characters. Pure.

A text is folded (width and case are no difference), and cut into all adjacent pieces of one, two and three characters.
A text that holds what is sought holds all its longest pieces. The reverse is nearly true: "abcd" has the pieces of a
text that holds "abc" and, elsewhere, "bcd". Who can, looks at the folded text as well.
"""

import unicodedata

from shared.vault import Cipher

LONGEST_PIECE = 3
LONGEST_TEXT = 200
"""Characters of a folded text that are cut into pieces; what comes after them is not found."""


def fold(text: str) -> str:
    """The text without differences of width, case and compatibility forms (NFKC, casefold), blanks folded into one."""
    once = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(unicodedata.normalize("NFKC", once).split())


def folded_sql(expression: str) -> str:
    """`fold` in SQL, for texts that lie in the clear and are few. Both sides of a comparison must be folded by it."""
    return f"btrim(regexp_replace(lower(normalize({expression}, nfkc)), '\\s+', ' ', 'g'))"


def pieces_of(text: str) -> list[str]:
    """All pieces of a text, each once, in order; what is stored."""
    folded = fold(text)[:LONGEST_TEXT]
    return sorted(
        {
            folded[start : start + size]
            for size in range(1, LONGEST_PIECE + 1)
            for start in range(len(folded) - size + 1)
        }
    )


def pieces_sought(query: str) -> list[str]:
    """The pieces that a text must have to hold the query; none when nothing is left of it to look for."""
    folded = fold(query)[:LONGEST_TEXT]
    size = min(LONGEST_PIECE, len(folded))
    return sorted({folded[start : start + size] for start in range(len(folded) - size + 1)}) if size else []


def number_of(cipher: Cipher, kind: str, piece: str) -> int:
    """A piece under a tenant's key, as 64 bits: a database that is stolen tells no names."""
    return int.from_bytes(cipher.index(f"piece:{kind}", piece)[:8], signed=True)
