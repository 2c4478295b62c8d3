"""Bulk changes of customers: what was frozen is done, once each, whatever dies; stopped, gone on with, undone."""

import random
from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from services.bulk_changes import asking
from services.bulk_changes.model import BulkRefusedError, ConfirmationError, read_wanted
from services.intents.model import Source
from shared.audit import load_audit
from shared.clock import FixedClock
from shared.sync_runs import LostLeaseError
from shared.vault import Vault
from sync_worker.bulk.changes import _page
from sync_worker.bulk.forgetting import forget_old_values
from tests.sync_worker.changing import GOLD, REASON, People

MakePeople = Callable[[int], People]


@pytest.fixture
def make_people(engine: Engine, redis_url: str, vault: Vault, clock: FixedClock) -> MakePeople:
    return lambda count: People(engine, redis_url, vault, clock, count)


def test_everybody_who_was_frozen_is_changed_and_nobody_else(make_people: MakePeople) -> None:
    """Page after page; who was so already is counted apart (CUS-8)."""
    people = make_people(2300)
    outsider = people.ids.pop()
    change = people.ask()
    people.work()
    assert people.counts(change) == ("done", 1839, 460, 0)
    assert people.levels() == ["gold"] * 2299
    assert people.rows(f"select own is null from customer where id = {outsider}") == [(True,)]
    assert people.rows("select type, payload ->> 'done_count', cause, caused_by from fact") == [
        ("bulk_change_finished", "1839", "operator", f"bulk_change:{change}")
    ]
    assert people.rows("select state from sync_run") == [("done",)]


def test_an_undo_puts_back_what_was_before_and_leaves_what_changed_since(make_people: MakePeople) -> None:
    """Whoever changed something later wins, and is reported (CUS-8)."""
    people = make_people(1200)
    before = people.levels()
    change = people.ask()
    people.work()
    people.set_own(people.ids[1], level="platinum")
    people.set_own(people.ids[2], level="gold", company="晨光")
    undo = people.undo(change)
    people.work()
    assert people.counts(undo) == ("done", 959, 0, 1)
    assert people.levels() == [before[0], "platinum", *before[2:]]
    assert people.rows(f"select customer_id, reason from bulk_change_row where change_id = {undo} "
                       "and state = 'refused'") == [(people.ids[1], "changed_since")]  # fmt: skip
    assert people.rows(f"select count(*) from bulk_change_row where change_id = {change} and state = 'done'") == [(1,)]


def test_every_customer_is_changed_once_over_random_kills_and_thefts(make_people: MakePeople) -> None:
    """A page, its outcomes and where to go on are one commit; a process without the lease writes nothing (CUS-8)."""
    people = make_people(3000)
    people.act("create table written (customer_id bigint, own bytea)")
    people.act("create function note() returns trigger language plpgsql as $$ begin "
               "insert into written values (new.id, new.own); return null; end $$")  # fmt: skip
    people.act("create trigger note after update of own on customer for each row execute function note()")
    for seed in range(4):
        draw = random.Random(seed)
        people.act("truncate written")
        change = people.ask({"kind": "fields", "set": {"level": f"level {seed}"}})
        while people.change(change).state == "running":
            _do_something(people, draw)
        assert people.counts(change) == ("done", 3000, 0, 0)
        assert people.rows("select count(*), count(distinct customer_id) from written") == [(3000, 3000)]
        assert set(people.levels()) == {f"level {seed}"}


def _do_something(people: People, draw: random.Random) -> None:
    work = people.lease()
    if work is None:
        people.let_leases_end()
    elif work.run.phase == "cut" or draw.random() < 0.2:
        people.let_leases_end()
        people.step()
    else:
        with people.runtime.engine.connect() as connection:
            if draw.random() < 0.4:  # it lost the lease to somebody who has begun
                people.let_leases_end()
                assert people.lease() is not None
                with pytest.raises(LostLeaseError):
                    _page(connection, work, int(work.run.cursor or 0))
            else:
                _page(connection, work, int(work.run.cursor or 0))
                if draw.random() < 0.5:  # else it is killed before the commit
                    connection.commit()


def test_two_processes_at_once_do_each_page_once(make_people: MakePeople) -> None:
    """The second one finds the run taken (CUS-8)."""
    people = make_people(10)
    people.ask()
    assert people.step()  # the cut
    assert people.lease() is not None
    assert people.lease() is None and not people.step()


