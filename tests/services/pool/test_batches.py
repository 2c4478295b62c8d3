"""Many customers to many associates: equal shares of the whole, over chunks, crashes and others who take some."""

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import Connection, Engine

from services.finding.selection import Selection
from services.pool.batches import Batch, ask_batch, cancel_batch, deal, load_batch, running_batches
from services.pool.entering import enter
from services.pool.giving import assign, claim
from services.pool.leaving import leave_of_friends
from services.pool.listing import PoolChoice, selection_of
from services.pool.model import Dealing, Entry, PoolRefusedError, Status
from services.pool.moving import release
from services.pool.plan import spread
from services.pool.telling import tell_given
from shared.db.engine import fetch_all, run, transact
from shared.ids import CustomerId, UserId
from shared.tenants import Tenant
from tests.services.pool.people import (
    NOW,
    act,
    add_associates,
    befriend,
    fill_pool,
    history,
    make_people,
    sizes,
    stand,
)

STAFF = [UserId(f"u{n}") for n in range(7)]


def ask(connection: Connection, tenant: Tenant, *, how: Dealing = "turns", also: bool = False) -> Batch:
    chosen = selection_of(tenant.id, PoolChoice())
    return ask_batch(connection, tenant, chosen, STAFF, how=how, also_assigned=also, act=act("batch"))


def deal_all(engine: Engine, tenant: Tenant, batch: Batch) -> None:
    while transact(engine, lambda c: deal(c, tenant.id, batch.id, now=NOW, chunk=10)) is not None:
        pass


@pytest.mark.parametrize("how", ["turns", "random"])
def test_a_batch_deals_as_the_pure_function_does(connection, tenant, how):
    """SQL and Python agree on who gets how many; each customer has one associate (POOL-4)."""
    add_associates(connection, tenant, *STAFF)
    fill_pool(connection, tenant, 45)
    batch = ask(connection, tenant, how=how)
    facts = deal(connection, tenant.id, batch.id, now=NOW) or ()
    assert sizes(connection, tenant) == spread(45, STAFF, how, seed=batch.id)
    assert sum(len(fact.customer_ids) for fact in facts) == 45
    done = load_batch(connection, tenant.id, batch.id)
    assert (done.state, done.total_count, done.assigned_count) == ("done", 45, 45)
    assert {user: len(ids) for user, ids in _whose(facts).items()} == sizes(connection, tenant)


def _whose(facts):
    return {fact.userid: fact.customer_ids for fact in facts}


def test_a_batch_takes_only_who_waits_unless_all_are_to_change_hands(connection, tenant):
    """Who is assigned stays, or moves at once where that is asked; who was added never moves (POOL-6, TRF-1)."""
    add_associates(connection, tenant, *STAFF)
    one, two, added = fill_pool(connection, tenant, 3)
    assign(connection, tenant, [one], STAFF[0], act())
    befriend(connection, tenant, added, STAFF[1])
    leave_of_friends(connection, tenant.id, [added], how="contact", now=NOW)
    assert ask(connection, tenant).total_count == 1
    theirs = selection_of(tenant.id, PoolChoice(statuses=(Status.ASSIGNED,), userids=(STAFF[0],)))
    batch = ask_batch(connection, tenant, theirs, [STAFF[3]], how="turns", also_assigned=True, act=act("batch"))
    deal(connection, tenant.id, batch.id, now=NOW)
    assert stand(connection, tenant) == {
        one: ("assigned", STAFF[3]), two: ("unassigned", None), added: ("added", STAFF[1]),
    }  # fmt: skip


def test_a_batch_that_was_killed_goes_on_at_the_very_turn(committed, corp):
    """Nobody is assigned twice, and the whole is even, wherever it was cut off (POOL-4)."""
    with committed.begin() as connection:
        add_associates(connection, corp, *STAFF)
        ids = fill_pool(connection, corp, 95)
        batch = ask(connection, corp, how="random")
    for _ in range(4):
        transact(committed, lambda c: deal(c, corp.id, batch.id, now=NOW, chunk=10))
        with committed.connect() as dies:  # dealt, and never committed
            deal(dies, corp.id, batch.id, now=NOW, chunk=10)
    with committed.begin() as connection:
        assert load_batch(connection, corp.id, batch.id).reached == 40
    deal_all(committed, corp, batch)
    with committed.begin() as connection:
        assert sizes(connection, corp) == spread(95, STAFF, "random", seed=batch.id)
        assert all(len(history(connection, corp, one)) == 2 for one in ids)
        assert not fetch_all(connection, "select 1 from pool_batch_row where tenant_id = :id", id=corp.id)
        (told, *more) = tell_given(connection, corp.id, after=NOW - NOW, now=NOW)
        assert {t.fact.userid: t.fact.count for t in (told, *more)} == sizes(connection, corp)


def test_shares_stay_even_when_others_take_some_meanwhile_and_an_associate_leaves(committed, corp):
    """Who was claimed takes no turn; who left gets nobody more (POOL-4, POOL-5, POOL-10)."""
    with committed.begin() as connection:
        add_associates(connection, corp, *STAFF, "Claimer")
        ids = fill_pool(connection, corp, 100)
        batch = ask(connection, corp)
        deal(connection, corp.id, batch.id, now=NOW, chunk=10)
        claim(connection, corp, [one for one in ids if one % 3 == 0], UserId("Claimer"), act("claim"))
        deal(connection, corp.id, batch.id, now=NOW, chunk=10)
        run(
            connection,
            "update associate set gone_at = :now where tenant_id = :id and userid = 'u2'",
            now=NOW,
            id=corp.id,
        )
    deal_all(committed, corp, batch)
    with committed.begin() as connection:
        shares = sizes(connection, corp)
        left, claimed = shares.pop("u2"), shares.pop("Claimer")
        assert left <= 4 and sum(shares.values()) + left + claimed == 100
        assert max(shares.values()) - min(shares.values()) <= 1


