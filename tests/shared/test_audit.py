"""The audit says who changed what, to whoever may open it (ACC-2)."""

from datetime import UTC, datetime

from sqlalchemy import Connection

from shared.audit import Change, Origin, load_audit, record_audit
from shared.tenants import Tenant
from tests.services.conftest import connection, other_tenant, rolled_back_engine, tenant

__all__ = ["connection", "other_tenant", "rolled_back_engine", "tenant"]
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def test_what_was_changed_comes_back_as_it_went_in(connection: Connection, tenant: Tenant, other_tenant: Tenant):
    """Newest first, before and after, of this tenant only (ACC-2)."""
    first = Change("customer.edited", "customer", "7", {"level": None}, {"level": "gold"})
    second = Change("customer.edited", "customer", "7", {"level": "gold"}, {"level": None})
    for change in (first, second):
        record_audit(connection, tenant, [change], Origin("api:crm", "10.0.0.1", NOW))
    assert [one.change for one in load_audit(connection, tenant, "customer", "7")] == [second, first]
    assert load_audit(connection, other_tenant, "customer", "7") == []
    (newest, _) = load_audit(connection, tenant, "customer", "7")
    assert (newest.actor, newest.origin, newest.at) == ("api:crm", "10.0.0.1", NOW)
