"""Handovers to one associate: what is queued is sent, and what was sent is followed to its end (TRF-5).

All handovers to an associate are one subject, since WeCom takes one request at a time for them. A row's own time says
when there is something to do; events about a customer only make that time come at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import cast

import structlog
from sqlalchemy import Connection

from services.associates.store import departed
from services.groups.model import Unreadable
from services.transfers.following import plan_chats, plan_results, to_be_read
from services.transfers.model import TAKEOVER, Kind, Owner, Shown, Sight, Stage, Transfer
from services.transfers.store import load_due, load_transfers, lost_since
from shared.clock import from_unix
from shared.ids import ExternalUserId, UserId
from shared.requests import Leased, prolong
from shared.tenants import may_push
from shared.wecom.errors import NO_RELATION, NOT_VISIBLE, WeComTerminalError
from sync_worker.pushing import LeaseGoneError
from sync_worker.reconcilers import LookAgain, Looking, Recorded, Recording, Seen, Shell
from sync_worker.reconcilers.chats import UNREADABLE
from sync_worker.transferring import Sending, pace_of, read_results, record, send

AT_ONCE = 1000
"""How many handovers one run looks after."""
READS = 50
"""How many chats, and how many customers, one run reads by themselves: the rest is due again at once."""
GONE = frozenset({Unreadable.DISMISSED, Unreadable.UNKNOWN})

log = structlog.get_logger()
Pair = tuple[bool, UserId]
"""Whether the giver has left, and who it is."""


@dataclass
class Found:
    """What WeCom shows of the handovers that were due. `more`: others are due as well."""

    sent: list[Transfer] = field(default_factory=list)
    results: dict[Pair, Mapping[str, Sequence[Shown]]] = field(default_factory=dict)
    sights: dict[int, Sight] = field(default_factory=dict)
    owners: dict[str, Owner] = field(default_factory=dict)
    more: bool = False


def observe(looking: Looking, leased: Leased) -> Found:
    """Send what is queued, each request a commit of its own, and read what came of the rest.

    Raises:
        LeaseGoneError: somebody else looks after this associate by now.
    """
    runtime = looking.runtime
    assert runtime is not None
    with runtime.engine.begin() as connection:
        pushes = may_push(connection, looking.tenant.id)
        due = load_due(connection, looking.tenant.id, UserId(leased.subject.key), now=looking.now, limit=AT_ONCE)
    send(Sending(looking, leased), [one for one in due if pushes and one.stage is Stage.QUEUED])
    followed = [one for one in due if one.stage is not Stage.QUEUED or (not pushes and one.attempts)]
    found = Found(followed, more=len(due) == AT_ONCE)
    _read_results(looking, leased, found)
    _read_chats(looking, leased, found)
    return found


def _read_results(looking: Looking, leased: Leased, found: Found) -> None:
    runtime = looking.runtime
    assert runtime is not None
    customers = [one for one in found.sent if one.kind is Kind.CUSTOMER]
    for pair, group in groupby(sorted(customers, key=_pair), key=_pair):
        rows = list(group)
        _keep_lease(looking, leased)
        shown = found.results[pair] = read_results(looking, rows[0])
        pace = pace_of(runtime.settings)
        late = [one for one in rows if to_be_read(one, shown.get(one.subject_key, ()), now=looking.now, pace=pace)]
        for one in late[: READS - len(found.sights)]:
            sight = _read_customer(looking, one)
            if sight is not None:
                found.sights[one.id] = sight


def _read_customer(looking: Looking, one: Transfer) -> Sight | None:
    """None: WeCom says nothing of the customer, for a reason that has nothing to do with the handover."""
    try:
        relations = looking.client().contacts.get(ExternalUserId(one.subject_key)).relations
    except WeComTerminalError as error:
        if error.code not in NO_RELATION | NOT_VISIBLE:
            log.warning("transfers.customer_unread", tenant_id=looking.tenant.id, code=error.code)
            return None
        relations = ()
    since: datetime | None = None
    for relation in relations:
        if relation.userid == one.to_userid:
            since = from_unix(relation.createtime) if relation.createtime else looking.now
    return Sight(giver_there=any(relation.userid == one.from_userid for relation in relations), taker_since=since)


def _read_chats(looking: Looking, leased: Leased, found: Found) -> None:
    chats = [one.subject_key for one in found.sent if one.kind is Kind.CHAT]
    found.more = found.more or len(chats) > READS
    for chat_id in chats[:READS]:
        _keep_lease(looking, leased)
        try:
            found.owners[chat_id] = Owner(looking.client().chats.get(chat_id).owner)
        except WeComTerminalError as error:
            # Of one that is out of sight, it says nothing.
            found.owners[chat_id] = Owner(None, error.code if UNREADABLE.get(error.code) in GONE else None)


def _keep_lease(looking: Looking, leased: Leased) -> None:
    assert looking.runtime is not None
    until = looking.runtime.clock.now() + timedelta(seconds=looking.runtime.settings.lease_s)
    with looking.runtime.engine.begin() as connection:
        if not prolong(connection, leased, until=until):
            raise LeaseGoneError("another run has taken the associate")


def _pair(one: Transfer) -> Pair:
    return one.departed, one.from_userid


def record_seen(connection: Connection, recording: Recording, seen: Sequence[Seen]) -> Recorded:
    notices, again = 0, {}
    for one in seen:
        found = cast(Found, one.observation)
        notices += _record(connection, recording, UserId(one.leased.subject.key), found)
        if found.more:
            again[one.leased.subject] = LookAgain(recording.now, "more is due")
    return Recorded(look_again=again, notices=notices)


def _record(connection: Connection, recording: Recording, taker: UserId, found: Found) -> int:
    tenant, now, pace = recording.tenant, recording.now, pace_of(recording.settings)
    was_due = {one.id: one.next_poll_at for one in found.sent}
    known = load_transfers(connection, tenant.id, was_due.keys())
    # With the time for which they were looked at: who was hinted at since is to be looked at again.
    before = [replace(one, next_poll_at=was_due[one.id]) for one in known if one.is_open and one.attempts]
    taker_left = taker in departed(connection, tenant.id, [taker])
    chats = [one for one in before if one.kind is Kind.CHAT]
    after = plan_chats(chats, found.owners, now=now, pace=pace)
    customers = [one for one in before if one.kind is Kind.CUSTOMER]
    for pair, group in groupby(sorted(customers, key=_pair), key=_pair):
        rows = list(group)
        after += plan_results(
            rows,
            found.results.get(pair, {}),
            found.sights,
            taker_left=taker_left,
            lost=lost_since(connection, tenant.id, pair[1], [one.subject_key for one in rows]),
            now=now,
            pace=pace,
        )
    return record(connection, recording.settings, tenant, before, after, now=now)


TAKEOVERS = Shell(TAKEOVER, observe, record_seen)