def test_nobody_is_told_before_a_batch_is_dealt_out(committed, corp):
    """One message with the whole count, not one for each chunk (POOL-7); a cancelled batch tells what it did."""
    with committed.begin() as connection:
        add_associates(connection, corp, *STAFF)
        fill_pool(connection, corp, 35)
        batch = ask(connection, corp)
        deal(connection, corp.id, batch.id, now=NOW, chunk=10)
        assert tell_given(connection, corp.id, after=NOW - NOW, now=NOW) == []
        assert (corp.id, batch.id) in running_batches(connection)
        cancel_batch(connection, corp.id, batch.id, now=NOW)
        assert sum(one.fact.count for one in tell_given(connection, corp.id, after=NOW - NOW, now=NOW)) == 10
        assert deal(connection, corp.id, batch.id, now=NOW, chunk=10) is None
        with pytest.raises(PoolRefusedError, match="cancelled"):
            cancel_batch(connection, corp.id, batch.id, now=NOW)


def at_once(*acts: Callable[[], object]) -> list[object]:
    """Run in threads that start together; what each returned or raised."""
    barrier, found = threading.Barrier(len(acts)), [None] * len(acts)

    def one(n: int) -> None:
        barrier.wait()
        try:
            found[n] = acts[n]()  # type: ignore[call-overload]
        except Exception as error:
            found[n] = error  # type: ignore[call-overload]

    threads = [threading.Thread(target=one, args=(n,)) for n in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return list(found)


def test_of_fifty_claims_at_once_exactly_one_wins(committed, corp):
    """The others are told who has them (POOL-5)."""
    staff = [UserId(f"u{n}") for n in range(50)]
    with committed.begin() as connection:
        add_associates(connection, corp, *staff)
        (one,) = fill_pool(connection, corp, 1)

    def reach(userid: UserId) -> object:
        with committed.begin() as connection:
            return claim(connection, corp, [one], userid, act("claim"))

    given = at_once(*[lambda u=u: reach(u) for u in staff])
    (winner,) = [userid for userid, got in zip(staff, given, strict=True) if got.customer_ids]  # type: ignore[attr-defined]
    with committed.begin() as connection:
        assert stand(connection, corp) == {one: ("assigned", winner)}
        assert len(history(connection, corp, one)) == 2
    losers = [got for userid, got in zip(staff, given, strict=True) if userid != winner]
    assert all([(r.status, r.userid) for r in got.refused] == [("assigned", winner)] for got in losers)  # type: ignore[attr-defined]


def test_claims_batches_entries_departures_and_friendships_at_once_lose_nothing(committed, corp):
    """No deadlock, one associate each, a history that fits together (POOL-5, POOL-9, POOL-10)."""
    with committed.begin() as connection:
        add_associates(connection, corp, *STAFF, "Claimer")
        ids = fill_pool(connection, corp, 120)
        others = make_people(connection, corp, 60)
        batch = ask(connection, corp, how="random")

    def each(work: Callable[[Connection, CustomerId], object], wanted: list[CustomerId]) -> None:
        for one in wanted:
            with committed.begin() as connection:
                work(connection, one)

    def friend(connection: Connection, one: CustomerId) -> None:
        befriend(connection, corp, one, "u0")
        leave_of_friends(connection, corp.id, [one], how="contact", now=NOW)

    def give_back(connection: Connection, one: CustomerId) -> None:
        if stand(connection, corp)[one][0] == "assigned":
            release(connection, corp, [one, ids[0], ids[-1]], act=act("released"))

    found = at_once(
        lambda: deal_all(committed, corp, batch),
        lambda: deal_all(committed, corp, batch),
        lambda: each(
            lambda c, one: claim(c, corp, [one, ids[5], one], UserId("Claimer"), act("claim")), ids[::-1][:60]
        ),
        lambda: each(lambda c, one: assign(c, corp, [ids[-7], one], STAFF[1], act()), ids[40:70]),
        lambda: each(
            lambda c, one: enter(c, corp, [Entry(one, "import"), Entry(ids[3], "import")], act("import")), others
        ),
        lambda: each(friend, ids[20:50]),
        lambda: each(give_back, ids[60:90]),
    )
    assert [error for error in found if isinstance(error, Exception) and "release" not in repr(error)] == []
    with committed.begin() as connection:
        now = stand(connection, corp)
        assert len(now) == 180 and all(now[one] == ("added", "u0") for one in ids[20:50])
        rows = fetch_all(
            connection,
            "select customer_id, from_status, to_status, from_userid, to_userid from pool_change "
            "where tenant_id = :id order by id",
            id=corp.id,
        )
    last: dict[CustomerId, tuple[str | None, str | None]] = {}
    for row in rows:  # each line begins where the one before ended: no update was lost
        assert last.get(row["customer_id"], (None, None)) == (row["from_status"], row["from_userid"])
        last[row["customer_id"]] = (row["to_status"], row["to_userid"])
    assert last == now


def test_a_selection_of_any_kind_is_dealt(connection, tenant):
    """What a filter finds, also those who are not in the pool, who are left out (POOL-4)."""
    add_associates(connection, tenant, *STAFF)
    ids = fill_pool(connection, tenant, 3)
    make_people(connection, tenant, 3)
    chosen = Selection("select id as customer_id from customer where tenant_id = :f_t", {"f_t": tenant.id})
    batch = ask_batch(connection, tenant, chosen, STAFF, how="turns", act=act("batch"))
    assert batch.total_count == len(ids)
