"""Group robots: whoever has the key may speak in the group. No token, no msgid, no recall; 20 messages in a minute.

Source: WeCom server API, page 91770.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from shared.ids import UserId
from shared.wecom.apis import Api, Repeat
from shared.wecom.calls import Calls
from shared.wecom.families import limits
from shared.wecom.families.answers import needed
from shared.wecom.families.cards import checked_card
from shared.wecom.families.contents import Article, Content
from shared.wecom.families.media import MB, check_file
from shared.wecom.payloads.media import Uploaded
from shared.wecom.payloads.reading import written
from shared.wecom.transport import Upload

SEND = Api("webhook/send", Repeat.ONCE, counted=False, keyed=True, per_minute=20)
UPLOAD = Api("webhook/upload_media", Repeat.SAME, keyed=True)
TEXT_BYTES, MARKDOWN_BYTES = 2048, 4096
IMAGE_BYTES = 2 * MB
UPLOAD_BYTES = {"file": 20 * MB, "voice": 2 * MB}
CARDS = ("text_notice", "news_notice")


class Robots:
    """The key is the credential: it is in no error and no log."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def send(self, key: str, content: Content) -> None:
        """Say something in the robot's group; 45009 when it said 20 things in this minute.

        Source: WeCom server API, webhook/send.
        """
        limits.each(SEND, key=key)
        body = {"msgtype": content.msgtype, content.msgtype: dict(content.payload)}
        self._calls.post(SEND, body, {"key": key})

    def upload(self, key: str, kind: str, file: Upload) -> Uploaded:
        """A file or voice for this robot only, for 3 days.

        Source: WeCom server API, webhook/upload_media.
        """
        limits.each(UPLOAD, key=key)
        check_file(UPLOAD, kind, file, most=UPLOAD_BYTES)
        return needed(UPLOAD, Uploaded, self._calls.upload(UPLOAD, file, {"key": key, "type": kind}))


def robot_text(content: str, *, mentioned: Sequence[UserId] = (), mentioned_mobiles: Sequence[str] = ()) -> Content:
    """`mentioned` may hold "@all"."""
    limits.each(SEND, content=content)
    limits.utf8(SEND, TEXT_BYTES, content=content)
    lists = {"mentioned_list": [*mentioned], "mentioned_mobile_list": [*mentioned_mobiles]}
    return Content("text", {"content": content, **{key: some for key, some in lists.items() if some}})


def robot_markdown(content: str) -> Content:
    """Mentions are `<@userid>` in the text."""
    return _markdown("markdown", content)


def robot_markdown_v2(content: str) -> Content:
    """With tables, lists and images; without colours and mentions."""
    return _markdown("markdown_v2", content)


def robot_image(content: bytes) -> Content:
    """JPG or PNG, 2 MB."""
    if not 0 < len(content) <= IMAGE_BYTES:
        raise ValueError(f"{SEND.path}: the image has {len(content)} bytes, 1 to {IMAGE_BYTES} are allowed")
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return Content("image", {"base64": base64.b64encode(content).decode(), "md5": digest})


def robot_news(articles: Sequence[Article]) -> Content:
    limits.count(SEND, 8, least=1, articles=articles)
    for one in articles:
        limits.each(SEND, title=one.title, url=one.url)
        if one.appid or one.pagepath:
            raise ValueError(f"{SEND.path}: a robot's article opens no mini program")
    return Content("news", {"articles": written(articles)})


def robot_file(media_id: str, *, kind: str = "file") -> Content:
    """kind: file or voice; from the robot's own upload."""
    if kind not in UPLOAD_BYTES:
        raise ValueError(f"{SEND.path}: {kind} is none of {', '.join(UPLOAD_BYTES)}")
    limits.each(SEND, media_id=media_id)
    return Content(kind, {"media_id": media_id})


def robot_card(card: Mapping[str, Any]) -> Content:
    if card.get("card_type") not in CARDS:
        raise ValueError(f"{SEND.path}: a robot's card is one of {', '.join(CARDS)}")
    return Content("template_card", checked_card(card))


def _markdown(msgtype: str, content: str) -> Content:
    limits.each(SEND, content=content)
    limits.utf8(SEND, MARKDOWN_BYTES, content=content)
    return Content(msgtype, {"content": content})
