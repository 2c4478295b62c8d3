"""Rows of companies: what the database itself holds, when two write at once (CUS-15)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from services.companies.model import Company, Details
from services.companies.store import load_known, page_companies, record_companies
from services.joining.linking import Named, link_customers
from services.persons.store import make_customer
from shared.corp_file import CorpFile
from shared.db.engine import fetch_all
from shared.ids import CompanyId
from shared.tenants import Tenant, load_tenant, record_corp
from shared.vault import Vault

AT = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
K1 = CompanyId("K-1")
MORNING = Company(K1, "Morning Ltd", AT, details=Details(note="x", attributes={"credit_days": 30}))


def test_a_state_that_lost_a_race_is_not_written_over_a_newer_one(connection: Connection, tenant: Tenant):
    """Two make the same new company, and neither sees the other before it writes: the newest stands (CUS-15)."""
    newer = replace(MORNING, name="Evening Ltd", updated_at=AT + timedelta(hours=1))
    assert record_companies(connection, tenant, [newer], now=AT) == {K1}
    assert record_companies(connection, tenant, [MORNING], now=AT) == set()
    assert load_known(connection, tenant, [K1])[K1].company == newer


def test_a_state_comes_back_as_it_was_put(connection: Connection, tenant: Tenant):
    """With what is encrypted of it, so that a repeat is known as one (CUS-15)."""
    record_companies(connection, tenant, [MORNING], now=AT)
    assert load_known(connection, tenant, [K1])[K1].company == MORNING


def test_a_name_with_all_the_pieces_apart_is_not_found(connection: Connection, tenant: Tenant):
    """Pieces lead to names, the name decides (CUS-15)."""
    names = {"K-1": "abc bcd", "K-2": "xabcdx"}
    record_companies(connection, tenant, [Company(CompanyId(one), name, AT) for one, name in names.items()], now=AT)
    found = page_companies(connection, tenant, name="ABCD", after=None, limit=10)
    assert [one.company_id for one in found] == ["K-2"]


def test_who_links_holds_the_company_against_its_deletion(engine: Engine, vault: Vault):
    """A deletion waits until the links are written, and then ends them, too (CUS-15)."""
    with engine.begin() as connection:
        corp = CorpFile(corp_id="ww0000000000000001", name="Example Retail")
        tenant = load_tenant(connection, vault, record_corp(connection, vault, corp, now=AT))
        assert tenant is not None
        record_companies(connection, tenant, [MORNING], now=AT)
        one = make_customer(connection, tenant.id, now=AT)
    with engine.begin() as linking, engine.begin() as deleting:
        link_customers(linking, tenant, K1, [Named(one, linked=True)], updated_at=AT, now=AT)
        with pytest.raises(OperationalError, match="could not obtain lock"):
            fetch_all(deleting, "select 1 from company where company_id = 'K-1' for update nowait")
        deleting.rollback()
