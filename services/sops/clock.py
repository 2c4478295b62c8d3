"""The clock of SOPs: looks at whoever has a step due, or whose rule has changed, and at what is overdue.

A look is one transaction: what became of the steps, when to look again, and the facts that the caller records. Rows
say what is due; two processes at once lock different ones, and a step has one row for good, so it is told once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from services.planning import Fact
from services.sops.ending import end_some
from services.sops.model import Enrolment, ExitKind, Rule, RuleState, SopStepDue, SopStepOverdue, StepState
from services.sops.plan import Act, Action, Calendar, Look, plan_look
from services.sops.store import lock_rules
from services.sops.subjects import Standing, load_standings
from shared.db.engine import Row, as_json, fetch_all, run
from shared.ids import CustomerId, ExternalUserId, TenantId, UserId
from shared.tenants import Tenant

BATCH = 200
"""Enrolments of a transaction."""
CARD_WAIT = timedelta(seconds=5)
NOBODY = "nobody"
"""Why a step is skipped: nobody is responsible for the customer."""
_STATES: Mapping[Act, StepState] = {
    "remind": StepState.REMINDED,
    "expire": StepState.EXPIRED,
    "skip": StepState.SKIPPED,
}


@dataclass(frozen=True)
class Looked:
    count: int
    facts: tuple[Fact, ...] = ()


def rules_due(connection: Connection, *, now: datetime) -> list[tuple[TenantId, int]]:
    """Rules that run and of which somebody is to be looked at. Each question is the first entry of an index: asked with
    `exists`, one that finds nobody would read a million who wait.
    """
    rows = fetch_all(
        connection,
        "select r.tenant_id, r.id from sop_rule r where r.state = 'running' and r.deleted_at is null and ("
        "(select min(e.next_at) from sop_enrolment e where e.tenant_id = r.tenant_id and e.rule_id = r.id "
        "and e.state = 'running') <= :now or "
        "(select min(e.version) from sop_enrolment e where e.tenant_id = r.tenant_id and e.rule_id = r.id "
        "and e.state = 'running') < r.version or "
        "(select min(p.raise_at) from sop_progress p where p.tenant_id = r.tenant_id and p.rule_id = r.id "
        "and p.state = 'reminded' and p.raise_at is not null) <= :now) order by 1, 2",
        now=now,
    )
    return [(TenantId(row["tenant_id"]), row["id"]) for row in rows]


def look(
    connection: Connection, tenant: Tenant, rule_id: int, calendar: Calendar, *, now: datetime, limit: int = BATCH
) -> Looked:
    """Look at the next of a rule. The caller records the facts in the same transaction."""
    rules = lock_rules(connection, tenant, [rule_id], "look")
    if not rules or rules[0].state is not RuleState.RUNNING:
        return Looked(0)
    rule = rules[0]
    due = _due(connection, tenant.id, rule, now=now, limit=limit)
    facts = _follow(connection, tenant.id, rule, due, calendar, now=now) if due else []
    raised = _raise(connection, tenant.id, rule, now=now, limit=limit)
    return Looked(len(due) + len(raised), (*facts, *raised))


_WHICH = (("next_at <= :now", "next_at"), ("version < :version", "version"))
"""Each in the order of an index: of a million who are planned anew, a batch finds the next without those before it."""
LEAST_WAIT_S = 60
"""After a reminder went out, where the rule names no time any more."""
ENROLMENT = (
    "id, rule_id, customer_id, chat_id, member, anchor_at, entered_at, entered_by, since, left_out, "
    "state = 'running' as running, ended_at, ended_why, next_at, next_step_id"
)


def enrolment_of(row: Row) -> Enrolment:
    return Enrolment(**{**row, "left_out": tuple(row["left_out"])})


def _due(connection: Connection, tenant_id: TenantId, rule: Rule, *, now: datetime, limit: int) -> list[Enrolment]:
    """Locked: those whose next step is due, earliest first, and those who were planned by an older rule."""
    found: dict[int, Enrolment] = {}
    for which, order in _WHICH:
        rows = fetch_all(
            connection,
            f"select {ENROLMENT} from sop_enrolment where tenant_id = :tenant_id and rule_id = :rule_id "  # noqa: S608
            f"and state = 'running' and {which} order by {order} limit :limit for update skip locked",
            tenant_id=tenant_id,
            rule_id=rule.id,
            version=rule.version,
            now=now,
            limit=limit - len(found),
        )
        found |= {row["id"]: enrolment_of(row) for row in rows}
    return list(found.values())


def _follow(
    connection: Connection,
    tenant_id: TenantId,
    rule: Rule,
    due: Sequence[Enrolment],
    calendar: Calendar,
    *,
    now: datetime,
) -> list[Fact]:
    passed = load_passed(connection, tenant_id, [one.id for one in due])
    standings = load_standings(connection, tenant_id, due)
    looks, over, later = list[tuple[Enrolment, Look]](), dict[str, list[int]](), list[int]()
    for one in due:
        standing = standings.get(one.id)
        planned = plan_look(rule, one, passed.get(one.id, ()), calendar, now=now)
        if standing is None or (why := _exit(rule, standing)):
            over.setdefault("gone" if standing is None else str(why), []).append(one.id)
        elif not standing.known:
            later.append(one.id)
        else:
            looks.append((one, _with_somebody(planned, standing)))
    for why, ids in sorted(over.items()):
        end_some(connection, tenant_id, ids, why=why, now=now)
    _put_off(connection, tenant_id, rule, later, now=now)
    told = _record_progress(connection, tenant_id, rule, looks, standings, now=now)
    _record_looks(connection, tenant_id, rule, looks, now=now)
    return [
        _fact(one, action, standings[one.id])
        for one, planned in looks
        for action in planned.actions
        if (one.id, action.step_id) in told and action.act == "remind"
    ]


def _exit(rule: Rule, standing: Standing) -> str | None:
    """An end that shows, whether its mark was followed already or not."""
    wanted: set[ExitKind] = {one.kind for one in rule.spec.exits}
    if standing.is_over:
        return "gone"
    if "friendship_lost" in wanted and standing.known and not standing.is_friend:
        return "exit:lost"
    return "exit:blacklisted" if "blacklisted" in wanted and standing.is_blacklisted else None


def _with_somebody(planned: Look, standing: Standing) -> Look:
    """Where nobody is responsible, nobody can be told."""
    if standing.userid is not None:
        return planned
    actions = [replace(one, act="skip", why=NOBODY) if one.act == "remind" else one for one in planned.actions]
    return replace(planned, actions=tuple(actions))


def _put_off(connection: Connection, tenant_id: TenantId, rule: Rule, ids: Sequence[int], *, now: datetime) -> None:
    """Their cards are still to be made: by these it is known who is responsible."""
    if ids:
        sql = (
            "update sop_enrolment set next_at = :at, version = :version where tenant_id = :tenant_id and id = any(:ids)"
        )
        run(connection, sql, tenant_id=tenant_id, ids=list(ids), at=now + CARD_WAIT, version=rule.version)


def load_passed(connection: Connection, tenant_id: TenantId, ids: Sequence[int]) -> dict[int, set[int]]:
    rows = fetch_all(
        connection,
        "select enrolment_id, array_agg(step_id) as steps from sop_progress "
        "where tenant_id = :tenant_id and enrolment_id = any(:ids) group by 1",
        tenant_id=tenant_id,
        ids=list(ids),
    )
    return {row["enrolment_id"]: set(row["steps"]) for row in rows}


def _record_progress(
    connection: Connection,
    tenant_id: TenantId,
    rule: Rule,
    looks: Sequence[tuple[Enrolment, Look]],
    standings: Mapping[int, Standing],
    *,
    now: datetime,
) -> set[tuple[int, int]]:
    """The (enrolment, step) that had no row yet: what is told is told because its row was added."""
    rows = [_row(rule, one, action, standings[one.id], now=now) for one, plan in looks for action in plan.actions]
    if not rows:
        return set()
    added = fetch_all(
        connection,
        "insert into sop_progress (tenant_id, enrolment_id, step_id, rule_id, customer_id, chat_id, userid, state, "
        "due_at, told_at, raise_at, settled_at, why) select :tenant_id, enrolment_id, step_id, :rule_id, customer_id, "
        "chat_id, userid, state, due_at, told_at, raise_at, settled_at, why "
        "from jsonb_to_recordset(cast(:rows as jsonb)) as r(enrolment_id bigint, step_id int, customer_id bigint, "
        "chat_id text, userid text, state text, due_at timestamptz, told_at timestamptz, raise_at timestamptz, "
        "settled_at timestamptz, why text) on conflict (tenant_id, enrolment_id, step_id) do nothing "
        "returning enrolment_id, step_id",
        tenant_id=tenant_id,
        rule_id=rule.id,
        rows=as_json(rows),
    )
    return {(row["enrolment_id"], row["step_id"]) for row in added}


def _row(rule: Rule, one: Enrolment, action: Action, standing: Standing, *, now: datetime) -> dict[str, object]:
    told, wait_s = action.act == "remind", rule.spec.ways.overdue_after_s
    return {
        "enrolment_id": one.id,
        "step_id": action.step_id,
        "customer_id": one.customer_id,
        "chat_id": one.chat_id,
        "userid": standing.userid,
        "state": _STATES[action.act].value,
        "due_at": action.due_at,
        "told_at": now if told else None,
        "raise_at": now + timedelta(seconds=wait_s) if told and wait_s is not None else None,
        "settled_at": None if told else now,
        "why": action.why,
    }


def _record_looks(
    connection: Connection, tenant_id: TenantId, rule: Rule, looks: Sequence[tuple[Enrolment, Look]], *, now: datetime
) -> None:
    rows = [{"id": one.id, "next_at": plan.next_at, "next_step_id": plan.next_step_id} for one, plan in looks]
    if not rows:
        return
    run(
        connection,
        "update sop_enrolment e set next_at = r.next_at, next_step_id = r.next_step_id, version = :version, "
        "state = case when r.next_at is null then 'ended' else 'running' end, "
        "ended_at = case when r.next_at is null then cast(:now as timestamptz) end, "
        "ended_why = case when r.next_at is null then 'finished' end "
        "from jsonb_to_recordset(cast(:rows as jsonb)) as r(id bigint, next_at timestamptz, next_step_id int) "
        "where e.tenant_id = :tenant_id and e.id = r.id",
        tenant_id=tenant_id,
        version=rule.version,
        now=now,
        rows=as_json(rows),
    )


def _fact(one: Enrolment, action: Action, standing: Standing) -> SopStepDue:
    assert standing.userid is not None
    return SopStepDue(
        occurred_at=action.due_at,
        enrolment_id=one.id,
        rule_id=one.rule_id,
        step_id=action.step_id,
        customer_id=one.customer_id,
        external_userid=standing.external_userid or one.member,
        chat_id=one.chat_id,
        userid=standing.userid,
        due_at=action.due_at.isoformat(),
    )


def _raise(connection: Connection, tenant_id: TenantId, rule: Rule, *, now: datetime, limit: int) -> list[Fact]:
    """What was told and not confirmed in time becomes overdue, once (SOP-5).

    Time runs from when the reminder went out: one that still waits, as for the end of quiet hours, is not late yet.
    What others are told beside counts for nothing.
    """
    run(
        connection,
        "update sop_progress p set raise_at = d.next_try_at + make_interval(secs => :wait_s) from ("
        " select p.enrolment_id, p.step_id, o.next_try_at from sop_progress p join outbox o "
        " on o.tenant_id = p.tenant_id and o.state = 'due' and o.next_try_at > :now "
        " and o.reason = 'sop:' || p.enrolment_id || ':' || p.step_id and o.recipient = p.userid "
        " where p.tenant_id = :tenant_id "
        " and p.rule_id = :rule_id and p.state = 'reminded' and p.raise_at <= :now "
        " order by p.enrolment_id, p.step_id for update of p) d "
        "where p.tenant_id = :tenant_id and p.enrolment_id = d.enrolment_id and p.step_id = d.step_id",
        tenant_id=tenant_id,
        rule_id=rule.id,
        wait_s=rule.spec.ways.overdue_after_s or LEAST_WAIT_S,
        now=now,
    )
    rows = fetch_all(
        connection,
        "update sop_progress p set state = 'overdue' from (select tenant_id, enrolment_id, step_id from sop_progress "
        "where tenant_id = :tenant_id and rule_id = :rule_id and state = 'reminded' and raise_at <= :now "
        "order by raise_at, enrolment_id, step_id limit :limit for update skip locked) d "
        "where p.tenant_id = d.tenant_id and p.enrolment_id = d.enrolment_id and p.step_id = d.step_id "
        "returning p.enrolment_id, p.step_id, p.customer_id, p.chat_id, p.userid, p.due_at, p.raise_at",
        tenant_id=tenant_id,
        rule_id=rule.id,
        now=now,
        limit=limit,
    )
    contacts = load_contacts(connection, tenant_id, [(row["customer_id"], row["userid"]) for row in rows])
    return [
        SopStepOverdue(
            occurred_at=row["raise_at"],
            enrolment_id=row["enrolment_id"],
            rule_id=rule.id,
            step_id=row["step_id"],
            customer_id=row["customer_id"],
            external_userid=contacts.get((row["customer_id"], row["userid"])),
            chat_id=row["chat_id"],
            userid=UserId(row["userid"]),
            due_at=row["due_at"].isoformat(),
        )
        for row in sorted(rows, key=lambda row: (row["raise_at"], row["enrolment_id"], row["step_id"]))
    ]


def load_contacts(
    connection: Connection, tenant_id: TenantId, asked: Sequence[tuple[CustomerId | None, UserId]]
) -> dict[tuple[CustomerId | None, UserId], ExternalUserId]:
    """As whom each associate knows each customer: the contact of their relation, a lasting one before others."""
    rows = fetch_all(
        connection,
        "select distinct on (1, 2) e.customer_id, r.userid, e.external_userid from external_contact e "
        "join relation r on r.tenant_id = e.tenant_id and r.external_userid = e.external_userid "
        "where e.tenant_id = :tenant_id and e.customer_id = any(:customers) and r.userid = any(:userids) "
        "order by 1, 2, r.state <> 'active', e.external_userid",
        tenant_id=tenant_id,
        customers=sorted({one for one, _ in asked if one is not None}),
        userids=sorted({userid for _, userid in asked if userid}),
    )
    return {(CustomerId(r["customer_id"]), UserId(r["userid"])): ExternalUserId(r["external_userid"]) for r in rows}
