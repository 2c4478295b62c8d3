"""Leases and tries of the outbox's rows, for all channels: people's phones, cards, group robots, webhook endpoints.

A try is noted, and committed, before the call: from then on its outcome is unknown until `end_tries` says otherwise.
Each lease has a fence: whoever lost a row to somebody else changes nothing any more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from shared.db.engine import as_json, fetch_all, fetch_one, run
from shared.ids import FactId, OutboxId, TenantId

FREE = "next_try_at <= :now and (lease_until is null or lease_until < :now)"
LIMIT = "limit :limit for update skip locked"
MESSAGES = f"select tenant_id, id from outbox where state = 'due' and {FREE} order by next_try_at {LIMIT}"  # noqa: S608
"""Of each lane: a statement for what is due and nobody holds, the longest waiting first, locked."""


@dataclass(frozen=True)
class Due:
    """A delivery that this process holds. `state`: as it waits; `body`: encrypted, None until rendered.

    `fair_at`: before that, nobody meant to send it. `gathers_until`: by itself it waits until then for others.
    `recall`: its reason has vanished since its first try, which began at `first_unknown_at` and may have arrived, and
    that of all that it tells of.
    """

    tenant_id: TenantId
    id: OutboxId
    fact_id: FactId | None
    notice: str
    recipient: str
    causes: Sequence[Mapping[str, object]]
    state: str
    body: bytes | None
    attempts: int
    fence: int
    first_unknown_at: datetime | None
    created_at: datetime
    expires_at: datetime
    fair_at: datetime
    gathers_until: datetime | None
    about: str | None
    urgent: bool
    apart_s: int
    folds: int
    recall: str | None


@dataclass(frozen=True)
class Outcome:
    """How a try ended.

    `outcome` is accepted, refused, retry (it was certainly not taken) or unknown. `state` is what becomes of the
    delivery: as it waited (again at `next_try_at`), or an end. `response_code`: of a card, encrypted. `counts`: whether
    it uses up one of the row's tries.
    """

    outcome: str
    state: str
    next_try_at: datetime | None = None
    msgid: str | None = None
    code: int | None = None
    detail: str | None = None
    response_code: bytes | None = None
    counts: bool = True


@dataclass(frozen=True)
class End:
    """What became of a row that is held. `number` None: there was no try; `before`: since when it is unknown."""

    id: OutboxId
    fence: int
    waits: str
    number: int | None
    result: Outcome
    before: datetime | None = None


def lease(
    connection: Connection,
    lane: str = MESSAGES,
    *,
    limit: int,
    now: datetime,
    lease_s: float,
    **parameters: object,
) -> list[Due]:
    """Take due deliveries that nobody holds; in the order of corps and ids. `parameters`: of the lane's statement."""
    rows = fetch_all(
        connection,
        f"update outbox o set lease_until = :until, fence = o.fence + 1 from ({lane}) due "  # noqa: S608 - constants
        "where o.tenant_id = due.tenant_id and o.id = due.id returning o.tenant_id, o.id, o.fact_id, o.notice, "
        "o.recipient, o.causes, o.state, o.body, o.attempts, o.fence, o.first_unknown_at, o.created_at, o.expires_at, "
        "coalesce(o.first_fair_at, o.created_at) as fair_at, o.gathers_until, o.about, o.urgent, o.apart_s, o.folds, "
        "case when o.folds = 1 or not exists (select from outbox f where f.tenant_id = o.tenant_id "
        "and f.folded_into = o.id and f.recall is null) then o.recall end as recall",
        until=now + timedelta(seconds=lease_s),
        now=now,
        limit=limit,
        **parameters,
    )
    return sorted((Due(**row) for row in rows), key=lambda due: (due.tenant_id, due.id))


def begin_try(
    connection: Connection,
    due: Due,
    *,
    body: bytes | None,
    counts_for: str | None,
    now: datetime,
    lease_s: float | None = None,
) -> int | None:
    """Note that a try starts, before it starts; its number, or None when the lease went to somebody else.

    `body` is kept for all later tries; None: nothing new. `counts_for`: whose limits it counts against. `lease_s`: the
    lease begins anew.
    """
    held = run(
        connection,
        "update outbox set attempts = attempts + 1, body = coalesce(body, :body), "
        "first_unknown_at = coalesce(first_unknown_at, :now), lease_until = coalesce(:until, lease_until) "
        "where tenant_id = :tenant_id and id = :id and fence = :fence and state = :waits",
        body=body,
        until=None if lease_s is None else now + timedelta(seconds=lease_s),
        now=now,
        tenant_id=due.tenant_id,
        id=due.id,
        fence=due.fence,
        waits=due.state,
    )
    if not held:
        return None
    note_tries(connection, due.tenant_id, [(due.id, due.attempts + 1)], counts_for=counts_for, now=now)
    return due.attempts + 1


