"""Entering, assigning, claiming, steps by hand: what stands in the rows then."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection

from services.finding.selection import Selection
from services.joining.join import join, unite
from services.persons.model import make_identity
from services.pool.entering import enter, enter_chosen
from services.pool.giving import Taken, assign, claim, receivers
from services.pool.leaving import leave_of_friends
from services.pool.listing import customers_to_add
from services.pool.model import Entry, NotInPoolError, PoolRefusedError, Reason, Status
from services.pool.moving import mark_added, mark_reachable, mark_unreachable, release
from services.pool.store import load_record
from services.pool.telling import tell_given
from shared.db.engine import run
from shared.ids import UserId
from shared.tenants import Tenant
from tests.services.pool.people import (
    NOW,
    act,
    add_associates,
    befriend,
    fill_pool,
    history,
    make_people,
    stand,
)

LINA, WANG = UserId("LiNa"), UserId("WangFang")


@pytest.fixture
def staff(connection: Connection, tenant: Tenant) -> None:
    add_associates(connection, tenant, LINA, WANG)


def test_entering_twice_changes_nothing_more_and_friends_do_not_enter(connection, tenant, staff):
    """Many at once; unknown ids are left out; the fact names who entered (POOL-1)."""
    one, two, friend = make_people(connection, tenant, 3)
    befriend(connection, tenant, friend, LINA)
    entries = [Entry(one, "import"), Entry(two, "shop:tmall"), Entry(friend, "import"), Entry(10**12, "import")]
    entered = enter(connection, tenant, entries, act("import"))
    assert entered.customer_ids == (one, two)
    assert [(fact.source, fact.customer_ids) for fact in entered.facts] == [("import", (one,)), ("shop:tmall", (two,))]
    assert enter(connection, tenant, entries, act("import")).customer_ids == ()
    assert history(connection, tenant, one) == [(None, "unassigned", "import")]


def test_all_that_a_select_finds_enter_without_passing_through_python(connection, tenant):
    """The import's staging table, or any filter (POOL-1)."""
    ids = make_people(connection, tenant, 30)
    chosen = Selection("select id as customer_id from customer where tenant_id = :f_t", {"f_t": tenant.id})
    assert enter_chosen(connection, tenant, chosen, source="import", act=act("import")).customer_ids == tuple(ids)


def test_a_lost_friend_enters_again_and_the_history_goes_on(connection, tenant, staff):
    """Back to the pool: a new friend request is what is left (POOL-13, ASG-9)."""
    (one,) = fill_pool(connection, tenant, 1)
    befriend(connection, tenant, one, LINA)
    assert [f.userid for f in leave_of_friends(connection, tenant.id, [one], how="contact", now=NOW)] == [LINA]
    assert enter(connection, tenant, [Entry(one, "hand")], act("entered")).customer_ids == ()
    befriend(connection, tenant, one, LINA, state="ended_by_customer")
    assert enter(connection, tenant, [Entry(one, "hand")], act("entered")).customer_ids == (one,)
    assert [step[:2] for step in history(connection, tenant, one)] == [
        (None, "unassigned"), ("unassigned", "added"), ("added", "unassigned"),
    ]  # fmt: skip


def test_assigning_changing_and_who_cannot_add_customers(connection, tenant, staff):
    """One associate each, changed while nobody has added them; who left gets nobody (POOL-3, POOL-6, ASG-9)."""
    (one,) = fill_pool(connection, tenant, 1)
    assert assign(connection, tenant, [one], LINA, act()).customer_ids == (one,)
    (fact,) = assign(connection, tenant, [one], WANG, act()).facts
    assert (fact.from_userid, fact.userid, fact.customer_ids) == (LINA, WANG, (one,))
    assert assign(connection, tenant, [one], WANG, act()).facts == ()
    assert stand(connection, tenant) == {one: ("assigned", WANG)}
    run(connection, "update associate set gone_at = :now where userid = 'LiNa'", now=NOW)
    with pytest.raises(PoolRefusedError, match="LiNa cannot add"):
        assign(connection, tenant, [one], LINA, act())


def test_a_claim_takes_only_who_is_unassigned_and_says_who_has_the_others(connection, tenant, staff):
    """One wins; a repeat of one's own claim is no refusal (POOL-5)."""
    one, two, three = fill_pool(connection, tenant, 3)
    claim(connection, tenant, [one], LINA, act("claim"))
    mark_added(connection, tenant, three, userid=None, act=act("added"))
    late = claim(connection, tenant, [one, two, three, 10**12], WANG, act("claim"))
    assert late.customer_ids == (two,)
    assert set(late.refused) == {
        Taken(one, Status.ASSIGNED, LINA), Taken(three, Status.ADDED, None), Taken(10**12, None, None),
    }  # fmt: skip
    assert claim(connection, tenant, [two], WANG, act("claim")).refused == ()
    assert tell_given(connection, tenant.id, after=timedelta(0), now=NOW) == []


