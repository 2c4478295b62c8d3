"""The group chats that apps made, and what was sent to them."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Post:
    """One message; `reached` are the members who saw it, `dropped` those who had too many."""

    msgtype: str
    payload: dict[str, Any]
    displayed: dict[str, Any]
    at: int
    reached: list[str]
    dropped: list[str]


@dataclass
class Appchat:
    """`agent_id` made it, and only that app may touch it. Members see it from the first message on."""

    chatid: str
    name: str
    owner: str
    userlist: list[str]
    agent_id: int
    posts: list[Post] = field(default_factory=list)


@dataclass
class AppchatBook:
    chats: dict[str, Appchat] = field(default_factory=dict)

    def member_renamed(self, old: str, new: str) -> None:
        for chat in self.chats.values():
            chat.owner = new if chat.owner == old else chat.owner
            chat.userlist = [new if userid == old else userid for userid in chat.userlist]
            for post in chat.posts:
                post.reached = [new if userid == old else userid for userid in post.reached]
                post.dropped = [new if userid == old else userid for userid in post.dropped]
