"""Bulk changes of local tags, custom fields and the blacklist, and their undoing."""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from services.blacklist.store import load_entries
from services.bulk_changes.model import BulkRefusedError
from services.persons.store import load_own
from shared.clock import FixedClock
from shared.vault import Vault
from tests.sync_worker.changing import REASON, People

MakePeople = Callable[[int], People]


@pytest.fixture
def make_people(engine: Engine, redis_url: str, vault: Vault, clock: FixedClock) -> MakePeople:
    def make(count: int) -> People:
        people = People(engine, redis_url, vault, clock, count)
        for n, kind in enumerate(("manual", "manual", "automatic"), start=1):
            people.act("insert into local_tag (tenant_id, group_id, kind, name, position, created_at) "
                       f"values ({people.tenant.id}, 1, '{kind}', 'tag {n}', {n}, now())")  # fmt: skip
        people.act("insert into local_tag_group (tenant_id, of, name, position, created_at) "
                   f"values ({people.tenant.id}, 'customer', 'levels', 1, now())")  # fmt: skip
        return people

    return make


def worn(people: People) -> list[tuple[int, int]]:
    """(place of the customer, tag)."""
    rows = people.rows("select customer_id, tag_id from customer_tag order by 1, 2")
    return [(people.ids.index(customer_id), tag) for customer_id, tag in rows]


def give(people: People, place: int, tag: int) -> None:
    people.act(f"insert into customer_tag values ({people.tenant.id}, {people.ids[place]}, {tag}, now(), 'Chen')")


def test_local_tags_are_given_taken_and_replaced_and_an_undo_restores_them(make_people: MakePeople) -> None:
    """Who had the tag keeps it after an undo; so does whoever got it from somebody else since (TAG-3)."""
    people = make_people(4)
    give(people, 0, 1)
    give(people, 1, 2)
    before = worn(people)
    change = people.ask({"kind": "local_tags", "add": ["local:1"], "remove": ["local:2"]})
    people.work()
    assert people.counts(change) == ("done", 3, 1, 0)
    assert worn(people) == [(0, 1), (1, 1), (2, 1), (3, 1)]
    people.act(f"update customer_tag set by_whom = 'Chen' where customer_id = {people.ids[3]}")
    give(people, 1, 2)
    undo = people.undo(change)
    people.work()
    assert people.counts(undo) == ("done", 2, 0, 1)
    assert worn(people) == [*before, (3, 1)]
    assert people.rows(f"select customer_id, state, reason from bulk_change_row where change_id = {undo} "
                       "and reason is not null order by 1") == [
        (people.ids[1], "done", "changed_since"), (people.ids[3], "refused", "changed_since"),
    ]  # fmt: skip
    people.ask({"kind": "local_tags", "only": {"1": ["local:2"]}})
    people.work()
    assert worn(people) == [(0, 2), (1, 2), (2, 2), (3, 2)]


def test_a_tag_that_is_deleted_meanwhile_is_given_to_nobody(make_people: MakePeople) -> None:
    """The rest of the customers is told so; automatic tags are not given by hand (TAG-1, TAG-3)."""
    people = make_people(3)
    change = people.ask({"kind": "local_tags", "add": ["local:1"]})
    people.act("update local_tag set deleted_at = now() where id = 1")
    people.work()
    assert people.counts(change) == ("done", 0, 0, 3)
    assert people.rows("select distinct reason from bulk_change_row") == [("unwanted",)]
    for tag in ("local:1", "local:3", "etGold"):
        with pytest.raises(BulkRefusedError):
            people.ask({"kind": "local_tags", "add": [tag]})


