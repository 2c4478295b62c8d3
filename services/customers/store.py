"""Rows of contacts, relations and evidence, always for many contacts at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection

from services.customers.model import (
    CONTACT,
    Evidence,
    EvidenceKind,
    Friendship,
    Notes,
    Profile,
    Recorded,
    Relation,
    State,
)
from services.customers.plan import ContactPlan
from shared.db.engine import Row, as_json, fetch_all, run
from shared.ids import CustomerId, ExternalUserId, UserId
from shared.tenants import Tenant
from shared.vault import Cipher

MOBILES = "relation.remark_mobiles"


@dataclass(frozen=True)
class Provenance:
    """Why a row is as it is: the cause, what brought it about (`inbox:...`, a person, a rule), and the read's time."""

    cause: str
    caused_by: str | None
    observed_at: datetime | None


def load_recorded(
    connection: Connection, tenant: Tenant, external_userids: Sequence[ExternalUserId]
) -> dict[ExternalUserId, Recorded]:
    """What is stored of each contact; an empty `Recorded` for those that are new."""
    contacts = fetch_all(
        connection,
        "select * from external_contact where tenant_id = :tenant_id and external_userid = any(:ids)",
        tenant_id=tenant.id,
        ids=list(external_userids),
    )
    rows = fetch_all(
        connection,
        "select * from relation where tenant_id = :tenant_id and external_userid = any(:ids)",
        tenant_id=tenant.id,
        ids=list(external_userids),
    )
    relations: dict[str, dict[UserId, Relation]] = {}
    for row in rows:
        relations.setdefault(row["external_userid"], {})[UserId(row["userid"])] = _relation(row, tenant.cipher)
    by_id = {row["external_userid"]: row for row in contacts}
    return {
        one: Recorded(
            external_userid=one,
            customer_id=by_id[one]["customer_id"] if one in by_id else None,
            profile=_profile(by_id[one]) if one in by_id else None,
            relations=relations.get(one, {}),
        )
        for one in external_userids
    }


def _profile(row: Row) -> Profile | None:
    if row["observed_at"] is None:  # known by events only, never read
        return None
    return Profile(
        name=row["name"],
        type=row["type"],
        gender=row["gender"],
        avatar=row["avatar"],
        position=row["position"],
        corp_name=row["corp_name"],
        corp_full_name=row["corp_full_name"],
        external_profile=row["profile"],
    )


def _relation(row: Row, cipher: Cipher) -> Relation:
    friendships = [Friendship(_time(p[0]), _time(p[1]), State(p[2])) for p in row["past"]]
    if row["started_at"] is not None or row["ended_at"] is not None:
        friendships.append(
            Friendship(row["started_at"], row["ended_at"], State(row["ended_by"]) if row["ended_by"] else None)
        )
    mobiles = row["remark_mobiles"]
    return Relation(
        userid=UserId(row["userid"]),
        state=State(row["state"]),
        friendships=tuple(friendships),
        half_at=row["half_at"],
        notes=Notes(
            remark=row["remark"],
            description=row["description"],
            remark_corp_name=row["remark_corp_name"],
            remark_mobiles=None if mobiles is None else tuple(orjson.loads(cipher.decrypt(mobiles, MOBILES))),
            corp_tag_ids=_tuple(row["corp_tag_ids"]),
            personal_tags=_tuple(row["personal_tags"]),
            add_way=row["add_way"],
            oper_userid=row["oper_userid"],
            add_state=row["add_state"],
        ),
    )


