"""Writes facts together with the notices and webhooks that they call for: one commit, one outbox row per delivery."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from services.notices.model import Notice
from services.notices.plan import react, spread, vanished, wanted
from services.planning import Cause, Fact
from services.reminders.model import Policy, Switch
from services.reminders.plan import after_quiet
from services.reminders.store import load_policy, superiors_of
from services.webhooks.queue import deliveries_of
from services.webhooks.store import load_listeners
from shared.db.engine import fetch_all, fetch_one
from shared.facts import FactRow, record_facts
from shared.ids import FactId, OutboxId, TenantId
from shared.outbox import Delivery, enqueue
from shared.tenants import Tenant
from shared.withdrawing import withdraw


@dataclass(frozen=True)
class Caused:
    """A fact with its cause and what brought it about."""

    fact: Fact
    cause: Cause
    caused_by: str | None = None


def record_facts_and_notices(
    connection: Connection, tenant: Tenant, caused: Sequence[Caused], *, now: datetime, ttl_s: float
) -> int:
    """The number of deliveries that wait because of these facts: to associates, and to the corp's webhook endpoints."""
    ids = record_facts(
        connection,
        tenant.id,
        [
            FactRow(
                type=one.fact.TYPE,
                version=one.fact.VERSION,
                subject_kind=one.fact.subject[0],
                subject_key=one.fact.subject[1],
                occurred_at=one.fact.occurred_at,
                cause=one.cause,
                caused_by=one.caused_by,
                payload=one.fact.payload(),
            )
            for one in caused
        ],
        now=now,
    )
    notices = [
        (fact_id, one, notice)
        for fact_id, one in zip(ids, caused, strict=True)
        for notice in react(one.fact, cause=one.cause, added_at=tenant.added_at)
    ]
    if gone := vanished(one.fact for one in caused):
        untold = withdraw(connection, tenant.id, gone, now=now)
        notices = [one for one in notices if one[2].undoes not in untold]
    deliveries = _deliveries(connection, tenant, notices, now=now, ttl_s=ttl_s) if notices else []
    if caused:  # a corp without endpoints pays this one look, one with endpoints rows in the same insert
        listeners = load_listeners(connection, tenant.id)
        told = [(fact_id, one.fact.TYPE, one.cause) for fact_id, one in zip(ids, caused, strict=True)]
        deliveries += deliveries_of(listeners, told)
    return enqueue(connection, tenant.id, deliveries, now=now)


def _deliveries(
    connection: Connection,
    tenant: Tenant,
    notices: Sequence[tuple[FactId, Caused, Notice]],
    *,
    now: datetime,
    ttl_s: float,
) -> list[Delivery]:
    """A row for each recipient of what the corp wants to be told."""
    policy = load_policy(connection, tenant.id)
    stages = _stages(
        connection, tenant.id, [one.fact for _, one, notice in notices if policy.asks_for_stage(notice.name)]
    )
    all_told = [
        (fact_id, one, told)
        for fact_id, one, notice in notices
        if (told := wanted(notice, policy, stages.get(_contact(one.fact), ()))) is not None
    ]
    below = {told.notice.recipient for _, _, told in all_told if told.switch.superior}
    superiors = superiors_of(connection, tenant.id, below) if below else {}
    return [
        _delivery(fact_id, one, notice, told.switch, policy, timezone=tenant.timezone, now=now, ttl_s=ttl_s)
        for fact_id, one, told in all_told
        for notice in spread(told, superiors=superiors, administrators=policy.administrators)
    ]


def _delivery(
    fact_id: FactId,
    caused: Caused,
    notice: Notice,
    switch: Switch,
    policy: Policy,
    *,
    timezone: str,
    now: datetime,
    ttl_s: float,
) -> Delivery:
    """Its time counts from when it is to go out: what happens in quiet hours is as fresh at their end."""
    at = now + timedelta(seconds=switch.delay_s)
    if not switch.urgent:
        at = after_quiet(at, policy.quiet_of(notice.recipient), timezone)
    lives_s = switch.gather_s + (ttl_s if switch.ttl_s is None else switch.ttl_s)
    return Delivery(
        natural_key=f"fact:{fact_id}:{notice.name}:wecom:{notice.recipient}",
        fact_id=fact_id,
        notice=notice.name,
        channel="wecom",
        recipient=notice.recipient,
        causes=[{"cause": caused.cause, "caused_by": caused.caused_by}],
        expires_at=at + timedelta(seconds=lives_s),
        about=notice.about,
        reason=notice.reason,
        not_before=at,
        gather_s=switch.gather_s,
        urgent=switch.urgent,
        apart_s=switch.apart_s,
    )


