"""Names of stages, chats and events of chats, and contacts of customers, for the texts that tell of them."""

from collections.abc import Collection, Mapping

from sqlalchemy import Connection

from shared.db.engine import fetch_all
from shared.ids import TenantId

SQL = {
    "stage": "select id as key, name as value from stage where tenant_id = :tenant_id and id = any(:keys)",
    "chat": "select chat_id as key, name as value from group_chat where tenant_id = :tenant_id "
    "and chat_id = any(:keys) and name <> ''",
    "chat_event": "select id as key, name as value from chat_event where tenant_id = :tenant_id and id = any(:keys)",
    # Of a record that was merged since: those of the one that stands.
    "customer": "select k.key, min(e.external_userid) as value from unnest(cast(:keys as bigint[])) as k(key) "
    "left join customer u on u.tenant_id = :tenant_id and u.id = k.key "
    "join external_contact e on e.tenant_id = :tenant_id and e.customer_id = coalesce(u.merged_into, k.key) group by 1",
}


def load_named(
    connection: Connection, tenant_id: TenantId, what: str, keys: Collection[object]
) -> Mapping[object, str]:
    """By key; of customers their external_userid, through which they have a name."""
    kind = str if what == "chat" else int
    wanted = [one for one in keys if isinstance(one, kind)]
    if not wanted:
        return {}
    rows = fetch_all(connection, SQL[what], tenant_id=tenant_id, keys=wanted)
    return {row["key"]: row["value"] for row in rows}
