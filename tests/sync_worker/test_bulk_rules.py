"""Bulk changes of stages, scores and points, and their undoing."""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from services.bulk_changes.model import BulkRefusedError
from shared.clock import FixedClock
from shared.vault import Vault
from tests.sync_worker.changing import People

MakePeople = Callable[[int], People]


@pytest.fixture
def make_people(engine: Engine, redis_url: str, vault: Vault, clock: FixedClock) -> MakePeople:
    return lambda count: People(engine, redis_url, vault, clock, count)


def test_customers_enter_a_stage_and_go_back_if_nobody_moved_them_since(make_people: MakePeople) -> None:
    """Whoever a person or a rule has moved later stays there (STG-1)."""
    people = make_people(4)
    tenant = people.tenant.id
    people.act(f"insert into stage_line (tenant_id, name, position, created_at) values ({tenant}, 'line', 1, now())")
    for n in (1, 2):
        people.act("insert into stage (tenant_id, line_id, name, position, created_at) "
                   f"values ({tenant}, 1, 'stage {n}', {n}, now())")  # fmt: skip
    people.act(f"insert into customer_stage values ({tenant}, 1, {people.ids[0]}, 1, now(), 'Zhou')")
    people.act(f"insert into customer_stage values ({tenant}, 1, {people.ids[1]}, 2, now(), 'Zhou')")
    change = people.ask({"kind": "stage", "stage_id": 2})
    people.work()
    assert people.counts(change) == ("done", 3, 1, 0)
    people.act(f"update customer_stage set by_whom = 'rule:9' where customer_id = {people.ids[3]}")
    undo = people.undo(change)
    people.work()
    assert people.counts(undo) == ("done", 2, 0, 1)
    assert people.rows("select customer_id, stage_id from customer_stage order by 1") == [
        (people.ids[0], 1), (people.ids[1], 2), (people.ids[3], 2),
    ]  # fmt: skip
    leave = people.ask({"kind": "stage", "line_id": 1})
    people.work()
    assert people.counts(leave) == ("done", 3, 1, 0)
    with pytest.raises(BulkRefusedError):
        people.ask({"kind": "stage", "stage_id": 9})


def test_points_are_adjusted_once_and_never_below_zero(make_people: MakePeople) -> None:
    """Each with an entry of the ledger; an undo is the opposite entry (CUS-11)."""
    people = make_people(2)
    change = people.ask({"kind": "score", "account": "points", "amount": 5})
    people.work()
    people.act(f"update customer_score set points = 2 where customer_id = {people.ids[1]}")
    undo = people.undo(change)
    people.work()
    assert people.counts(undo) == ("done", 1, 0, 1)
    assert people.rows("select points from customer_score order by customer_id") == [(0,), (2,)]
    assert people.rows("select amount from score_entry order by id") == [(5,), (5,), (-5,)]
    assert people.rows("select reason from bulk_change_row where state = 'refused'") == [("too_few",)]