def _tuple(values: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(values)


def _time(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


def load_evidence(
    connection: Connection, tenant: Tenant, external_userids: Sequence[ExternalUserId]
) -> dict[ExternalUserId, list[Evidence]]:
    rows = fetch_all(
        connection,
        "select subject_key, userid, kind, occurred_at, details from evidence "
        "where tenant_id = :tenant_id and subject_kind = :kind and subject_key = any(:ids) order by occurred_at, id",
        tenant_id=tenant.id,
        kind=CONTACT,
        ids=list(external_userids),
    )
    found: dict[ExternalUserId, list[Evidence]] = {one: [] for one in external_userids}
    for row in rows:
        found[ExternalUserId(row["subject_key"])].append(
            Evidence(
                userid=UserId(row["userid"]),
                kind=EvidenceKind(row["kind"]),
                occurred_at=row["occurred_at"],
                add_state=row["details"].get("state"),
            )
        )
    return found


def contacts_with_evidence(
    connection: Connection, tenant: Tenant, external_userids: Sequence[ExternalUserId]
) -> list[ExternalUserId]:
    rows = fetch_all(
        connection,
        "select distinct subject_key as id from evidence "
        "where tenant_id = :tenant_id and subject_kind = :kind and subject_key = any(:ids)",
        tenant_id=tenant.id,
        kind=CONTACT,
        ids=list(external_userids),
    )
    return [ExternalUserId(row["id"]) for row in rows]


def contacts_after(connection: Connection, tenant: Tenant, cursor: str, *, limit: int) -> list[ExternalUserId]:
    """The next contacts in the order of their ids; `cursor` is the last id of the page before, "" starts."""
    rows = fetch_all(
        connection,
        "select external_userid as id from external_contact where tenant_id = :tenant_id and external_userid > :cursor "
        "order by external_userid limit :limit",
        tenant_id=tenant.id,
        cursor=cursor,
        limit=limit,
    )
    return [ExternalUserId(row["id"]) for row in rows]


def lock_customers(connection: Connection, tenant: Tenant, external_userids: Sequence[ExternalUserId]) -> None:
    """Lock the contacts' customers before their relations are loaded, so that what is decided rests on all of them."""
    fetch_all(
        connection,
        "select u.id from customer u where u.tenant_id = :tenant_id and u.id in (select customer_id "
        "from external_contact where tenant_id = :tenant_id and external_userid = any(:ids)) order by u.id for update",
        tenant_id=tenant.id,
        ids=list(external_userids),
    )


def record_contacts(
    connection: Connection,
    tenant: Tenant,
    plans: Sequence[ContactPlan],
    provenance: Mapping[ExternalUserId, Provenance],
    *,
    now: datetime,
) -> dict[ExternalUserId, CustomerId]:
    """Write contacts and relations; the customer of each contact, made where it had none."""
    changed = [plan for plan in plans if plan.profile is not None or plan.relations]
    if not changed:
        return {}
    customers = _record_profiles(connection, tenant, changed, provenance, now=now)
    _record_relations(connection, tenant, changed, provenance)
    _record_unionids(connection, tenant, changed, customers, now=now)
    return customers


def _record_profiles(
    connection: Connection,
    tenant: Tenant,
    plans: Sequence[ContactPlan],
    provenance: Mapping[ExternalUserId, Provenance],
    *,
    now: datetime,
) -> dict[ExternalUserId, CustomerId]:
    rows = []
    for plan in sorted(plans, key=lambda p: p.external_userid):
        why, profile = provenance[plan.external_userid], plan.profile
        known = profile or Profile()
        rows.append(
            {
                "external_userid": plan.external_userid,
                "name": known.name,
                "type": known.type,
                "gender": known.gender,
                "avatar": known.avatar,
                "position": known.position,
                "corp_name": known.corp_name,
                "corp_full_name": known.corp_full_name,
                "profile": known.external_profile,
                "observed_at": why.observed_at if profile else None,
                "cause": why.cause,
                "caused_by": why.caused_by,
            }
        )
    stored = fetch_all(
        connection,
        # A contact without a read (`observed_at` null) only makes sure that the row and its customer exist.
        "with stored as (insert into external_contact as c (tenant_id, external_userid, customer_id, name, type, "
        "gender, avatar, position, corp_name, corp_full_name, profile, observed_at, cause, caused_by) "
        "select :tenant_id, external_userid, nextval('customer_id_seq'), name, type, gender, avatar, position, "
        "corp_name, corp_full_name, profile, observed_at, cause, caused_by "
        "from jsonb_to_recordset(cast(:rows as jsonb)) as r(external_userid text, name text, type smallint, "
        "gender smallint, avatar text, position text, corp_name text, corp_full_name text, profile jsonb, "
        "observed_at timestamptz, cause text, caused_by text) "
        "on conflict (tenant_id, external_userid) do update set "
        "name = coalesce(excluded.name, c.name), type = coalesce(excluded.type, c.type), "
        "gender = coalesce(excluded.gender, c.gender), avatar = coalesce(excluded.avatar, c.avatar), "
        "position = coalesce(excluded.position, c.position), corp_name = coalesce(excluded.corp_name, c.corp_name), "
        "corp_full_name = coalesce(excluded.corp_full_name, c.corp_full_name), "
        "profile = coalesce(excluded.profile, c.profile), "
        "observed_at = coalesce(excluded.observed_at, c.observed_at), cause = excluded.cause, "
        "caused_by = excluded.caused_by "
        "where c.observed_at is null or excluded.observed_at is null or excluded.observed_at >= c.observed_at "
        "returning external_userid, customer_id, (xmax = 0) as made), "
        "made as (insert into customer (tenant_id, id, created_at) "
        "select :tenant_id, customer_id, :now from stored where made) "
        "select external_userid, customer_id from stored union all select external_userid, customer_id "
        "from external_contact where tenant_id = :tenant_id and external_userid = any(:ids) "
        "and external_userid not in (select external_userid from stored)",
        tenant_id=tenant.id,
        now=now,
        rows=as_json(rows),
        ids=[row["external_userid"] for row in rows],
    )
    return {ExternalUserId(row["external_userid"]): CustomerId(row["customer_id"]) for row in stored}


def _record_relations(
    connection: Connection,
    tenant: Tenant,
    plans: Sequence[ContactPlan],
    provenance: Mapping[ExternalUserId, Provenance],
) -> None:
    rows = [
        _relation_row(relation, plan.external_userid, provenance[plan.external_userid], tenant.cipher)
        for plan in sorted(plans, key=lambda p: p.external_userid)
        for relation in sorted(plan.relations, key=lambda r: r.userid)
    ]
    columns = (
        "external_userid, userid, state, half_at, started_at, ended_at, ended_by, past, remark, description, "
        "remark_corp_name, remark_mobiles, corp_tag_ids, personal_tags, add_way, oper_userid, add_state, "
        "observed_at, cause, caused_by"
    )
    changing = [name.strip() for name in columns.split(",")][2:]
    run(
        connection,
        f"insert into relation (tenant_id, {columns}) select :tenant_id, {columns} "  # noqa: S608 - constants above
        "from jsonb_to_recordset(cast(:rows as jsonb)) as r(external_userid text, userid text, state text, "
        "half_at timestamptz, started_at timestamptz, ended_at timestamptz, ended_by text, past jsonb, remark text, "
        "description text, remark_corp_name text, remark_mobiles bytea, corp_tag_ids text[], personal_tags text[], "
        "add_way smallint, oper_userid text, add_state text, observed_at timestamptz, cause text, caused_by text) "
        "on conflict (tenant_id, external_userid, userid) do update set "
        + ", ".join(f"{name} = excluded.{name}" for name in changing)
        # A slower writer with an older read never overwrites a newer one.
        + " where relation.observed_at is null or excluded.observed_at >= relation.observed_at",
        tenant_id=tenant.id,
        rows=as_json(rows),
    )


def _relation_row(
    relation: Relation, external_userid: ExternalUserId, why: Provenance, cipher: Cipher
) -> dict[str, Any]:
    *past, last = relation.friendships or (Friendship(None),)
    notes = relation.notes
    mobiles = notes.remark_mobiles
    return {
        "external_userid": external_userid,
        "userid": relation.userid,
        "state": relation.state.value,
        "half_at": relation.half_at,
        "started_at": last.started_at,
        "ended_at": last.ended_at,
        "ended_by": last.ended_by.value if last.ended_by else None,
        "past": [[one.started_at, one.ended_at, one.ended_by] for one in past],
        "remark": notes.remark,
        "description": notes.description,
        "remark_corp_name": notes.remark_corp_name,
        "remark_mobiles": None if mobiles is None else cipher.encrypt(orjson.dumps(list(mobiles)), MOBILES),
        "corp_tag_ids": notes.corp_tag_ids,
        "personal_tags": notes.personal_tags,
        "add_way": notes.add_way,
        "oper_userid": notes.oper_userid,
        "add_state": notes.add_state,
        "observed_at": why.observed_at,
        "cause": why.cause,
        "caused_by": why.caused_by,
    }


def _record_unionids(
    connection: Connection,
    tenant: Tenant,
    plans: Sequence[ContactPlan],
    customers: Mapping[ExternalUserId, CustomerId],
    *,
    now: datetime,
) -> None:
    rows = [
        {
            "hmac": tenant.cipher.index("unionid", plan.profile.unionid),
            "customer_id": customers[plan.external_userid],
            "value": tenant.cipher.encrypt(plan.profile.unionid.encode(), "identity.value"),
        }
        for plan in plans
        if plan.profile is not None and plan.profile.unionid
    ]
    if rows:
        # WeCom proves a unionid; a second customer with the same one keeps no claim to it (a merge will decide).
        run(
            connection,
            "insert into identity (tenant_id, kind, hmac, customer_id, value, verified, source, created_at) "
            "select :tenant_id, 'unionid', hmac, customer_id, value, true, 'wecom', :now "
            "from jsonb_to_recordset(cast(:rows as jsonb)) as r(hmac bytea, customer_id bigint, value bytea) "
            "on conflict do nothing",
            tenant_id=tenant.id,
            now=now,
            rows=as_json(rows),
        )
