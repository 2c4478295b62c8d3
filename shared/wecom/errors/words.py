"""A text for people, in the two languages that a corp may choose."""

from typing import NamedTuple


class Words(NamedTuple):
    en: str
    zh: str

    def said(self, language: str, **values: object) -> str:
        """In "zh" or, for anything else, English; `values` fill the places in braces."""
        return (self.zh if language == "zh" else self.en).format(**values)
