"""What is answered about chats: folders, lists, tags, events, and relations that ended."""

from datetime import date, datetime

from pydantic import BaseModel

from console.api.personal import Nickname


class FolderOut(BaseModel):
    """`id` 0 is Ungrouped: pinned on top, cannot be changed. `chat_count`: chats that are not dismissed."""

    id: int
    name: str
    pinned: bool
    chat_count: int


class FoldersOut(BaseModel):
    folders: list[FolderOut]


class MovedOut(BaseModel):
    """`moved`: chats that were somewhere else before."""

    folder_id: int
    moved: int


class ChatOut(BaseModel):
    """`joined_today`, `left_today`: in the corp's time zone. Name, owner, members: as WeCom showed them last."""

    chat_id: str
    name: str | None
    description: str | None
    owner_userid: str | None
    owner_name: str | None
    outlet_id: int | None
    outlet_name: str | None
    folder_id: int
    folder_name: str
    tag_ids: list[int]
    member_count: int
    joined_today: int
    left_today: int
    created_at: datetime | None
    dismissed_at: datetime | None
    out_of_sight_at: datetime | None
    observed_at: datetime | None


class ChatsOut(BaseModel):
    chats: list[ChatOut]
    today: date
    next_cursor: str | None


class ChatMemberOut(BaseModel):
    """One stay. `scene`: 1 invited, 2 link, 3 QR code, 0 one of the first two. `left_scene`: 0 left, 1 removed."""

    member_id: str
    kind: str
    name: Nickname | None
    nickname: Nickname | None
    customer_id: int | None
    joined_at: datetime | None
    scene: int | None
    inviter: str | None
    left_at: datetime | None
    left_scene: int | None


class ChatMembersOut(BaseModel):
    members: list[ChatMemberOut]
    next_cursor: str | None


class SeveralOut(BaseModel):
    """A person from outside who is in several chats at once; `chat_ids`: the first twenty."""

    external_userid: str
    name: Nickname | None
    customer_id: int | None
    chat_count: int
    chat_ids: list[str]


class SeveralPageOut(BaseModel):
    customers: list[SeveralOut]
    next_cursor: str | None


class DayOut(BaseModel):
    day: date
    joined_count: int
    left_count: int
    member_count: int


class TrendOut(BaseModel):
    """Each day of the range in the corp's time zone; `member_count` is at its end."""

    chat_id: str
    days: list[DayOut]


class ChatTagOut(BaseModel):
    id: int
    name: str


class ChatTagGroupOut(BaseModel):
    id: int
    name: str
    tags: list[ChatTagOut]


class ChatTagsOut(BaseModel):
    groups: list[ChatTagGroupOut]


class TaggedOut(BaseModel):
    """How many tags were put on chats that lacked them, and taken off chats that had them."""

    added: int
    removed: int


class TaggedCustomersOut(BaseModel):
    """`customers`: who are in the chat now. Local tags are there at once; corp tags go through the jobs named.

    `relations`: assigned relations that corp tags are put on; of the others nobody is their friend.
    """

    customers: int
    local_added: int
    local_removed: int
    relations: int
    job_ids: list[int]


class ChatEventOut(BaseModel):
    """`remind_at`: when the owners are to be reminded; null: not (any more)."""

    id: int
    name: str
    content: str
    starts_at: datetime
    remind_minutes: int | None
    remind_at: datetime | None
    chat_ids: list[str]
    created_at: datetime
    created_by: str
    cancelled_at: datetime | None


class ChatEventsOut(BaseModel):
    events: list[ChatEventOut]
    next_cursor: str | None


class EndedRelationOut(BaseModel):
    """A friendship that one side ended. `cause`, `evidence`, `learned_at`: how we know of the end."""

    userid: str
    associate_name: str | None
    outlet_id: int | None
    outlet_name: str | None
    external_userid: str
    customer_id: int | None
    customer_name: Nickname | None
    started_at: datetime | None
    ended_at: datetime
    cause: str | None
    evidence: str | None
    learned_at: datetime | None


class EndedRelationsOut(BaseModel):
    relations: list[EndedRelationOut]
    next_cursor: str | None
