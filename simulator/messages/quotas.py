"""What is delivered of what was accepted: duplicates, too many for a member, too many for a day.

Source: WeCom server API, application messages (page 90236), frequency limits (page 90454).
"""

import hashlib
from collections import deque
from dataclasses import dataclass
from typing import Any

import orjson

from simulator.api.calls import Call
from simulator.errors import ApiError
from simulator.messages.book import MessageBook
from simulator.messages.settings import REFUSE, MessageSettings
from simulator.records import Corp, Member
from simulator.world import World

DUPLICATE_INTERVAL_S, MOST_DUPLICATE_INTERVAL_S = 1800, 4 * 3600


@dataclass
class Repeats:
    """The duplicate check of one request; `key` None means that it was not asked for."""

    call: Call
    key: tuple[int, bytes] | None = None
    interval_s: int = DUPLICATE_INTERVAL_S

    @staticmethod
    def of(call: Call, body: dict[str, Any]) -> "Repeats":
        if body.get("enable_duplicate_check") != 1:
            return Repeats(call)
        interval = body.get("duplicate_check_interval") or DUPLICATE_INTERVAL_S
        if not isinstance(interval, int):
            raise ApiError(40058, detail="duplicate_check_interval")
        digest = hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).digest()
        return Repeats(call, (call.app.agent_id, digest), min(interval, MOST_DUPLICATE_INTERVAL_S))

    def seen(self, *, now: float) -> bool:
        """Whether the same request JSON was delivered within the interval."""
        before = self.call.corp.sent_bodies.get(self.key) if self.key else None
        return before is not None and now - before < self.interval_s

    def remember(self, *, now: float) -> None:
        if self.key:
            self.call.corp.sent_bodies[self.key] = now


def budget(world: World, corp: Corp) -> int:
    """The person-times that one app may send on one day."""
    numbers = world.settings(MessageSettings)
    return (numbers.accounts or len(corp.members)) * numbers.person_times_per_account


def spend(call: Call, persons: int, *, now: float) -> bool:
    """Count them against the app's day, before any drop; False when they are beyond it and nothing is delivered.

    Raises:
        ApiError: 45009, when the settings say that WeCom refuses them; it then lasts until the day ends.
    """
    day = call.book(MessageBook).day(call.app.agent_id, now=now)
    if not day.blocked and day.spent + persons <= budget(call.world, call.corp):
        day.spent += persons
        return True
    day.blocked = True
    if call.settings(MessageSettings).beyond_the_day == REFUSE:
        raise ApiError(45009)
    return False


def overflows(call: Call, member: Member, *, now: float) -> bool:
    """Count one delivery to a member; True when it is beyond the app's numbers for a minute or an hour."""
    numbers = call.settings(MessageSettings)
    times = call.corp.flood.setdefault((call.app.agent_id, member.userid), deque())
    while times and times[0] <= now - 3600:
        times.popleft()
    if len(times) >= numbers.member_per_hour:
        return True
    if len(times) >= numbers.member_per_minute and times[-numbers.member_per_minute] > now - 60:
        return True
    times.append(now)
    return False