def test_custom_fields_are_checked_set_and_put_back(make_people: MakePeople) -> None:
    """Key by key, beside what else is there (CUS-5, CUS-8)."""
    people = make_people(3)
    people.act("insert into custom_field (tenant_id, key, name, kind, personal, position, created_at) "
               f"values ({people.tenant.id}, 'visits', '到店', 'number', false, 1, now())")  # fmt: skip
    people.set_own(people.ids[1], level="silver", fields={"visits": 2, "other": "x"})
    change = people.ask({"kind": "fields", "set": {"fields": {"visits": 5}}})
    people.work()
    with people.runtime.engine.begin() as connection:
        own = load_own(connection, people.tenant, people.ids)
    assert own[people.ids[1]] == {"level": "silver", "fields": {"visits": 5, "other": "x"}}
    assert own[people.ids[2]] == {"fields": {"visits": 5}}
    people.work()
    people.undo(change)
    people.work()
    with people.runtime.engine.begin() as connection:
        own = load_own(connection, people.tenant, people.ids)
    assert own[people.ids[1]] == {"level": "silver", "fields": {"visits": 2, "other": "x"}}
    assert own[people.ids[2]] == {}
    for wrong in ({"visits": "many"}, {"nothing": 1}):
        with pytest.raises(BulkRefusedError):
            people.ask({"kind": "fields", "set": {"fields": wrong}})


def test_the_blacklist_by_the_many_and_back(make_people: MakePeople) -> None:
    """With the change's reason; who was on it stays on it, with theirs (CUS-10)."""
    people = make_people(3)
    alone = people.ask({"kind": "blacklist", "listed": True}, ids=people.ids[:1])
    people.work()
    change = people.ask({"kind": "blacklist", "listed": True})
    people.work()
    assert people.counts(change) == ("done", 2, 1, 0)
    people.undo(change)
    people.work()
    assert people.rows("select customer_id from blacklist_entry where ended_at is null") == [(people.ids[0],)]
    off = people.ask({"kind": "blacklist", "listed": False})
    people.work()
    assert people.counts(off) == ("done", 1, 2, 0)
    people.undo(off)
    people.work()
    with people.runtime.engine.begin() as connection:
        entries = load_entries(connection, people.tenant, people.ids[0])
    assert [(one.reason, one.ended_at is None) for one in entries] == [(REASON, True), (REASON, False)]
    assert people.rows("select type, count(*) from fact where type like 'customer_%' group by 1 order by 1") == [
        ("customer_blacklisted", 4), ("customer_unblacklisted", 3),
    ]  # fmt: skip
    people.undo(alone)
    people.work()
    assert people.rows("select count(*) from blacklist_entry where ended_at is null") == [(1,)]


def test_the_pool_is_shared_out_evenly_over_any_filter(make_people: MakePeople) -> None:
    """Sizes differ by one at most, also over pages; an undo releases whoever has not moved since (POOL-4)."""
    people = make_people(2105)
    tenant, now = people.tenant.id, f"'{people.clock.now().isoformat()}'"
    for userid in ("LiNa", "WangFang", "ZhaoMin"):
        people.act("insert into associate (tenant_id, userid, in_sight, has_contact, observed_at, cause) "
                   f"values ({tenant}, '{userid}', true, true, now(), 'event')")  # fmt: skip
    people.act("insert into pool_record (tenant_id, customer_id, status, source, by_whom, status_at, created_at) "
               f"select tenant_id, id, 'unassigned', 'hand', 'Zhou', {now}, {now} from customer "
               f"where id <> {people.ids[0]}")  # fmt: skip
    change = people.ask({"kind": "pool", "userids": ["LiNa", "WangFang", "ZhaoMin"]})
    people.work()
    assert people.counts(change) == ("done", 2104, 0, 1)
    sizes = people.rows("select count(*) from pool_record where status = 'assigned' group by userid order by 1")
    assert sizes == [(701,), (701,), (702,)]
    people.clock.advance(60)
    people.act("update pool_record set status = 'unreachable', status_at = status_at + interval '1 s' "
               f"where customer_id = {people.ids[9]}")  # fmt: skip
    undo = people.undo(change)
    people.work()
    assert people.counts(undo) == ("done", 2103, 0, 1)
    assert people.rows("select status, count(*) from pool_record group by 1 order by 1") == [
        ("unassigned", 2103), ("unreachable", 1),
    ]  # fmt: skip
    with pytest.raises(BulkRefusedError):
        people.ask({"kind": "pool", "userids": ["Nobody"]})
