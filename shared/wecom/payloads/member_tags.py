"""Tags on members (内部标签)."""

from dataclasses import dataclass, field

from shared.wecom.payloads.directory import MemberName
from shared.wecom.payloads.reading import IDENTITY, called


@dataclass(frozen=True)
class MemberTag:
    tagid: int = field(metadata=IDENTITY)
    tagname: str | None


@dataclass(frozen=True)
class TaggedMembers:
    """Who has the tag, as far as the app sees."""

    tagname: str | None
    members: tuple[MemberName, ...] | None = field(metadata=called("userlist"))
    parties: tuple[int, ...] | None = field(metadata=called("partylist"))


@dataclass(frozen=True)
class Refused:
    """Those that were left out; the others are done. Userids are lower-cased."""

    userids: frozenset[str]
    parties: tuple[int, ...]
