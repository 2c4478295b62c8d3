"""Relations that a complete walk did not show: suspects, until a read of their own, the members in sight and the
directory have spoken. All set-based: a pass may suspect hundreds of thousands.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from services.customers.model import CONTACT
from shared.db.engine import Row, as_json, fetch_all, fetch_one, run
from shared.ids import ExternalUserId, TenantId, UserId
from shared.plans import Operation, operations_of


def note_missing(
    connection: Connection,
    tenant_id: TenantId,
    run_id: int,
    *,
    block: int,
    userids: Sequence[UserId],
    before: datetime,
) -> int:
    """Suspect the relations of these associates, begun before `before`, that the block has not shown.

    Also those that were out of sight: their associates have been in sight when the block was cut.
    """
    return run(
        connection,
        # `except` hashes or sorts whatever the planner guesses about the arrays; a join might compare all with all.
        "insert into sync_absence (tenant_id, run_id, external_userid, userid, reason) "
        "select :tenant_id, :run_id, m.external_userid, m.userid, 'missing' from ("
        "select r.external_userid, r.userid from relation r "
        "where r.tenant_id = :tenant_id and r.userid = any(:userids) and r.state in ('active', 'out_of_sight') "
        "and (r.started_at is null or r.started_at < :before) "
        "except select u.external_userid, u.userid from sync_seen s, "
        "unnest(s.userids, s.external_userids) as u(userid, external_userid) where s.tenant_id = :tenant_id "
        "and s.run_id = :run_id and s.block = :block) m on conflict do nothing",
        tenant_id=tenant_id,
        run_id=run_id,
        block=block,
        userids=list(userids),
        before=before,
    )


def note_not_in_sight(
    connection: Connection,
    tenant_id: TenantId,
    run_id: int,
    *,
    in_sight: Sequence[UserId],
    scope: Sequence[UserId] | None = None,
) -> list[UserId]:
    """Suspect all active relations of associates who are not among those in sight; which associates.

    Of associates who have left, also the relations that went out of sight before that was known.
    """
    rows = fetch_all(
        connection,
        # Jumps from associate to associate: the relations of those in sight are not looked at.
        "with recursive one(userid) as ((select userid from relation where tenant_id = :tenant_id order by userid "
        "limit 1) union all select (select r.userid from relation r where r.tenant_id = :tenant_id "
        "and r.userid > one.userid order by r.userid limit 1) from one where one.userid is not null) "
        "select userid from one where userid is not null and userid <> all(:in_sight) "
        "and (cast(:scope as text[]) is null or userid = any(:scope))",
        tenant_id=tenant_id,
        in_sight=list(in_sight),
        scope=None if scope is None else list(scope),
    )
    userids = [UserId(row["userid"]) for row in rows]
    run(
        connection,
        "insert into sync_absence (tenant_id, run_id, external_userid, userid, reason) "
        "select :tenant_id, :run_id, r.external_userid, r.userid, 'not_in_sight' from relation r "
        "where r.tenant_id = :tenant_id and r.userid = any(:userids) and (r.state = 'active' "
        "or r.state = 'out_of_sight' and exists (select from associate a where a.tenant_id = r.tenant_id "
        "and a.userid = r.userid and a.gone_at is not null)) "
        "on conflict (tenant_id, run_id, external_userid, userid) do update set reason = 'not_in_sight'",
        tenant_id=tenant_id,
        run_id=run_id,
        userids=userids,
    )
    return userids


def cut_confirmations(connection: Connection, tenant_id: TenantId, run_id: int, *, size: int) -> int:
    """Add blocks of contacts that must be read by themselves; the number of contacts."""
    row = fetch_one(
        connection,
        "with suspects as (select external_userid, (row_number() over (order by external_userid) - 1) / :size as part "
        "from (select distinct external_userid from sync_absence where tenant_id = :tenant_id and run_id = :run_id "
        "and reason = 'missing' and verdict is null) d), "
        "cut as (insert into sync_block (tenant_id, run_id, number, kind, userids) select :tenant_id, :run_id, "
        "(select coalesce(max(number), -1) + 1 from sync_block where tenant_id = :tenant_id and run_id = :run_id) "
        "+ part, "
        "'confirm', array_agg(external_userid order by external_userid) from suspects group by part) "
        "select count(*) as n from suspects",
        tenant_id=tenant_id,
        run_id=run_id,
        size=size,
    )
    return int(row["n"]) if row else 0


def record_confirmations(
    connection: Connection,
    tenant_id: TenantId,
    run_id: int,
    shown: Mapping[ExternalUserId, Sequence[UserId]],
    *,
    at: datetime,
) -> None:
    """What reads of their own said: for each contact read, the associates that it showed."""
    run(
        connection,
        "update sync_absence a set verdict = case when a.userid = any(r.shown) then 'still_there' else 'ended' end, "
        "confirmed_at = :at from jsonb_to_recordset(cast(:rows as jsonb)) as r(external_userid text, shown text[]) "
        "where a.tenant_id = :tenant_id and a.run_id = :run_id and a.external_userid = r.external_userid "
        "and a.reason = 'missing'",
        tenant_id=tenant_id,
        run_id=run_id,
        at=at,
        rows=as_json([{"external_userid": one, "shown": list(userids)} for one, userids in shown.items()]),
    )


def judge(
    connection: Connection,
    tenant_id: TenantId,
    run_id: int,
    *,
    in_sight: Sequence[UserId],
    departed: Mapping[UserId, datetime],
    now: datetime,
) -> None:
    """Give every suspect that is not there its verdict, by who is in sight after the last of the reads.

    Associates whom only the first look at who is in sight left out are not suspects any more: nothing was read of them.
    """
    run(
        connection,
        "update sync_absence set verdict = 'still_there' where tenant_id = :tenant_id and run_id = :run_id "
        "and reason = 'not_in_sight' and userid = any(:in_sight)",
        tenant_id=tenant_id,
        run_id=run_id,
        in_sight=list(in_sight),
    )
    run(
        connection,
        "update sync_absence a set verdict = case when d.userid is not null then 'associate_left' "
        "else 'out_of_sight' end, ended_at = d.left_at, confirmed_at = coalesce(a.confirmed_at, :now) "
        "from (select distinct userid from sync_absence where tenant_id = :tenant_id and run_id = :run_id) u "
        "left join jsonb_to_recordset(cast(:departed as jsonb)) as d(userid text, left_at timestamptz) using (userid) "
        "where a.tenant_id = :tenant_id and a.run_id = :run_id and a.userid = u.userid "
        "and a.verdict is distinct from 'still_there' and (a.reason = 'not_in_sight' or u.userid <> all(:in_sight))",
        tenant_id=tenant_id,
        run_id=run_id,
        departed=as_json([{"userid": one, "left_at": at} for one, at in departed.items()]),
        in_sight=list(in_sight),
        now=now,
    )


def suspected_associates(connection: Connection, tenant_id: TenantId, run_id: int) -> list[UserId]:
    rows = fetch_all(
        connection,
        "select distinct userid from sync_absence where tenant_id = :tenant_id and run_id = :run_id",
        tenant_id=tenant_id,
        run_id=run_id,
    )
    return [UserId(row["userid"]) for row in rows]


def count_verdicts(connection: Connection, tenant_id: TenantId, run_id: int) -> dict[str, int]:
    """How many suspects have each verdict; "" for those without one (their read failed)."""
    rows = fetch_all(
        connection,
        "select coalesce(verdict, '') as verdict, count(*) as n from sync_absence "
        "where tenant_id = :tenant_id and run_id = :run_id group by 1",
        tenant_id=tenant_id,
        run_id=run_id,
    )
    return {row["verdict"]: row["n"] for row in rows}


def missed_by_walk(connection: Connection, tenant_id: TenantId, run_id: int, *, limit: int) -> list[tuple[UserId, int]]:
    """Associates some of whose relations are there although the walk did not show them, and how many.

    Not those of contacts that a request looks at, or has looked at since the run began: an event tells of a friend who
    is newer than their page, or of an edit that may have moved the row from a page still to come to one that was read
    (whether WeCom orders rows by their last change is not published).
    """
    rows = fetch_all(
        connection,
        "select a.userid, count(*) as n from sync_absence a join sync_run r on (r.tenant_id, r.id) = "
        "(a.tenant_id, a.run_id) where a.tenant_id = :tenant_id and a.run_id = :run_id and a.verdict = 'still_there' "
        "and not exists (select from request q where (q.tenant_id, q.subject_kind, q.subject_key) = "
        "(a.tenant_id, :kind, a.external_userid) and q.dead_at is null "
        "and (q.generation > q.settled_generation or q.settled_at >= r.started_at)) "
        "group by 1 order by 2 desc, 1 limit :limit",
        kind=CONTACT,
        tenant_id=tenant_id,
        run_id=run_id,
        limit=limit,
    )
    return [(UserId(row["userid"]), row["n"]) for row in rows]


def count_active(connection: Connection, tenant_id: TenantId) -> int:
    row = fetch_one(
        connection,
        "select count(*) as n from relation where tenant_id = :tenant_id and state = 'active'",
        tenant_id=tenant_id,
    )
    return int(row["n"]) if row else 0


SHOWN = "shown_at"
GUARDED = ("ended", "out_of_sight")
"""Verdicts that a change of the app's rights could bring about; a departure has evidence of its own."""


