"""What the payload of each message type must have, and how WeCom cuts it before showing it.

Source: WeCom server API, application messages (pages 90236 and 90372), global error codes (page 90313).
Limits are UTF-8 bytes; those of a text card and of a mini-program notice are characters.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from simulator.api.calls import Call
from simulator.errors import ApiError
from simulator.media.book import MediaBook
from simulator.messages import cards
from simulator.messages.limits import check_url, cut_bytes, items_of, needed, text_of

Payload = dict[str, Any]
TEXT_BYTES = 2048
ARTICLE_BYTES = 666 * 1024
MOST_ARTICLES = 8


@dataclass(frozen=True)
class Sender:
    """Who sends: which media and members it may name, and the mini-program that is linked with it."""

    usable: Callable[[str, frozenset[str]], bool]
    is_member: Callable[[str], bool]
    miniprogram: str = ""

    @staticmethod
    def of(call: Call) -> "Sender":
        book, now = call.book(MediaBook), call.world.now()
        return Sender(
            usable=lambda media_id, kinds: book.usable(media_id, kinds=kinds, now=now),
            is_member=lambda userid: call.corp.member(userid) is not None,
            miniprogram=call.app.miniprogram,
        )


def check_media(payload: Payload, sender: Sender, *, kind: str, key: str = "media_id") -> None:
    """ApiError 41006 without an id, 40007 for one that is unknown, expired or of another type."""
    if not sender.usable(needed(payload, key, 41006), frozenset({kind})):
        raise ApiError(40007)


def text(payload: Payload, _: Sender) -> Payload:
    return {**payload, "content": cut_bytes(needed(payload, "content", 44004), TEXT_BYTES)}


def _plain_media(kind: str) -> "Rule":
    def check(payload: Payload, sender: Sender) -> Payload:
        check_media(payload, sender, kind=kind)
        return payload

    return check


def video(payload: Payload, sender: Sender) -> Payload:
    check_media(payload, sender, kind="video")
    return {**payload, **_cut(payload, {"title": 128, "description": 512})}


def _cut(owner: Payload, limits: dict[str, int]) -> Payload:
    return {key: cut_bytes(text_of(owner, key), limit) for key, limit in limits.items() if key in owner}


def textcard(payload: Payload, _: Sender) -> Payload:
    title, description = needed(payload, "title", 41016), needed(payload, "description", 41033)
    check_url(text_of(payload, "url"))
    button = text_of(payload, "btntxt") or "详情"
    return {**payload, "title": title[:128], "description": description[:512], "btntxt": button[:4]}


def markdown(payload: Payload, _: Sender) -> Payload:
    if len(needed(payload, "content", 44004).encode()) > TEXT_BYTES:
        raise ApiError(45002)
    return payload


def _articles(payload: Payload) -> list[Payload]:
    if not payload.get("articles"):
        raise ApiError(40063, detail="articles")
    return items_of(payload, "articles", 45008, least=1, most=MOST_ARTICLES)


def news(payload: Payload, _: Sender) -> Payload:
    return {**payload, "articles": [_news_article(article) for article in _articles(payload)]}


def _news_article(article: Payload) -> Payload:
    """The address may be missing when a mini-program page is named, which then wins."""
    needed(article, "title", 41016)
    if not (text_of(article, "appid") and text_of(article, "pagepath")):
        check_url(text_of(article, "url"))
    if len(text_of(article, "pagepath").encode()) > 128:
        raise ApiError(40058, detail="pagepath")
    if len(text_of(article, "picurl").encode()) > 2048:
        raise ApiError(40039)
    return {**article, **_cut(article, {"title": 128, "description": 512})}


def mpnews(payload: Payload, sender: Sender) -> Payload:
    return {**payload, "articles": [_mp_article(article, sender) for article in _articles(payload)]}


def _mp_article(article: Payload, sender: Sender) -> Payload:
    needed(article, "title", 41016)
    check_media(article, sender, kind="image", key="thumb_media_id")
    if len(needed(article, "content", 44004).encode()) > ARTICLE_BYTES:
        raise ApiError(45002)
    if len(text_of(article, "author").encode()) > 64:
        raise ApiError(45032)
    return {**article, **_cut(article, {"title": 128, "digest": 512})}


def miniprogram_notice(payload: Payload, sender: Sender) -> Payload:
    """Only from an app that is linked with that very mini-program. A pair with both texts empty is not shown."""
    appid = needed(payload, "appid", 90200)
    if not sender.miniprogram:
        raise ApiError(90206)
    if appid != sender.miniprogram:
        raise ApiError(90208)
    if len(text_of(payload, "page").encode()) > 1024:
        raise ApiError(90204)
    needed(payload, "title", 41016)
    for key in ("title", "description"):
        if text_of(payload, key) and not 4 <= len(text_of(payload, key)) <= 12:
            raise ApiError(40058, detail=key)
    items = items_of(payload, "content_item", 90201, least=0, most=10) if payload.get("content_item") else []
    shown = [item for item in items if text_of(item, "key") or text_of(item, "value")]
    for item in shown:
        if not 1 <= len(text_of(item, "key")) <= 10:
            raise ApiError(90202)
        if not 1 <= len(text_of(item, "value")) <= 30:
            raise ApiError(90203)
    return {**payload, "content_item": shown}


def template_card(payload: Payload, sender: Sender) -> Payload:
    return cards.face(payload, cards.Limits(sender.usable, sender.is_member))


Rule = Callable[[Payload, Sender], Payload]
# The types of page 90248: what a group chat made by an app takes.
GROUP_RULES: dict[str, Rule] = {
    "text": text,
    "image": _plain_media("image"),
    "voice": _plain_media("voice"),
    "video": video,
    "file": _plain_media("file"),
    "textcard": textcard,
    "news": news,
    "mpnews": mpnews,
    "markdown": markdown,
}
RULES = {**GROUP_RULES, "miniprogram_notice": miniprogram_notice, "template_card": template_card}


def displayed(body: dict[str, Any], sender: Sender, rules: dict[str, Rule]) -> Payload:
    """What the member sees of the message; ApiError when the type or the payload is refused."""
    msgtype = body.get("msgtype")
    if not isinstance(msgtype, str) or msgtype not in rules:
        raise ApiError(40008)
    payload = body.get(msgtype)
    if not isinstance(payload, dict):
        raise ApiError(40063, detail=msgtype)
    _check_safe(body, msgtype)
    return rules[msgtype](payload, sender)


def _check_safe(body: dict[str, Any], msgtype: str) -> None:
    """0 may be shared, 1 may not, 2 stays inside the corp (mpnews only); plain news knows no secrecy."""
    safe = body.get("safe", 0)
    if safe not in (0, 1, 2) or (safe == 2 and msgtype != "mpnews"):
        raise ApiError(40058, detail="safe")
    if safe and msgtype == "news":
        raise ApiError(40074)
