"""What a message to customers may consist of: a text and up to nine attachments.

Source: WeCom server API, group messages (page 92135), welcome messages (page 92137).
"""

from typing import Any

from simulator.api.calls import Call
from simulator.api.fields import part, parts, text
from simulator.errors import ApiError
from simulator.media.book import FILE, IMAGE, VIDEO, MediaBook

Json = dict[str, Any]
TEXT_BYTES, MOST_ATTACHMENTS = 4000, 9
# What an attachment may have, what it must have, how many bytes its texts may have, and which field is a media id.
FIELDS = {"link": ("title", "picurl", "desc", "url"), "miniprogram": ("title", "pic_media_id", "appid", "page"),
          "image": ("media_id", "pic_url"), "video": ("media_id",), "file": ("media_id",)}  # fmt: skip
NEEDED = {**FIELDS, "link": ("title", "url"), "image": ()}
BYTES = {"link": {"title": 128, "picurl": 2048, "desc": 512, "url": 2048}, "miniprogram": {"title": 64}}
MEDIA = {"image": ("media_id", IMAGE), "video": ("media_id", VIDEO), "file": ("media_id", FILE),
         "miniprogram": ("pic_media_id", IMAGE)}  # fmt: skip


def check_content(call: Call, asked: Json) -> Json:
    """Text and attachments, checked; ApiError 40063 when there is neither."""
    content, attachments = text(part(asked, "text"), "content"), parts(asked, "attachments")
    if len(content.encode()) > TEXT_BYTES:
        raise ApiError(40058, detail="text.content")
    if len(attachments) > MOST_ATTACHMENTS:
        raise ApiError(41064)
    if not content and not attachments:
        raise ApiError(40063, detail="text")
    return {"text": {"content": content}, "attachments": [_attachment(call, item) for item in attachments]}


def _attachment(call: Call, item: Json) -> Json:
    """The attachment with nothing but its type and its object."""
    kind = text(item, "msgtype")
    if kind not in FIELDS:
        raise ApiError(41065)
    return {"msgtype": kind, kind: check_object(call, kind, part(item, kind))}


def check_object(call: Call, kind: str, asked: Json) -> Json:
    """One image, link, mini program, video or file; of an image the media id wins over the address."""
    told = {key: value for key in FIELDS[kind] if (value := text(asked, key))}
    for key in NEEDED[kind]:
        if key not in told:
            raise ApiError(40063, detail=key)
    for key, limit in BYTES.get(kind, {}).items():
        if len(told.get(key, "").encode()) > limit:
            raise ApiError(40058, detail=key)
    if kind == "image" and "media_id" not in told:
        if "pic_url" not in told:
            raise ApiError(40063, detail="media_id")
        return {"pic_url": told["pic_url"]}
    if kind in MEDIA:
        field, media_kind = MEDIA[kind]
        if not call.book(MediaBook).usable(told[field], kinds=frozenset({media_kind}), now=call.world.now()):
            raise ApiError(40007)
    return {"media_id": told["media_id"]} if kind == "image" else told
