"""Moments of a corp: the jobs that make them, and each member's published copy.

Source: WeCom server API, moments (pages 93333 and 95094).
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass
class Copy:
    """One member's part of a moment; `audience` was chosen when it was published, `reached` can see it."""

    userid: str
    published_at: int = 0
    audience: list[str] = field(default_factory=list)
    reached: list[str] = field(default_factory=list)
    comments: list[Json] = field(default_factory=list)
    likes: list[Json] = field(default_factory=list)


@dataclass
class Moment:
    """`creator` is the member of a personal one, "" for one that software made; `tags` None means public."""

    moment_id: str
    content: Json
    create_time: int
    dispatched_at: float
    creator: str = ""
    tags: list[str] | None = None
    copies: dict[str, Copy] = field(default_factory=dict)
    cancelled: bool = False
    deleted: bool = False


@dataclass
class Job:
    """`result` is there when the job is finished."""

    jobid: str
    agent_id: int
    created_at: float
    starts_at: float
    finishes_at: float
    result: Json = field(default_factory=dict)


@dataclass
class MomentBook:
    """`by_month` counts what software made, by month in UTC+8."""

    jobs: dict[str, Job] = field(default_factory=dict)
    moments: dict[str, Moment] = field(default_factory=dict)
    created_at: list[float] = field(default_factory=list)
    by_month: Counter[str] = field(default_factory=Counter)

    def member_renamed(self, old: str, new: str) -> None:
        for moment in self.moments.values():
            moment.creator = new if moment.creator == old else moment.creator
            if old in moment.copies:
                moment.copies[old].userid = new
                moment.copies = {copy.userid: copy for copy in moment.copies.values()}
            for copy in moment.copies.values():
                for row in (*copy.comments, *copy.likes):
                    if row.get("userid") == old:
                        row["userid"] = new
