"""The button of a step's card: done, once."""

from services.message_cards.actions import action_of
from services.message_cards.model import Button, Card, Pressed, buttons_of
from services.notices.model import SOP_STEP
from services.notices.settled import Says
from services.planning import read_fact
from services.sops.model import SopStepDone, SopStepDue, Trigger
from shared.ids import CustomerId, OutboxId, UserId
from tests.services.sops.sopping import SopShop, after


def test_done_on_a_card_confirms_the_step_once(shop: SopShop):
    """A contact with its line in the audit; a second press, or one on a step that is gone, changes nothing (SOP-4)."""
    shop.rule("新客", after(0), after(60), trigger=Trigger("event", event="visited"))
    (one,) = shop.customers(1)
    shop.happen(one, "E1")
    shop.look()
    ((outbox_id, at, payload),) = shop.rows(
        "select o.id, f.occurred_at, f.payload from outbox o join fact f on f.id = o.fact_id where o.notice = :n",
        n=SOP_STEP,
    )
    fact = read_fact(SopStepDue.TYPE, at, payload)
    assert buttons_of(SOP_STEP, payload) == (Button.DONE,)
    card = Card(OutboxId(outbox_id), SOP_STEP, UserId("LiNa"), None, fact, CustomerId(one))
    press = action_of(SopStepDue.TYPE, Button.DONE)
    assert press is not None
    pressed = Pressed(card, UserId("LiNa"), {}, shop.now)
    first, second = (shop.do(lambda connection: press(connection, shop.tenant, pressed)) for _ in range(2))
    assert first.says is Says.DONE and [type(done) for done in first.facts] == [SopStepDone]
    assert [change.action for change in first.changes] == ["sop_enrolment.step_confirmed"]
    assert (second.says, second.facts, second.changes) == (Says.DONE, (), ())
    assert shop.rows("select state from sop_progress where step_id = 1") == [("done",)]
    for table in ("sop_enrolment", "sop_progress"):
        shop.run(f"delete from {table}")
    gone = shop.do(lambda connection: press(connection, shop.tenant, pressed))
    assert (gone.says, gone.facts) == (Says.NOTHING_TO_DO, ())
