"""What a filter is read with: the corp's zone and key, its custom fields, names for words."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from services.finding.compile import compiled
from services.finding.fields import Definition
from services.finding.giving import Context
from services.finding.model import Filter, parse, refuse_unseen
from services.finding.selection import Selection
from services.local_tags.plan import shows
from services.persons.model import IdentityError, make_identity
from shared.db.engine import fetch_all, run
from shared.tenants import Tenant


def load_definitions(connection: Connection, tenant: Tenant) -> dict[str, Definition]:
    """The custom fields that can be asked for, by key."""
    rows = fetch_all(
        connection,
        "select key, kind, name from custom_field where tenant_id = :tenant_id and not personal and deleted_at is null",
        tenant_id=tenant.id,
    )
    return {row["key"]: Definition(row["key"], row["kind"], row["name"]) for row in rows}


def read_filter(connection: Connection, tenant: Tenant, given: object, *, seen: frozenset[str] | None = None) -> Filter:
    """`seen`: the local tags that whoever asks sees (services/local_tags/store.py `load_seen`); None: all.

    Raises:
        FilterError: what is wrong with it, and where.
    """
    chosen = parse(given, load_definitions(connection, tenant))
    refuse_unseen(chosen, seen)
    return chosen


def context_of(tenant: Tenant, *, region: str, now: datetime, seen: frozenset[str] | None = None) -> Context:
    """`region`: of phone numbers without a country code; `seen` as for `read_filter`."""

    def normalise(kind: str, value: str) -> str:
        try:
            return make_identity(kind, value, region=region).value
        except IdentityError:
            return value  # such a thing nobody has

    return Context(tenant.id, tenant.cipher, ZoneInfo(tenant.timezone), now, normalise, seen)


def select_found(connection: Connection, tenant: Tenant, given: object, *, region: str, now: datetime) -> Selection:
    """Everybody whom a filter finds, for a statement that embeds it.

    Raises:
        FilterError: what is wrong with it, and where.
    """
    return compiled(read_filter(connection, tenant, given), context_of(tenant, region=region, now=now))


def freeze(connection: Connection, selection: Selection, *, into: str) -> int:
    """Keep who is found now in a temporary table of that name (customer_id, primary key) until the transaction ends."""
    assert into.isidentifier()
    run(connection, f"create temporary table {into} (customer_id bigint primary key) on commit drop")
    return run(
        connection,
        f"insert into {into} {selection.sql}",
        **selection.parameters,
    )


_NAMES: Mapping[str, str] = {
    "userid": "select userid as id, name from associate where tenant_id = :tenant_id and userid = any(:ids)",
    "tag": "select tag_id as id, name from tag where tenant_id = :tenant_id and tag_id = any(:ids) union all "
    "select 'local:' || id, name from local_tag where tenant_id = :tenant_id and 'local:' || id = any(:ids)",
    "chat": "select chat_id as id, name from group_chat where tenant_id = :tenant_id and chat_id = any(:ids)",
    "outlet": "select cast(department_id as text) as id, name from outlet where tenant_id = :tenant_id "
    "and cast(department_id as text) = any(:ids)",
    "stage": "select cast(id as text) as id, name from stage where tenant_id = :tenant_id "
    "and cast(id as text) = any(:ids)",
    "goods": "select goods_id as id, name from goods where tenant_id = :tenant_id and goods_id = any(:ids)",
    "company": "select company_id as id, name from company where tenant_id = :tenant_id and company_id = any(:ids) "
    "and deleted_at is null",
    "segment": "select cast(id as text) as id, name from segment where tenant_id = :tenant_id "
    "and cast(id as text) = any(:ids)",
}


def load_names(
    connection: Connection,
    tenant: Tenant,
    wanted: Mapping[str, Sequence[str]],
    *,
    seen: frozenset[str] | None = None,
) -> dict[tuple[str, str], str]:
    """`wanted`: kind -> ids. Local tags that are not `seen` have no name."""
    found = {}
    for kind, ids in wanted.items():
        for row in fetch_all(connection, _NAMES[kind], tenant_id=tenant.id, ids=list(ids)):
            if row["name"] and (kind != "tag" or shows(seen, row["id"])):
                found[kind, row["id"]] = row["name"]
    return found
