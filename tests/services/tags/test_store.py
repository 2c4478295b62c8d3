"""Rows of corp tags come back as they went in, and belong to one corp."""

from datetime import date

from services.tags.draft import CataloguePlan
from services.tags.model import CORP, DELETED, TAG_CATALOGUE, Catalogue
from services.tags.store import load_catalogue, load_deletions, record_catalogue, unknown_tag_ids
from shared.db.engine import fetch_all
from shared.evidence import EvidenceRow, record_evidence
from shared.ids import InboxId, TagId
from shared.requests import Subject
from tests.services.factories import at
from tests.services.tags.catalogues import BIG, group, tag


def write(connection, tenant, plan: CataloguePlan, *, second: float = 1000, cause: str = "event"):
    record_catalogue(connection, tenant.id, plan, observed_at=at(second), why=(cause, "inbox:1"))


def test_a_catalogue_comes_back_as_it_was_written(connection, tenant, other_tenant):
    """Names, orders, times and tombstones, of this corp only (TAG-2)."""
    groups = (group("g1", name="等级 😀", sort=2**32 - 1), group("g2", deleted=900))
    tags = (tag("t1", "g1", name="Gold", sort=0), tag("t2", "g1"), tag("t3", "g2", name="old", deleted=900))
    write(connection, tenant, CataloguePlan(groups, tags))
    write(connection, other_tenant, CataloguePlan((group("g1", name="other"),)))
    assert load_catalogue(connection, tenant.id) == Catalogue(
        {one.group_id: one for one in groups}, {one.tag_id: one for one in tags}
    )
    assert load_catalogue(connection, other_tenant.id).tags == {}


def test_a_row_says_why_it_is_as_it_is(connection, tenant):
    """Cause and time are of the read that last changed it (design: every row can say why)."""
    write(connection, tenant, CataloguePlan((group("g1"),), (tag("t1", "g1", name="a"), tag("t2", "g1"))))
    write(connection, tenant, CataloguePlan((), (tag("t1", "g2", name="b"),)), second=2000, cause="resync")
    rows = fetch_all(connection, "select tag_id, group_id, name, cause, observed_at from tag order by tag_id")
    assert [tuple(row.values()) for row in rows] == [
        ("t1", "g2", "b", "resync", at(2000)),
        ("t2", "g1", None, "event", at(1000)),
    ]


def test_the_last_deletion_that_an_event_told_of_counts(connection, tenant, other_tenant):
    """Events come in any order and more than once (TAG-2)."""
    told = [(tenant, "t1", 200), (tenant, "t1", 100), (tenant, "g1", 300), (other_tenant, "t9", 400)]
    rows = [
        EvidenceRow(
            Subject(to.id, TAG_CATALOGUE, CORP), None, DELETED, at(second), {"id": one}, bytes([n]), date(2026, 3, 2),
            InboxId(n),
        )
        for n, (to, one, second) in enumerate(told)
    ]  # fmt: skip
    record_evidence(connection, rows, now=at(500))
    assert load_deletions(connection, tenant.id) == {"t1": at(200), "g1": at(300)}


def test_ids_that_the_catalogue_never_had(connection, tenant):
    """A customer may carry tags that no list shows; a deleted one was known (TAG-2)."""
    write(connection, tenant, CataloguePlan((), (tag("t1", "g1"), tag("t2", "g1", deleted=900))))
    ids = [TagId(one) for one in ("t1", "t2", "st1", "st1")]
    assert unknown_tag_ids(connection, tenant.id, ids) == ["st1"]
    assert unknown_tag_ids(connection, tenant.id, []) == []


def test_a_whole_catalogue_is_one_statement(connection, tenant):
    """Rows go in sets (TAG-2)."""
    write(connection, tenant, CataloguePlan(tuple(BIG.groups.values()), tuple(BIG.tags.values())))
    assert load_catalogue(connection, tenant.id) == BIG
