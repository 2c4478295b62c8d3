"""Writes facts together with the notices and webhooks that they call for: one commit, one outbox row per delivery."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import Connection

from services.customers.model import RelationLost
from services.notices.facing import change_cards
from services.notices.given import load_given
from services.notices.model import (
    DELETIONS_OF_DAY,
    POOL_GIVEN,
    RELATION_DELETED,
    SOP_OVERDUE,
    SOP_STEP,
    Notice,
    Told,
)
from services.notices.named import load_named
from services.notices.plan import below, react, spread, wanted
from services.notices.returned import key_of, returned_since
from services.notices.settled import settled
from services.notices.timely import stages_of
from services.notices.vanishing import take_back
from services.planning import Cause, Fact
from services.reminders.model import ASSIGNED, NOBODY, Policy, Switch
from services.reminders.plan import GATHERS_ON, after_quiet
from services.reminders.store import load_policy, superiors_of
from services.robots.model import is_robot
from services.robots.store import speakers
from services.sops.words import load_words
from services.watching.deletions import collect
from services.webhooks.queue import deliveries_of
from services.webhooks.store import load_listeners
from shared.db.engine import Row, fetch_all, fetch_one
from shared.facts import FactRow, record_facts
from shared.ids import FactId, OutboxId, TenantId, UserId
from shared.outbox import ROBOT, WECOM, Delivery, enqueue
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
    called_for = [
        (place, notice)
        for place, one in enumerate(caused)
        for notice in react(one.fact, cause=one.cause, added_at=tenant.added_at)
    ]
    called_for = take_back(connection, tenant.id, [one.fact for one in caused], called_for, now=now)
    called_for = _still_news(connection, tenant.id, caused, called_for)
    change_cards(connection, tenant.id, settled(one.fact for one in caused), now=now)
    notices = [(ids[place], caused[place], notice) for place, notice in called_for]
    deliveries = _deliveries(connection, tenant, notices, now=now, ttl_s=ttl_s) if notices else []
    if caused:  # a corp without endpoints pays this one look, one with endpoints rows in the same insert
        listeners = load_listeners(connection, tenant.id)
        told = [(fact_id, one.fact.TYPE, one.cause) for fact_id, one in zip(ids, caused, strict=True)]
        deliveries += deliveries_of(listeners, told)
    return enqueue(connection, tenant.id, deliveries, now=now)


def _still_news(
    connection: Connection, tenant_id: TenantId, caused: Sequence[Caused], called_for: Sequence[tuple[int, Notice]]
) -> list[tuple[int, Notice]]:
    """Without losses that are told late of somebody who has come back since."""
    losses = {place: fact for place, _ in called_for if isinstance(fact := caused[place].fact, RelationLost)}
    returned = returned_since(connection, tenant_id, losses.values())
    return [one for one in called_for if one[0] not in losses or key_of(losses[one[0]]) not in returned]


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
    _collect(connection, tenant.id, notices, policy)
    stages = _stages(
        connection, tenant.id, [one.fact for _, one, notice in notices if policy.asks_for_stage(notice.name)]
    )
    all_told = [
        (fact_id, one, told)
        for fact_id, one, notice in notices
        if (told := wanted(notice, policy, _stages_for(one.fact, stages))) is not None
    ]
    all_told = _assign(connection, tenant.id, all_told)
    those = {whose for _, _, told in all_told if told.switch.superior and (whose := below(told.notice))}
    superiors = superiors_of(connection, tenant.id, those) if those else {}
    robots = speakers(connection, tenant.id) if any(told.switch.administrators for _, _, told in all_told) else {}
    return [
        _delivery(fact_id, one, notice, told.switch, policy, timezone=tenant.timezone, now=now, ttl_s=ttl_s)
        for fact_id, one, told in all_told
        for notice in spread(
            told,
            superiors=superiors,
            administrators=policy.administrators,
            robots=robots.get(told.notice.name, ()),
        )
    ]


def _collect(
    connection: Connection, tenant_id: TenantId, notices: Sequence[tuple[FactId, Caused, Notice]], policy: Policy
) -> None:
    """What is news is for the digest too, where the corp wants one (LOSS-3)."""
    who = [notice.about for _, _, notice in notices if notice.name == RELATION_DELETED and notice.about]
    if who and wanted(Notice(DELETIONS_OF_DAY, NOBODY), policy) is not None:
        collect(connection, tenant_id, who)


def _assign(
    connection: Connection, tenant_id: TenantId, all_told: Sequence[tuple[FactId, Caused, Told]]
) -> list[tuple[FactId, Caused, Told]]:
    """Notices to whoever has the customer, with their userid; where nobody has, those above hear of it alone."""
    asked = {_customer(one.fact) for _, one, told in all_told if told.notice.recipient == ASSIGNED}
    if not asked:
        return list(all_told)
    rows = fetch_all(
        connection,
        "select id, assigned_userid from customer where tenant_id = :tenant_id and id = any(:ids) "
        "and assigned_userid is not null",
        tenant_id=tenant_id,
        ids=sorted(asked),
    )
    known = {row["id"]: UserId(row["assigned_userid"]) for row in rows}
    return [
        (fact_id, one, replace(told, notice=replace(told.notice, recipient=known.get(_customer(one.fact), NOBODY))))
        if told.notice.recipient == ASSIGNED
        else (fact_id, one, told)
        for fact_id, one, told in all_told
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
    channel = ROBOT if is_robot(notice.recipient) else WECOM
    at = meant_at = now + timedelta(seconds=switch.delay_s)
    if not switch.urgent and channel == WECOM:  # a robot speaks in a group, which nobody's phone need sound for
        at = after_quiet(at, policy.quiet_of(notice.recipient), timezone)
    gathers_until = meant_at + timedelta(seconds=switch.gather_s) if switch.gather_s and channel == WECOM else None
    latest = at if gathers_until is None else max(at, gathers_until + GATHERS_ON)
    expires_at = latest + timedelta(seconds=ttl_s if switch.ttl_s is None else switch.ttl_s)
    return Delivery(
        natural_key=f"fact:{fact_id}:{notice.name}:{channel}:{notice.recipient}",
        fact_id=fact_id,
        notice=notice.name,
        channel=channel,
        recipient=notice.recipient,
        causes=[{"cause": caused.cause, "caused_by": caused.caused_by}],
        expires_at=min(expires_at, notice.until) if notice.until else expires_at,
        about=notice.about,
        reason=notice.reason,
        not_before=at,
        meant_at=meant_at,
        gathers_until=gathers_until,
        true_until=notice.until,
        urgent=switch.urgent,
        apart_s=switch.apart_s,
    )


def _contact(fact: Fact) -> str:
    return str(fact.payload().get("external_userid") or "")


def _customer(fact: Fact) -> int:
    known = fact.payload().get("customer_id")
    return known if isinstance(known, int) else 0


@dataclass(frozen=True)
class _Stages:
    """Where customers are, by external_userid and by id."""

    by_contact: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    by_customer: Mapping[int, tuple[int, ...]] = field(default_factory=dict)


def _stages_for(fact: Fact, stages: _Stages) -> tuple[int, ...]:
    named = stages_of(fact)
    if named is not None:
        return named
    return stages.by_customer.get(_customer(fact)) or stages.by_contact.get(_contact(fact), ())


def stages_of_facts(
    connection: Connection, tenant_id: TenantId, facts: Mapping[int, Fact]
) -> dict[int, tuple[int, ...]]:
    """By the same keys: the stages whose switches decide."""
    known = _stages(connection, tenant_id, list(facts.values()))
    return {key: _stages_for(fact, known) for key, fact in facts.items()}


def _stages(connection: Connection, tenant_id: TenantId, facts: Sequence[Fact]) -> _Stages:
    """Where the customers of these facts are; only for kinds that are told by stage."""
    asked = [fact for fact in facts if stages_of(fact) is None]
    contacts = sorted({contact for fact in asked if (contact := _contact(fact))})
    customers = sorted({customer for fact in asked if (customer := _customer(fact))})
    if not contacts and not customers:
        return _Stages()
    of_contacts = fetch_all(
        connection,
        "select e.external_userid, array_agg(s.stage_id) as stages from external_contact e "
        "join customer_stage s on s.tenant_id = e.tenant_id and s.customer_id = e.customer_id "
        "where e.tenant_id = :tenant_id and e.external_userid = any(:asked) group by 1",
        tenant_id=tenant_id,
        asked=contacts,
    )
    of_customers = fetch_all(
        connection,
        "select customer_id, array_agg(stage_id) as stages from customer_stage "
        "where tenant_id = :tenant_id and customer_id = any(:asked) group by 1",
        tenant_id=tenant_id,
        asked=customers,
    )
    return _Stages(
        {row["external_userid"]: tuple(row["stages"]) for row in of_contacts},
        {row["customer_id"]: tuple(row["stages"]) for row in of_customers},
    )


@dataclass(frozen=True)
class NoticeSource:
    """What a text is rendered from: the notice and its fact; people's names are looked up beside it.

    `about`: whose matter it is, where somebody else is told of it. `words`: what else it is told with.
    """

    outbox_id: OutboxId
    notice: str
    recipient: str
    about: str | None
    fact_type: str
    occurred_at: datetime
    payload: Mapping[str, object]
    customer_id: int | None
    words: Mapping[str, str] = field(default_factory=dict)


def load_sources(connection: Connection, tenant: Tenant, ids: Sequence[OutboxId]) -> dict[OutboxId, NoticeSource]:
    rows = fetch_all(
        connection,
        "select o.id as outbox_id, o.notice, o.recipient, o.about, f.type as fact_type, f.occurred_at, f.payload, "
        "coalesce(c.customer_id, cast(f.payload ->> 'customer_id' as bigint)) as customer_id "
        "from outbox o join fact f on f.tenant_id = o.tenant_id and f.id = o.fact_id "
        "left join external_contact c on c.tenant_id = o.tenant_id "
        "and c.external_userid = f.payload ->> 'external_userid' "
        "where o.tenant_id = :tenant_id and o.id = any(:ids)",
        tenant_id=tenant.id,
        ids=list(ids),
    )
    words = _words(connection, tenant, rows)
    given = load_given(connection, tenant.id, [row["outbox_id"] for row in rows if row["notice"] == POOL_GIVEN])
    sources = [NoticeSource(**row, words=words.get(row["outbox_id"], {})) for row in rows]
    return {
        one.outbox_id: one
        if one.outbox_id not in given
        else replace(one, payload={**one.payload, "count": given[one.outbox_id]})
        for one in sources
    }


def _words(connection: Connection, tenant: Tenant, rows: Sequence[Row]) -> dict[int, dict[str, str]]:
    """By outbox row: of a step of an SOP, what the rule says."""
    steps = {row["outbox_id"]: row["payload"] for row in rows if row["notice"] in (SOP_STEP, SOP_OVERDUE)}
    return load_words(connection, tenant, steps) if steps else {}


def load_count(connection: Connection, tenant: Tenant, ids: Sequence[OutboxId]) -> int:
    """How many these notices tell of: most of one each, some of as many as their fact counts, or as are left of it."""
    row = fetch_one(
        connection,
        "select coalesce(sum(coalesce(cast(f.payload ->> 'count' as bigint), 1)), 0)::bigint as n from outbox o "
        "join fact f on f.tenant_id = o.tenant_id and f.id = o.fact_id "
        "where o.tenant_id = :tenant_id and o.id = any(:ids) and o.notice <> :given",
        tenant_id=tenant.id,
        ids=list(ids),
        given=POOL_GIVEN,
    )
    assert row is not None
    return int(row["n"]) + sum(load_given(connection, tenant.id, ids).values())


@dataclass(frozen=True)
class Names:
    """Names of whom and what some notices tell of: contacts, remarks of the relations, associates, and more by key.

    `customers`: customer_id -> external_userid.
    """

    contacts: Mapping[str, str]
    remarks: Mapping[tuple[str, str], str]
    associates: Mapping[str, str]
    customers: Mapping[object, str] = field(default_factory=dict)
    stages: Mapping[object, str] = field(default_factory=dict)
    chats: Mapping[object, str] = field(default_factory=dict)
    chat_events: Mapping[object, str] = field(default_factory=dict)

    def contact(self, external_userid: str, userid: str) -> str:
        """As this associate knows them: their remark, else the nickname, else the id."""
        return self.remarks.get((external_userid, userid)) or self.contacts.get(external_userid) or external_userid

    def customer(self, customer_id: object, userid: str) -> str:
        """As `contact`, by our own id."""
        contact = self.customers.get(customer_id)
        return f"#{customer_id}" if contact is None else self.contact(contact, userid)


def load_names(connection: Connection, tenant: Tenant, sources: Sequence[NoticeSource]) -> Names:
    def by_key(what: str, *keys: str) -> Mapping[object, str]:
        return load_named(connection, tenant.id, what, {s.payload.get(key) for s in sources for key in keys})

    customers = by_key("customer", "customer_id")
    contacts = [*(str(key) for s in sources if (key := s.payload.get("external_userid"))), *customers.values()]
    members = {str(v) for s in sources for k, v in s.payload.items() if k.endswith("userid") and v} - set(contacts)
    members |= {s.about for s in sources if s.about}
    members |= {str(one) for s in sources for one in cast("list[str]", s.payload.get("top_userids", []))}
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
        customers=customers,
        stages=by_key("stage", "stage_id", "from_stage_id", "to_stage_id"),
        chats=by_key("chat", "chat_id"),
        chat_events=by_key("chat_event", "event_id"),
    )
