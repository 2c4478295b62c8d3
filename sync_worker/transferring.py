"""What is to be handed over goes to WeCom: in requests of at most a hundred, each in the database before it is made.

It happens under the lease of the associate who takes over, so there is one request at a time for them (45035). The
client never repeats such a call, and neither do we before WeCom had the time to show what it took.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

import structlog
from sqlalchemy import Connection

from services.notices.store import Caused, record_facts_and_notices
from services.transfers.ask import MESSAGE
from services.transfers.following import (
    FULL,
    REFUSED,
    Pace,
    plan_answers,
    refused_as_a_whole,
    unsent,
)
from services.transfers.model import Kind, Shown, Transfer
from services.transfers.plan import day_of
from services.transfers.store import begin_request, chats_given_since, postpone, record_changes
from shared.clock import from_unix
from shared.db.engine import describe, transact
from shared.ids import ExternalUserId
from shared.requests import Leased, prolong
from shared.settings import Settings
from shared.tenants import Tenant, may_push
from shared.wecom.apis import Priority
from shared.wecom.clients import CONTACT
from shared.wecom.errors import PostponedError, UnreachableError, WeComError, WeComTerminalError
from shared.wecom.errors.table import TABLE, Action
from sync_worker.pushing import LeaseGoneError
from sync_worker.reconcilers import Looking

AT_ONCE = 100
"""How many customers or chats one request may name (pages 92125 and 95703)."""
SHORTEST_WAIT_S = 10.0
BUSY: Mapping[int, float] = {
    code: max(entry.wait_s or 0.0, SHORTEST_WAIT_S) for code, entry in TABLE.items() if entry.action is not Action.NEVER
}
"""Codes of rows that pass -> seconds until the next try."""
OLDEST = 1_000_000_000
"""Unix seconds; anything before, 0 above all, is no time. WeCom is younger."""

log = structlog.get_logger()


@dataclass(frozen=True)
class Sending:
    """What a run needs to send."""

    looking: Looking
    leased: Leased

    @property
    def settings(self) -> Settings:
        assert self.looking.runtime is not None
        return self.looking.runtime.settings


def pace_of(settings: Settings) -> Pace:
    return Pace(
        result_lag=timedelta(seconds=settings.transfer_result_lag_s),
        every=timedelta(seconds=settings.transfer_poll_s),
        patience=timedelta(seconds=settings.transfer_patience_s),
    )


def send(sending: Sending, queued: Sequence[Transfer]) -> None:
    """Ask WeCom for all of these, unless the corp is observed only.

    Raises:
        LeaseGoneError: somebody else looks after these by now.
    """
    runtime = sending.looking.runtime
    assert runtime is not None
    with runtime.engine.begin() as connection:
        if not queued or not may_push(connection, sending.looking.tenant.id):
            return

    def together(one: Transfer) -> tuple[object, ...]:
        return one.kind, one.departed, one.from_userid, one.message or b""

    for _, group in groupby(sorted(queued, key=together), key=together):
        rows = list(group)
        failures = _known_failures(sending, rows) if rows[0].kind is Kind.CUSTOMER else {}
        for start in range(0, len(rows), AT_ONCE):
            _send(sending, rows[start : start + AT_ONCE], failures)


def _within_the_day(
    connection: Connection, sending: Sending, rows: Sequence[Transfer], *, now: datetime
) -> Sequence[Transfer]:
    """As many of an owner's chats as may still go today; the others are for tomorrow."""
    if rows[0].kind is not Kind.CHAT:
        return rows
    tenant_id, (start, end) = sending.looking.tenant.id, day_of(now)
    given = chats_given_since(connection, tenant_id, rows[0].from_userid, since=start)
    room = max(0, sending.settings.transfer_chats_per_day - given)
    postpone(connection, tenant_id, rows[room:], until=end)
    return rows[:room]


def _known_failures(sending: Sending, rows: Sequence[Transfer]) -> Mapping[str, int]:
    """How many failures WeCom shows of each customer before it is asked: they are not of this request."""
    if all(one.attempts for one in rows):
        return {}
    shown = read_results(sending.looking, rows[0])
    return {key: sum(one.status in (REFUSED, FULL) for one in found) for key, found in shown.items()}


