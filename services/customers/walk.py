"""Rows of a full pass over customers, a page at a time: what changed since the last walk, what nobody knew before.

A relation keeps the digest of the row that the last walk showed; whatever else writes the relation takes it away. A row
with the same digest needs no look at all. What no event has told of, a first sync writes a page at a time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from services.customers.model import CONTACT, Profile, Relation, RelationStarted
from services.customers.record import PERSONS, once, profile_row, relation_row, unionid_hmac
from shared.db.engine import as_json, fetch_all, run
from shared.ids import ExternalUserId, UserId
from shared.tenants import Tenant


@dataclass(frozen=True)
class FirstSight:
    """A relation that is new here, with the fact that it began."""

    external_userid: ExternalUserId
    profile: Profile
    relation: Relation
    fact: RelationStarted
    digest: bytes


def changed_rows(
    connection: Connection,
    tenant: Tenant,
    pairs: Sequence[tuple[ExternalUserId, UserId]],
    digests: Sequence[bytes],
) -> list[int]:
    """The places of those rows that are not as the last walk showed them."""
    rows = fetch_all(
        connection,
        "select p.n from unnest(cast(:contacts as text[]), cast(:userids as text[]), cast(:digests as bytea[])) "
        "with ordinality as p(external_userid, userid, digest, n) left join relation r on r.tenant_id = :tenant_id "
        "and r.external_userid = p.external_userid and r.userid = p.userid "
        "where r.digest is distinct from p.digest order by p.n",
        tenant_id=tenant.id,
        contacts=[external_userid for external_userid, _ in pairs],
        userids=[userid for _, userid in pairs],
        digests=list(digests),
    )
    return [row["n"] - 1 for row in rows]


def contacts_in_hand(
    connection: Connection,
    tenant: Tenant,
    external_userids: Sequence[ExternalUserId],
    *,
    since: datetime,
    but_mine: bool = False,
) -> set[ExternalUserId]:
    """Those that a request looks at, or has looked at since: it knows better than a page read at `since`.

    `but_mine`: who asks holds the leases of all of them.
    """
    rows = fetch_all(
        connection,
        "select subject_key as id from request where tenant_id = :tenant_id and subject_kind = :kind "
        "and subject_key = any(:ids) and dead_at is null and (generation > settled_generation or settled_at >= :since "
        "or (not :but_mine and lease_until >= :since))",
        but_mine=but_mine,
        tenant_id=tenant.id,
        kind=CONTACT,
        ids=list(external_userids),
        since=since,
    )
    return {ExternalUserId(row["id"]) for row in rows}


def contacts_without_events(
    connection: Connection, tenant: Tenant, external_userids: Sequence[ExternalUserId]
) -> set[ExternalUserId]:
    """Those of which there is neither evidence nor a request: nothing but walks can have told of them."""
    rows = fetch_all(
        connection,
        "select u.id from unnest(cast(:ids as text[])) u(id) "
        "where not exists (select from evidence e where e.tenant_id = :tenant_id and e.subject_kind = :kind "
        "and e.subject_key = u.id) and not exists (select from request q where q.tenant_id = :tenant_id "
        "and q.subject_kind = :kind and q.subject_key = u.id)",
        tenant_id=tenant.id,
        kind=CONTACT,
        ids=list(external_userids),
    )
    return {ExternalUserId(row["id"]) for row in rows}


def contacts_unshown(connection: Connection, tenant: Tenant) -> list[ExternalUserId]:
    """Contacts with a relation that may last, and that no walk has shown as it is recorded."""
    rows = fetch_all(
        connection,
        "select distinct external_userid as id from relation where tenant_id = :tenant_id "
        "and state in ('active', 'out_of_sight') and digest is null",
        tenant_id=tenant.id,
    )
    return [ExternalUserId(row["id"]) for row in rows]


FIRST_SIGHTS = f"""
with {PERSONS},
  r as (select * from jsonb_to_recordset(cast(:relations as jsonb)) as r(external_userid text, userid text,
    state text, half_at timestamptz, started_at timestamptz, ended_at timestamptz, ended_by text, past jsonb,
    told jsonb, remark text, description text, remark_corp_name text, remark_mobiles bytea, corp_tag_ids text[],
    personal_tags text[], add_way bigint, oper_userid text, add_state text, observed_at timestamptz, cause text,
    caused_by text, digest bytea, fact jsonb)),
  contacts as (insert into external_contact (tenant_id, external_userid, customer_id, name, type, gender, avatar,
    position, corp_name, corp_full_name, profile, unionid, observed_at, cause, caused_by)
    select :tenant_id, external_userid, coalesce(p.id, nextval('customer_id_seq')), name, type, gender, avatar,
      position, corp_name, corp_full_name, profile, unionid, observed_at, cause, caused_by
    from jsonb_to_recordset(cast(:contacts as jsonb)) as c(external_userid text, name text, type bigint,
      gender bigint, avatar text, position text, corp_name text, corp_full_name text, profile jsonb, unionid bytea,
      hmac bytea, observed_at timestamptz, cause text, caused_by text) left join persons p using (hmac)
    on conflict do nothing returning external_userid, customer_id),
  customers as (insert into customer as u (tenant_id, id, created_at, updated_at)
    select :tenant_id, customer_id, :now, :now from contacts order by customer_id
    on conflict (tenant_id, id) do update set updated_at = greatest(u.updated_at, excluded.updated_at)),
  identities as (insert into identity (tenant_id, kind, hmac, customer_id, value, verified, source, created_at)
    select :tenant_id, 'unionid', i.hmac, c.customer_id, i.value, true, 'wecom', :now
    from jsonb_to_recordset(cast(:identities as jsonb)) as i(external_userid text, hmac bytea, value bytea)
    join contacts c using (external_userid) on conflict do nothing),
  proven as (update identity i set verified = true, source = 'wecom'
    from jsonb_to_recordset(cast(:identities as jsonb)) as n(external_userid text, hmac bytea)
    join contacts c using (external_userid) where i.tenant_id = :tenant_id and i.kind = 'unionid' and i.hmac = n.hmac
      and i.customer_id = c.customer_id and not i.verified and not exists (select from identity o
        where o.tenant_id = i.tenant_id and o.kind = i.kind and o.hmac = i.hmac and o.verified)),
  relations as (insert into relation (tenant_id, external_userid, userid, state, half_at, started_at, ended_at,
    ended_by, past, told, remark, description, remark_corp_name, remark_mobiles, corp_tag_ids, personal_tags, add_way,
    oper_userid, add_state, observed_at, cause, caused_by, digest)
    select :tenant_id, external_userid, userid, state, half_at, started_at, ended_at, ended_by, past, told, remark,
      description, remark_corp_name, remark_mobiles, corp_tag_ids, personal_tags, add_way, oper_userid, add_state,
      observed_at, cause, caused_by, digest from r on conflict do nothing returning external_userid, userid),
  facts as (insert into fact (tenant_id, id, type, version, subject_kind, subject_key, occurred_at, recorded_at,
    cause, caused_by, payload)
    select :tenant_id, nextval('fact_id_seq'), :fact_type, :fact_version, :kind, external_userid, started_at, :now,
      cause, caused_by, fact from r join relations using (external_userid, userid))
