"""Values of message texts. Pure.

Authority: ours. A corp's own text stands in place of the shipped one; where it cannot be written, the shipped one does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from shared.errors import TerminalError

LANGUAGES = ("en", "zh")
TITLE_MOST, DESCRIPTION_MOST = 128, 512
"""Characters of a text card; WeCom cuts what is longer, in the middle of the markup.

Source: WeCom server API, sending application messages (page 90236).
"""
LONGEST_TITLE, LONGEST_DESCRIPTION = 500, 4000
"""Characters of a text before it is written."""
ALWAYS = ("above", "associate", "at", "owner")
"""Words of every text. `above`: the reader hears of somebody else's matter; `owner` is whose it is, and so is
`associate` in kinds that mean nobody else by it.
"""


class Form(StrEnum):
    """How a message goes out. Cards, markdown and mini-program notices show in WeCom's own client only."""

    TEXTCARD = "textcard"
    CARD = "card"  # a template card with buttons, where the kind has any
    TEXT = "text"
    MARKDOWN = "markdown"
    MINIPROGRAM = "miniprogram"


class Name(NamedTuple):
    """Which text. `folded`: the one of a message that stands for several."""

    notice: str
    language: str
    folded: bool = False


@dataclass(frozen=True)
class Text:
    """The source of a text: a title of one line, and a description in a text card's markup."""

    title: str
    description: str


@dataclass(frozen=True)
class OwnText:
    """A corp's own, and who wrote it when; `version` counts from 1."""

    name: Name
    text: Text
    version: int
    updated_at: datetime
    updated_by: str


@dataclass(frozen=True)
class Dress:
    """The form of one kind of notice. `appid`, `page`: the mini-program that a notice of that form opens."""

    form: Form = Form.TEXTCARD
    appid: str | None = None
    page: str | None = None


@dataclass(frozen=True)
class Wardrobe:
    """All that a corp has set about how messages look."""

    texts: Mapping[Name, Text] = field(default_factory=dict)
    dresses: Mapping[str, Dress] = field(default_factory=dict)

    def dress(self, notice: str) -> Dress:
        return self.dresses.get(notice, Dress())


Words = Mapping[str, str | bool]
"""What a text is given: its words by name; `above` is a yes or no."""


@dataclass(frozen=True)
class Written:
    """A text with its words in it: the title as it is, the description in markup."""

    title: str
    description: str


class TextRefusedError(TerminalError):
    """A text cannot be used; `problems` are (field, why)."""

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{name}: {why}" for name, why in problems))
        self.problems = tuple(problems)


class NoTextError(TerminalError):
    """There is no such kind of message, or it has no text of that sort."""


SAMPLES: Mapping[str, Mapping[str, str]] = {
    "zh": {"customer": "陈晨", "associate": "李娜", "owner": "李娜", "giver": "赵敏", "channel": "门店海报"},
    "en": {"customer": "Chen Chen", "associate": "Li Na", "owner": "Li Na", "giver": "Zhao Min",
           "channel": "poster in the shop"},
}  # fmt: skip
"""What a preview shows for names, by language."""
SAMPLES_OF_ALL = {"at": "2026-11-20 10:00", "count": "3", "named": "3", "refused": "1", "limit": "1", "failed": "1"}


def sample_words(names: Sequence[str], language: str, *, above: bool) -> dict[str, str | bool]:
    """Words for a look at a text; a name that has no sample stands for itself."""
    known = {**SAMPLES_OF_ALL, **SAMPLES[language]}
    return {name: known.get(name, f"[{name}]") for name in (*names, *ALWAYS)} | {"above": above}