def test_a_department_shares_among_members_whose_main_department_it_is(connection, tenant, staff):
    """In sight and with the function; nobody there is refused (POOL-11, ASG-11)."""
    add_associates(connection, tenant, "Elsewhere", department_id=2)
    run(connection, "update associate set in_sight = false where userid = 'WangFang'")
    assert receivers(connection, tenant.id, [], [1]) == (LINA,)
    assert receivers(connection, tenant.id, [UserId("Elsewhere")], [1]) == ("Elsewhere", LINA)
    with pytest.raises(PoolRefusedError, match="nobody"):
        receivers(connection, tenant.id, [], [3])


def test_unreachable_with_a_reason_and_back(connection, tenant, staff):
    """Only whose they are may say so; the words are encrypted where they lie (POOL-8)."""
    (one,) = fill_pool(connection, tenant, 1)
    assign(connection, tenant, [one], LINA, act())
    with pytest.raises(PoolRefusedError, match="theirs"):
        mark_unreachable(connection, tenant, one, Reason.NO_ANSWER, note=None, userid=WANG, act=act("unreachable"))
    mark_unreachable(connection, tenant, one, Reason.OTHER, note="moved", userid=LINA, act=act("unreachable"))
    record = load_record(connection, tenant, one)
    assert (record.status, record.reason, record.note, record.userid) == ("unreachable", "other", "moved", LINA)
    assert "moved" not in repr(record)
    mark_reachable(connection, tenant, one, userid=LINA, act=act("reachable"))
    assert stand(connection, tenant) == {one: ("assigned", LINA)}
    assert load_record(connection, tenant, one).note is None


def test_released_customers_are_to_be_assigned_anew(connection, tenant, staff):
    """By an operator, or by whose they are; who is nobody's is not there to be released (POOL-10, POOL-13)."""
    one, two = fill_pool(connection, tenant, 2)
    assign(connection, tenant, [one, two], LINA, act())
    with pytest.raises(NotInPoolError):
        release(connection, tenant, [one], userid=WANG, act=act("released"))
    (fact,) = release(connection, tenant, [one], userid=LINA, act=act("released"))
    assert (fact.from_userid, fact.customer_ids) == (LINA, (one,))
    assert stand(connection, tenant) == {one: ("unassigned", None), two: ("assigned", LINA)}


def test_an_associate_is_told_once_however_many_they_were_given(connection, tenant, staff):
    """All within some seconds are one message with the count; one is told as one (POOL-7)."""
    ids = fill_pool(connection, tenant, 5)
    for one in ids[:4]:
        assign(connection, tenant, [one], LINA, act())
    assign(connection, tenant, ids[4:], WANG, act())
    seconds = timedelta(seconds=10)
    assert tell_given(connection, tenant.id, after=seconds, now=NOW + timedelta(seconds=9)) == []
    told = tell_given(connection, tenant.id, after=seconds, now=NOW + seconds)
    assert [(t.fact.userid, t.fact.count, t.fact.customer_id) for t in told] == [(LINA, 4, None), (WANG, 1, ids[4])]
    assert tell_given(connection, tenant.id, after=seconds, now=NOW + seconds) == []


def test_records_of_two_who_are_one_become_one(connection, tenant, staff):
    """The one that is furthest stays, the histories go together; a friend leaves the pool (POOL-9, CUS-9)."""
    one, two, friend = fill_pool(connection, tenant, 3)
    assign(connection, tenant, [two], LINA, act())
    unite(connection, tenant, one, [two], how="person", now=NOW)
    assert stand(connection, tenant)[one] == ("assigned", LINA) and two not in stand(connection, tenant)
    assert load_record(connection, tenant, two).customer_id == one
    befriend(connection, tenant, friend, WANG)
    joined = unite(connection, tenant, friend, [one], how="person", now=NOW)
    assert joined.customer_id == friend
    assert stand(connection, tenant) == {friend: ("added", WANG)}
    assert history(connection, tenant, friend)[-1] == ("assigned", "added", "recognised")


def test_an_associate_finds_their_own_by_part_of_a_name_or_number(connection, tenant, staff):
    """Only their own, decrypted in memory; newest first (POOL-8)."""
    ids = []
    for name, phone in (("王小明", "13800138000"), ("李小红", "13900139000"), ("Zhao Min", "13700137000")):
        identity = make_identity("phone", phone, region="CN")
        ids.append(join(connection, tenant, [identity], {"real_name": name}, now=NOW).customer_id)
    enter(connection, tenant, [Entry(one, "hand") for one in ids], act("entered"))
    assign(connection, tenant, ids[:2], LINA, act())
    assign(connection, tenant, ids[2:], WANG, act())

    def found(userid: UserId, part: str | None) -> list[str | None]:
        return [one.real_name for one in customers_to_add(connection, tenant, userid, part=part)]

    assert found(LINA, None) == ["王小明", "李小红"]
    assert found(LINA, "小") == ["王小明", "李小红"] and found(LINA, "小红") == ["李小红"]
    assert found(LINA, "139 0013") == ["李小红"]
    assert found(LINA, "1370") == [] and found(WANG, "zhao") == ["Zhao Min"]
