"""Loads contacts, relations and evidence, always for many contacts at once. What writes them is record.py."""

from collections.abc import Sequence
from datetime import datetime

import orjson
from sqlalchemy import Connection

from services.customers.model import (
    CONTACT,
    End,
    Evidence,
    EvidenceKind,
    Friendship,
    Notes,
    Profile,
    Recorded,
    Relation,
    State,
    Told,
)
from shared.db.engine import Row, fetch_all
from shared.ids import ExternalUserId, UserId
from shared.tenants import Tenant
from shared.vault import Cipher

MOBILES = "relation.remark_mobiles"
UNIONID = "external_contact.unionid"


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
            profile=_profile(by_id[one], tenant.cipher) if one in by_id else None,
            relations=relations.get(one, {}),
        )
        for one in external_userids
    }


def _profile(row: Row, cipher: Cipher) -> Profile | None:
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
        unionid=None if row["unionid"] is None else cipher.decrypt(row["unionid"], UNIONID).decode(),
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
        told=None if row["told"] is None else _told(*row["told"]),
    )


def _tuple(values: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(values)


def _told(starts: Sequence[str], ends: Sequence[tuple[str, str]]) -> Told:
    return Told(
        frozenset(datetime.fromisoformat(at) for at in starts),
        frozenset(End(datetime.fromisoformat(at), State(by)) for at, by in ends),
    )


def _time(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


def load_evidence(
    connection: Connection, tenant: Tenant, external_userids: Sequence[ExternalUserId]
) -> dict[ExternalUserId, list[Evidence]]:
    rows = fetch_all(
        connection,
        # An event names the userid of its own time; its member may have another one by now.
        "select e.subject_key, coalesce(a.new_userid, e.userid) as userid, e.kind, e.occurred_at, e.details "
        "from evidence e left join lateral (select u.new_userid from userid_alias u where u.tenant_id = e.tenant_id "
        "and u.old_userid = e.userid and (u.ended_at is null or e.occurred_at < u.ended_at) "
        "order by u.renamed_at limit 1) a on true where e.tenant_id = :tenant_id and e.subject_kind = :kind "
        "and e.subject_key = any(:ids) and e.kind = any(:told) order by e.occurred_at, e.id",
        tenant_id=tenant.id,
        kind=CONTACT,
        told=[one.value for one in EvidenceKind],
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


def contacts_read_since(
    connection: Connection, tenant: Tenant, external_userids: Sequence[ExternalUserId], *, since: datetime
) -> set[ExternalUserId]:
    """Those of which a later read than `since` is recorded."""
    rows = fetch_all(
        connection,
        "select external_userid as id from external_contact "
        "where tenant_id = :tenant_id and external_userid = any(:ids) and observed_at > :since "
        "union select external_userid from relation "
        "where tenant_id = :tenant_id and external_userid = any(:ids) and observed_at > :since",
        tenant_id=tenant.id,
        ids=list(external_userids),
        since=since,
    )
    return {ExternalUserId(row["id"]) for row in rows}


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
