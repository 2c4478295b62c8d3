"""Delivers the outbox: claim → choose → render → note the attempt → send → mark. Each message is sent once.

The attempt is committed before the call. A crash in between leaves it unknown; the next try sends the same bytes, and
WeCom recognises them. What is unknown for longer than WeCom remembers is parked as in doubt, never guessed.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby

import structlog
from prometheus_client import Counter, Histogram
from sqlalchemy import Connection, text

from notifier.choose import Choice, choose, together
from notifier.gathering import gathering_of
from notifier.messages import People
from notifier.names import people_of
from notifier.outcomes import outcome_of, unrendered
from notifier.pace import Pace
from notifier.render import NAMED, Others, render_card
from services.message_templates.model import Wardrobe
from services.message_templates.store import load_wardrobe
from services.notices.given import load_given
from services.notices.model import FOLDED, POOL_GIVEN
from services.notices.off import switched_off
from services.notices.passing import pass_on
from services.notices.store import NoticeSource, load_count, load_names, load_sources
from services.reminders.model import Policy
from services.reminders.store import load_policy
from shared.clock import monotonic
from shared.db.engine import transact
from shared.directory import Directory
from shared.folding import fold, gather, hold_together, last_told, put_off
from shared.ids import OutboxId
from shared.message_days import add_person_times, left_today, next_day
from shared.outbox import (
    BODY,
    RESPONSE_CODE,
    Queue,
    expire,
    line_up,
    overdue,
    park_unknowable,
    postpone,
    recent_tries,
)
from shared.runtime import Runtime
from shared.tenants import Tenant, load_agent_ids
from shared.tries import Due, Outcome, begin_try, end_try, give_back, lease
from shared.vault import VaultError
from shared.wecom.apis import Priority
from shared.wecom.clients import CONTACT, Clients
from shared.wecom.payloads.messages import SendResult

LONGEST_FLIGHT = timedelta(seconds=10)
"""How much later than noted a try may reach WeCom; widens the windows of the limits."""
MINUTE = timedelta(minutes=1)
EXPIRED_AT_ONCE = 10_000
AGENT_WAIT = timedelta(minutes=1)
"""Until the app is looked at again that has no agent_id, without which nothing can be sent."""
LATEST_START = 1 / 3
"""Part of the lease after which no call starts any more: when WeCom is slow, not all that is held fits into it."""

log = structlog.get_logger()
messages = Counter("guanxi_messages", "Tries to deliver a message, by notice and outcome", ["notice", "outcome"])
delay = Histogram(
    "guanxi_message_delay_seconds",
    "From the commit of a notice until WeCom accepted it",
    buckets=(0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 15, 60, 300, 3600),
)


@dataclass(frozen=True)
class _Ready:
    """A delivery whose attempt is noted: from here on it may have been sent."""

    due: Due
    number: int
    body: bytes
    noted_at: datetime


@dataclass(frozen=True)
class _Look:
    """What a corp's messages are sent by and look like."""

    agent_id: int
    wardrobe: Wardrobe


