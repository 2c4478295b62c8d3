"""Member tags of a corp: who and which departments carry them, and who made them."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from simulator.records import Corp, Member


@dataclass
class MemberTag:
    """`owner` is the secret of the app that made it, "" when a person made it in the console.

    `users` are lower-cased userids, both in the order of joining (the values mean nothing).
    """

    tag_id: int
    name: str
    owner: str = ""
    users: dict[str, None] = field(default_factory=dict)
    parties: dict[int, None] = field(default_factory=dict)

    @property
    def nodes(self) -> int:
        return len(self.users) + len(self.parties)


@dataclass
class MemberTagBook:
    tags: dict[int, MemberTag] = field(default_factory=dict)

    def next_id(self) -> int:
        return max(self.tags, default=0) + 1

    def named(self, name: str) -> MemberTag | None:
        return next((tag for tag in self.tags.values() if tag.name == name), None)

    def member_renamed(self, old: str, new: str) -> None:
        for tag in self.tags.values():
            tag.users = {new.lower() if key == old.lower() else key: None for key in tag.users}

    def members(self, corp: Corp, tag_id: int) -> list[Member] | None:
        """Whom the tag reaches: its members in service, and those of its departments and below; None when unknown."""
        tag = self.tags.get(tag_id)
        if tag is None:
            return None
        roots = frozenset(tag.parties)
        return [
            member
            for key, member in corp.members.items()
            if not member.resigned and (key in tag.users or any(corp.lies_under(roots, x) for x in member.departments))
        ]


def users_in_service(corp: Corp, userids: Iterable[str]) -> list[Member]:
    found = (corp.members.get(userid) for userid in userids)
    return [member for member in found if member is not None and not member.resigned]