def read_results(looking: Looking, pair: Transfer) -> dict[str, list[Shown]]:
    """All that WeCom shows of what `pair`'s giver handed to its taker; nothing when it does not know one of them."""
    client = looking.client().transfers
    read = client.every_resigned_result if pair.departed else client.every_result
    shown: dict[str, list[Shown]] = {}
    try:
        for row in read(handover_userid=pair.from_userid, takeover_userid=pair.to_userid):
            at = row.takeover_time
            moment = from_unix(at) if at is not None and at >= OLDEST else None
            shown.setdefault(row.external_userid, []).append(Shown(row.status, moment))
    except WeComTerminalError as error:
        log.warning("transfers.no_results", tenant_id=looking.tenant.id, code=error.code)
    return shown


def _send(sending: Sending, batch: Sequence[Transfer], failures: Mapping[str, int]) -> None:
    """One request: noted, made, and its answer recorded. A row without an answer stays in doubt."""
    runtime, tenant = sending.looking.runtime, sending.looking.tenant
    assert runtime is not None
    now, pace = runtime.clock.now(), pace_of(runtime.settings)
    with runtime.engine.begin() as connection:
        if not prolong(connection, sending.leased, until=now + timedelta(seconds=runtime.settings.lease_s)):
            raise LeaseGoneError("another run has taken the associate")
        today = _within_the_day(connection, sending, batch, now=now)
        begun = begin_request(connection, tenant.id, today, failures, now=now, known_at=now + pace.result_lag)
    if not begun:
        return
    try:
        codes = _call(sending, begun)
        after = plan_answers(begun, codes, busy=BUSY, now=now, pace=pace)
    except WeComTerminalError as error:
        after = refused_as_a_whole(begun, code=error.code, now=now, pace=pace)
    except (PostponedError, UnreachableError, WeComError) as error:
        log.warning("transfers.not_sent", tenant_id=tenant.id, rows=len(begun), reason=describe(error))
        if isinstance(error, UnreachableError) and error.maybe_accepted:
            return
        wait = timedelta(seconds=max(error.after_s or 0.0, SHORTEST_WAIT_S))  # type: ignore[union-attr]
        after = [unsent(one, again_at=now + wait) for one in begun]
    ended_at = runtime.clock.now()
    transact(
        runtime.engine, lambda connection: record(connection, runtime.settings, tenant, begun, after, now=ended_at)
    )


def _call(sending: Sending, rows: Sequence[Transfer]) -> dict[str, int | None]:
    """The code of each row that the answer tells of."""
    looking, first = sending.looking, rows[0]
    client = looking.clients.of(looking.tenant, app=CONTACT).at(Priority.OPERATOR).transfers
    if first.kind is Kind.CHAT:
        give = client.transfer_resigned_chats if first.departed else client.transfer_chats
        failed = give([one.subject_key for one in rows], new_owner=first.to_userid)
        return {one.subject_key: 0 for one in rows} | {one.chat_id: one.errcode for one in failed}
    keys = [ExternalUserId(one.subject_key) for one in rows]
    pair = {"handover_userid": first.from_userid, "takeover_userid": first.to_userid}
    if first.departed:
        answer = client.transfer_resigned(keys, **pair)
    else:
        message = None if first.message is None else looking.tenant.cipher.decrypt(first.message, MESSAGE).decode()
        answer = client.transfer(keys, **pair, success_msg=message)
    return {one.external_userid: one.errcode for one in answer}


def record(
    connection: Connection,
    settings: Settings,
    tenant: Tenant,
    before: Sequence[Transfer],
    after: Sequence[Transfer],
    *,
    now: datetime,
) -> int:
    """Write what became of handovers, with facts and notices; how many notices wait for delivery."""
    news = record_changes(connection, tenant.id, before, after, now=now)
    caused = [Caused(one.fact, one.cause, one.caused_by) for one in news]
    return record_facts_and_notices(connection, tenant, caused, now=now, ttl_s=settings.message_ttl_s)
