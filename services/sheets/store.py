"""Loads one customer as a whole. Reads only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from services.blacklist.model import Entry
from services.blacklist.store import load_open as load_entry
from services.customers.model import CONTACT, Profile, Recorded
from services.customers.store import load_recorded
from services.fields.model import DOCUMENT
from services.fields.plan import shown_values
from services.fields.store import load_fields
from services.intents.model import Intent
from services.intents.store import load_open
from services.local_tags.giving import Worn, load_worn
from services.local_tags.model import ALL_SEEING, Viewer
from services.persons.model import RecordedIdentity
from services.persons.store import load_identities, load_own, merged_ids, standing_for
from services.purchases.model import Purchases
from services.purchases.store import load_purchases
from services.sheets.model import ShownRelation, show
from services.waiting.model import WaitingTag
from services.waiting.store import load_waiting
from shared.db.engine import fetch_all, fetch_one
from shared.ids import CustomerId, ExternalUserId, TenantId
from shared.requests import Subject
from shared.tenants import Tenant


@dataclass(frozen=True)
class SheetContact:
    external_userid: ExternalUserId
    profile: Profile | None = field(repr=False)
    relations: tuple[ShownRelation, ...]


@dataclass(frozen=True)
class Sheet:
    """`row`: standing, assigned_userid, assigned_at, created_at, updated_at. `worn`: local tags, of those seen;
    `waiting`: corp tags that wait for a friendship."""

    customer_id: CustomerId
    row: Mapping[str, Any]
    own: Mapping[str, Any] = field(repr=False)
    merged_ids: tuple[CustomerId, ...]
    identities: tuple[RecordedIdentity, ...]
    contacts: tuple[SheetContact, ...]
    purchases: tuple[Purchases, ...]
    worn: tuple[Worn, ...]
    waiting: tuple[WaitingTag, ...]
    blacklisted: Entry | None


def load_sheet(
    connection: Connection, tenant: Tenant, customer_id: CustomerId, *, viewer: Viewer = ALL_SEEING
) -> Sheet | None:
    """The customer, or whom they were merged into; None: no such customer."""
    master = standing_for(connection, tenant.id, customer_id)
    if master is None:
        return None
    row = fetch_one(
        connection,
        "select standing, assigned_userid, assigned_at, created_at, updated_at from customer "
        "where tenant_id = :tenant_id and id = :id",
        tenant_id=tenant.id,
        id=master,
    )
    assert row is not None
    contacts = contacts_of(connection, tenant.id, master)
    recorded = load_recorded(connection, tenant, contacts)
    return Sheet(
        customer_id=master,
        row=dict(row),
        own=_own(connection, tenant, master),
        merged_ids=tuple(merged_ids(connection, tenant.id, master)),
        identities=tuple(load_identities(connection, tenant, master)),
        contacts=tuple(
            _contact(recorded[one], load_open(connection, tenant, Subject(tenant.id, CONTACT, one))) for one in contacts
        ),
        purchases=tuple(load_purchases(connection, tenant.id, [master])[master]),
        worn=tuple(load_worn(connection, tenant.id, master, viewer=viewer)),
        waiting=tuple(load_waiting(connection, tenant.id, [master])),
        blacklisted=load_entry(connection, tenant, master),
    )


def _own(connection: Connection, tenant: Tenant, customer_id: CustomerId) -> dict[str, Any]:
    own = load_own(connection, tenant, [customer_id])[customer_id]
    if own.get(DOCUMENT):
        own[DOCUMENT] = shown_values(load_fields(connection, tenant.id), own[DOCUMENT])
    return own


def contacts_of(connection: Connection, tenant_id: TenantId, customer_id: CustomerId) -> list[ExternalUserId]:
    rows = fetch_all(
        connection,
        "select external_userid as id from external_contact where tenant_id = :tenant_id and customer_id = :id "
        "order by external_userid",
        tenant_id=tenant_id,
        id=customer_id,
    )
    return [ExternalUserId(row["id"]) for row in rows]


def _contact(recorded: Recorded, open_intents: Sequence[Intent]) -> SheetContact:
    relations = sorted(recorded.relations.values(), key=lambda one: one.userid)
    return SheetContact(recorded.external_userid, recorded.profile, tuple(show(one, open_intents) for one in relations))