def _contact(fact: Fact) -> str:
    return str(fact.payload().get("external_userid") or "")


def _stages(connection: Connection, tenant_id: TenantId, facts: Sequence[Fact]) -> dict[str, tuple[int, ...]]:
    """Where the customers of these facts are, by external_userid; only for kinds that are told by stage."""
    asked = sorted({contact for fact in facts if (contact := _contact(fact))})
    if not asked:
        return {}
    rows = fetch_all(
        connection,
        "select e.external_userid, array_agg(s.stage_id) as stages from external_contact e "
        "join customer_stage s on s.tenant_id = e.tenant_id and s.customer_id = e.customer_id "
        "where e.tenant_id = :tenant_id and e.external_userid = any(:asked) group by 1",
        tenant_id=tenant_id,
        asked=asked,
    )
    return {row["external_userid"]: tuple(row["stages"]) for row in rows}


@dataclass(frozen=True)
class NoticeSource:
    """What a text is rendered from: the notice and its fact; people's names are looked up beside it.

    `about`: whose matter it is, where somebody else is told of it.
    """

    outbox_id: OutboxId
    notice: str
    recipient: str
    fact_type: str
    occurred_at: datetime
    payload: Mapping[str, object]
    customer_id: int | None
    about: str | None = None


def load_sources(connection: Connection, tenant: Tenant, ids: Sequence[OutboxId]) -> dict[OutboxId, NoticeSource]:
    rows = fetch_all(
        connection,
        "select o.id as outbox_id, o.notice, o.recipient, o.about, f.type as fact_type, f.occurred_at, f.payload, "
        "c.customer_id from outbox o join fact f on f.tenant_id = o.tenant_id and f.id = o.fact_id "
        "left join external_contact c on c.tenant_id = o.tenant_id "
        "and c.external_userid = f.payload ->> 'external_userid' "
        "where o.tenant_id = :tenant_id and o.id = any(:ids)",
        tenant_id=tenant.id,
        ids=list(ids),
    )
    return {OutboxId(row["outbox_id"]): NoticeSource(**row) for row in rows}


def load_count(connection: Connection, tenant: Tenant, ids: Sequence[OutboxId]) -> int:
    """How many these notices tell of: most of one each, some of as many as their fact counts."""
    row = fetch_one(
        connection,
        "select coalesce(sum(coalesce(cast(f.payload ->> 'count' as bigint), 1)), 0)::bigint as n from outbox o "
        "join fact f on f.tenant_id = o.tenant_id and f.id = o.fact_id "
        "where o.tenant_id = :tenant_id and o.id = any(:ids)",
        tenant_id=tenant.id,
        ids=list(ids),
    )
    assert row is not None
    return int(row["n"])


@dataclass(frozen=True)
class Names:
    """Names of the people in some notices: contacts, remarks of the relations, associates."""

    contacts: Mapping[str, str]
    remarks: Mapping[tuple[str, str], str]
    associates: Mapping[str, str]


def load_names(connection: Connection, tenant: Tenant, sources: Sequence[NoticeSource]) -> Names:
    contacts = [str(key) for s in sources if (key := s.payload.get("external_userid"))]
    members = {str(v) for s in sources for k, v in s.payload.items() if k.endswith("userid") and v} - set(contacts)
    named = fetch_all(
        connection,
        "select external_userid, name from external_contact "
        "where tenant_id = :tenant_id and external_userid = any(:ids) and name is not null",
        tenant_id=tenant.id,
        ids=contacts,
    )
    remarked = fetch_all(
        connection,
        "select external_userid, userid, remark from relation "
        "where tenant_id = :tenant_id and external_userid = any(:ids) and remark <> ''",
        tenant_id=tenant.id,
        ids=contacts,
    )
    known = fetch_all(
        connection,
        "select userid, name from associate where tenant_id = :tenant_id and userid = any(:ids) and name is not null",
        tenant_id=tenant.id,
        ids=sorted(members),
    )
    return Names(
        contacts={row["external_userid"]: row["name"] for row in named},
        remarks={(row["external_userid"], row["userid"]): row["remark"] for row in remarked},
        associates={row["userid"]: row["name"] for row in known},
    )
