"""Texts as they are shipped: one file per kind and language; `KIND.folded.txt` where one message stands for several."""

from functools import cache
from pathlib import Path

from services.message_templates.model import ALWAYS, LANGUAGES, Name, NoTextError, Text
from services.message_templates.writing import words_of

FOLDER = Path(__file__).parents[2] / "notifier" / "templates"


@cache
def shipped() -> dict[Name, Text]:
    """All texts; a file's first line is its title."""
    found = {}
    for language in LANGUAGES:
        for path in sorted((FOLDER / language).glob("*.txt")):
            title, _, description = path.read_text(encoding="utf-8").rstrip("\n").partition("\n")
            notice, _, more = path.stem.partition(".")
            found[Name(notice, language, more == "folded")] = Text(title, description)
    return found


def shipped_text(name: Name) -> Text:
    """
    Raises:
        NoTextError: this kind of message does not exist, or is never folded.
    """
    found = shipped().get(name)
    if found is None:
        sort = "folded text" if name.folded else "text"
        raise NoTextError(f"there is no {sort} of {name.notice!r} in {name.language!r}")
    return found


@cache
def known_words(notice: str, *, folded: bool = False) -> tuple[str, ...]:
    """What a text of this kind may ask for: whatever the shipped ones ask for, in any language."""
    texts = [shipped().get(Name(notice, language, folded)) for language in LANGUAGES]
    found = (words_of(text) for text in texts if text is not None)
    return tuple(sorted(frozenset(ALWAYS).union(*found)))
