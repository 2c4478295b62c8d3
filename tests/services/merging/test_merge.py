"""Two records of one person become one and part again: nothing is lost on either way (CUS-9)."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.merging.model import MergeRefusedError, UndoRefusedError
from services.merging.tables import DERIVED, MOVED, PASSING, SUMMED
from services.persons.plan import ContradictionError
from shared.ids import CustomerId
from tests.services.merging.conftest import World


def test_every_table_of_customers_is_known_to_merges(world: World):
    """A table with a column customer_id goes over in a merge or is computed anew; none is forgotten (CUS-9)."""
    found = world.rows(
        "select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid "
        "where c.relkind in ('r', 'p') and not c.relispartition and a.attname = 'customer_id' and not a.attisdropped "
        "and c.relnamespace = 'public'::regnamespace and :tenant_id > 0"
    )
    assert {row["name"] for row in found} == {*(one.name for one in MOVED), *SUMMED, *DERIVED, *PASSING}


def full(world: World) -> tuple[CustomerId, CustomerId]:
    """A master and another one, with something of everything, and some of it on both sides."""
    master = world.person("crm=C-1", "phone=13800138000", level="gold", attributes={"size": "M"})
    other = world.person("shop:tmall=7", "phone=13800138000", level="silver", note="tea", fields={"pet": "cat"})
    world.run("update identity set verified = true where customer_id = :id and kind = 'phone'", id=other)
    world.contact(other, "wmOther")
    for one, tags, amount in ((master, (1, 2), 100), (other, (2, 3), 50)):
        for tag in tags:
            world.tag(one, tag, by=f"by {one}")
        world.order(one, amount)
        world.event(one)
        world.score(one, 10, amount)
        for company in ("K-both", f"K-{one}"):
            world.company(one, company, role=f"of {one}")
        world.run("insert into segment_member values (:tenant_id, 1, :id, now())", id=one)
        world.run(
            "insert into blacklist_entry (tenant_id, customer_id, reason, added_at, added_by) "
            "values (:tenant_id, :id, :why, now(), 'Zhou')",
            id=one,
            why=world.tenant.cipher.encrypt(f"of {one}".encode(), "blacklist_entry.reason"),
        )
        world.run(
            "insert into customer_stage values (:tenant_id, 1, :id, :stage, now(), 'Zhou')", id=one, stage=int(one)
        )
    world.pool(master, "assigned", "LiNa")
    world.pool(other, "added")
    return master, other


def test_all_that_hangs_on_a_customer_goes_over(world: World):
    """The contact with its assignment, orders, tags, points; of what a person has once, one stays (CUS-9)."""
    master, other = full(world)
    world.merge(master, other)
    after = world.picture()
    (us, them) = (next(row for row in after["customer"] if row["id"] == one) for one in (master, other))
    assert (us["standing"], us["assigned_userid"], them["standing"], them["merged_into"]) == (
        "friend",
        "LiNa",
        "none",
        master,
    )
    for table in MOVED:
        assert (
            world.rows(f"select 1 from {table.name} where tenant_id = :tenant_id and customer_id = :id", id=other) == []
        )
    assert world.rows("select tag_id, by_whom from customer_tag where tenant_id = :tenant_id order by 1") == [
        {"tag_id": 1, "by_whom": f"by {master}"},
        {"tag_id": 2, "by_whom": f"by {master}"},
        {"tag_id": 3, "by_whom": f"by {other}"},
    ]
    assert world.rows("select score, points from customer_score where tenant_id = :tenant_id") == [
        {"score": 20, "points": 150}
    ]
    assert world.rows("select status from pool_record where tenant_id = :tenant_id") == [{"status": "added"}]
    assert world.rows("select verified from identity where tenant_id = :tenant_id and kind = 'phone'") == [
        {"verified": True}
    ]
    assert after["own"][master] == {
        "level": "gold",
        "note": "tea",
        "attributes": {"size": "M"},
        "fields": {"pet": "cat"},
    }
    assert [one.amount for one in after["purchases"][master]] == [150]
    assert world.rows("select subject_key from request where tenant_id = :tenant_id") == [{"subject_key": "wmOther"}]


def test_an_undo_makes_all_as_before(world: World):
    """Every row where it was, those that gave way too, however often (CUS-9)."""
    master, other = full(world)
    before = world.picture()
    for _ in range(2):
        done = world.undo(world.merge(master, other, "level"))
        assert (done.kept_count, done.kept_fields) == (0, ())
        assert world.picture() == before


def test_what_came_or_changed_since_stays_and_is_said(world: World):
    """A new order, a tag that was taken off, an edited field, a stage that was left (CUS-9)."""
    master, other = full(world)
    world.run("delete from customer_stage where customer_id = :id", id=master)
    merge_id = world.merge(master, other)
    theirs = world.rows("select order_id from customer_order where tenant_id = :tenant_id and amount = 50")
    new = world.order(master, 7)
    world.run("delete from customer_tag where tenant_id = :tenant_id and tag_id = 3")
    world.run("update customer_stage set stage_id = 99 where tenant_id = :tenant_id")
    done = world.undo(merge_id)
    assert {(one.table, one.key.get("tag_id")) for one in done.kept} == {("customer_tag", 3), ("customer_stage", None)}
    assert done.kept_count == 2
    held = world.rows(
        "select order_id from customer_order where tenant_id = :tenant_id and customer_id = :id", id=other
    )
    assert held == theirs
    assert {"order_id": new} in world.rows(
        "select order_id from customer_order where tenant_id = :tenant_id and customer_id = :id", id=master
    )
    assert world.rows("select customer_id, stage_id from customer_stage where tenant_id = :tenant_id") == [
        {"customer_id": master, "stage_id": 99}
    ]


def test_contradicting_identities_are_no_one_person(world: World):
    """Both have a WeCom contact, or a crm id: refused, with what differs (CUS-9)."""
    one, two = world.person("crm=C-1"), world.person("crm=C-2")
    world.contact(one, "wmOne")
    world.contact(two, "wmTwo")
    with pytest.raises(ContradictionError, match="crm, external_userid differ"):
        world.merge(one, two)


def test_what_is_one_or_gone_already_is_refused(world: World):
    """A record is never merged into itself, so that ids lead somewhere and never in a circle (CUS-9)."""
    one, two, three = (world.person() for _ in range(3))
    world.merge(one, two)
    for master, other in ((one, one), (one, two), (two, one), (three, two), (one, CustomerId(10**9))):
        with pytest.raises(MergeRefusedError):
            world.merge(master, other)
    assert world.merge(two, three)  # the id of a merged record leads to its master
    assert {row["merged_into"] for row in world.picture()["customer"]} == {None, one}


def test_merges_are_undone_from_the_last_one_back(world: World):
    """A record that was itself merged on cannot give back yet; it is said which merge to undo first (CUS-9)."""
    a, b, c = (world.person(f"crm=C-{n}") if n == 1 else world.person(f"shop:s=C-{n}") for n in range(3))
    before = world.picture()
    first = world.merge(b, a)
    second = world.merge(c, b)
    with pytest.raises(UndoRefusedError, match=f"undo merge {second} first"):
        world.undo(first)
    world.undo(second)
    assert next(row["merged_into"] for row in world.picture()["customer"] if row["id"] == a) == b
    world.undo(first)
    assert world.picture() == before
    with pytest.raises(UndoRefusedError, match="already"):
        world.undo(first)


def test_an_earlier_merge_can_be_undone_beside_a_later_one(world: World):
    """What gave way to a row that goes stands again: the later record's tag is not lost (CUS-9)."""
    master, first, second = (world.person() for _ in range(3))
    world.tag(first, 1)
    world.tag(second, 1)
    before = world.picture()
    one, two = world.merge(master, first), world.merge(master, second)
    world.undo(one)
    assert [row["customer_id"] for row in world.rows("select customer_id from customer_tag order by 1")] == [
        master,
        first,
    ]
    world.undo(two)
    assert world.picture() == before


