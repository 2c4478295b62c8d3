"""Whom reads of group chats and events about them mean by now: they may name the userid of their own time. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from services.associates.model import Alias, current_userid
from services.groups.model import Evidence, Observed, ObservedMember
from shared.ids import UserId


def userids_of(read: Observed) -> set[str]:
    """All ids that a read names; those of customers are no userids, and have no aliases."""
    members = read.members or {}
    invitors = {one.traits.invitor for one in members.values()}
    return {one for one in (*members, *invitors, read.owner, *(read.admins or ())) if one}


def current_evidence(evidence: Sequence[Evidence], aliases: Sequence[Alias]) -> list[Evidence]:
    return [replace(one, members=_current(one.members, one.occurred_at, aliases)) for one in evidence]


def current_read(read: Observed, aliases: Sequence[Alias]) -> Observed:
    """A read may be behind; one that names a member by both userids is believed of the new one."""
    at = read.observed_at
    return replace(
        read,
        owner=_one(read.owner, at, aliases),
        admins=None if read.admins is None else _current(read.admins, at, aliases),
        members=None if read.members is None else _members(read.members, at, aliases),
    )


def _members(
    members: Mapping[str, ObservedMember], at: datetime, aliases: Sequence[Alias]
) -> Mapping[str, ObservedMember]:
    found: dict[str, ObservedMember] = {}
    for member_id, shown in members.items():
        invitor = _one(shown.traits.invitor, at, aliases)
        one = replace(shown, traits=replace(shown.traits, invitor=invitor))
        (now,) = _current([member_id], at, aliases)
        if now == member_id:
            found[now] = one
        else:
            found.setdefault(now, one)
    return found


def _current(ids: Iterable[str], at: datetime, aliases: Sequence[Alias]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(current_userid(UserId(one), at, aliases) for one in ids))


def _one(userid: str | None, at: datetime, aliases: Sequence[Alias]) -> UserId | None:
    return None if userid is None else current_userid(UserId(userid), at, aliases)
