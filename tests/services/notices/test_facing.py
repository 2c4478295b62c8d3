"""Cards of somebody whose record was merged since: what they tell of goes by the one that stands."""

from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import Connection, Engine

from services.merging.merge import merge
from services.message_cards.model import QUESTION, Button
from services.message_cards.pages import press_on_page
from services.notes.model import NoteAdded
from services.notices.named import load_named
from services.notices.settled import Says
from services.notices.store import Caused, record_facts_and_notices
from services.planning import Fact
from services.pool.entering import enter
from services.pool.giving import assign
from services.pool.leaving import leave_of_friends
from services.pool.model import Act, Entry
from services.pool.moving import mark_added, mark_reachable
from services.pool.telling import tell_given
from services.watching.model import CustomerNotContacted
from shared.clock import FixedClock
from shared.ids import CustomerId, OutboxId, UserId
from shared.vault import Vault
from tests.services.pool.people import befriend
from tests.services.rules.shop import Shop, open_shop

LINA = UserId("LiNa")


@pytest.fixture
def shop(engine: Engine, vault: Vault, clock: FixedClock, redis_url: str) -> Shop:
    """LiNa was given whom she is to add."""
    shop = open_shop(engine, vault, clock, redis_url)
    shop.run(
        "insert into associate (tenant_id, userid, name, observed_at) select 1, u, u, now() "
        "from unnest(array['LiNa', 'WangFang']) u on conflict do nothing"
    )
    return shop


def tell(shop: Shop, connection: Connection, facts: list[Fact]) -> None:
    caused = [Caused(one, "operator") for one in facts]
    record_facts_and_notices(connection, shop.tenant, caused, now=shop.now, ttl_s=86_400)


def give(shop: Shop, connection: Connection, id_: CustomerId, *, to: UserId) -> None:
    act = Act("operator", "test", shop.now)
    enter(connection, shop.tenant, [Entry(id_, "import", None)], act)
    given = assign(connection, shop.tenant, [id_], to, act)
    told = tell_given(connection, shop.tenant.id, after=timedelta(), now=shop.now)
    tell(shop, connection, [*given.facts, *(one.fact for one in told)])


def add(shop: Shop, connection: Connection, id_: CustomerId) -> None:
    act = Act("added", "associate:LiNa", shop.now)
    tell(shop, connection, list(mark_added(connection, shop.tenant, id_, userid=LINA, act=act)))


def test_a_card_of_a_record_that_was_merged_says_what_holds(shop: Shop):
    """Whom it tells of is added under the id of the other record (POOL-8, CUS-9)."""
    a, b = (CustomerId(one) for one in shop.customers(2))
    shop.do(partial(give, shop), b, to=LINA)
    shop.run("update outbox set state = 'sent', settled_at = :now, response_code = 'x'", now=shop.now)
    shop.do(merge, shop.tenant, a, b, by="x", now=shop.now)
    shop.do(partial(add, shop), b)
    says = "select causes -> 0 ->> 'says' from outbox where channel = 'wecom_card'"
    assert shop.rows(says) == [("added",)]


@pytest.mark.parametrize("friend", ["LiNa", "WangFang"])
def test_a_card_says_that_somebody_was_added_whoever_added_them(shop: Shop, friend: str):
    """LiNa was given them and has the card; they become her friend, or somebody else's (POOL-8, POOL-9)."""
    (a,) = (CustomerId(one) for one in shop.customers(1))
    shop.do(partial(give, shop), a, to=LINA)
    shop.run("update outbox set state = 'sent', settled_at = :now, response_code = 'x'", now=shop.now)

    def become_friends(connection: Connection) -> None:
        befriend(connection, shop.tenant, a, friend)
        tell(shop, connection, list(leave_of_friends(connection, shop.tenant.id, [a], how="contact", now=shop.now)))

    shop.do(become_friends)
    assert shop.rows("select causes -> 0 ->> 'says' from outbox where channel = 'wecom_card'") == [("added",)]


def test_who_can_be_reached_again_may_be_unreachable_again(shop: Shop):
    """An associate's press, and then, about what holds by now, that of whoever is above them (POOL-8)."""
    shop.run("update associate set direct_leaders = '{WangFang}' where userid = 'LiNa'")
    (a,) = (CustomerId(one) for one in shop.customers(1))
    shop.do(partial(give, shop), a, to=LINA)
    for userid, reason in ((LINA, "no_wechat"), (UserId("WangFang"), "no_answer")):
        says = shop.do(press_on_page, shop.tenant, OutboxId(1), Button.UNREACHABLE, selected={QUESTION: reason},
                       by=userid, address=None, now=shop.now, ttl_s=86_400)  # fmt: skip
        assert says is Says.UNREACHABLE
        assert shop.rows("select status, reason from pool_record") == [("unreachable", reason)]
        shop.do(mark_reachable, shop.tenant, a, userid=None, act=Act("reachable", "api:crm", shop.now))
    assert shop.rows("select count(*) from fact where type = 'pool_unreachable'") == [(2,)]


def test_what_waits_of_a_record_that_was_merged_is_taken_back(shop: Shop):
    """Given to somebody else under the id of the other record: the first is not told any more (POOL-6, CUS-9)."""
    a, b = (CustomerId(one) for one in shop.customers(2))
    shop.do(partial(give, shop), b, to=LINA)
    shop.do(merge, shop.tenant, a, b, by="x", now=shop.now)
    shop.do(partial(give, shop), a, to=UserId("WangFang"))
    assert shop.rows("select recipient, state from outbox where notice = 'pool_given' order by id")[0] == (
        "LiNa", "withdrawn",
    )  # fmt: skip


def silence(shop: Shop, customer_id: CustomerId) -> CustomerNotContacted:
    since = (shop.now - timedelta(days=30)).isoformat()
    return CustomerNotContacted(
        occurred_at=shop.now, customer_id=customer_id, external_userid=None, userid=LINA, stage_id=None, since=since,
        source=None, days=30, number=1,
    )  # fmt: skip


def test_a_contact_with_the_record_that_stands_ends_the_silence_of_the_merged_one(shop: Shop):
    """They are one person now: nobody need call whom they have just called (STG-2, CUS-9)."""
    a, b = (CustomerId(one) for one in shop.customers(2))
    shop.do(lambda connection: tell(shop, connection, [silence(shop, b)]))
    shop.do(merge, shop.tenant, a, b, by="x", now=shop.now)
    shop.do(lambda connection: tell(shop, connection, [NoteAdded(occurred_at=shop.now, note_id=1, customer_id=a)]))
    assert shop.rows("select state from outbox") == [("withdrawn",)]


def test_who_was_merged_since_has_the_name_of_the_record_that_stands(shop: Shop):
    """Their contacts went over to it (CUS-9)."""
    a, b = (CustomerId(one) for one in shop.customers(2))
    shop.run(
        "insert into external_contact (tenant_id, external_userid, customer_id, name, cause) "
        "values (1, 'wmB', :b, '陈晨', 'event')",
        b=b,
    )
    shop.do(merge, shop.tenant, a, b, by="x", now=shop.now)
    assert shop.do(load_named, shop.tenant.id, "customer", [a, b]) == {a: "wmB", b: "wmB"}