def test_points_that_are_spent_cannot_go_back(world: World):
    """Refused with the numbers (CUS-9)."""
    master, other = world.person(), world.person()
    world.score(other, 0, 100)
    merge_id = world.merge(master, other)
    world.run("update customer_score set points = 40 where tenant_id = :tenant_id")
    with pytest.raises(UndoRefusedError, match="only 40"):
        world.undo(merge_id)


STEPS = st.lists(st.tuples(st.booleans(), st.integers(0, 4), st.integers(0, 4)), max_size=12)


@given(STEPS)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_is_merged_and_undone_nothing_is_lost(world: World, steps: list[tuple[bool, int, int]]):
    """Orders, events and identities are all there at each step, at records that stand; at last all is as before."""
    nested = world.connection.begin_nested()
    people = [world.person(f"shop:s{n}=1", "phone=13800138000", level=str(n)) for n in range(5)]
    for n, one in enumerate(people):
        world.order(one)
        world.event(one)
        world.tag(one, n % 2)
        world.score(one, n, n)
    before, done = world.picture(), list[int]()
    for merges, a, b in steps:
        try:
            if merges:
                done.append(world.merge(people[a], people[b]))
            elif done:
                world.undo(done[a % len(done)])
        except (MergeRefusedError, UndoRefusedError):
            continue
        lost = "select 1 from {} t join customer u on u.id = t.customer_id where u.merged_into is not null"
        for table, count in (("customer_order", 5), ("customer_event", 5)):
            assert world.rows(f"select count(*)::int as n from {table}") == [{"n": count}]
            assert world.rows(lost.format(table)) == []
        assert world.rows("select count(distinct (kind, hmac))::int as n from identity") == [{"n": 6}]
        assert world.rows(lost.format("identity")) == []
    for merge_id in reversed(done):
        try:
            world.undo(merge_id)
        except UndoRefusedError as error:
            assert "already" in str(error)
    assert world.picture() == before
    nested.rollback()
