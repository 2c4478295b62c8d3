"""Group chats: one read shows a chat with all its members; evidence tells what no read can. Never writes to WeCom."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import cast
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from services.associates.model import ASSOCIATE
from services.associates.store import load_aliases, unknown_associates
from services.groups.members import kind_of_id, named_by
from services.groups.model import (
    CHAT,
    Evidence,
    Kind,
    NotObserved,
    Observed,
    ObservedMember,
    Traits,
    Unreadable,
)
from services.groups.model import Recorded as Stored
from services.groups.plan import ChatPlan, plan_chat
from services.groups.record import Provenance, record_chats
from services.groups.store import load_evidence, load_recorded
from services.notices.store import Caused, record_facts_and_notices
from services.planning import Cause
from services.renames.chats import current_evidence, current_read, userids_of
from shared.clock import from_unix
from shared.requests import BACKFILL, Leased, Subject, Wanted, want
from shared.tenants import Tenant
from shared.wecom.errors import WeComError
from shared.wecom.payloads.chats import Chat, ChatMember
from sync_worker.reconcilers import LookAgain, Looking, Recorded, Recording, Seen, Shell

UNREADABLE: Mapping[int, Unreadable] = {
    49008: Unreadable.DISMISSED,
    40050: Unreadable.UNKNOWN,
    90501: Unreadable.HIDDEN,  # its owner has no customer-contact function
    84074: Unreadable.HIDDEN,
    60011: Unreadable.HIDDEN,
}
"""Source: WeCom server API, customer group details (page 92122), global error codes (page 90313)."""
KINDS = {1: Kind.ASSOCIATE, 2: Kind.CUSTOMER}
OLDEST = 1_000_000_000
"""Unix seconds; anything before is no time at all. WeCom is younger."""


def observe(looking: Looking, leased: Leased) -> Observed | NotObserved:
    chat_id = leased.subject.key
    try:
        return observed_chat(looking.client().chats.get(chat_id, names=True), chat_id, now=looking.now)
    except WeComError as error:
        if error.code not in UNREADABLE:
            raise
        return NotObserved(chat_id, looking.now, UNREADABLE[error.code])


def observed_chat(chat: Chat, chat_id: str, *, now: datetime) -> Observed:
    """A list without anybody cannot be true, since the owner is in it: it is taken as not stated."""
    members = {one.userid: _observed_member(one, now=now) for one in chat.members or ()}
    return Observed(
        chat_id=chat_id,
        observed_at=now,
        name=chat.name,
        owner=chat.owner or None,
        notice=chat.notice,
        admins=chat.admins,
        created_at=_moment(chat.create_time, now=now),
        member_version=chat.member_version or None,
        members=members or None,
    )


def _observed_member(member: ChatMember, *, now: datetime) -> ObservedMember:
    return ObservedMember(
        kind=KINDS.get(member.type or 0) or kind_of_id(member.userid),
        joined_at=_moment(member.join_time, now=now),
        traits=Traits(
            join_scene=member.join_scene,
            invitor=member.invitor or None,
            state=member.state,
            nickname=member.group_nickname,
            name=member.name or None,
            unionid=member.unionid or None,
        ),
    )


def _moment(seconds: int | None, *, now: datetime) -> datetime | None:
    if seconds is None or seconds < OLDEST:
        return None
    moment = from_unix(seconds)
    return moment if moment < now + timedelta(days=1) else None


def plan_chats(
    connection: Connection, tenant: Tenant, reads: Mapping[str, Observed | NotObserved]
) -> tuple[dict[str, Stored], dict[str, ChatPlan]]:
    """What is recorded of the chats, and what reads make of it; writes nothing."""
    reads, evidence = _by_current_ids(connection, tenant, reads, load_evidence(connection, tenant, list(reads)))
    named = {key: _named(read, evidence[key]) for key, read in reads.items()}
    recorded, zone = load_recorded(connection, tenant, named), ZoneInfo(tenant.timezone)
    return recorded, {key: plan_chat(read, recorded[key], evidence[key], zone=zone) for key, read in reads.items()}


def _by_current_ids(
    connection: Connection,
    tenant: Tenant,
    reads: Mapping[str, Observed | NotObserved],
    evidence: Mapping[str, Sequence[Evidence]],
) -> tuple[Mapping[str, Observed | NotObserved], Mapping[str, Sequence[Evidence]]]:
    """Events, and reads that are behind, name a member by the userid of their time; stays have the one of now."""
    named = {member for told in evidence.values() for one in told for member in one.members}
    named.update(*(userids_of(read) for read in reads.values() if isinstance(read, Observed)))
    aliases = load_aliases(connection, tenant.id, named)
    if not aliases:
        return reads, evidence
    return (
        {key: current_read(read, aliases) if isinstance(read, Observed) else read for key, read in reads.items()},
        {key: current_evidence(told, aliases) for key, told in evidence.items()},
    )


def record(connection: Connection, recording: Recording, seen: Sequence[Seen]) -> Recorded:
    tenant = recording.tenant
    _, plans = plan_chats(connection, tenant, {one.leased.subject.key: one.observation for one in seen})
    why = {one.leased.subject.key: _provenance(one) for one in seen}
    record_chats(connection, tenant, list(plans.values()), why)
    caused = [
        Caused(fact, cast(Cause, why[key].cause), why[key].caused_by)
        for key, plan in plans.items()
        for fact in plan.facts
    ]
    notices = record_facts_and_notices(
        connection, tenant, caused, now=recording.now, ttl_s=recording.settings.message_ttl_s
    )
    _want_owners(connection, recording, list(plans.values()))
    look_again = {
        one.leased.subject: LookAgain(at, "WeCom's details may be behind their events")
        for one in seen
        if (at := plans[one.leased.subject.key].look_again_at) is not None
    }
    return Recorded(look_again=look_again, notices=notices)


def _named(read: Observed | NotObserved, evidence: Sequence[Evidence]) -> list[str]:
    shown = read.members if isinstance(read, Observed) else None
    return sorted({*named_by(evidence), *(shown or ())})


def _provenance(seen: Seen) -> Provenance:
    return Provenance(seen.leased.cause, seen.leased.caused_by, seen.observation.observed_at)


def _want_owners(connection: Connection, recording: Recording, plans: Sequence[ChatPlan]) -> None:
    """Owners are listed by name; the other members are read when something else names them."""
    owners = {plan.chat.owner for plan in plans if plan.chat is not None and plan.chat.owner}
    unknown = unknown_associates(connection, recording.tenant.id, owners) if owners else []
    wishes = [Wanted(Subject(recording.tenant.id, ASSOCIATE, one), BACKFILL, "event") for one in unknown]
    want(connection, wishes, now=recording.now)


CHATS = Shell(CHAT, observe, record)
