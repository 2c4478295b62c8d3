"""Writes facts together with the notices and webhooks that they call for: one commit, one outbox row per delivery."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from services.notices.plan import react
from services.planning import Cause, Fact
from services.webhooks.queue import deliveries_of
from services.webhooks.store import load_listeners
from shared.db.engine import fetch_all
from shared.facts import FactRow, record_facts
from shared.ids import OutboxId
from shared.outbox import Delivery, enqueue
from shared.tenants import Tenant


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
    deliveries = [
        Delivery(
            natural_key=f"fact:{fact_id}:{notice.name}:wecom:{notice.recipient}",
            fact_id=fact_id,
            notice=notice.name,
            channel="wecom",
            recipient=notice.recipient,
            causes=[{"cause": one.cause, "caused_by": one.caused_by}],
            expires_at=now + timedelta(seconds=ttl_s),
        )
        for fact_id, one in zip(ids, caused, strict=True)
        for notice in react(one.fact, cause=one.cause, added_at=tenant.added_at)
    ]
    if caused:  # a corp without endpoints pays this one look, one with endpoints rows in the same insert
        listeners = load_listeners(connection, tenant.id)
        told = [(fact_id, one.fact.TYPE, one.cause) for fact_id, one in zip(ids, caused, strict=True)]
        deliveries += deliveries_of(listeners, told)
    return enqueue(connection, tenant.id, deliveries, now=now)


@dataclass(frozen=True)
class NoticeSource:
    """What a text is rendered from: the notice and its fact; people's names are looked up beside it."""

    outbox_id: OutboxId
    notice: str
    recipient: str
    fact_type: str
    occurred_at: datetime
    payload: Mapping[str, object]
    customer_id: int | None


def load_sources(connection: Connection, tenant: Tenant, ids: Sequence[OutboxId]) -> dict[OutboxId, NoticeSource]:
    rows = fetch_all(
        connection,
        "select o.id as outbox_id, o.notice, o.recipient, f.type as fact_type, f.occurred_at, f.payload, c.customer_id "
        "from outbox o join fact f on f.tenant_id = o.tenant_id and f.id = o.fact_id "
        "left join external_contact c on c.tenant_id = o.tenant_id "
        "and c.external_userid = f.payload ->> 'external_userid' "
        "where o.tenant_id = :tenant_id and o.id = any(:ids)",
        tenant_id=tenant.id,
        ids=list(ids),
    )
    return {OutboxId(row["outbox_id"]): NoticeSource(**row) for row in rows}


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
