"""The lists of lost and of deleted relations: who, when, by which evidence; never mixed (LOSS-1, LOSS-6)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from services.customers.model import RelationDeleted, RelationLost, State
from shared.csv_sheets import CsvSheet, Titles, Words
from shared.db.engine import Row, fetch_all
from shared.ids import TenantId
from shared.tenants import Tenant

PAGE = 1000
FACTS = {State.ENDED_BY_CUSTOMER: RelationLost.TYPE, State.ENDED_BY_ASSOCIATE: RelationDeleted.TYPE}
"""Whose cause is the evidence of such an end."""
TITLES: Titles = {
    "customer_id": ("客户ID", "customer id"),
    "external_userid": ("外部联系人ID", "external userid"),
    "customer_name": ("客户昵称", "customer"),
    "userid": ("员工账号", "userid"),
    "associate_name": ("员工", "associate"),
    "outlet_id": ("门店ID", "outlet id"),
    "outlet_name": ("门店", "outlet"),
    "started_at": ("添加时间", "added"),
    "ended_at": ("结束时间", "ended"),
    "cause": ("来源", "cause"),
    "evidence": ("依据", "evidence"),
    "learned_at": ("获知时间", "learned"),
}
WORDS: Words = {
    "cause": {
        "event": ("企业微信回调", "callback of WeCom"),
        "resync": ("全量核对", "full pass"),
        "bootstrap": ("首次同步", "first sync"),
        "operator": ("人工", "a person"),
        "api": ("接口", "API"),
    }
}


@dataclass(frozen=True)
class EndedFilter:
    """All that is given must hold. `outlet_ids`: main departments of associates, without what lies under them."""

    userids: Sequence[str] = ()
    outlet_ids: Sequence[int] = ()
    since: datetime | None = None
    before: datetime | None = None


EndedAfter = tuple[datetime, str, str]
"""ended_at, external_userid, userid of the last row of the page before."""


def list_ended(
    connection: Connection,
    tenant_id: TenantId,
    state: State,
    chosen: EndedFilter,
    *,
    after: EndedAfter | None = None,
    limit: int,
) -> Sequence[Row]:
    """Relations that one side ended, the last end first; `cause`, `evidence`, `learned_at`: of the fact that told it.

    A relation that goes on again is in no list: its history keeps both (ASG-8).
    """
    conditions, parameters = _conditions(chosen)
    if after is not None:
        conditions.append("(r.ended_at, r.external_userid, r.userid) < (:after_at, :after_contact, :after_userid)")
        parameters |= dict(zip(("after_at", "after_contact", "after_userid"), after, strict=True))
    return fetch_all(
        connection,
        "with page as (select r.userid, r.external_userid, r.started_at, r.ended_at from relation r "  # noqa: S608 - constants
        "where r.tenant_id = :tenant_id and r.state = :state and r.ended_at is not null "
        f"and r.state in ('ended_by_customer', 'ended_by_associate') {''.join(f' and {one}' for one in conditions)} "
        "order by r.ended_at desc, r.external_userid desc, r.userid desc limit :limit) "
        "select p.*, a.name as associate_name, a.main_department_id as outlet_id, w.name as outlet_name, "
        "coalesce(u.merged_into, e.customer_id) as customer_id, e.name as customer_name, "
        "f.cause, f.caused_by as evidence, f.recorded_at as learned_at from page p "
        "left join associate a on a.tenant_id = :tenant_id and a.userid = p.userid "
        "left join outlet w on w.tenant_id = :tenant_id and w.department_id = a.main_department_id "
        "left join external_contact e on e.tenant_id = :tenant_id and e.external_userid = p.external_userid "
        "left join customer u on u.tenant_id = :tenant_id and u.id = e.customer_id "
        "left join lateral (select f.cause, f.caused_by, f.recorded_at from fact f where f.tenant_id = :tenant_id "
        "and f.subject_kind = 'external_contact' and f.subject_key = p.external_userid and f.type = :fact "
        # A time that was refined afterwards was told once, as it was then.
        "and f.payload ->> 'userid' = p.userid order by (f.occurred_at = p.ended_at) desc, f.id desc limit 1) f "
        "on true order by p.ended_at desc, p.external_userid desc, p.userid desc",
        tenant_id=tenant_id,
        state=state.value,
        fact=FACTS[state],
        limit=limit,
        **parameters,
    )


def _conditions(chosen: EndedFilter) -> tuple[list[str], dict[str, object]]:
    found: list[str] = []
    parameters: dict[str, object] = {}
    if chosen.userids:
        found.append("r.userid = any(:userids)")
        parameters["userids"] = list(chosen.userids)
    if chosen.outlet_ids:
        found.append(
            "r.userid in (select userid from associate where tenant_id = :tenant_id "
            "and main_department_id = any(cast(:outlets as bigint[])))"
        )
        parameters["outlets"] = list(chosen.outlet_ids)
    if chosen.since is not None:
        found.append("r.ended_at >= :since")
        parameters["since"] = chosen.since
    if chosen.before is not None:
        found.append("r.ended_at < :before")
        parameters["before"] = chosen.before
    return found, parameters


def ended_lines(
    connection: Connection,
    tenant: Tenant,
    state: State,
    chosen: EndedFilter,
    *,
    after: EndedAfter | None,
    hide: Callable[[str], str] | None = None,
) -> tuple[bytes, EndedAfter | None]:
    """The next lines of a CSV file, and where to go on; None: these were the last.

    `hide`: masks customers' names, for those who may not read them (ACC-3).
    """
    rows = list_ended(connection, tenant.id, state, chosen, after=after, limit=PAGE)
    sheet = CsvSheet(TITLES, WORDS, language=tenant.language, timezone=tenant.timezone)
    last = rows[-1] if len(rows) == PAGE else None
    place = (last["ended_at"], last["external_userid"], last["userid"]) if last else None
    shown: Sequence[Mapping[Any, Any]] = rows
    if hide is not None:
        shown = [dict(row) | {"customer_name": hide(row["customer_name"] or "")} for row in rows]
    return sheet.lines(shown, first=after is None), place
