"""The contact ways of a corp and the quota that they share with the join ways of group chats."""

from dataclasses import dataclass, field
from typing import Any

from simulator.errors import ApiError

# Source: WeCom server API, contact ways (page 92228): as many ways of both kinds as a corp can have by API.
QUOTA = 500_000


@dataclass(eq=False)
class ContactWay:
    """`users` are canonical userids, `expires_at` and `conclusions` are those of a temporary way.

    `used` is for temporary ways, which die with the first friend; `next_user` deals out the customers of a multi way.
    """

    config_id: str
    kind: int
    scene: int
    created_at: int
    style: int = 0
    remark: str = ""
    skip_verify: bool = True
    state: str = ""
    users: tuple[str, ...] = ()
    parties: tuple[int, ...] = ()
    is_temp: bool = False
    expires_in: int = 0
    chat_expires_in: int = 0
    unionid: str = ""
    is_exclusive: bool = False
    mark_source: bool = True
    conclusions: dict[str, Any] = field(default_factory=dict)
    qr_code: str = ""
    used: bool = False
    next_user: int = 0


@dataclass
class TempChat:
    """A chat by a temporary way: it ends at `ends_at` or when it is closed; then the `conclusion` is shown."""

    userid: str
    external_userid: str
    config_id: str
    ends_at: int
    conclusion: dict[str, Any] = field(default_factory=dict)
    closed: bool = False
    shown: dict[str, Any] = field(default_factory=dict)


@dataclass
class ContactWayBook:
    """`spent` counts the contact ways and join ways that use up the quota."""

    ways: dict[str, ContactWay] = field(default_factory=dict)
    temp_chats: dict[tuple[str, str], TempChat] = field(default_factory=dict)
    exclusive: dict[tuple[str, str], str] = field(default_factory=dict)
    spent: int = 0
    temp_days: dict[int, int] = field(default_factory=dict)

    def take_quota(self) -> None:
        """One more way; ApiError 41045 when the corp has used up what contact ways and join ways share."""
        if self.spent >= QUOTA:
            raise ApiError(41045)
        self.spent += 1

    def member_renamed(self, old: str, new: str) -> None:
        for way in self.ways.values():
            way.users = tuple(new if item == old else item for item in way.users)
        self.exclusive = {key: new if userid == old else userid for key, userid in self.exclusive.items()}
        for chat in self.temp_chats.values():
            chat.userid = new if chat.userid == old else chat.userid
        self.temp_chats = {(chat.userid, chat.external_userid): chat for chat in self.temp_chats.values()}

    def give_back_quota(self) -> None:
        """A way was deleted."""
        self.spent = max(0, self.spent - 1)
