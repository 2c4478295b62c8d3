"""Rows that comparing needs beside the planners' own: what is known of a corp, and the events behind a difference."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from services.associates.model import ASSOCIATE, OUTLET
from services.customers.model import CONTACT
from services.differences.model import MEMBER, RELATION, Difference
from services.groups.model import CHAT
from shared.db.engine import fetch_all
from shared.ids import ExternalUserId, TenantId, UserId


def count_active_by_associate(connection: Connection, tenant_id: TenantId) -> dict[UserId, int]:
    rows = fetch_all(
        connection,
        "select userid, count(*) as n from relation where tenant_id = :tenant_id and state = 'active' group by userid",
        tenant_id=tenant_id,
    )
    return {UserId(row["userid"]): row["n"] for row in rows}


def lasting_contacts_of(
    connection: Connection, tenant_id: TenantId, userid: UserId, *, before: datetime
) -> list[ExternalUserId]:
    """The contacts of an associate in sight whose friendship lasts, as far as is known, and began before `before`."""
    rows = fetch_all(
        connection,
        "select external_userid as id from relation where tenant_id = :tenant_id and userid = :userid "
        "and state in ('active', 'out_of_sight') and (started_at is null or started_at < :before) "
        "order by external_userid",
        tenant_id=tenant_id,
        userid=userid,
        before=before,
    )
    return [ExternalUserId(row["id"]) for row in rows]


def present_associates(connection: Connection, tenant_id: TenantId) -> list[str]:
    rows = fetch_all(
        connection,
        "select userid as id from associate where tenant_id = :tenant_id and in_sight and gone_at is null "
        "and renamed_to is null order by userid",
        tenant_id=tenant_id,
    )
    return [row["id"] for row in rows]


def present_outlets(connection: Connection, tenant_id: TenantId) -> list[str]:
    rows = fetch_all(
        connection,
        "select cast(department_id as text) as id from outlet where tenant_id = :tenant_id and in_sight "
        "and gone_at is null order by department_id",
        tenant_id=tenant_id,
    )
    return [row["id"] for row in rows]


def present_chats(connection: Connection, tenant_id: TenantId) -> dict[str, str | None]:
    """Chats that are there and in sight, with their owners."""
    rows = fetch_all(
        connection,
        "select chat_id, owner_userid from group_chat where tenant_id = :tenant_id and dismissed_at is null "
        "and out_of_sight_at is null order by chat_id",
        tenant_id=tenant_id,
    )
    return {row["chat_id"]: row["owner_userid"] for row in rows}


@dataclass(frozen=True)
class Behind:
    """An event that is known here and was not yet looked at when the row was last read."""

    kind: str
    occurred_at: datetime
    caused_by: str


ROWS = {
    CONTACT: ("external_contact", "r.external_userid = e.subject_key", CONTACT),
    RELATION: ("relation", "r.external_userid = e.subject_key and r.userid = e.userid", CONTACT),
    CHAT: ("group_chat", "r.chat_id = e.subject_key", CHAT),
    MEMBER: ("group_chat", "r.chat_id = e.subject_key", CHAT),
    ASSOCIATE: ("associate", "r.userid = e.subject_key", ASSOCIATE),
    OUTLET: ("outlet", "cast(r.department_id as text) = e.subject_key", OUTLET),
}
"""Kind of a difference -> its table, how a row of it is found from evidence, and the kind of the evidence's subject."""


def events_behind(connection: Connection, tenant_id: TenantId, one: Difference, *, limit: int = 5) -> Sequence[Behind]:
    """The latest events about a row since it was read."""
    if one.kind not in ROWS:
        return ()
    table, found, kind = ROWS[one.kind]
    rows = fetch_all(
        connection,
        "select e.kind, e.occurred_at, "  # noqa: S608 - constants above
        "'inbox:' || to_char(e.inbox_day, 'YYYYMMDD') || '-' || e.inbox_id as caused_by from evidence e "
        f"left join {table} r on r.tenant_id = e.tenant_id and {found} where e.tenant_id = :tenant_id "
        "and e.subject_kind = :kind and e.subject_key = :key and (:userid = '' or e.userid = :userid) "
        "and (r.observed_at is null or e.recorded_at > r.observed_at) order by e.occurred_at desc limit :limit",
        tenant_id=tenant_id,
        kind=kind,
        key=one.key,
        userid=one.part if one.kind == RELATION else "",
        limit=limit,
    )
    return [Behind(row["kind"], row["occurred_at"], row["caused_by"] or "") for row in rows]
