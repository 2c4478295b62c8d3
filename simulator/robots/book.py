"""The group robots of a corp: their keys, what they posted, and the media that only they can use."""

from dataclasses import dataclass, field
from typing import Any

from simulator.media.book import MediaBook


@dataclass
class Post:
    """`mentioned` are the userids or @all that the message calls on."""

    msgtype: str
    payload: dict[str, Any]
    mentioned: list[str]
    at: int


@dataclass
class Robot:
    """The key is the credential. `removed` from its group, it can post no more."""

    key: str
    name: str
    removed: bool = False
    posts: list[Post] = field(default_factory=list)
    media: MediaBook = field(default_factory=MediaBook)


@dataclass
class RobotBook:
    robots: dict[str, Robot] = field(default_factory=dict)
