"""What follows in the background: rows of deleted local tags go, cards that show other custom fields are marked."""

import pytest

from services.chosen import these
from services.fields.model import Field, Kind
from services.fields.store import load_fields, mark_cards, record_edit, record_new, want_cards
from services.local_tags.giving import tag_page
from services.local_tags.leaving import take_off
from services.local_tags.model import Kind as TagKind
from services.local_tags.model import Tagging
from services.local_tags.store import record_deleted, record_group, record_tag
from shared.db.engine import fetch_all, run
from tests.sync_worker.conftest import Office

OPEN = "select subject_kind from request where generation > settled_generation"


@pytest.fixture
def customers(office: Office) -> list[int]:
    """Five who have a document of own fields, and one who has none."""
    with office.runtime.engine.begin() as connection:
        rows = fetch_all(
            connection,
            "insert into customer (tenant_id, created_at, updated_at, own) select :t, now(), now(), "
            "case when n < 6 then '\\x00'::bytea end from generate_series(1, 6) n returning id",
            t=office.tenant.id,
        )
        run(connection, "delete from card_due")
    return [row["id"] for row in rows]


def test_a_deleted_tags_rows_go_although_a_run_died_half_way(office: Office, customers: list[int]):
    """What a dead run left is found by the next; other tags stay (TAG-3)."""
    now, tenant_id = office.runtime.clock.now(), office.tenant.id
    with office.runtime.engine.begin() as connection:
        group = record_group(connection, tenant_id, "喜好", None, now=now)
        tea, coffee = (record_tag(connection, tenant_id, group, name, TagKind.MANUAL, now=now) for name in "茶啡")
        chosen = these(tenant_id, customers)
        tag_page(connection, tenant_id, chosen, Tagging((tea, coffee)), by_whom="x", now=now)
        record_deleted(connection, tenant_id, [tea], by="api:crm", now=now)
        assert take_off(connection, tenant_id, tea, now=now, limit=2) == 2
    office.reconcile()
    assert office.rows("select tag_id, count(*) from customer_tag group by 1") == [(coffee, 6)]
    assert office.rows(OPEN) == []


def test_a_field_that_is_personal_now_leaves_the_cards(office: Office, customers: list[int]):
    """Those who have values are marked, page by page, once asked for (CUS-5)."""
    now, tenant_id = office.runtime.clock.now(), office.tenant.id
    with office.runtime.engine.begin() as connection:
        record_new(connection, tenant_id, Field("size", "尺码", Kind.NUMBER), now=now)
        record_edit(connection, tenant_id, Field("size", "尺码", Kind.NUMBER, personal=True))
        want_cards(connection, tenant_id, by="api:crm", now=now)
    assert [field.personal for field in load(office)] == [True]
    office.reconcile()
    assert office.rows("select customer_id from card_due order by 1") == [(one,) for one in customers[:5]]
    assert office.rows(OPEN) == []


def load(office: Office) -> list[Field]:
    with office.runtime.engine.begin() as connection:
        return load_fields(connection, office.tenant.id)


def test_cards_are_marked_in_pages(office: Office, customers: list[int]):
    """Each page goes on where the one before it ended (bounded memory)."""
    with office.runtime.engine.begin() as connection:
        places, after = [], 0
        while (found := mark_cards(connection, office.tenant.id, after=after, limit=2)) is not None:
            places.append(found)
            after = found
    assert places == [customers[1], customers[3]]
    assert office.rows("select count(*) from card_due") == [(5,)]