def note_tries(
    connection: Connection,
    tenant_id: TenantId,
    tries: Sequence[tuple[OutboxId, int]],
    *,
    counts_for: str | None = None,
    now: datetime,
) -> None:
    """Rows, and the numbers of the tries that start."""
    run(
        connection,
        "insert into attempt (tenant_id, parent_kind, parent_id, number, recipient, started_at, outcome) "
        "select :tenant_id, 'outbox', id, number, :recipient, :now, 'started' "
        "from unnest(cast(:ids as bigint[]), cast(:numbers as int[])) as r(id, number)",
        tenant_id=tenant_id,
        recipient=counts_for,
        now=now,
        ids=[id_ for id_, _ in tries],
        numbers=[number for _, number in tries],
    )


def is_held(connection: Connection, due: Due) -> bool:
    """Whether nobody else took the row meanwhile; locked until the transaction ends."""
    row = fetch_one(
        connection,
        "select 1 as one from outbox where tenant_id = :tenant_id and id = :id and fence = :fence and state = :waits "
        "for update",
        tenant_id=due.tenant_id,
        id=due.id,
        fence=due.fence,
        waits=due.state,
    )
    return row is not None


def end_try(connection: Connection, due: Due, number: int | None, result: Outcome, *, now: datetime) -> None:
    """How a try went, and what becomes of its row. `number` None: there was no try, this is what becomes of it."""
    one = End(due.id, due.fence, due.state, number, result, due.first_unknown_at)
    end_tries(connection, due.tenant_id, [one], now=now)


GIVEN = (
    "jsonb_to_recordset(cast(:rows as jsonb)) as r(id bigint, fence bigint, waits text, number int, "
    "before timestamptz, outcome text, state text, next_try_at timestamptz, msgid text, code int, detail text, "
    "response_code bytea, counts boolean)"
)
END_ROWS = f"""
update outbox o set state = r.state, lease_until = null, next_try_at = coalesce(r.next_try_at, o.next_try_at),
  msgid = coalesce(r.msgid, o.msgid), response_code = coalesce(r.response_code, o.response_code),
  last_error = case when r.number is null then coalesce(r.detail, o.last_error) else r.detail end,
  attempts = o.attempts - case when r.counts then 0 else 1 end,
  -- A try that certainly failed leaves an earlier unknown one unknown.
  first_unknown_at = case when r.outcome = 'unknown' then o.first_unknown_at else r.before end,
  settled_at = case when r.state = r.waits then null else cast(:now as timestamptz) end,
  -- What a robot has said nobody takes back.
  recall = case when r.state = r.waits or (r.state = 'sent' and o.channel <> 'robot') then o.recall
    when o.recall is not null then 'failed' end
from (select r.* from {GIVEN} join outbox h on h.tenant_id = :tenant_id and h.id = r.id and h.fence = r.fence
  and h.state = r.waits where h.id = any(:ids) order by h.id for update of h) r
where o.tenant_id = :tenant_id and o.id = r.id and o.id = any(:ids)
"""  # noqa: S608
"""By an array that the planner sees: joined to a list alone, a table that has just grown would be read for each."""


def end_tries(connection: Connection, tenant_id: TenantId, ends: Sequence[End], *, now: datetime) -> None:
    rows = as_json(
        [{"id": one.id, "fence": one.fence, "waits": one.waits, "number": one.number, "before": one.before,
          **vars(one.result)} for one in ends]
    )  # fmt: skip
    ids = [one.id for one in ends]
    if any(one.number is not None for one in ends):
        run(
            connection,
            "update attempt a set finished_at = :now, outcome = r.outcome, code = r.code, detail = r.detail "  # noqa: S608
            f"from {GIVEN} where a.tenant_id = :tenant_id and a.parent_kind = 'outbox' and a.parent_id = r.id "
            "and a.parent_id = any(:ids) and a.number = r.number and a.finished_at is null",
            tenant_id=tenant_id,
            now=now,
            rows=rows,
            ids=ids,
        )
    run(connection, END_ROWS, tenant_id=tenant_id, now=now, rows=rows, ids=ids)


def answered_tries(connection: Connection, due: Due, *, without: Sequence[int]) -> int:
    """How many tries WeCom answered, with other codes than these: what was put off, or did not get there, is none."""
    row = fetch_one(
        connection,
        "select count(*) as n from attempt where tenant_id = :tenant_id and parent_kind = 'outbox' "
        "and parent_id = :id and code is not null and code <> all(:without)",
        tenant_id=due.tenant_id,
        id=due.id,
        without=list(without),
    )
    assert row is not None
    return int(row["n"])


def give_back(connection: Connection, tenant_id: TenantId, held: Sequence[tuple[Due, datetime]]) -> None:
    """Without a try, each until its time. Rows that somebody is folding or withdrawing meanwhile are theirs."""
    run(
        connection,
        "update outbox o set lease_until = null, next_try_at = w.at from ("
        " select o.id, r.at from outbox o join jsonb_to_recordset(cast(:rows as jsonb))"
        " as r(id bigint, fence bigint, waits text, at timestamptz) on o.id = r.id and o.fence = r.fence"
        " where o.tenant_id = :tenant_id and o.state = r.waits for update of o skip locked) w "
        "where o.tenant_id = :tenant_id and o.id = w.id",
        rows=as_json([{"id": due.id, "fence": due.fence, "waits": due.state, "at": at} for due, at in held]),
        tenant_id=tenant_id,
    )
