"""What a robot may post. Unlike an app's messages, what is too long is refused, not cut.

Source: WeCom server API, group robots (page 91770).
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from simulator.errors import ApiError
from simulator.messages import cards
from simulator.messages.limits import check_url, items_of, needed
from simulator.robots.book import Robot
from simulator.robots.settings import RobotSettings

Payload = dict[str, Any]
TEXT_BYTES, MARKDOWN_BYTES = 2048, 4096
IMAGE_BYTES = 2 * 1024 * 1024
PICTURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
MENTION = re.compile(r"<@([^<>\s]+)>")


@dataclass(frozen=True)
class Desk:
    """The robot that posts, the numbers it is held to, and who is a member."""

    robot: Robot
    numbers: RobotSettings
    is_member: Callable[[str], bool]
    now: float

    def usable(self, media_id: str, kinds: frozenset[str]) -> bool:
        return self.robot.media.usable(media_id, kinds=kinds, now=self.now)


def _content(payload: Payload, desk: Desk, *, most_bytes: int) -> str:
    content = needed(payload, "content", 44004)
    if len(content.encode()) > most_bytes:
        raise ApiError(desk.numbers.too_long_errcode, detail=f"content exceed max length {most_bytes}")
    return content


def _text(payload: Payload, desk: Desk) -> list[str]:
    _content(payload, desk, most_bytes=TEXT_BYTES)
    mentioned = payload.get("mentioned_list") or []
    mobiles = payload.get("mentioned_mobile_list") or []
    if not isinstance(mentioned, list) or not isinstance(mobiles, list):
        raise ApiError(40058, detail="mentioned_list")
    return [str(name) for name in mentioned] + (["@all"] if "@all" in mobiles and "@all" not in mentioned else [])


def _markdown(payload: Payload, desk: Desk) -> list[str]:
    """The lists do not apply: a mention stands inside the text."""
    return MENTION.findall(_content(payload, desk, most_bytes=MARKDOWN_BYTES))


def _markdown_v2(payload: Payload, desk: Desk) -> list[str]:
    _content(payload, desk, most_bytes=MARKDOWN_BYTES)
    return []


def _image(payload: Payload, desk: Desk) -> list[str]:
    try:
        raw = base64.b64decode(needed(payload, "base64", 40063), validate=True)
    except binascii.Error:
        raise ApiError(40058, detail="base64") from None
    if not raw.startswith(PICTURES):
        raise ApiError(40004)
    if len(raw) > IMAGE_BYTES:
        raise ApiError(40009)
    if hashlib.md5(raw, usedforsecurity=False).hexdigest() != needed(payload, "md5", 40063).lower():
        raise ApiError(desk.numbers.md5_errcode, detail="md5")
    return []


def _news(payload: Payload, _: Desk) -> list[str]:
    if not payload.get("articles"):
        raise ApiError(40063, detail="articles")
    for article in items_of(payload, "articles", 45008, least=1, most=8):
        needed(article, "title", 41016)
        check_url(needed(article, "url", 41010))
    return []


def _media(kind: str) -> "Rule":
    def check(payload: Payload, desk: Desk) -> list[str]:
        if not desk.usable(needed(payload, "media_id", 41006), frozenset({kind})):
            raise ApiError(40007)
        return []

    return check


def _template_card(payload: Payload, desk: Desk) -> list[str]:
    """A robot has nowhere to hear of clicks, so only the two notices."""
    if payload.get("card_type") not in {cards.TEXT_NOTICE, cards.NEWS_NOTICE}:
        raise ApiError(42031)
    cards.face(payload, cards.Limits(desk.usable, desk.is_member))
    return []


Rule = Callable[[Payload, Desk], list[str]]
RULES: dict[str, Rule] = {
    "text": _text,
    "markdown": _markdown,
    "markdown_v2": _markdown_v2,
    "image": _image,
    "news": _news,
    "file": _media("file"),
    "voice": _media("voice"),
    "template_card": _template_card,
}


def check(body: dict[str, Any], desk: Desk) -> tuple[str, Payload, list[str]]:
    """The type, the payload and who is mentioned; ApiError when the message is refused."""
    msgtype = body.get("msgtype")
    if not isinstance(msgtype, str) or msgtype not in RULES:
        raise ApiError(40008)
    payload = body.get(msgtype)
    if not isinstance(payload, dict):
        raise ApiError(40063, detail=msgtype)
    return msgtype, payload, RULES[msgtype](payload, desk)
