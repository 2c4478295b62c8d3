"""What the simulated WeChat remembers of official accounts."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from simulator.official_account.quotas import Quotas
from simulator.official_account.tokens import AccountTokens
from simulator.records import Receiver

CHINA = timedelta(hours=8)


def month_of(at: float) -> int:
    """The natural month in China, as a number that grows by one."""
    then = datetime.fromtimestamp(at, UTC) + CHINA
    return then.year * 12 + then.month


@dataclass
class Allowance:
    """So many kf messages until a time; None: any number."""

    left: int | None
    until: float


@dataclass(slots=True)
class Follower:
    """One person as this account knows them; `position` is the place in the list of followers, -1 when not in it."""

    openid: str
    unionid: str = ""
    nickname: str = ""
    subscribed: bool = False
    position: int = -1
    subscribe_time: int = 0
    scene: str = "ADD_SCENE_SEARCH"
    qr_scene: int = 0
    qr_scene_str: str = ""
    remark: str = ""
    platform: int = 1
    blacklisted: bool = False
    refuses: bool = False
    tags: list[int] = field(default_factory=list)
    windows: dict[str, Allowance] = field(default_factory=dict)
    consents: dict[str, int] = field(default_factory=dict)
    typing: bool = False
    mass_in: tuple[int, int] = (0, 0)
    templates_in: tuple[int, int] = (0, 0)
    template_status: str = ""


@dataclass
class Tag:
    tag_id: int
    name: str
    openids: dict[str, None] = field(default_factory=dict)


@dataclass
class Template:
    template_id: str
    title: str = ""
    content: str = ""


@dataclass
class Menu:
    menuid: int
    buttons: list[Any]
    matchrule: dict[str, Any] = field(default_factory=dict)


@dataclass
class QrCode:
    """`expires_at` 0: permanent."""

    ticket: str
    url: str
    scene: int | str
    expires_at: float = 0.0


@dataclass
class MassJob:
    msg_id: int
    msg_data_id: int
    msgtype: str
    payload: dict[str, Any]
    openids: list[str]
    to_all: bool
    status: str = "SENDING"
    sent: int = 0
    failed: int = 0
    filtered: int = 0


@dataclass
class Sent:
    """What a follower saw, or would have seen: `status` is empty when it arrived. `via` is kf, template, mass …"""

    openid: str
    via: str
    msgtype: str
    payload: dict[str, Any]
    at: int
    msgid: int = 0
    status: str = ""


@dataclass
class Account:
    """`kind` is service, subscription or test. Empty `allowed_ips` let everybody in.

    `open_platform`: bound to an open-platform account, so that reads have unionids. `protected`: a send to all waits
    for the administrator.
    """

    appid: str
    secret: str
    original_id: str
    name: str = ""
    kind: str = "service"
    allowed_ips: frozenset[str] = frozenset()
    open_platform: bool = True
    protected: bool = False
    receiver: Receiver | None = None
    tokens: AccountTokens = field(default_factory=AccountTokens)
    quotas: Quotas = field(default_factory=Quotas)
    followers: dict[str, Follower] = field(default_factory=dict)
    listed: list[str] = field(default_factory=list)
    subscribed: int = 0
    tags: dict[int, Tag] = field(default_factory=lambda: {2: Tag(2, "星标组")})
    next_tag_id: int = 100
    templates: dict[str, Template] = field(default_factory=dict)
    client_msg_ids: dict[str, tuple[float, int]] = field(default_factory=dict)
    menu: Menu | None = None
    conditional: list[Menu] = field(default_factory=list)
    qr_codes: dict[str, QrCode] = field(default_factory=dict)
    permanent_scenes: dict[int | str, str] = field(default_factory=dict)
    jobs: dict[int, MassJob] = field(default_factory=dict)
    clientmsgids: dict[str, tuple[float, int]] = field(default_factory=dict)
    mass_speed: int = 0
    sent: list[Sent] = field(default_factory=list)
    notices: list[tuple[str, int]] = field(default_factory=list)
    codes: dict[str, dict[str, Any]] = field(default_factory=dict)
    web_tokens: dict[str, dict[str, Any]] = field(default_factory=dict)
    minute: tuple[int, dict[str, int]] = (0, {})

    @property
    def is_service(self) -> bool:
        return self.kind != "subscription"

    def new_openid(self) -> str:
        return f"o{secrets.token_urlsafe(21)[:27]}"

    def follow(self, follower: Follower, *, at: int) -> None:
        """Put the person at the end of the list of followers."""
        self.followers[follower.openid] = follower
        follower.subscribed, follower.subscribe_time = True, at
        follower.position = len(self.listed)
        self.listed.append(follower.openid)
        self.subscribed += 1

    def present(self, start: int = 0) -> Iterator[str]:
        """Those who follow, in the order of following, from a position on."""
        for position in range(start, len(self.listed)):
            if self.followers[self.listed[position]].position == position:
                yield self.listed[position]

    def unfollow(self, follower: Follower) -> None:
        """Tags, remark and windows go. That they do is not published."""
        for tag_id in follower.tags:
            self.tags[tag_id].openids.pop(follower.openid, None)
        follower.tags.clear()
        follower.windows.clear()
        follower.subscribed, follower.remark, follower.position = False, "", -1
        self.subscribed -= 1


@dataclass
class Accounts:
    """All official accounts of this world, by appid."""

    by_appid: dict[str, Account] = field(default_factory=dict)
