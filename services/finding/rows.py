"""Rows of a list of customers: what the columns of a page show (CUS-1). One statement for all of a page."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection

from services.persons.store import OWN, VALUE
from shared.db.engine import Row, fetch_all
from shared.ids import CustomerId
from shared.tenants import Tenant


@dataclass(frozen=True)
class ListedCustomer:
    """One row. `names`: WeCom's; `phones`: normalised; `outlet`: of the assigned associate (ASG-11);
    `waiting_tag_ids`: corp tags that wait for a friendship."""

    id: CustomerId
    names: tuple[str, ...] = field(repr=False)
    external_userids: tuple[str, ...]
    own: dict[str, Any] = field(repr=False)
    phones: tuple[str, ...] = field(repr=False)
    standing: str
    assigned_userid: str | None
    assigned_name: str | None
    outlet_id: int | None
    outlet_name: str | None
    assigned_at: datetime | None
    created_at: datetime
    updated_at: datetime
    friend_userids: tuple[str, ...]
    tag_ids: tuple[str, ...]
    waiting_tag_ids: tuple[str, ...]
    stage_ids: tuple[int, ...]
    chat_count: int
    score: int
    points: int
    purchase_count: int
    purchase_amount: int
    last_purchase_at: datetime | None
    last_added_at: datetime | None
    blacklisted: bool
    pool_status: str | None
    pool_source: str | None
    pool_userid: str | None


def load_rows(connection: Connection, tenant: Tenant, ids: Sequence[CustomerId]) -> list[ListedCustomer]:
    """In the order of the ids; whoever was merged or deleted meanwhile is left out."""
    rows = fetch_all(
        connection,
        "select k.*, u.own, u.updated_at, a.name as assigned_name, o.department_id as outlet_id, "
        "o.name as outlet_name, cardinality(k.chat_ids) as chat_count, e.names, e.ids as external_userids, i.phones, "
        "array(select w.tag_id from waiting_tag w where w.tenant_id = k.tenant_id and w.customer_id = k.customer_id "
        "order by w.tag_id) as waiting_tag_ids "
        "from unnest(cast(:ids as bigint[])) with ordinality as p(id, n) "
        "join customer_card k on k.tenant_id = :tenant_id and k.customer_id = p.id "
        "join customer u on u.tenant_id = k.tenant_id and u.id = k.customer_id "
        "left join associate a on a.tenant_id = k.tenant_id and a.userid = k.assigned_userid "
        "left join outlet o on o.tenant_id = k.tenant_id and o.department_id = a.main_department_id "
        "left join lateral (select array_agg(e.name order by e.external_userid) filter (where e.name is not null) "
        "as names, array_agg(e.external_userid order by e.external_userid) as ids from external_contact e "
        "where e.tenant_id = k.tenant_id and e.customer_id = k.customer_id) e on true "
        "left join lateral (select array_agg(i.value order by i.verified desc, i.created_at, i.hmac) as phones "
        "from identity i where i.tenant_id = k.tenant_id and i.customer_id = k.customer_id and i.kind = 'phone') i "
        "on true order by p.n",
        tenant_id=tenant.id,
        ids=list(ids),
    )
    return [_row(tenant, row) for row in rows]


def _row(tenant: Tenant, row: Row) -> ListedCustomer:
    same: dict[str, Any] = {
        name: tuple(row[name]) if isinstance(row[name], list) else row[name]
        for name in ListedCustomer.__dataclass_fields__
        if name not in ("id", "names", "external_userids", "own", "phones")
    }
    return ListedCustomer(
        id=CustomerId(row["customer_id"]),
        names=tuple(row["names"] or ()),
        external_userids=tuple(row["external_userids"] or ()),
        own=orjson.loads(tenant.cipher.decrypt(row["own"], OWN)) if row["own"] else {},
        phones=tuple(tenant.cipher.decrypt(one, VALUE).decode() for one in row["phones"] or ()),
        **same,
    )
