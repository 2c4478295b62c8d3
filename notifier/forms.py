"""Puts a written text into the form that the corp wants of its kind: within WeCom's sizes, never cut inside markup.

Template cards, markdown and mini-program notices show in WeCom's own client only (unverified), text cards anywhere.
Source: WeCom server API, sending application messages (page 90236), template cards (page 90372).
"""

import html
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from services.message_cards.model import ASKS, CAPTIONS, QUESTION, REASONS, Button
from services.message_templates.cutting import cut, size_in_bytes
from services.message_templates.model import Dress, Form, Written
from services.message_templates.writing import one_line
from shared.wecom.families.contents import Content, markdown, miniprogram_notice, template_card, text, textcard

TEXT_BYTES, MARKDOWN_BYTES = 2048, 2048
CARD_TITLE, CARD_TEXT, BUTTON_TEXT = 36, 160, 10
"""Characters that a template card shows well."""
NOTICE_TITLE, NOTICE_VALUE = (4, 12), 30
PAGE_BYTES = 1024
"""Of a mini-program notice."""
COLOURS = {"gray": "comment", "highlight": "warning", "normal": ""}

MARKED = frozenset({Form.TEXT, Form.MARKDOWN})
"""Forms in which some signs are markup that nothing escapes."""
_TAME = str.maketrans({"<": "＜", ">": "＞", "[": "［", "]": "］", "*": "＊", "`": "｀", "#": "＃"})

_DIV = re.compile(r'<div(?: class="(\w+)")?>(.*?)</div>', re.DOTALL)
_BREAK = re.compile(r"<br ?/?>")
_TAG = re.compile(r"<[^<>]*>")


@dataclass(frozen=True)
class Message:
    """What every form is made of."""

    written: Written
    at: str
    url: str
    language: str
    task_id: str
    buttons: tuple[Button, ...]

    @property
    def lines(self) -> list[str]:
        """The description without its markup."""
        apart = _BREAK.sub("\n", re.sub(r"</div>", "\n", self.written.description))
        return [line for one in html.unescape(_TAG.sub("", apart)).split("\n") if (line := one.strip())]

    @property
    def opens(self) -> str:
        return "详情" if self.language == "zh" else "Open"


def tame(word: str) -> str:
    """A word of somebody outside that is to mark nothing up: signs of markup become their wide twins."""
    return word.translate(_TAME)


def dressed(message: Message, dress: Dress) -> Content:
    """The message in that form; one that the message cannot have is a text card."""
    form = Form.TEXTCARD if dress.form is Form.CARD and not message.buttons else dress.form
    return FORMS[form](message, dress)


def _textcard(message: Message, _dress: Dress) -> Content:
    written = message.written
    return textcard(written.title, written.description, url=message.url, btntxt=message.opens)


def _text(message: Message, _dress: Dress) -> Content:
    link = f'\n<a href="{message.url}">{message.opens}</a>'
    words = "\n".join((message.written.title, *message.lines))
    return text(cut(words, TEXT_BYTES - size_in_bytes(link), size=size_in_bytes) + link)


def _markdown(message: Message, _dress: Dress) -> Content:
    return markdown(as_markdown(message, MARKDOWN_BYTES))


def as_markdown(message: Message, most_bytes: int) -> str:
    """Title, coloured lines and link; of a text that is too long the lines are cut."""
    title, link = f"**{message.written.title.strip()}**", f"\n[{message.opens}]({message.url})"
    lines = _BREAK.sub("\n", _DIV.sub(_coloured, message.written.description)).strip()
    left = most_bytes - size_in_bytes(title) - size_in_bytes(link) - 1
    if size_in_bytes(unescaped := html.unescape(lines)) <= left:
        return f"{title}\n{unescaped}{link}"
    plain = cut("\n".join(message.lines), left, size=size_in_bytes)  # without colours: none is left open
    return f"{title}\n{plain}{link}"


def _coloured(found: re.Match[str]) -> str:
    colour = COLOURS.get(found[1] or "normal", "")
    return (f'<font color="{colour}">{found[2]}</font>' if colour else found[2]) + "\n"


def _card(message: Message, _dress: Dress) -> Content:
    """A card with buttons; one that asks for a reason has a list of them (POOL-8)."""
    card: dict[str, object] = {
        "card_type": "button_interaction",
        "task_id": message.task_id,
        "main_title": {"title": cut(message.written.title, CARD_TITLE), "desc": message.at},
        "sub_title_text": cut("\n".join(one for one in message.lines if one != message.at), CARD_TEXT),
        "card_action": {"type": 1, "url": message.url},
        "button_list": [
            {"text": CAPTIONS[one].of(message.language), "style": 1 if n == 0 else 2, "key": one.value}
            for n, one in enumerate(message.buttons)
        ],
    }
    if Button.UNREACHABLE in message.buttons:
        options = [{"id": one.value, "text": sign.of(message.language)} for one, sign in REASONS.items()]
        card["button_selection"] = {
            "question_key": QUESTION,
            "title": ASKS.of(message.language),
            "option_list": options,
            "selected_id": options[0]["id"],
        }
    return template_card(card)


def _miniprogram(message: Message, dress: Dress) -> Content:
    """Title of 4 to 12 characters, and what is told in up to nine short lines."""
    least, most = NOTICE_TITLE
    title = cut(one_line(message.written.title), most)
    when, what = ("时间", "内容") if message.language == "zh" else ("Time", "What")
    lines = [one for one in message.lines if one != message.at][:9]
    items = [(when, message.at), *((what if n == 0 else "", cut(one, NOTICE_VALUE)) for n, one in enumerate(lines))]
    return miniprogram_notice(
        dress.appid or "",
        title.ljust(least, "。"),
        page=page_of(dress, message.url),
        content_item=items,
    )


def page_of(dress: Dress, url: str) -> str:
    """The mini-program's page; the number of the notice makes each message's bytes its own."""
    page, number = dress.page or "", url.rpartition("?")[2]
    return f"{page}{'&' if '?' in page else '?'}{number}"


FORMS: Mapping[Form, Callable[[Message, Dress], Content]] = {
    Form.TEXTCARD: _textcard,
    Form.CARD: _card,
    Form.TEXT: _text,
    Form.MARKDOWN: _markdown,
    Form.MINIPROGRAM: _miniprogram,
}
