"""What messages to members say: each kind within WeCom's limits, which else would cut or refuse it.

Sizes are bytes of UTF-8 unless characters are named. `limits.cut_bytes` and `limits.cut_chars` make a text fit.
Source: WeCom server API, page 90236.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.wecom.apis import Api, Repeat
from shared.wecom.families import limits
from shared.wecom.families.cards import checked_card
from shared.wecom.payloads.reading import written

SEND = Api("message/send", Repeat.ONCE, counted=False)
TEXT_BYTES = 2048
URL_BYTES = 2048
ARTICLES = 8
MPNEWS_CONTENT_BYTES = 666 * 1024


@dataclass(frozen=True)
class Content:
    """One message without its recipients: `payload` goes under the key `msgtype`."""

    msgtype: str
    payload: Mapping[str, Any]


@dataclass(frozen=True)
class Article:
    """One story of a news message; it opens `url`, or the mini program, which wins."""

    title: str
    description: str | None = None
    url: str | None = None
    picurl: str | None = None
    appid: str | None = None
    pagepath: str | None = None


@dataclass(frozen=True)
class LongArticle:
    """One story that WeCom keeps; `content` is HTML."""

    title: str
    thumb_media_id: str
    content: str
    author: str | None = None
    content_source_url: str | None = None
    digest: str | None = None


def text(content: str) -> Content:
    return Content("text", {"content": _words(content)})


def markdown(content: str) -> Content:
    return Content("markdown", {"content": _words(content)})


def image(media_id: str) -> Content:
    return _media("image", media_id)


def voice(media_id: str) -> Content:
    return _media("voice", media_id)


def file(media_id: str) -> Content:
    return _media("file", media_id)


def video(media_id: str, *, title: str | None = None, description: str | None = None) -> Content:
    limits.utf8(SEND, 128, title=title)
    limits.utf8(SEND, 512, description=description)
    return _media("video", media_id, title=title, description=description)


def textcard(title: str, description: str, *, url: str, btntxt: str | None = None) -> Content:
    """Title 128, description 512 and button 4 characters."""
    limits.each(SEND, title=title, description=description, url=url)
    limits.chars(SEND, 128, title=title)
    limits.chars(SEND, 512, description=description)
    limits.chars(SEND, 4, btntxt=btntxt)
    check_url(url)
    return _content("textcard", title=title, description=description, url=url, btntxt=btntxt)


def news(articles: Sequence[Article]) -> Content:
    limits.count(SEND, ARTICLES, least=1, articles=articles)
    for one in articles:
        limits.each(SEND, title=one.title)
        limits.utf8(SEND, 128, title=one.title, pagepath=one.pagepath)
        limits.utf8(SEND, 512, description=one.description)
        limits.utf8(SEND, URL_BYTES, url=one.url, picurl=one.picurl)
        if not one.url and not (one.appid and one.pagepath):
            raise ValueError(f"{SEND.path}: an article needs url, or appid and pagepath")
    return Content("news", {"articles": written(articles)})


def mpnews(articles: Sequence[LongArticle]) -> Content:
    limits.count(SEND, ARTICLES, least=1, articles=articles)
    for one in articles:
        limits.each(SEND, title=one.title, thumb_media_id=one.thumb_media_id, content=one.content)
        limits.utf8(SEND, 128, title=one.title)
        limits.utf8(SEND, 64, author=one.author)
        limits.utf8(SEND, 512, digest=one.digest)
        limits.utf8(SEND, MPNEWS_CONTENT_BYTES, content=one.content)
    return Content("mpnews", {"articles": written(articles)})


def miniprogram_notice(
    appid: str,
    title: str,
    *,
    page: str | None = None,
    description: str | None = None,
    emphasis_first_item: bool | None = None,
    content_item: Sequence[tuple[str, str]] = (),
) -> Content:
    """Of an app that is linked to the mini program. Title and description 4 to 12, keys 10, values 30 characters."""
    limits.each(SEND, appid=appid, title=title)
    limits.between(SEND, 4, 12, title=len(title), description=None if description is None else len(description))
    limits.utf8(SEND, 1024, page=page)
    limits.count(SEND, 10, content_item=content_item)
    for key, value in content_item:
        limits.chars(SEND, 10, key=key)
        limits.chars(SEND, 30, value=value)
    pairs = [{"key": key, "value": value} for key, value in content_item] or None
    return _content(
        "miniprogram_notice",
        appid=appid,
        page=page,
        title=title,
        description=description,
        emphasis_first_item=emphasis_first_item,
        content_item=pairs,
    )


def template_card(card: Mapping[str, Any]) -> Content:
    """Raises ValueError as `checked_card`."""
    return Content("template_card", checked_card(card))


def check_url(url: str) -> None:
    """Raises ValueError when it is too long or has no scheme."""
    limits.utf8(SEND, URL_BYTES, url=url)
    if "://" not in url:
        raise ValueError(f"{SEND.path}: url has no scheme")


def _words(content: str) -> str:
    limits.each(SEND, content=content)
    limits.utf8(SEND, TEXT_BYTES, content=content)
    return content


def _media(msgtype: str, media_id: str, **more: str | None) -> Content:
    limits.each(SEND, media_id=media_id)
    return _content(msgtype, media_id=media_id, **more)


def _content(msgtype: str, **fields: Any) -> Content:
    return Content(msgtype, {key: value for key, value in fields.items() if value is not None})