class Notifier:
    def __init__(self, runtime: Runtime, *, clients: Clients, pool: Executor) -> None:
        self._runtime, self._clients, self._pool = runtime, clients, pool
        self._directory = Directory(runtime.vault)

    def deliver_due(self) -> int:
        """Deliver one batch; how many were held, whatever became of them."""
        settings, now, started = self._runtime.settings, self._runtime.clock.now(), monotonic()
        with self._runtime.engine.begin() as connection:
            unknowable = park_unknowable(connection, now=now)
            held = lease(connection, limit=settings.notifier_batch, now=now, lease_s=settings.lease_s)
            tenants = self._directory.usable(connection, {due.tenant_id for due in held})
        _count_parked(unknowable, "in_doubt")
        if any(overdue(due, now=now) == "expired" for due in held):
            self._expire(now=now)
        for tenant_id, group in groupby(sorted(held, key=_tenant_then_id), key=lambda due: due.tenant_id):
            if (tenant := tenants.get(tenant_id)) is not None:
                self._deliver(tenant, list(group), started=started)
        return len(held)

    def _deliver(self, tenant: Tenant, held: Sequence[Due], *, started: float) -> None:
        """As many at a time as there are threads: whoever is killed leaves few tries whose outcome is unknown."""
        size = self._runtime.settings.notifier_threads
        for first in range(0, len(held), size):
            chunk = held[first : first + size]
            if monotonic() - started > self._runtime.settings.lease_s * LATEST_START:
                self._give_back(chunk)
                continue
            pause_s = self._clients.of(tenant).messages.pause_s()
            if pause_s > 0:  # before a try is noted: what is sent long after that would count in another minute
                log.info("message.postponed", tenant_id=tenant.id, messages=len(chunk), after_s=pause_s)
                self._give_back(chunk, after_s=pause_s)
                continue
            for _ in self._pool.map(lambda one: self._send(tenant, one), self._prepare(tenant, chunk)):
                pass

    def _give_back(self, held: Sequence[Due], *, after_s: float = 0.0) -> None:
        """Without a try; what is given back together comes again spread over a second."""
        now = self._runtime.clock.now()
        spread_s = [after_s + number / len(held) if after_s else 0.0 for number in range(len(held))]
        with self._runtime.engine.begin() as connection:
            times = [(due, now + timedelta(seconds=s)) for due, s in zip(held, spread_s, strict=True)]
            give_back(connection, held[0].tenant_id, times)

    def _expire(self, *, now: datetime) -> None:
        """Where one is too old many are, after a long time away: they are closed together, not each in its turn."""
        while True:
            with self._runtime.engine.begin() as connection:
                closed = expire(connection, limit=EXPIRED_AT_ONCE, now=now)
            _count_parked(closed, "expired")
            if sum(closed.values()) < EXPIRED_AT_ONCE:
                return

    def _prepare(self, tenant: Tenant, held: Sequence[Due]) -> list[_Ready]:
        """Render what is not rendered yet and note an attempt for all that the members' limits allow now."""
        now = self._runtime.clock.now()
        with self._runtime.engine.begin() as connection:
            self._lock_recipients(connection, tenant, held)
            late = {due.id: state for due in held if (state := overdue(due, now=now)) is not None}
            late |= self._nothing_left(connection, tenant, held, late)
            policy = load_policy(connection, tenant.id)
            asked = {due.id: due.notice for due in held if due.id not in late}
            late |= dict.fromkeys(switched_off(connection, tenant.id, asked, policy), "withdrawn")
            agent_id = load_agent_ids(connection, tenant.id).get(CONTACT)
            free = [due for due in held if due.id not in late]
            if agent_id is None:
                free = self._await_agent(connection, tenant, free, now=now)
            choice = self._choose(connection, tenant, free, policy, now=now)
            told = gather(connection, tenant.id, held, choice.carriers, now=now)
            told = _without(told, late.keys() | _off_beside(connection, tenant, choice, told, policy))
            for due in held:
                if due.id in late:
                    self._park(connection, due, late[due.id], now=now)
            bodies = dict(self._bodies(connection, tenant, choice.go, told, agent_id))
            ready = []
            for due in choice.go:
                one = self._begin(connection, tenant, due, bodies.get(due.id), now=now)
                if one is not None:
                    ready.append(one)
                    if others := told.get(due.id):
                        fold(connection, tenant.id, due.id, others, now=now)
            self._put_off(connection, tenant, choice, now=now)  # last: what goes takes no place among who waits
            add_person_times(connection, tenant.id, len(ready), now=now)
        return ready

    def _await_agent(self, connection: Connection, tenant: Tenant, held: Sequence[Due], *, now: datetime) -> list[Due]:
        """What has its bytes goes all the same; the rest waits, without a try, until a person has added the id."""
        log.error("message.no_agent_id", tenant_id=tenant.id, messages=len(held))
        waits = Outcome("retry", "due", next_try_at=now + AGENT_WAIT, detail="the app has no agent_id")
        for due in held:
            if due.body is None:
                end_try(connection, due, None, waits, now=now)
        return [due for due in held if due.body is not None]

    def _nothing_left(
        self, connection: Connection, tenant: Tenant, held: Sequence[Due], late: Collection[OutboxId]
    ) -> dict[OutboxId, str]:
        """Of what was given out of the pool all is somebody else's by now: nobody need hear of it."""
        asked = [
            due.id
            for due in held
            if due.notice == POOL_GIVEN and due.first_unknown_at is None and due.folds == 1 and due.id not in late
        ]
        return {id_: "withdrawn" for id_, count in load_given(connection, tenant.id, asked).items() if not count}

    def _lock_recipients(self, connection: Connection, tenant: Tenant, held: Sequence[Due]) -> None:
        """Two notifiers fold and count one member's messages one after the other."""
        for recipient in sorted({due.recipient for due in held}):
            connection.execute(
                text("select pg_advisory_xact_lock(hashtextextended(:key, 0))"),
                {"key": f"pace:{tenant.id}:{recipient}"},
            )

    def _choose(
        self, connection: Connection, tenant: Tenant, held: Sequence[Due], policy: Policy, *, now: datetime
    ) -> Choice:
        apart = {key: timedelta(seconds=due.apart_s) for due in held if due.apart_s and (key := together(due))}
        return choose(
            held,
            told=last_told(connection, tenant.id, apart, now=now) if apart else {},
            gathering=gathering_of(connection, tenant.id, held, now=now),
            quiet_of=policy.quiet_of,
            timezone=tenant.timezone,
            pace=self._pace(connection, tenant, held, now=now),
            now=now,
        )

    def _put_off(self, connection: Connection, tenant: Tenant, choice: Choice, *, now: datetime) -> None:
        for due, at in choice.wait:
            postpone(connection, due, at=at)
        put_off(connection, tenant.id, choice.wait_together, moves=True, now=now)
        put_off(connection, tenant.id, choice.crowded_together, moves=False, now=now)
        for hold in choice.gather:
            hold_together(connection, tenant.id, hold, now=now)
        if not choice.crowded:
            return
        give_back(connection, tenant.id, [(due, at) for due, at in choice.crowded if due.first_unknown_at is not None])
        settings = self._runtime.settings
        window_s = (MINUTE + LONGEST_FLIGHT).total_seconds()
        for recipient, start in {due.recipient: at for due, at in choice.crowded}.items():
            queue = Queue(recipient, start, settings.member_per_minute, window_s)
            line_up(connection, tenant.id, queue, told_together=FOLDED, now=now)

    def _begin(
        self, connection: Connection, tenant: Tenant, due: Due, body: bytes | None, *, now: datetime
    ) -> "_Ready | None":
        if body is None:
            self._give_up(connection, due, now=now)
            return None
        stored = tenant.cipher.encrypt(body, BODY) if due.body is None else due.body
        number = begin_try(connection, due, body=stored, counts_for=due.recipient, now=now)
        return None if number is None else _Ready(due, number, body, now)

    def _park(self, connection: Connection, due: Due, state: str, *, now: datetime) -> None:
        end_try(connection, due, None, Outcome("retry", state), now=now)
        messages.labels(due.notice, state).inc()
        log.warning("message.parked", tenant_id=due.tenant_id, outbox_id=due.id, notice=due.notice, state=state)

    def _bodies(
        self,
        connection: Connection,
        tenant: Tenant,
        held: Sequence[Due],
        told: Mapping[OutboxId, Sequence[OutboxId]],
        agent_id: int | None,
    ) -> Iterator[tuple[int, bytes]]:
        for due in held:
            if due.body is not None:
                try:
                    yield due.id, tenant.cipher.decrypt(due.body, BODY)
                except VaultError:
                    log.error("message.body_unreadable", tenant_id=tenant.id, outbox_id=due.id)
        fresh = [due.id for due in held if due.body is None]
        if not fresh or agent_id is None:
            return
        some = {id_: told[id_][: NAMED - 1] for id_ in fresh if told.get(id_)}
        sources = load_sources(connection, tenant, [*fresh, *(one for ids in some.values() for one in ids)])
        people = people_of(load_names(connection, tenant, list(sources.values())))
        look = _Look(agent_id, load_wardrobe(connection, tenant.id))
        for id_ in fresh:
            if id_ not in sources:
                continue
            others = None
            if id_ in some:
                named = tuple(sources[one] for one in some[id_] if one in sources)
                others = Others(named, load_count(connection, tenant, [id_, *told[id_]]))
            body = self._render(tenant, sources[id_], people, look, others)
            if body is not None:
                yield id_, body

    def _render(
        self, tenant: Tenant, source: NoticeSource, people: People, look: "_Look", others: Others | None
    ) -> bytes | None:
        try:
            url = self._runtime.settings.console_url
            return render_card(
                tenant, source, people, agent_id=look.agent_id, console_url=url, wardrobe=look.wardrobe, others=others
            )
        except Exception as error:  # one notice that does not render must not hold up the others
            log.error("message.render_failed", notice=source.notice, outbox_id=source.outbox_id, exc_info=error)
            return None

    def _give_up(self, connection: Connection, due: Due, *, now: datetime) -> None:
        number = begin_try(connection, due, body=None, counts_for=due.recipient, now=now)
        if number is None:
            return
        unknown, backoff_s = due.first_unknown_at is not None, self._runtime.settings.message_backoff_s
        outcome = unrendered(number, waits=due.state, unknown=unknown, backoff_s=backoff_s, now=now)
        end_try(connection, due, number, outcome, now=now)

    def _pace(self, connection: Connection, tenant: Tenant, held: Sequence[Due], *, now: datetime) -> Pace:
        recipients = sorted({due.recipient for due in held})
        since = now - timedelta(hours=1) - LONGEST_FLIGHT
        settings = self._runtime.settings
        return Pace(
            recent_tries(connection, tenant.id, recipients, since=since),
            now=now,
            limits=(
                (settings.member_per_minute, MINUTE + LONGEST_FLIGHT),
                (settings.member_per_hour, timedelta(hours=1) + LONGEST_FLIGHT),
            ),
            left_today=left_today(connection, tenant.id, accounts=tenant.accounts, now=now),
            next_day=next_day(now),
        )

    def _send(self, tenant: Tenant, ready: _Ready) -> None:
        due, clock = ready.due, self._runtime.clock
        try:
            result = self._clients.of(tenant).at(Priority.REMINDERS).messages.send(ready.body)
        except Exception as error:  # told apart below: every outcome ends up in the attempt's row
            outcome = outcome_of(
                error, attempts=ready.number, backoff_s=self._runtime.settings.message_backoff_s, now=clock.now()
            )
        else:
            refused = due.recipient.lower() in result.invalid
            outcome = Outcome(
                "refused" if refused else "accepted",
                "refused" if refused else "sent",
                msgid=result.msgid or None,
                detail="WeCom does not deliver to this member" if refused else None,
                response_code=_sealed_code(tenant, result),
            )
        now = clock.now()
        transact(self._runtime.engine, partial(_end, tenant, ready, outcome, now=now))
        messages.labels(due.notice, outcome.outcome).inc()
        if outcome.state == "sent":
            delay.observe(max(0.0, (now - due.created_at).total_seconds()))
        log.info(
            "message.tried",
            tenant_id=due.tenant_id,
            outbox_id=due.id,
            notice=due.notice,
            recipient=due.recipient,
            attempt=ready.number,
            outcome=outcome.outcome,
            reason=outcome.detail,
        )


