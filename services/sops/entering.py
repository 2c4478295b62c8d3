"""Brings customers and chats in: whoever a rule means, by what happened, by the day, or by hand.

Whoever enters people into a rule has locked it for entering, so that two of them at once bring in nobody twice.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from services.finding.giving import Context
from services.finding.model import Filter
from services.finding.store import read_filter
from services.sops.audience import chats, customers
from services.sops.ending import LONGEST_WAIT
from services.sops.model import Reentry, Rule
from services.sops.plan import Calendar, timetable
from shared.db.engine import as_json, fetch_all
from shared.ids import CustomerId, ExternalUserId, TenantId
from shared.tenants import Tenant

NOBODY: frozenset[object] = frozenset()
_REENTRY: Mapping[Reentry, str] = {
    "never": "true",
    "after_end": "e.state = 'running'",
    "each": "false",
}
"""Which enrolments of somebody keep them out."""


@dataclass(frozen=True)
class Candidate:
    """Somebody whom a rule may bring in. `source_key`: what for; a second time for the same is none."""

    source_key: str
    anchor_at: datetime
    customer_id: CustomerId | None = None
    chat_id: str | None = None
    member: ExternalUserId | None = None

    @property
    def key(self) -> object:
        return self.customer_id or self.chat_id


def filter_of(connection: Connection, tenant: Tenant, rule: Rule) -> Filter | None:
    """
    Raises:
        FilterError: it cannot be read any more; its custom field is gone.
    """
    given = rule.spec.audience.filter
    return None if given is None else read_filter(connection, tenant, given)


def those_meant(
    connection: Connection, tenant: Tenant, rule: Rule, keys: Iterable[object], context: Context
) -> frozenset[object]:
    """Which of these customers (ids) or chats the rule means now.

    Raises:
        FilterError: see `filter_of`.
    """
    asked = sorted(set(keys), key=str)
    if not asked:
        return NOBODY
    audience = rule.spec.audience
    if rule.subject == "customer":
        sql, given = customers(audience, filter_of(connection, tenant, rule), context, each=True)
        whole = f"select k.customer_id as key from customer_card k where k.customer_id = any(:f_ids) and {sql}"  # noqa: S608
    else:
        sql, given = chats(audience, context)
        whole = f"select g.chat_id as key from group_chat g where g.chat_id = any(:f_ids) and {sql}"  # noqa: S608
    return frozenset(row["key"] for row in fetch_all(connection, whole, f_ids=asked, **given))


def enter(
    connection: Connection,
    tenant_id: TenantId,
    rule: Rule,
    candidates: Sequence[Candidate],
    calendar: Calendar,
    *,
    by: str,
    now: datetime,
    by_hand: bool = False,
    since: datetime | None = None,
) -> list[int]:
    """The ids of new enrolments. The rule is locked for entering, and these are whom it means.

    `by_hand`: a person may bring in again whoever is through. `since`: what is due before is past.
    """
    once = candidates if rule.spec.ways.reentry == "each" and not by_hand else _first_of_each(candidates)
    reentry: Reentry = "after_end" if by_hand else rule.spec.ways.reentry
    rows = [_row(rule, one, calendar) for one in once]
    if not rows:
        return []
    kept_out = (
        "select from sop_enrolment e where e.tenant_id = :tenant_id and e.rule_id = :rule_id "
        "and {} = {} and " + _REENTRY[reentry]
    )
    found = fetch_all(
        connection,
        "insert into sop_enrolment (tenant_id, rule_id, customer_id, chat_id, member, source_key, anchor_at, "  # noqa: S608
        "since, entered_at, entered_by, version, next_at, next_step_id) select :tenant_id, :rule_id, customer_id, "
        "chat_id, member, source_key, anchor_at, cast(:since as timestamptz), :now, :by, :version, next_at, "
        "next_step_id "
        "from jsonb_to_recordset(cast(:rows as jsonb)) as r(customer_id bigint, chat_id text, member text, "
        "source_key text, anchor_at timestamptz, next_at timestamptz, next_step_id int) "
        f"where not exists ({kept_out.format('e.customer_id', 'r.customer_id')}) "
        f"and not exists ({kept_out.format('e.chat_id', 'r.chat_id')}) "
        "order by anchor_at, source_key on conflict (tenant_id, rule_id, source_key) do nothing returning id",
        tenant_id=tenant_id,
        rule_id=rule.id,
        version=rule.version,
        by=by,
        since=since,
        now=now,
        rows=as_json(rows),
    )
    return [row["id"] for row in found]


def _first_of_each(candidates: Sequence[Candidate]) -> list[Candidate]:
    first: dict[object, Candidate] = {}
    for one in sorted(candidates, key=lambda one: one.anchor_at):
        first.setdefault(one.key, one)
    return list(first.values())


def _row(rule: Rule, one: Candidate, calendar: Calendar) -> dict[str, object]:
    next_at, step = timetable(rule.spec, one.anchor_at, calendar)[0]
    return {**one.__dict__, "next_at": next_at, "next_step_id": step.id}


def end_for(
    connection: Connection, tenant_id: TenantId, rule_id: int, customer_ids: Iterable[int], *, why: str, now: datetime
) -> list[int]:
    """End the enrolments of these customers in a rule; their ids, with those whose last step may wait to be told."""
    ids = sorted(set(customer_ids))
    if not ids:
        return []
    rows = fetch_all(
        connection,
        "update sop_enrolment set state = 'ended', ended_at = :now, ended_why = :why, next_at = null, "
        "next_step_id = null where tenant_id = :tenant_id and rule_id = :rule_id and customer_id = any(:ids) "
        "and state = 'running' returning id",
        tenant_id=tenant_id,
        rule_id=rule_id,
        ids=ids,
        why=why,
        now=now,
    )
    through = fetch_all(
        connection,
        "select id from sop_enrolment where tenant_id = :tenant_id and rule_id = :rule_id and customer_id = any(:ids) "
        "and ended_why = 'finished' and ended_at > :since",
        tenant_id=tenant_id,
        rule_id=rule_id,
        ids=ids,
        since=now - LONGEST_WAIT,
    )
    return [row["id"] for row in (*rows, *through)]
