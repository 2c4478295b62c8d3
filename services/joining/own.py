"""The retailer's own fields of one customer: read, checked and written under the customer's lock (CUS-5)."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection

from services.fields.model import DOCUMENT, Use
from services.fields.plan import plan_values
from services.fields.store import load_fields, load_use
from services.persons.model import CUSTOMER
from services.persons.store import load_own, record_own
from shared.audit import Change
from shared.ids import CustomerId
from shared.tenants import Tenant


def set_own(
    connection: Connection,
    tenant: Tenant,
    customer_id: CustomerId,
    own: Mapping[str, object],
    *,
    now: datetime,
    made_for: Use | None = None,
) -> list[Change]:
    """Set fields; None empties one. Custom fields change key by key, all others as a whole.

    The caller holds the customer's lock, or has just made them: the document is read, changed and written. `made_for`:
    all custom fields that are required for this use must be there.

    Raises:
        ValuesRefusedError: custom fields that cannot be so; nothing was written.
    """
    present = load_own(connection, tenant, [customer_id])[customer_id]
    held: Mapping[str, object] = present.get(DOCUMENT) or {}
    given = own.get(DOCUMENT)
    custom: Mapping[str, object] = given if isinstance(given, Mapping) else {}
    if custom or made_for is not None:
        use = made_for or load_use(connection, tenant.id, customer_id)
        complete = made_for is not None
        custom = plan_values(load_fields(connection, tenant.id), held, custom, use=use, complete=complete)
    changed = {name: value for name, value in own.items() if name != DOCUMENT and present.get(name) != value}
    edited = {key: value for key, value in custom.items() if held.get(key) != value}
    if not changed and not edited:
        return []
    fields = _left(held, edited)
    record_own(connection, tenant, customer_id, _left(present, {**changed, DOCUMENT: fields or None}), now=now)
    before = {name: present.get(name) for name in changed} | {f"{DOCUMENT}.{key}": held.get(key) for key in edited}
    after = changed | {f"{DOCUMENT}.{key}": value for key, value in edited.items()}
    return [Change("customer.edited", CUSTOMER, str(customer_id), before, after)]


def _left(present: Mapping[str, object], changed: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in {**present, **changed}.items() if value is not None}
