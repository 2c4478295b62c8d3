"""What the corp remembers of the messages that its apps sent: each send, its cards' codes, the day's numbers."""

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone

from simulator.records import Delivery

CHINA = timezone(timedelta(hours=8))
# Source: WeCom server API, updating template cards (page 94945).
CODE_LIFETIME_S = 72 * 3600


@dataclass
class Sent:
    """One accepted call; `deliveries` by lower-cased userid, without those that nobody saw."""

    msgid: str
    agent_id: int
    at: float
    deliveries: dict[str, Delivery] = field(default_factory=dict)
    recalled: bool = False


@dataclass
class CardCode:
    """A response_code: good for one update of the card."""

    sent: Sent
    made_at: float
    used: bool = False


@dataclass
class Day:
    """What one app sent on one day; `blocked` once it asked for more than the day allows."""

    spent: int = 0
    blocked: bool = False


@dataclass
class MessageBook:
    """`task_ids` and `days` are kept per app."""

    sent: dict[str, Sent] = field(default_factory=dict)
    codes: dict[str, CardCode] = field(default_factory=dict)
    task_ids: dict[tuple[int, str], str] = field(default_factory=dict)
    days: dict[tuple[int, str], Day] = field(default_factory=dict)

    def issue_code(self, sent: Sent, *, now: float) -> str:
        code = secrets.token_urlsafe(32)
        self.codes[code] = CardCode(sent, now)
        return code

    def code(self, code: str, *, now: float) -> CardCode | None:
        """The code while it can be spent."""
        found = self.codes.get(code)
        return found if found and not found.used and now < found.made_at + CODE_LIFETIME_S else None

    def day(self, agent_id: int, *, now: float) -> Day:
        return self.days.setdefault((agent_id, date_of(now)), Day())

    def member_renamed(self, old: str, new: str) -> None:
        """What a member has on their phone is theirs under the new userid."""
        for sent in self.sent.values():
            if delivery := sent.deliveries.pop(old.lower(), None):
                sent.deliveries[new.lower()] = delivery


def date_of(at: float, *, days_before: int = 0) -> str:
    """The natural day in China, as text."""
    return (datetime.fromtimestamp(at, UTC).astimezone(CHINA) - timedelta(days=days_before)).date().isoformat()