select external_userid, userid from relations
"""  # noqa: S608 - constants


def record_first_sights(
    connection: Connection,
    tenant: Tenant,
    sights: Sequence[FirstSight],
    *,
    cause: str,
    caused_by: str,
    observed_at: datetime,
    now: datetime,
) -> set[tuple[ExternalUserId, UserId]]:
    """Write relations that are new here with their facts, and their contacts; which were written.

    What is there already is left as it is: a contact that another page has shown, a relation that came twice.
    """
    profiles = {one.external_userid: one.profile for one in sights}
    why = {"observed_at": observed_at, "cause": cause, "caused_by": caused_by}
    relations = [
        relation_row(one.relation, one.external_userid, tenant.cipher)
        | why
        | {"digest": one.digest, "fact": one.fact.payload()}
        for one in sorted(sights, key=lambda s: (s.external_userid, s.relation.userid))
    ]
    identities = [
        {
            "external_userid": external_userid,
            "hmac": tenant.cipher.index("unionid", profile.unionid),
            "value": tenant.cipher.encrypt(profile.unionid.encode(), "identity.value"),
        }
        for external_userid, profile in sorted(profiles.items())
        if profile.unionid
    ]
    contacts = [
        {"external_userid": one, "hmac": unionid_hmac(profile, tenant.cipher)}
        | profile_row(profile, tenant.cipher)
        | why
        for one, profile in sorted(profiles.items())
    ]
    written = fetch_all(
        connection,
        FIRST_SIGHTS,
        tenant_id=tenant.id,
        relations=as_json(relations),
        contacts=as_json(contacts),
        identities=as_json(identities),
        hmacs=once(unionid_hmac(profile, tenant.cipher) for profile in profiles.values()),
        fact_type=RelationStarted.TYPE,
        fact_version=RelationStarted.VERSION,
        kind=CONTACT,
        now=now,
    )
    return {(ExternalUserId(row["external_userid"]), UserId(row["userid"])) for row in written}


def record_digests(
    connection: Connection, tenant: Tenant, rows: Sequence[tuple[ExternalUserId, UserId, bytes]]
) -> None:
    """Note how a walk has shown relations that are recorded in accordance with it."""
    run(
        connection,
        "update relation r set digest = p.digest from unnest(cast(:contacts as text[]), cast(:userids as text[]), "
        "cast(:digests as bytea[])) as p(external_userid, userid, digest) where r.tenant_id = :tenant_id "
        "and r.external_userid = p.external_userid and r.userid = p.userid",
        tenant_id=tenant.id,
        contacts=[contact for contact, _, _ in rows],
        userids=[userid for _, userid, _ in rows],
        digests=[digest for _, _, digest in rows],
    )
