"""SOPs from what happens to what is told, in a real database and virtual time."""

from datetime import timedelta

from services.customers.model import RelationStarted
from services.sops.model import Trigger
from shared.ids import ExternalUserId, UserId
from tests.services.sops.sopping import SopShop, after, on

FRIEND = Trigger("friend")


def added(shop: SopShop, customer_id: int, **given: object) -> RelationStarted:
    return RelationStarted(
        occurred_at=shop.now, userid=UserId("LiNa"), external_userid=ExternalUserId(f"wm{customer_id}"),
        evidenced=True, **given,
    )  # fmt: skip


def test_each_step_is_told_once_at_its_minute(shop: SopShop):
    """A new friend brings the customer in; an hour later, and on the third day at ten, the associate hears (SOP-1)."""
    rule_id = shop.rule("新客", after(60), on(2, "10:00"), trigger=FRIEND)
    shop.shop.pass_time(timedelta(minutes=5))
    (customer_id,) = shop.customers(1)
    shop.tell(added(shop, customer_id))
    shop.look()
    assert shop.reminded() == []
    for _ in range(4 * 24 * 4):
        shop.wait(timedelta(minutes=15))
    first, second = shop.step_ids(rule_id)
    assert shop.reminded() == [(str(customer_id), first, "11-22 11:05"), (str(customer_id), second, "11-24 10:05")]
    assert shop.ways(rule_id) == [("ended", "finished")]
