"""The audit says who changed what, to whoever may open it (ACC-2)."""

from sqlalchemy import Engine

from shared.audit import Change, Origin, load_audit, record_audit
from shared.clock import FixedClock
from shared.vault import Vault
from tests.services.conftest import add_tenant


def test_what_was_changed_comes_back_as_it_went_in(engine: Engine, vault: Vault, clock: FixedClock):
    """Newest first, before and after, of this tenant only (ACC-2)."""
    first = Change("customer.edited", "customer", "7", {"level": None}, {"level": "gold"})
    second = Change("customer.edited", "customer", "7", {"level": "gold"}, {"level": None})
    with engine.begin() as connection:
        tenant = add_tenant(connection, vault, clock, corp_id="ww0000000000000001")
        other = add_tenant(connection, vault, clock, corp_id="ww0000000000000002")
        for change in (first, second):
            record_audit(connection, tenant, [change], Origin("api:crm", "10.0.0.1", clock.now()))
        assert [one.change for one in load_audit(connection, tenant, "customer", "7")] == [second, first]
        assert load_audit(connection, other, "customer", "7") == []
        (newest, _) = load_audit(connection, tenant, "customer", "7")
    assert (newest.actor, newest.origin, newest.at) == ("api:crm", "10.0.0.1", clock.now())
