"""Reads a page of the timeline. Reads only."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from services.customers.model import CONTACT
from services.persons.model import CUSTOMER
from services.persons.store import merged_ids
from services.timeline.model import Entry, Names, Place
from services.timeline.sources import SKIPPED, SOURCES, after, types_of
from shared.db.engine import Row, fetch_all
from shared.ids import CustomerId, TenantId
from shared.tenants import Tenant

MOST_MERGED = 100
"""Of so many records that were merged into a customer the history is read with theirs; the newest."""


@dataclass(frozen=True)
class Page:
    """Newest first. `next`: where the next page begins, None on the last."""

    entries: tuple[Entry, ...]
    next: Place | None
    names: Names


def load_page(
    connection: Connection,
    tenant: Tenant,
    customer_id: CustomerId,
    *,
    kinds: Sequence[str] = (),
    place: Place | None = None,
    limit: int,
) -> Page:
    """`customer_id` stands for itself. `kinds`: only these, all when none is named."""
    subjects = _subjects(connection, tenant.id, customer_id)
    found: list[Entry] = []
    for rank, source in enumerate(SOURCES):
        if kinds and source.kinds.isdisjoint(kinds):
            continue
        condition, parameters = after(rank, source, place)
        own = [one for one in subjects if source.name != "audit" or one[0] == CUSTOMER]
        rows = fetch_all(
            connection,
            source.sql.format(after=condition),
            tenant_id=tenant.id,
            customer_id=customer_id,
            contacts=[key for kind, key in subjects if kind == CONTACT],
            kinds=[kind for kind, _ in own],
            keys=[key for _, key in own],
            types=types_of(kinds),
            skipped=list(SKIPPED),
            limit=limit + 1,
            **parameters,
        )
        found += [source.entry(tenant, row, _place(row, rank)) for row in rows]
    found.sort(key=lambda one: one.place.rank)
    entries = _in_order(found)[: limit + 1]
    shown = entries[:limit]
    more = shown[-1].place if len(entries) > limit else None
    return Page(tuple(shown), more, _names(connection, tenant.id, shown))


def _place(row: Row, rank: int) -> Place:
    return Place(row["at"], rank, row["key"])


def _in_order(entries: Iterable[Entry]) -> list[Entry]:
    """By time, newest first; of one moment by source. Within a source they come in order."""
    return sorted(entries, key=lambda one: one.place.at, reverse=True)


def _subjects(connection: Connection, tenant_id: TenantId, customer_id: CustomerId) -> list[tuple[str, str]]:
    merged = merged_ids(connection, tenant_id, customer_id)[-MOST_MERGED:]
    contacts = fetch_all(
        connection,
        "select external_userid as key from external_contact where tenant_id = :tenant_id and customer_id = :id",
        tenant_id=tenant_id,
        id=customer_id,
    )
    return [(CUSTOMER, str(one)) for one in (customer_id, *merged)] + [(CONTACT, row["key"]) for row in contacts]


def _names(connection: Connection, tenant_id: TenantId, entries: Sequence[Entry]) -> Names:
    userids, chats, companies = set[str](), set[str](), set[str]()
    for entry in entries:
        for name, value in entry.values.items():
            if name == "chat_id":
                chats.add(str(value))
            elif name == "company_id":
                companies.add(str(value))
            elif name.endswith("userid") and name != "external_userid" and value:
                userids.add(str(value))
    associates = fetch_all(
        connection,
        "select userid, name from associate where tenant_id = :tenant_id and userid = any(:ids) and name is not null",
        tenant_id=tenant_id,
        ids=sorted(userids),
    )
    named = fetch_all(
        connection,
        "select chat_id, name from group_chat where tenant_id = :tenant_id and chat_id = any(:ids) "
        "and name is not null and name <> ''",
        tenant_id=tenant_id,
        ids=sorted(chats),
    )
    known = fetch_all(
        connection,
        "select company_id, name from company where tenant_id = :tenant_id and company_id = any(:ids) "
        "and deleted_at is null",
        tenant_id=tenant_id,
        ids=sorted(companies),
    )
    return Names(
        {row["userid"]: row["name"] for row in associates},
        {row["chat_id"]: row["name"] for row in named},
        {row["company_id"]: row["name"] for row in known},
    )
