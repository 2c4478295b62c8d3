"""Writes contacts, relations and unionids, always for many contacts at once."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection

from services.customers.model import Friendship, Profile, Relation
from services.customers.plan import ContactPlan
from services.customers.store import MOBILES, UNIONID
from shared.db.engine import as_json, fetch_all, run
from shared.ids import CustomerId, ExternalUserId
from shared.tenants import Tenant
from shared.vault import Cipher


@dataclass(frozen=True)
class Provenance:
    """Why a row is as it is: the cause, what brought it about (`inbox:...`, a person, a rule), and the read's time."""

    cause: str
    caused_by: str | None
    observed_at: datetime | None


PERSONS = """
persons as (
    select hmac, min(id) as id from (select i.hmac, u.id from identity i
      join customer u on u.tenant_id = i.tenant_id and u.id = i.customer_id
      where i.tenant_id = :tenant_id and i.kind = 'unionid' and i.hmac = any(cast(:hmacs as bytea[]))
        and u.merged_into is null and not exists (select from external_contact e where e.tenant_id = u.tenant_id
          and e.customer_id = u.id) order by u.id for update of u) one
    group by hmac having count(*) = 1)
"""
"""Persons whom the retailer knew by a unionid before WeCom showed a contact with it: the contact is theirs (POOL-9)."""


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
    _forget_digests(connection, tenant, [plan.external_userid for plan in changed if plan.profile is not None])
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
    rows: list[dict[str, Any]] = []
    for plan in sorted(plans, key=lambda p: p.external_userid):
        why = provenance[plan.external_userid]
        rows.append(
            {
                "external_userid": plan.external_userid,
                **profile_row(plan.profile or Profile(), tenant.cipher),
                "hmac": unionid_hmac(plan.profile, tenant.cipher),
                "observed_at": why.observed_at if plan.profile else None,
                "cause": why.cause,
                "caused_by": why.caused_by,
            }
        )
    stored = fetch_all(
        connection,
        # A contact without a read (`observed_at` null) only makes sure that the row and its customer exist.
        f"with {PERSONS}, "  # noqa: S608 - a constant
        "stored as (insert into external_contact as c (tenant_id, external_userid, customer_id, name, type, "
        "gender, avatar, position, corp_name, corp_full_name, profile, unionid, observed_at, cause, caused_by) "
        "select :tenant_id, external_userid, coalesce(p.id, nextval('customer_id_seq')), name, type, gender, avatar, "
        "position, corp_name, corp_full_name, profile, unionid, observed_at, cause, caused_by "
        "from jsonb_to_recordset(cast(:rows as jsonb)) as r(external_userid text, name text, type bigint, "
        "gender bigint, avatar text, position text, corp_name text, corp_full_name text, profile jsonb, "
        "unionid bytea, hmac bytea, observed_at timestamptz, cause text, caused_by text) "
        "left join persons p using (hmac) "
        "on conflict (tenant_id, external_userid) do update set "
        "name = coalesce(excluded.name, c.name), type = coalesce(excluded.type, c.type), "
        "gender = coalesce(excluded.gender, c.gender), avatar = coalesce(excluded.avatar, c.avatar), "
        "position = coalesce(excluded.position, c.position), corp_name = coalesce(excluded.corp_name, c.corp_name), "
        "corp_full_name = coalesce(excluded.corp_full_name, c.corp_full_name), "
        "profile = coalesce(excluded.profile, c.profile), unionid = coalesce(excluded.unionid, c.unionid), "
        "observed_at = coalesce(excluded.observed_at, c.observed_at), cause = excluded.cause, "
        "caused_by = excluded.caused_by "
        "returning external_userid, customer_id), "
        "made as (insert into customer as u (tenant_id, id, created_at, updated_at) "
        "select distinct :tenant_id, customer_id, cast(:now as timestamptz), cast(:now as timestamptz) from stored "
        "where customer_id is not null order by customer_id "
        "on conflict (tenant_id, id) do update set updated_at = greatest(u.updated_at, excluded.updated_at)) "
        "select external_userid, customer_id from stored",
        tenant_id=tenant.id,
        now=now,
        rows=as_json(rows),
        hmacs=once(row["hmac"] for row in rows),
    )
    return {ExternalUserId(row["external_userid"]): CustomerId(row["customer_id"]) for row in stored}


def once(hmacs: Iterable[bytes | None]) -> list[bytes]:
    """Those that one contact of a batch has. A person is nobody's whom two of them claim at once."""
    counted = Counter(one for one in hmacs if one is not None)
    return [one for one, n in counted.items() if n == 1]


