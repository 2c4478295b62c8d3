"""Cards: whatever changes of a customer, by whichever hand, their card follows."""

from commands.waiting import wait_for
from services.cards.store import take_due
from shared.db.engine import run
from sync_worker.cards import make_all_due
from sync_worker.worker import Worker
from tests.sync_worker.conftest import Office

CARDS = "select friend_userids, assigned_userid, standing from customer_card"


def _befriend(office: Office) -> None:
    """A friend more, and the worker has recorded them."""
    office.happen({"do": "add", "userid": "LiNa", "name": "c"}, "added")
    office.reconcile()


def test_a_worker_makes_the_card_of_a_new_friend(office: Office) -> None:
    """An event alone leads to a card that can be found (CUS-2)."""
    _befriend(office)
    worker = Worker(office.runtime)
    try:
        wait_for(lambda: office.rows(CARDS) != [], "the card")
    finally:
        worker.stop()
    ((friends, assigned, standing),) = office.rows(CARDS)
    assert friends == ["LiNa"] and (assigned, standing) == ("LiNa", "friend")


def test_a_kill_between_taking_marks_and_making_cards_loses_nothing(office: Office) -> None:
    """Marks are taken in the transaction that makes the cards."""
    _befriend(office)
    ((tenant_id,),) = office.rows("select id from tenant")
    with office.runtime.engine.connect() as connection:
        assert take_due(connection, tenant_id, limit=10)
    make_all_due(office.runtime, office.directory)
    assert len(office.rows(CARDS)) == 1 and not office.rows("select 1 from card_due")


def test_one_at_a_time_makes_the_cards_of_a_corp(office: Office) -> None:
    """Whoever read earlier must not write later: the second one leaves the corp to the first."""
    _befriend(office)
    ((tenant_id,),) = office.rows("select id from tenant")
    with office.runtime.engine.begin() as first, office.runtime.engine.begin() as second:
        assert take_due(first, tenant_id, limit=10)
        assert take_due(second, tenant_id, limit=10) is None


def test_one_batch_takes_all_the_marks_of_its_customers(office: Office) -> None:
    """What makes a customer leaves several marks: their card is made once, not once for each."""
    _befriend(office)
    ((tenant_id,),) = office.rows("select id from tenant")
    with office.runtime.engine.begin() as connection:
        run(connection, "insert into card_due (tenant_id, customer_id) select tenant_id, id from customer")
        run(connection, "insert into card_due (tenant_id, customer_id) values (:id, 77)", id=tenant_id)
        ((customer_id,),) = office.rows("select id from customer")
        assert take_due(connection, tenant_id, limit=1) == [customer_id]
        assert take_due(connection, tenant_id, limit=1) == [77]
        assert take_due(connection, tenant_id, limit=1) == []


def test_a_customer_who_cannot_be_read_holds_up_nobody(office: Office) -> None:
    """A damaged document costs its own card only."""
    _befriend(office)
    _befriend(office)
    with office.runtime.engine.begin() as connection:
        run(connection, "update customer set own = '\\x00' where id = (select min(id) from customer)")
    make_all_due(office.runtime, office.directory)
    assert len(office.rows(CARDS)) == 1 and not office.rows("select 1 from card_due")
