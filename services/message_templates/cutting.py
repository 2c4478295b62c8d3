"""Cuts texts to the sizes that WeCom takes: between what a reader sees as characters, never inside markup. Pure."""

import re
import unicodedata
from collections.abc import Callable, Iterator

JOINER = "\u200d"
"""Holds the parts of an emoji together."""
ELLIPSIS = "…"
_MODIFIERS = range(0x1F3FB, 0x1F400)
_FLAGS = range(0x1F1E6, 0x1F200)
_TAGS = range(0xE0020, 0xE0080)
_PIECES = re.compile(r"<[^<>]*>|&[#0-9A-Za-z]{1,10};|[^<&]+|[<&]", re.DOTALL)
_OPENS, _CLOSES, _BREAK = re.compile(r"<([a-z]+)[^>/]*>\Z"), re.compile(r"</([a-z]+)>\Z"), re.compile(r"<br ?/?>\Z")

Size = Callable[[str], int]


def size_in_bytes(text: str) -> int:
    """As UTF-8."""
    return len(text.encode())


def clusters(text: str) -> Iterator[str]:
    """What a reader takes for one character each: marks, joined emoji and flags stay whole.

    The rules that matter for names (Unicode Standard Annex 29, extended grapheme clusters), not all of them.
    """
    start = 0
    for at in range(1, len(text)):
        if not _belongs(text, start, at):
            yield text[start:at]
            start = at
    if text:
        yield text[start:]


def _belongs(text: str, start: int, at: int) -> bool:
    """Whether the character at `at` goes on with the cluster that began at `start`."""
    before, here = text[at - 1], text[at]
    if before == "\r" and here == "\n":
        return True
    if JOINER in (here, before) or ord(here) in _MODIFIERS or ord(here) in _TAGS:
        return True
    if unicodedata.category(here) in ("Mn", "Me", "Mc"):
        return True
    return ord(here) in _FLAGS and at - start == 1 and ord(before) in _FLAGS


def cut(text: str, most: int, *, size: Size = len) -> str:
    """As much as fits, with a sign that it was cut. `most` is in units of `size`: code points, or bytes."""
    if size(text) <= most:
        return text
    left, kept = most - size(ELLIPSIS), []
    for one in clusters(text):
        if (left := left - size(one)) < 0:
            break
        kept.append(one)
    return "".join(kept) + ELLIPSIS if most >= size(ELLIPSIS) else ""


def cut_markup(text: str, most: int, *, size: Size = len) -> str:
    """The same for a text with tags and entities, which stay whole; what is open is closed."""
    if size(text) <= most:
        return text
    kept: list[str] = []
    open_: list[str] = []
    used = size(ELLIPSIS)
    for piece in _pieces(text):
        opened, closed = _OPENS.match(piece), _CLOSES.match(piece)
        after = [*open_, opened[1]] if opened and not _BREAK.match(piece) else open_[:-1] if closed else open_
        if used + size(piece) + size(_ends(after)) > most:
            return "".join(kept) + (ELLIPSIS if used + size(_ends(open_)) <= most else "") + _ends(open_)
        kept.append(piece)
        used, open_ = used + size(piece), after
    return "".join(kept)


def _ends(open_: list[str]) -> str:
    return "".join(f"</{name}>" for name in reversed(open_))


def _pieces(text: str) -> Iterator[str]:
    for piece in _PIECES.findall(text):
        if piece[0] in "<&":
            yield piece
        else:
            yield from clusters(piece)