def test_a_paused_change_stands_still_and_a_cancelled_one_stays_as_it_is(make_people: MakePeople) -> None:
    """What was done stays, and can be undone (CUS-8)."""
    people = make_people(2500)
    change, engine, now = people.ask(), people.runtime.engine, people.clock.now()
    people.step()
    work = people.lease()
    assert work is not None
    with engine.begin() as connection:
        _page(connection, work, 0)
    with engine.begin() as connection:
        asking.pause(connection, people.tenant, change)
    people.let_leases_end()
    people.work()
    assert people.counts(change) == ("paused", 800, 200, 0)
    with engine.begin() as connection:
        asking.resume(connection, people.tenant, change, now=now)
        asking.cancel(connection, people.tenant, change, now=now)
    with engine.begin() as connection, pytest.raises(BulkRefusedError):
        asking.resume(connection, people.tenant, change, now=now)
    people.work()
    assert people.counts(change) == ("cancelled", 800, 200, 0)
    undo = people.undo(change)
    people.work()
    assert people.counts(undo) == ("done", 800, 0, 0)


def test_what_is_undone_is_not_undone_again(make_people: MakePeople) -> None:
    """Nor an undo, nor a change under way, nor one whose values are kept no longer (CUS-8)."""
    people = make_people(20)
    change = people.ask()
    with pytest.raises(BulkRefusedError, match="running"):
        people.undo(change)
    people.work()
    undo = people.undo(change)
    with pytest.raises(BulkRefusedError, match="already"):
        people.undo(change)
    people.work()
    assert people.change(people.undo(change)).total_count == 0
    with pytest.raises(BulkRefusedError, match="ask for the change again"):
        people.undo(undo)
    people.work()
    people.clock.advance(29 * 86_400)
    assert forget_old_values(people.runtime) == 0
    people.clock.advance(2 * 86_400)
    assert forget_old_values(people.runtime) > 0
    assert people.rows("select 1 from bulk_change_row where before is not null") == []
    with pytest.raises(BulkRefusedError, match="too long ago"):
        people.undo(change)


def test_a_count_that_is_another_one_now_is_refused(make_people: MakePeople) -> None:
    """Nothing is frozen, and the answer holds the new number (CUS-8)."""
    people = make_people(5)
    wanted = read_wanted(GOLD)
    with people.runtime.engine.connect() as connection, pytest.raises(ConfirmationError, match="EDIT 5"):
        asking.ask(
            connection, people.tenant, people.everybody(), wanted, filter_={}, reason=REASON, confirmation="EDIT 4",
            author="Zhou", source=Source.PERSON, now=people.clock.now(),
        )  # fmt: skip
    assert people.rows("select 1 from bulk_change") == []


def test_who_is_merged_or_deleted_meanwhile_is_left_out_and_told(make_people: MakePeople) -> None:
    """What was frozen is never somebody else (CUS-8)."""
    people = make_people(7)
    people.act(f"update customer set merged_into = {people.ids[0]} where id = {people.ids[6]}")
    change = people.ask()
    assert people.change(change).total_count == 6
    people.act(f"update customer set merged_into = {people.ids[0]} where id = {people.ids[1]}")
    people.act(f"delete from customer where id = {people.ids[2]}")
    people.work()
    assert people.counts(change) == ("done", 2, 2, 2)
    assert people.rows("select customer_id, reason from bulk_change_row where state = 'refused' order by 1") == [
        (people.ids[1], "gone"), (people.ids[2], "gone"),
    ]  # fmt: skip


def test_one_whose_rows_fail_costs_nobody_elses_change(make_people: MakePeople) -> None:
    """A damaged document, or a row that cannot be written, is told as failed (CUS-8)."""
    people = make_people(40)
    people.act(f"update customer set own = '\\x00' where id = {people.ids[7]}")
    people.act("create function fail() returns trigger language plpgsql as $$ begin raise 'no'; end $$")
    people.act("create trigger fail before update on customer for each row "
               f"when (new.id = {people.ids[11]}) execute function fail()")  # fmt: skip
    change = people.ask()
    people.work()
    assert people.counts(change) == ("done", 30, 8, 2)
    assert people.rows("select customer_id, reason from bulk_change_row where state = 'refused' order by 1") == [
        (people.ids[7], "failed"), (people.ids[11], "failed"),
    ]  # fmt: skip


def test_what_was_before_and_what_is_said_is_encrypted(make_people: MakePeople) -> None:
    """Neither values nor reasons lie in the clear; the audit has the end of the change (G10, ACC-2)."""
    people = make_people(10)
    change = people.ask({"kind": "fields", "set": {"company": "晨光百货"}})
    people.work()
    for table in ("bulk_change", "bulk_change_row"):
        for (row,) in people.rows(f"select to_jsonb(t)::text from {table} t"):
            for word in ("晨光".encode(), b"silver", REASON.encode()):
                assert word.hex() not in row and word.decode() not in row
    with people.runtime.engine.begin() as connection:
        (ended,) = load_audit(connection, people.tenant, "bulk_change", str(change))
    assert (ended.actor, ended.change.after["done"]) == ("Zhou", 10)