def move_to_plan(connection: Connection, tenant_id: TenantId, run_id: int, plan_id: int) -> None:
    """Make the guarded verdicts the operations of a plan, instead of applying them."""
    run(
        connection,
        "insert into removal_operation (tenant_id, plan_id, number, subject_key, userid, action, details) "
        "select :tenant_id, :plan_id, row_number() over (order by external_userid, userid) - 1, external_userid, "
        "userid, verdict, jsonb_build_object('at', confirmed_at) from sync_absence "
        "where tenant_id = :tenant_id and run_id = :run_id and verdict = any(:guarded)",
        tenant_id=tenant_id,
        run_id=run_id,
        plan_id=plan_id,
        guarded=list(GUARDED),
    )
    run(
        connection,
        "delete from sync_absence where tenant_id = :tenant_id and run_id = :run_id and verdict = any(:guarded)",
        tenant_id=tenant_id,
        run_id=run_id,
        guarded=list(GUARDED),
    )


@dataclass(frozen=True)
class Removal:
    """A relation that is to end, or to go out of sight. `at`: of the read that says so; `ended_at`: of a departure.

    `shown`: a later walk has shown it.
    """

    external_userid: ExternalUserId
    userid: UserId
    verdict: str
    at: datetime
    ended_at: datetime | None = None
    shown: bool = False


