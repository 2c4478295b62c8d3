"""Ways to become a customer (「联系我」)."""

from dataclasses import dataclass, field

from shared.ids import UserId
from shared.wecom.payloads.attachments import Image, Link, MiniProgram, Words
from shared.wecom.payloads.reading import IDENTITY


@dataclass(frozen=True)
class Conclusions:
    """What ends a temporary chat: the text, and one of the others (image before link before mini program)."""

    text: Words | None = None
    image: Image | None = None
    link: Link | None = None
    miniprogram: MiniProgram | None = None


@dataclass(frozen=True)
class ContactWaySettings:
    """What can be set at any time. Times are seconds; those, `unionid` and `conclusions` are of temporary chats."""

    style: int | None = None
    remark: str | None = None
    skip_verify: bool | None = None
    state: str | None = None
    user: tuple[UserId, ...] | None = None
    party: tuple[int, ...] | None = None
    expires_in: int | None = None
    chat_expires_in: int | None = None
    unionid: str | None = None
    mark_source: bool | None = None
    conclusions: Conclusions | None = None


@dataclass(frozen=True)
class NewContactWay:
    """`qr_code` is an address, and only of scene 2."""

    config_id: str = field(metadata=IDENTITY)
    qr_code: str | None


@dataclass(frozen=True)
class ContactWay:
    """type: 1 single, 2 multi. scene: 1 mini program, 2 QR code."""

    config_id: str = field(metadata=IDENTITY)
    type: int | None
    scene: int | None
    style: int | None
    remark: str | None
    skip_verify: bool | None
    state: str | None
    qr_code: str | None
    user: tuple[UserId, ...] | None
    party: tuple[int, ...] | None
    is_temp: bool | None
    is_exclusive: bool | None
    expires_in: int | None
    chat_expires_in: int | None
    unionid: str | None
    mark_source: bool | None
    conclusions: Conclusions | None
