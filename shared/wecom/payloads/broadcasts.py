"""Messages to customers that members confirm (企业群发), and the material that greets them. Times are Unix seconds."""

from dataclasses import dataclass, field

from shared.ids import ExternalUserId, UserId
from shared.wecom.payloads.attachments import AttachmentRead, File, Image, Link, MiniProgram, Video, Words
from shared.wecom.payloads.reading import IDENTITY, called


@dataclass(frozen=True)
class BroadcastCreated:
    """`fail_list`: external_userids, or chat ids, that WeCom would not take."""

    msgid: str = field(metadata=IDENTITY)
    fail_list: tuple[str, ...] | None


@dataclass(frozen=True)
class Broadcast:
    """create_type: 0 by the corp, 1 by a member. `creator` is absent when it came by API."""

    msgid: str = field(metadata=IDENTITY)
    creator: UserId | None
    create_time: int | None
    create_type: int | None
    text: Words | None
    attachments: tuple[AttachmentRead, ...] | None


@dataclass(frozen=True)
class BroadcastTask:
    """Whether a member sent it. status: 0 not sent, 2 sent."""

    userid: UserId = field(metadata=IDENTITY)
    status: int | None
    send_time: int | None


@dataclass(frozen=True)
class BroadcastDelivery:
    """status: 0 not sent, 1 sent, 2 not a friend, 3 received too many. `send_time` comes with 1 only.

    `recipient` is an external_userid, or a chat id of messages to groups.
    """

    recipient: str = field(metadata=called("external_userid", "chat_id", identity=True))
    external_userid: ExternalUserId | None
    chat_id: str | None
    userid: UserId | None
    status: int | None
    send_time: int | None


@dataclass(frozen=True)
class GroupWelcome:
    """The material that greets who joins a group. Images come back as addresses."""

    text: Words | None = None
    image: Image | None = None
    link: Link | None = None
    miniprogram: MiniProgram | None = None
    file: File | None = None
    video: Video | None = None
