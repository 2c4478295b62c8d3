"""A tag that a rule enforces comes back, whoever takes it off, and that is told as drift (TAG-2, TAG-5)."""

from collections.abc import Iterator

import pytest

from services.bulk.model import JobRefusedError
from services.bulk.store import ask_job
from services.customers.choice import Choice
from services.intents.model import Source, WishRefusedError
from services.intents.rules import count_drift, end_rule
from shared.clock import EPOCH
from tests.sync_worker.shops import MakeOffice
from tests.sync_worker.wishing import Shop


@pytest.fixture
def shop(make_office: MakeOffice) -> Iterator[Shop]:
    yield Shop(make_office(deletion_lag_s=0))


def _look(shop: Shop) -> None:
    shop.office.want(shop.key)
    shop.office.reconcile()


def test_what_an_associate_takes_off_comes_back_and_is_drift(shop: Shop) -> None:
    """First it is put on, without a word; later it returns, and the taking off is a fact, once."""
    rule = shop.keep_on()
    _look(shop)
    assert shop.pair()["tags"] == [shop.kept]
    assert shop.office.rows("select 1 from fact where type = 'relation_tag_drift'") == []
    shop.edit_there(tags=[])
    _look(shop)
    assert shop.pair()["tags"] == [shop.kept]
    assert shop.office.rows("select corp_tag_ids from relation") == [([shop.kept],)]
    facts = shop.office.rows("select payload -> 'rule_id', payload ->> 'tag_id' from fact "
                             "where type = 'relation_tag_drift'")  # fmt: skip
    assert facts == [(rule.id, shop.kept)]
    assert shop.office.rows("select author, source, state from intent order by id") == [
        ("必有", "rule", "confirmed"),
        ("必有", "rule", "confirmed"),
    ]
    with shop.office.runtime.engine.begin() as connection:
        assert count_drift(connection, shop.office.tenant.id, since=EPOCH) == {rule.id: 1}


def test_a_resync_finds_it_where_the_event_was_lost(shop: Shop) -> None:
    """A page of the walk shows that the tag is gone."""
    shop.keep_on()
    _look(shop)
    shop.edit_there(tags=[])
    assert shop.office.resync("external_contact") == [("external_contact", "done")]
    shop.office.reconcile()
    assert shop.pair()["tags"] == [shop.kept]


def test_nobody_here_can_wish_it_away(shop: Shop) -> None:
    """Neither for one nor for many; when the rule is over, anybody can, and it stays off."""
    shop.keep_on()
    _look(shop)
    with pytest.raises(WishRefusedError, match="the rule '必有' keeps this tag on"):
        shop.wish((f"tag:{shop.kept}", False))
    now = shop.office.runtime.clock.now()
    with shop.office.runtime.engine.begin() as connection, pytest.raises(JobRefusedError, match="'必有' keeps"):
        ask_job(connection, shop.office.tenant.id, add=[], remove=[shop.kept], choice=Choice(), author="Zhou",
                source=Source.PERSON, reason=None, now=now)  # fmt: skip
    with shop.office.runtime.engine.begin() as connection:
        assert end_rule(connection, shop.office.tenant.id, "必有", by="Zhou", now=now) == []
    shop.wish((f"tag:{shop.kept}", False))
    shop.office.reconcile()
    _look(shop)
    assert shop.pair()["tags"] == []


def test_a_rule_that_is_over_writes_nothing_more(shop: Shop) -> None:
    """What it wanted while the corp was observed only ends with it, and that is told."""
    with shop.office.runtime.engine.begin() as connection:
        connection.exec_driver_sql("update tenant set pushes = false")
    shop.keep_on()
    _look(shop)
    with shop.office.runtime.engine.begin() as connection:
        now = shop.office.runtime.clock.now()
        (fact,) = end_rule(connection, shop.office.tenant.id, "必有", by="Zhou", now=now) or ()
        assert (fact.field, fact.outcome) == (f"tag:{shop.kept}", "superseded")
        connection.exec_driver_sql("update tenant set pushes = true")
    _look(shop)
    assert shop.pair()["tags"] == []
    assert shop.writes() == 0


def test_a_deleted_tag_is_not_wished_for_again_and_again(shop: Shop) -> None:
    """WeCom has no such tag any more: nothing is written, and nothing is due."""
    shop.keep_on()
    _look(shop)
    before = shop.writes()
    shop.office.corp.act({"do": "delete_tag", "tag_id": shop.kept, "silent": True})
    assert shop.office.resync("tag") == [("tag", "done")]
    for _ in range(3):
        _look(shop)
    assert shop.writes() == before
    assert shop.office.rows("select 1 from request where generation > settled_generation") == []


def test_an_observed_corp_is_left_as_it_is(shop: Shop) -> None:
    """What a rule wants waits, and is asked for once (observe-only)."""
    with shop.office.runtime.engine.begin() as connection:
        connection.exec_driver_sql("update tenant set pushes = false")
    shop.keep_on()
    for _ in range(3):
        _look(shop)
    assert [(field, state) for field, state, _ in shop.outcomes()] == [(f"tag:{shop.kept}", "pending")]
    assert shop.writes() == 0
