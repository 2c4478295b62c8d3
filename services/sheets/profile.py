"""One customer from all sides (CUS-4): what lies around the sheet. Reads only, in a fixed number of statements."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from services.contacting.model import Contacted
from services.contacting.store import last_contacts
from services.local_tags.model import ALL_SEEING, LOCAL, Viewer
from services.local_tags.plan import shows
from services.local_tags.store import load_seen
from services.purchases.goods import load_preferred
from services.purchases.model import Preferred
from services.sheets.store import Sheet
from shared.db.engine import fetch_all
from shared.ids import CustomerId
from shared.tenants import Tenant

MOST_CHATS, MOST_NEAR, SHARED = 50, 20, 2
"""Chats that are shown and looked into; customers beside; in how many of the same chats these are at least."""

OUTLETS = """
select o.department_id as id, o.name, array_agg(distinct a.userid order by a.userid) as userids
from relation r join associate a on a.tenant_id = r.tenant_id and a.userid = r.userid
join outlet o on o.tenant_id = a.tenant_id and o.department_id = a.main_department_id
where r.tenant_id = :tenant_id and r.external_userid = any(:contacts) and r.state = 'active'
group by 1, 2 order by 1
"""
FRIENDS = """
select r.userid, a.name, r.state, r.started_at, a.main_department_id from relation r
left join associate a on a.tenant_id = r.tenant_id and a.userid = r.userid
where r.tenant_id = :tenant_id and r.external_userid = any(:contacts) order by r.started_at, r.userid
"""
CHATS = """
select m.chat_id, c.name, c.owner_userid, c.member_count, m.joined_at, m.join_scene, m.invitor
from group_member m left join group_chat c on c.tenant_id = m.tenant_id and c.chat_id = m.chat_id
where m.tenant_id = :tenant_id and m.member_id = any(:contacts) and m.left_at is null
order by m.joined_at desc nulls last, m.chat_id limit :limit
"""
NEAR = """
select e.customer_id, min(e.name) as name, count(distinct m.chat_id) as chat_count
from group_member m join external_contact e on e.tenant_id = m.tenant_id and e.external_userid = m.member_id
where m.tenant_id = :tenant_id and m.chat_id = any(:chats) and m.left_at is null and m.kind = 'customer'
  and e.customer_id <> :id
group by 1 having count(distinct m.chat_id) >= :shared order by chat_count desc, e.customer_id limit :limit
"""
TAGS = """
select t.id, t.name, t.kind, g.id as group_id, g.name as group_name, c.given_at, c.by_whom
from customer_tag c join local_tag t on t.tenant_id = c.tenant_id and t.id = c.tag_id and t.deleted_at is null
join local_tag_group g on g.tenant_id = t.tenant_id and g.id = t.group_id and g.deleted_at is null
where c.tenant_id = :tenant_id and c.customer_id = :id order by g.position, g.id, t.position, t.id
"""
STAGES = """
select l.id as line_id, l.name as line, s.id as stage_id, s.name as stage, c.entered_at, c.by_whom
from customer_stage c join stage_line l on l.tenant_id = c.tenant_id and l.id = c.line_id and l.deleted_at is null
join stage s on s.tenant_id = c.tenant_id and s.id = c.stage_id
where c.tenant_id = :tenant_id and c.customer_id = :id order by l.position, l.id
"""
COMPANIES = """
select l.company_id, c.name, l.role, l.linked_at from company_customer l
join company c on c.tenant_id = l.tenant_id and c.company_id = l.company_id and c.deleted_at is null
where l.tenant_id = :tenant_id and l.customer_id = :id and l.linked_at is not null and l.ended_at is null
order by l.linked_at, l.company_id
"""
SINGLE = """
select (select to_jsonb(s) from customer_score s where s.tenant_id = :tenant_id and s.customer_id = :id) as score,
  (select to_jsonb(p) - 'note' from pool_record p where p.tenant_id = :tenant_id and p.customer_id = :id) as pool
"""
FIELDS = """
select key, name, kind from custom_field where tenant_id = :tenant_id and enabled and deleted_at is null
order by position, id
"""


Columns = Mapping[str, Any]


@dataclass(frozen=True)
class CustomField:
    key: str
    name: str
    kind: str
    value: object = field(repr=False)


@dataclass(frozen=True)
class Profile:
    """Rows by column. `outlets`: of all friends (ASG-3). `near`: other customers in several of the same chats."""

    outlets: Sequence[Columns]
    friends: Sequence[Columns]
    chats: Sequence[Columns]
    near: Sequence[Columns]
    tags: Sequence[Columns]
    stages: Sequence[Columns]
    companies: Sequence[Columns]
    score: int
    points: int
    pool: Columns | None
    goods: Sequence[Preferred]
    fields: Sequence[CustomField]
    last_contact: Contacted | None


def load_profile(connection: Connection, tenant: Tenant, sheet: Sheet, *, viewer: Viewer = ALL_SEEING) -> Profile:
    """Local tags that the viewer does not see are left out (TAG-4)."""
    customer_id = sheet.customer_id
    contacts = [one.external_userid for one in sheet.contacts]

    def rows(sql: str, **values: object) -> list[Columns]:
        return [dict(row) for row in fetch_all(connection, sql, tenant_id=tenant.id, **values)]

    chats = rows(CHATS, contacts=contacts, limit=MOST_CHATS)
    beside = {"chats": [row["chat_id"] for row in chats], "id": customer_id, "shared": SHARED, "limit": MOST_NEAR}
    seen = load_seen(connection, tenant.id, viewer)
    (single,) = rows(SINGLE, id=customer_id)
    score = single["score"] or {"score": 0, "points": 0}
    values = sheet.own.get("fields") or {}
    return Profile(
        outlets=rows(OUTLETS, contacts=contacts),
        friends=rows(FRIENDS, contacts=contacts),
        chats=chats,
        near=rows(NEAR, **beside),
        tags=[one for one in rows(TAGS, id=customer_id) if shows(seen, f"{LOCAL}{one['id']}")],
        stages=rows(STAGES, id=customer_id),
        companies=rows(COMPANIES, id=customer_id),
        score=score["score"],
        points=score["points"],
        pool=single["pool"],
        goods=load_preferred(connection, tenant.id, CustomerId(customer_id)),
        fields=[CustomField(**row, value=values.get(row["key"])) for row in rows(FIELDS)],
        last_contact=last_contacts(connection, tenant.id, [CustomerId(customer_id)]).get(customer_id),
    )
