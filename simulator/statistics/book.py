"""What happened on each day, by member and by group chat; days are those of UTC+8."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from simulator.events import Event
from simulator.records import Corp

DAY_S, BEIJING_S = 86_400, 8 * 3600
# A customer whom the administrator assigned was not asked for by the member.
ASSIGNED = 202


def day_of(at: float) -> int:
    """Unix seconds of the midnight, in UTC+8, that began the day."""
    return (int(at) + BEIJING_S) // DAY_S * DAY_S - BEIJING_S


@dataclass(slots=True)
class MemberDay:
    """`chats` are the customers talked with, `asked` those of them who
    began, `replied` the seconds until they were answered."""

    applies: int = 0
    contacts: int = 0
    feedback: int = 0
    messages: int = 0
    chats: set[str] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)
    replied: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class ChatDay:
    """`speakers` are the ids of those who spoke in the group chat."""

    messages: int = 0
    speakers: set[str] = field(default_factory=set)


@dataclass
class DayBook:
    """`chats` are by day and chat id, `last_talk` (the last message of the two) by userid and external_userid."""

    members: dict[tuple[int, str], MemberDay] = field(default_factory=lambda: defaultdict(MemberDay))
    chats: dict[int, dict[str, ChatDay]] = field(default_factory=dict)
    last_talk: dict[tuple[str, str], int] = field(default_factory=dict)

    def member_renamed(self, old: str, new: str) -> None:
        for day, userid in [key for key in self.members if key[1] == old]:
            self.members[day, new] = self.members.pop((day, userid))
        for userid, external_userid in [key for key in self.last_talk if key[0] == old]:
            self.last_talk[new, external_userid] = self.last_talk.pop((userid, external_userid))
        for spoken in (found for day in self.chats.values() for found in day.values()):
            if old in spoken.speakers:
                spoken.speakers ^= {old, new}

    def chat_on(self, day: int, chat_id: str) -> ChatDay:
        """What was said in a chat on a day, empty at first."""
        return self.chats.setdefault(day, {}).setdefault(chat_id, ChatDay())

    def record(self, corp: Corp, events: Iterable[Event]) -> None:
        """Count what people did; what software did has no events."""
        for event in events:
            if event.family == "change_external_contact":
                self._record_contact(corp, event)

    def _record_contact(self, corp: Corp, event: Event) -> None:
        said = dict(event.fields)
        userid, external_userid = str(said.get("UserID", "")), str(said.get("ExternalUserID", ""))
        day = self.members[day_of(event.create_time), userid]
        if event.change_type == "del_follow_user":
            day.feedback += 1
        elif event.change_type == "add_external_contact":
            day.contacts += 1
            member = corp.member(userid)
            pair = member.pairs.get(external_userid) if member else None
            if pair is not None and pair.oper_userid == userid and pair.add_way != ASSIGNED:
                day.applies += 1
