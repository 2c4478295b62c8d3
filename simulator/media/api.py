"""Uploads: temporary media for messages, attachments for moments and albums, and pictures that stay.

Source: WeCom server API, temporary media (page 96484), attachments (page 95098), frequency limits (page 90454).
"""

import secrets
from typing import Any

from simulator.api.calls import Call, Endpoint
from simulator.errors import ApiError
from simulator.media import book
from simulator.media.book import Media, MediaBook, Picture
from simulator.media.formats import AMR, JPG, MP4, PNG, amr_seconds, format_of, image_size, mp4_seconds
from simulator.media.settings import MB, MediaSettings
from simulator.media.uploads import Upload, read_upload

PICTURES = frozenset({JPG, PNG})
# Kind -> formats (empty: any) and bytes; an image's bytes are a setting.
RULES: dict[str, tuple[frozenset[str], int]] = {
    book.IMAGE: (PICTURES, 0),
    book.VOICE: (frozenset({AMR}), 2 * MB),
    book.VIDEO: (frozenset({MP4}), 10 * MB),
    book.FILE: (frozenset(), 20 * MB),
}
LONGEST_VOICE_S, LONGEST_VIDEO_S = 60, 30
ATTACHMENT_BYTES = 10 * MB
LONG_SIDE, SHORT_SIDE = 10_800, 1080
ATTACHMENTS = {
    ("image", "1"): book.MOMENT_IMAGE,
    ("video", "1"): book.MOMENT_VIDEO,
    ("image", "2"): book.ALBUM_IMAGE,
}


def _kept(call: Call, upload: Upload, kind: str) -> Media:
    return call.book(MediaBook).keep(
        kind=kind,
        filename=upload.filename,
        size=len(upload.content),
        content_type=upload.content_type,
        now=call.world.now(),
    )


def upload(call: Call) -> dict[str, Any]:
    """`created_at` is text. ApiError 40005 for `type`, 40004 for the bytes, 45001 too large, 45007 too long."""
    kind = call.query.get("type", "")
    if kind not in RULES:
        raise ApiError(40005)
    found = read_upload(call)
    formats, most = RULES[kind]
    if len(found.content) > (most or call.settings(MediaSettings).image_bytes):
        raise ApiError(45001)
    if formats and format_of(found.content) not in formats:
        raise ApiError(40004)
    if kind == book.VOICE and amr_seconds(found.content) > LONGEST_VOICE_S:
        raise ApiError(45007)
    media = _kept(call, found, kind)
    return {"type": kind, "media_id": media.media_id, "created_at": str(media.at)}


def upload_attachment(call: Call) -> dict[str, Any]:
    """`created_at` is a number here, and errmsg is empty.

    ApiError 41072 wrong scene, 41080 too large, 41081 too many pixels, 41082 too long, 41090 not MP4, 40004 no picture.
    """
    media_type, scene = call.query.get("media_type", ""), call.query.get("attachment_type", "")
    kind = ATTACHMENTS.get((media_type, scene))
    if kind is None:
        raise ApiError(41072)
    found = read_upload(call)
    if len(found.content) > ATTACHMENT_BYTES:
        raise ApiError(41080)
    if kind == book.MOMENT_VIDEO:
        _check_video(found.content)
    else:
        _check_picture(found.content, kind)
    media = _kept(call, found, kind)
    return {"errmsg": "", "type": media_type, "media_id": media.media_id, "created_at": media.at}


def _check_video(content: bytes) -> None:
    if format_of(content) != MP4:
        raise ApiError(41090)
    if mp4_seconds(content) > LONGEST_VIDEO_S:
        raise ApiError(41082)


def _check_picture(content: bytes, kind: str) -> None:
    if format_of(content) not in PICTURES:
        raise ApiError(40004)
    short, long = sorted(image_size(content))
    if kind == book.MOMENT_IMAGE and (long > LONG_SIDE or short > SHORT_SIDE):
        raise ApiError(41081)


def upload_picture(call: Call) -> dict[str, Any]:
    """A picture with an address that does not expire; no media_id. Only accepted ones count."""
    found, numbers = read_upload(call), call.settings(MediaSettings)
    if format_of(found.content) not in PICTURES:
        raise ApiError(40004)
    if len(found.content) > numbers.picture_bytes:
        raise ApiError(45001)
    call.take("pictures of a day", limit=numbers.pictures_per_day, window="day")
    call.take("pictures of a month", limit=numbers.pictures_per_month, window="month")
    url = f"{numbers.picture_host}/wwpic/{secrets.token_hex(16)}/0"
    call.book(MediaBook).pictures.append(Picture(url, len(found.content), call.world.now()))
    return {"url": url}


ENDPOINTS = {
    "media/upload": Endpoint("POST", upload),
    "media/upload_attachment": Endpoint("POST", upload_attachment, customer_contact=True),
    "media/uploadimg": Endpoint("POST", upload_picture),
}
