"""What is added to a text for customers. The same values are sent and read back; WeCom may give back less."""

from dataclasses import dataclass, field

from shared.wecom.payloads.reading import IDENTITY


@dataclass(frozen=True)
class Words:
    content: str | None = None


@dataclass(frozen=True)
class Image:
    """`media_id` wins over `pic_url`; some reads answer with the address only."""

    media_id: str | None = None
    pic_url: str | None = None


@dataclass(frozen=True)
class Link:
    title: str | None = None
    picurl: str | None = None
    desc: str | None = None
    url: str | None = None


@dataclass(frozen=True)
class MiniProgram:
    title: str | None = None
    pic_media_id: str | None = None
    appid: str | None = None
    page: str | None = None


@dataclass(frozen=True)
class Video:
    media_id: str | None = None


@dataclass(frozen=True)
class File:
    media_id: str | None = None


Attachment = Image | Link | MiniProgram | Video | File


@dataclass(frozen=True)
class AttachmentRead:
    """One attachment of a read; the field that `msgtype` names is the one that is there."""

    msgtype: str = field(metadata=IDENTITY)
    image: Image | None
    link: Link | None
    miniprogram: MiniProgram | None
    video: Video | None
    file: File | None
