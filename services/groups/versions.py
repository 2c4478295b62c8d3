"""What member versions say of how new a read is. Pure.

Versions are opaque: only equality means something. Each event names the version before and after it, and the time, so
a read's version has a place among the events, or none when they were lost. A version may come back: it may be made
from who is there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.groups.model import Chat, Evidence, EvidenceKind

LAG = timedelta(seconds=150)
"""How far details may be behind events. WeCom's documents give two seconds as an example; then the read is right."""
FIRST_LOOK = timedelta(seconds=2)
_MEMBERS = (EvidenceKind.JOINED, EvidenceKind.LEFT)


def may_lag(since: datetime, *, observed_at: datetime) -> bool:
    """Whether a read that began then may still be behind something of that time."""
    return observed_at - since < LAG


def next_look(since: datetime, *, observed_at: datetime) -> datetime:
    """Two seconds after the event, then after twice its age, at last when reads have caught up for sure."""
    return min(observed_at + max(FIRST_LOOK, observed_at - since), since + LAG)


@dataclass(frozen=True)
class Reading:
    """The version that a read shows, among the events and against what is recorded."""

    version: str | None
    observed_at: datetime
    chat: Chat | None
    evidence: Sequence[Evidence]

    def newer_since(self) -> datetime | None:
        """Since when a newer version than this one is recorded: the read came from a copy that is behind.

        None when it did not, or when that is too long ago to be so.
        """
        known = self.chat.member_version if self.chat else None
        since = self.chat.since.get("member_version") if self.chat else None
        if not self.version or not known or self.version == known or since is None:
            return None
        if not may_lag(since, observed_at=self.observed_at):
            return None
        made, other_made, gone = self._made_at(self.version), self._made_at(known), self._gone_at(self.version)
        earlier = made is not None and other_made is not None and made < other_made
        return since if earlier or (gone is not None and gone <= since) else None

    def doubt(self) -> datetime | None:
        """Since when a version is recorded that may be newer than this one, for all that is known.

        What such a read does not show is not over yet. None when it is newer, or copies have had time to agree.
        """
        known = self.chat.member_version if self.chat else None
        since = self.chat.since.get("member_version") if self.chat else None
        if not self.version or not known or since is None or not may_lag(since, observed_at=self.observed_at):
            return None
        made, other_made = self._made_at(self.version), self._made_at(known)
        later = made is not None and (made > since or (other_made is not None and made >= other_made))
        return None if later and self.version != known else since

    def unseen(self) -> list[Evidence]:
        """Changes of the members that this read is known not to show yet."""
        return [one for one in self.evidence if one.kind in _MEMBERS and self._lags_behind(one)]

    def _lags_behind(self, event: Evidence) -> bool:
        if not self.version or self.version == event.version or not may_lag(event.since, observed_at=self.observed_at):
            return False
        made, gone = self._made_at(self.version), self._gone_at(self.version)
        if made is not None or gone is not None:
            return (made or event.occurred_at) < event.occurred_at or (gone is not None and gone <= event.occurred_at)
        since = self.chat.since.get("member_version") if self.chat else None
        unchanged = self.chat is not None and self.version == self.chat.member_version
        return unchanged and since is not None and since <= event.since

    def _made_at(self, version: str) -> datetime | None:
        """When an event last made it the present version."""
        return max((one.occurred_at for one in self.evidence if one.version == version), default=None)

    def _gone_at(self, version: str) -> datetime | None:
        """When an event put another one in its place."""
        made = self._made_at(version)
        times = [one.occurred_at for one in self.evidence if one.last_version == version]
        return min((at for at in times if made is None or at >= made), default=None)