def _end(tenant: Tenant, ready: _Ready, outcome: Outcome, connection: Connection, *, now: datetime) -> None:
    if outcome.outcome == "retry":  # the day before the row, as for whoever begins
        add_person_times(connection, tenant.id, -1, now=ready.noted_at)
    end_try(connection, ready.due, ready.number, outcome, now=now)
    if outcome.state == "refused":
        pass_on(connection, tenant.id, ready.due.id, now=now)


def _off_beside(
    connection: Connection, tenant: Tenant, choice: Choice, told: Mapping[OutboxId, Sequence[OutboxId]], policy: Policy
) -> frozenset[OutboxId]:
    """Of what would be told with others, what is switched off for its stage: it is not, and withdrawn in its turn."""
    kinds = {id_: key.notice for id_, key in choice.carriers.items() if policy.asks_for_stage(key.notice)}
    return switched_off(connection, tenant.id, {one: kinds[id_] for id_ in kinds for one in told.get(id_, ())}, policy)


def _without(told: Mapping[OutboxId, Sequence[OutboxId]], ids: Collection[OutboxId]) -> dict[OutboxId, list[OutboxId]]:
    return {id_: [one for one in others if one not in ids] for id_, others in told.items()}


def _count_parked(parked: Mapping[str, int], state: str) -> None:
    """Many in one statement, by kind."""
    for notice, count in parked.items():
        messages.labels(notice, state).inc(count)
        log.warning("message.expired" if state == "expired" else "message.in_doubt", notice=notice, count=count)


def _tenant_then_id(due: Due) -> tuple[int, int]:
    return due.tenant_id, due.id


def _sealed_code(tenant: Tenant, result: SendResult) -> bytes | None:
    """A card's code, which changes it once within 72 h."""
    code = result.response_code
    return tenant.cipher.encrypt(code.encode(), RESPONSE_CODE) if code else None
