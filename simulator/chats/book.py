"""The group chats of a corp. A chat is a chain of states, of which reads see an earlier one for a while.

Source: WeCom server API, customer group details (page 92122).
"""

import hashlib
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum

from simulator.records import Corp

MEMBER, EXTERNAL = 1, 2


class JoinScene(IntEnum):
    """As groupchat/get says it; events have numbers of their own."""

    INVITED = 1
    LINK = 2
    QR_CODE = 3


class Status(IntEnum):
    NORMAL = 0
    LEFT = 1
    INHERITING = 2
    INHERITED = 3


@dataclass(frozen=True, slots=True)
class ChatMember:
    """`userid` is a member's or an external contact's id; `invitor` is a member's; name and unionid are elsewhere."""

    userid: str
    type: int
    join_time: int
    join_scene: int = JoinScene.INVITED
    invitor: str = ""
    group_nickname: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True)
class ChatState:
    """What a chat is at one time; a change makes a new state."""

    owner: str
    name: str = ""
    notice: str = ""
    admins: tuple[str, ...] = ()
    members: Mapping[str, ChatMember] = field(default_factory=dict)
    member_version: str = ""
    dismissed_at: int = 0

    def with_members(self, joining: Iterable[ChatMember] = (), *, without: Iterable[str] = ()) -> "ChatState":
        """Others are in it; the version hangs on the last one and on who is in it now."""
        left = set(without)
        members = {key: item for key, item in self.members.items() if key not in left}
        members |= {item.userid: item for item in joining}
        told = "|".join([self.member_version, *sorted(members)])
        version = hashlib.blake2b(told.encode(), digest_size=16).hexdigest()
        admins = tuple(item for item in self.admins if item not in left)
        return replace(self, members=members, member_version=version, admins=admins)

    def renamed(self, old: str, new: str) -> "ChatState":
        """A member has another userid. Whether the version changes with it is not published: here it stays."""
        members = [
            replace(
                item,
                userid=new if item.userid == old else item.userid,
                invitor=new if item.invitor == old else item.invitor,
            )
            if old in (item.userid, item.invitor)
            else item
            for item in self.members.values()
        ]
        return replace(
            self,
            owner=new if self.owner == old else self.owner,
            admins=tuple(new if item == old else item for item in self.admins),
            members={item.userid: item for item in members},
        )


@dataclass(eq=False)
class Chat:
    """`states` are (visible from, state). `heir` is the owner to be while a transfer is under way."""

    chat_id: str
    create_time: int
    opengid: str
    states: list[tuple[float, ChatState]]
    heir: str = ""
    inherited: bool = False
    passed_on: list[int] = field(default_factory=list)

    @property
    def state(self) -> ChatState:
        """What the chat really is."""
        return self.states[-1][1]

    def seen(self, now: float) -> ChatState | None:
        """What reads show; None while a new chat is not visible yet."""
        for at, state in reversed(self.states):
            if at <= now:
                return state
        return None

    def change(self, state: ChatState, *, now: float, lag_s: float) -> None:
        """Reads go on showing what they show now until the lag is over."""
        visible = [position for position, (at, _) in enumerate(self.states) if at <= now]
        self.states = [*self.states[visible[-1] if visible else 0 :], (now + lag_s, state)]

    def status(self, corp: Corp) -> Status:
        owner = corp.member(self.state.owner)
        if owner is None or owner.resigned:
            return Status.INHERITING if self.heir else Status.LEFT
        return Status.INHERITED if self.inherited else Status.NORMAL


@dataclass(eq=False)
class JoinWay:
    """Source: WeCom server API, join ways (page 92229)."""

    config_id: str
    app: str
    scene: int
    chat_id_list: list[str]
    remark: str = ""
    auto_create_room: int = 1
    room_base_name: str = ""
    room_base_id: int = 0
    state: str = ""
    mark_source: bool = True
    qr_code: str = ""
    created_count: int = 0


@dataclass
class ChatBook:
    """`given_away` counts the transfers of an owner's chats by (owner, day)."""

    chats: dict[str, Chat] = field(default_factory=dict)
    opengids: dict[str, str] = field(default_factory=dict)
    ways: dict[str, JoinWay] = field(default_factory=dict)
    given_away: Counter[tuple[str, int]] = field(default_factory=Counter)
    _ordered: list[str] = field(default_factory=list)

    def add(self, chat: Chat) -> None:
        self.chats[chat.chat_id] = chat
        self.opengids[chat.opengid] = chat.chat_id
        self._ordered.clear()

    def member_renamed(self, old: str, new: str) -> None:
        for chat in self.chats.values():
            chat.heir = new if chat.heir == old else chat.heir
            chat.states = [(at, state.renamed(old, new)) for at, state in chat.states]
        for owner, day in [key for key in self.given_away if key[0] == old]:
            self.given_away[new, day] += self.given_away.pop((owner, day))

    def from_id(self, chat_id: str) -> Iterator[Chat]:
        """The chats in the order of their ids, from one on; "" is from the first."""
        if not self._ordered:
            self._ordered = sorted(self.chats)
        for position in range(bisect_left(self._ordered, chat_id), len(self._ordered)):
            yield self.chats[self._ordered[position]]