def next_removals(connection: Connection, tenant_id: TenantId, run_id: int, *, limit: int) -> list[Removal]:
    """The next verdicts that are not applied yet, in the order of contacts."""
    rows = fetch_all(
        connection,
        "select external_userid, userid, verdict, confirmed_at, ended_at from sync_absence "
        "where tenant_id = :tenant_id and run_id = :run_id and verdict in ('ended', 'out_of_sight', 'associate_left') "
        "and applied_at is null order by external_userid, userid limit :limit",
        tenant_id=tenant_id,
        run_id=run_id,
        limit=limit,
    )
    return [_read_removal(row) for row in rows]


def _read_removal(row: Row) -> Removal:
    return Removal(
        ExternalUserId(row["external_userid"]),
        UserId(row["userid"]),
        row["verdict"],
        at=row["confirmed_at"],
        ended_at=row["ended_at"],
    )


def mark_applied(
    connection: Connection, tenant_id: TenantId, run_id: int, removals: Sequence[Removal], *, now: datetime
) -> None:
    run(
        connection,
        "update sync_absence a set applied_at = :now from unnest(cast(:contacts as text[]), cast(:userids as text[])) "
        "as r(external_userid, userid) where a.tenant_id = :tenant_id and a.run_id = :run_id "
        "and (a.external_userid, a.userid) = (r.external_userid, r.userid)",
        tenant_id=tenant_id,
        run_id=run_id,
        now=now,
        contacts=[one.external_userid for one in removals],
        userids=[one.userid for one in removals],
    )


def approved_removals(
    connection: Connection, tenant_id: TenantId, plan_id: int, *, after: int, limit: int
) -> tuple[int, list[Removal]]:
    """The next removals of a plan, and the number of the last one (`after` when there is none)."""
    numbered = operations_of(connection, tenant_id, plan_id, after=after, limit=limit)
    removals = [_removal(operation) for _, operation in numbered]
    return (numbered[-1][0] if numbered else after), removals


def _removal(operation: Operation) -> Removal:
    at, shown = datetime.fromisoformat(str(operation.details["at"])), SHOWN in operation.details
    return Removal(ExternalUserId(operation.subject_key), UserId(operation.userid), operation.action, at, shown=shown)


def note_shown(
    connection: Connection, tenant_id: TenantId, pairs: Sequence[tuple[ExternalUserId, UserId]], *, at: datetime
) -> int:
    """Note in the plans that are open which of their relations a read of `at` shows; how many."""
    return run(
        connection,
        "update removal_operation o set details = o.details || jsonb_build_object(cast(:shown as text), :at) "
        "from removal_plan p, unnest(cast(:contacts as text[]), cast(:userids as text[])) "
        "as r(external_userid, userid) where p.tenant_id = :tenant_id and p.resource = :resource "
        "and p.state in ('refused', 'approved') "
        "and o.tenant_id = p.tenant_id and o.plan_id = p.id and o.subject_key = r.external_userid "
        "and o.userid = r.userid and cast(o.details ->> 'at' as timestamptz) < :at",
        tenant_id=tenant_id,
        resource=CONTACT,
        shown=SHOWN,
        at=at,
        contacts=[contact for contact, _ in pairs],
        userids=[userid for _, userid in pairs],
    )


def overtaken(connection: Connection, tenant_id: TenantId, removals: Sequence[Removal]) -> set[tuple[str, str]]:
    """Those of which somebody knows better since: the relation was seen, or its contact was looked at."""
    shown = {(one.external_userid, one.userid) for one in removals if one.shown}
    rows = fetch_all(
        connection,
        "select p.external_userid, p.userid from jsonb_to_recordset(cast(:rows as jsonb)) as p(external_userid text, "
        "userid text, at timestamptz) join relation r on r.tenant_id = :tenant_id "
        "and r.external_userid = p.external_userid and r.userid = p.userid left join request q "
        "on q.tenant_id = :tenant_id and q.subject_kind = :kind and q.subject_key = p.external_userid "
        "where r.observed_at > p.at or q.settled_at > p.at "
        "or (q.generation > q.settled_generation and q.dead_at is null)",
        tenant_id=tenant_id,
        kind=CONTACT,
        rows=as_json([{"external_userid": r.external_userid, "userid": r.userid, "at": r.at} for r in removals]),
    )
    return shown | {(row["external_userid"], row["userid"]) for row in rows}
