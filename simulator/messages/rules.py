"""What message payloads must have, and how WeCom cuts them before showing them.

Source: WeCom server API, application messages (pages 90236 and 90372).
Limits are UTF-8 bytes; those of a text card are characters.
"""

from collections.abc import Callable
from typing import Any

from simulator.errors import ApiError

Payload = dict[str, Any]
TEXT_BYTES = 2048
URL_BYTES = 2048
OTHER_TYPES = frozenset({"image", "voice", "video", "file", "mpnews", "miniprogram_notice", "template_card"})


def cut_bytes(text: str, limit: int) -> str:
    """The longest beginning of at most `limit` bytes that ends between characters."""
    return text.encode()[:limit].decode(errors="ignore")


def _text(payload: Payload) -> Payload:
    content = str(payload.get("content") or "")
    if not content:
        raise ApiError(44004)
    return {**payload, "content": cut_bytes(content, TEXT_BYTES)}


def _check_url(url: str, *, missing: int = 41010) -> None:
    if not url:
        raise ApiError(missing)
    if len(url.encode()) > URL_BYTES:
        raise ApiError(40039)
    if "://" not in url:
        raise ApiError(45034)


def _textcard(payload: Payload) -> Payload:
    title, description = str(payload.get("title") or ""), str(payload.get("description") or "")
    if not title:
        raise ApiError(41016)
    if not description:
        raise ApiError(41033)
    _check_url(str(payload.get("url") or ""))
    button = str(payload.get("btntxt") or "详情")
    return {**payload, "title": title[:128], "description": description[:512], "btntxt": button[:4]}


def _markdown(payload: Payload) -> Payload:
    content = str(payload.get("content") or "")
    if not content:
        raise ApiError(44004)
    if len(content.encode()) > TEXT_BYTES:
        raise ApiError(45002)
    return payload


def _news(payload: Payload) -> Payload:
    articles = payload.get("articles")
    if not isinstance(articles, list) or not articles:
        raise ApiError(40063, detail="articles")
    if len(articles) > 8:
        raise ApiError(45008)
    shown = []
    for article in articles:
        title = str(article.get("title") or "")
        if not title:
            raise ApiError(41016)
        if not (article.get("appid") and article.get("pagepath")):
            _check_url(str(article.get("url") or ""))
        description = cut_bytes(str(article.get("description") or ""), 512)
        shown.append({**article, "title": cut_bytes(title, 128), "description": description})
    return {**payload, "articles": shown}


RULES: dict[str, Callable[[Payload], Payload]] = {
    "text": _text,
    "textcard": _textcard,
    "markdown": _markdown,
    "news": _news,
}


def displayed(body: dict[str, Any]) -> Payload:
    """What the member sees of the message; ApiError when the payload is refused."""
    msgtype = body.get("msgtype")
    if not isinstance(msgtype, str) or (msgtype not in RULES and msgtype not in OTHER_TYPES):
        raise ApiError(40008)
    payload = body.get(msgtype)
    if not isinstance(payload, dict):
        raise ApiError(40063, detail=msgtype)
    return RULES[msgtype](payload) if msgtype in RULES else payload
