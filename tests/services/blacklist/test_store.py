"""Rows of the blacklist: one open entry a customer, history kept, reasons encrypted."""

from sqlalchemy import Connection

from services.blacklist.store import blacklisted_among, is_blacklisted, load_entries, record_added, record_ended
from services.chosen import these
from shared.clock import FixedClock
from shared.db.engine import fetch_all, run
from shared.ids import CustomerId
from shared.tenants import Tenant


def add_customer(connection: Connection, tenant: Tenant, clock: FixedClock) -> CustomerId:
    sql = "insert into customer (tenant_id, created_at, updated_at) values (:t, :now, :now) returning id"
    return CustomerId(fetch_all(connection, sql, t=tenant.id, now=clock.now())[0]["id"])


def test_all_of_a_selection_are_listed_once_and_the_history_stays(
    connection: Connection, tenant: Tenant, other_tenant: Tenant, clock: FixedClock
):
    """Listing again lists nobody twice; who was taken off and is listed again has two entries (CUS-10)."""
    one, two, three = (add_customer(connection, tenant, clock) for _ in range(3))
    stranger = add_customer(connection, other_tenant, clock)
    whom = these(tenant.id, [one, two, three, stranger])
    args = {"by": "api:crm", "now": clock.now()}
    made, last = record_added(connection, tenant, whom, "spam", limit=2, **args)
    assert ([who for who, _ in made], last) == ([one, two], two)
    made, last = record_added(connection, tenant, whom, "spam", after=two, limit=2, **args)
    assert ([who for who, _ in made], last) == ([three], None)
    assert record_added(connection, tenant, whom, "other", **args) == ([], None)
    assert record_ended(connection, tenant, one, "asked", **args) is not None
    assert record_ended(connection, tenant, one, "asked", **args) is None
    assert blacklisted_among(connection, tenant.id, [one, two, three, stranger]) == {two, three}
    record_added(connection, tenant, these(tenant.id, [one]), "again", **args)
    entries = load_entries(connection, tenant, one)
    assert [(entry.reason, entry.end_reason) for entry in entries] == [("again", None), ("spam", "asked")]


def test_a_merged_record_is_as_its_person_is(connection: Connection, tenant: Tenant, clock: FixedClock):
    """Whoever asks by an old id hears of the person (CUS-10)."""
    one, old = (add_customer(connection, tenant, clock) for _ in range(2))
    run(connection, "update customer set merged_into = :into where id = :id", into=one, id=old)
    record_added(connection, tenant, these(tenant.id, [old]), "spam", by="x", now=clock.now())
    assert is_blacklisted(connection, tenant.id, old) and is_blacklisted(connection, tenant.id, one)
    assert not is_blacklisted(connection, tenant.id, CustomerId(10**12))


def test_reasons_lie_encrypted_and_equal_ones_look_different(connection: Connection, tenant: Tenant, clock: FixedClock):
    """People write names into them (CUS-10, G10)."""
    ids = [add_customer(connection, tenant, clock) for _ in range(2)]
    record_added(connection, tenant, these(tenant.id, ids), "Mr Wang", by="x", now=clock.now())
    stored = [bytes(row["reason"]) for row in fetch_all(connection, "select reason from blacklist_entry")]
    assert len(set(stored)) == 2 and not any(b"Wang" in one for one in stored)
