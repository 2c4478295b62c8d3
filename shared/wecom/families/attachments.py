"""Texts and attachments for customers, within what WeCom takes."""

from collections.abc import Sequence
from typing import Any

from shared.wecom.apis import Api
from shared.wecom.families import limits
from shared.wecom.payloads.attachments import Attachment, File, Image, Link, MiniProgram, Video
from shared.wecom.payloads.reading import written

TEXT_BYTES = 4000
ATTACHMENTS = 9
_MSGTYPES: dict[type[Attachment], str] = {
    Image: "image",
    Link: "link",
    MiniProgram: "miniprogram",
    Video: "video",
    File: "file",
}


def content(api: Api, text: str | None, attachments: Sequence[Attachment]) -> dict[str, Any]:
    """The body's `text` and `attachments`. Raises ValueError when both are empty or one is too long."""
    limits.some(api, text=text, attachments=attachments)
    limits.utf8(api, TEXT_BYTES, text=text)
    limits.count(api, ATTACHMENTS, attachments=attachments)
    parts = []
    for one in attachments:
        check(api, one)
        msgtype = _MSGTYPES[type(one)]
        parts.append({"msgtype": msgtype, msgtype: written(one)})
    return {"text": {"content": text} if text else None, "attachments": parts or None}


def check(api: Api, attachment: Attachment) -> None:
    """Raises ValueError when it names no file, or a text is too long. All lengths are bytes of UTF-8."""
    match attachment:
        case Image():
            limits.some(api, media_id=attachment.media_id, pic_url=attachment.pic_url)
        case Link():
            limits.utf8(api, 128, title=attachment.title)
            limits.utf8(api, 512, desc=attachment.desc)
            limits.utf8(api, 2048, url=attachment.url, picurl=attachment.picurl)
        case MiniProgram():
            limits.utf8(api, 64, title=attachment.title)
        case Video() | File():
            limits.each(api, media_id=attachment.media_id)