def unionid_hmac(profile: Profile | None, cipher: Cipher) -> bytes | None:
    return cipher.index("unionid", profile.unionid) if profile is not None and profile.unionid else None


def _forget_digests(connection: Connection, tenant: Tenant, external_userids: Sequence[ExternalUserId]) -> None:
    """A digest is of a relation with its contact's profile: what a walk showed with another one speaks for neither."""
    if not external_userids:
        return
    run(
        connection,
        "update relation set digest = null where tenant_id = :tenant_id and external_userid = any(:ids) "
        "and digest is not null",
        tenant_id=tenant.id,
        ids=sorted(external_userids),
    )


def profile_row(profile: Profile, cipher: Cipher) -> dict[str, Any]:
    """A profile's columns."""
    return {
        "name": profile.name,
        "type": profile.type,
        "gender": profile.gender,
        "avatar": profile.avatar,
        "position": profile.position,
        "corp_name": profile.corp_name,
        "corp_full_name": profile.corp_full_name,
        "profile": profile.external_profile,
        "unionid": profile.unionid and cipher.encrypt(profile.unionid.encode(), UNIONID),
    }


def _record_relations(
    connection: Connection,
    tenant: Tenant,
    plans: Sequence[ContactPlan],
    provenance: Mapping[ExternalUserId, Provenance],
) -> None:
    rows = [
        relation_row(relation, plan.external_userid, tenant.cipher) | provenance[plan.external_userid].__dict__
        for plan in sorted(plans, key=lambda p: p.external_userid)
        for relation in sorted(plan.relations, key=lambda r: r.userid)
    ]
    columns = (
        "external_userid, userid, state, half_at, started_at, ended_at, ended_by, past, told, remark, "
        "description, remark_corp_name, remark_mobiles, corp_tag_ids, personal_tags, add_way, oper_userid, add_state, "
        "observed_at, cause, caused_by"
    )
    changing = [name.strip() for name in columns.split(",")][2:]
    run(
        connection,
        f"insert into relation (tenant_id, {columns}) select :tenant_id, {columns} "  # noqa: S608 - constants above
        "from jsonb_to_recordset(cast(:rows as jsonb)) as r(external_userid text, userid text, state text, "
        "half_at timestamptz, started_at timestamptz, ended_at timestamptz, ended_by text, past jsonb, told jsonb, "
        "remark text, description text, remark_corp_name text, remark_mobiles bytea, corp_tag_ids text[], "
        "personal_tags text[], "
        "add_way bigint, oper_userid text, add_state text, observed_at timestamptz, cause text, caused_by text) "
        "on conflict (tenant_id, external_userid, userid) do update set "
        + ", ".join(f"{name} = excluded.{name}" for name in changing)
        + ", digest = null",  # what a walk showed last does not speak for the relation any more
        tenant_id=tenant.id,
        rows=as_json(rows),
    )


def relation_row(relation: Relation, external_userid: ExternalUserId, cipher: Cipher) -> dict[str, Any]:
    """A relation's columns without its provenance."""
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
        "told": relation.told
        and [sorted(relation.told.starts), [[end.at, end.by] for end in sorted(relation.told.ends)]],
        "remark": notes.remark,
        "description": notes.description,
        "remark_corp_name": notes.remark_corp_name,
        "remark_mobiles": None if mobiles is None else cipher.encrypt(orjson.dumps(list(mobiles)), MOBILES),
        "corp_tag_ids": notes.corp_tag_ids,
        "personal_tags": notes.personal_tags,
        "add_way": notes.add_way,
        "oper_userid": notes.oper_userid,
        "add_state": notes.add_state,
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
        run(
            connection,
            # The retailer may have said so before: now it is proven.
            "update identity i set verified = true, source = 'wecom' "
            "from jsonb_to_recordset(cast(:rows as jsonb)) as r(hmac bytea, customer_id bigint) "
            "where i.tenant_id = :tenant_id and i.kind = 'unionid' and i.hmac = r.hmac "
            "and i.customer_id = r.customer_id and not i.verified and not exists (select from identity o "
            "where o.tenant_id = i.tenant_id and o.kind = i.kind and o.hmac = i.hmac and o.verified)",
            tenant_id=tenant.id,
            rows=as_json([{"hmac": row["hmac"], "customer_id": row["customer_id"]} for row in rows]),
        )
