"""Pages of messages whose people have other userids by now."""

from datetime import timedelta
from functools import partial

import pytest

from services.associates.model import Associate, RecordedAssociate
from services.associates.record import Provenance, end_aliases, record_associates
from services.message_cards.model import Button
from services.message_cards.pages import MessagePage, NotTheirsError, load_page, press_on_page
from services.notices.settled import Says
from shared.ids import OutboxId, UserId
from tests.console.views.conftest import Office
from tests.console.views.test_hostile import message_id, renamed
from tests.console.views.test_messages import given_out_of_the_pool


def opened(office: Office, reader: str) -> MessagePage:
    """The page of the newest message."""
    id_ = OutboxId(int(str(message_id(office))))
    with office.runtime.engine.begin() as connection:
        return load_page(connection, office.shop.tenant, id_, reader=UserId(reader))


def given_to_another(office: Office, userid: str) -> None:
    """A month later a new member gets a userid that was given up."""
    office.at(office.runtime.clock.now() + timedelta(days=30))
    now, tenant_id = office.runtime.clock.now(), office.shop.tenant.id
    with office.runtime.engine.begin() as connection:
        new = RecordedAssociate(Associate(UserId(userid), "李娜二"), now, seen_at=now)
        record_associates(connection, tenant_id, [new], {UserId(userid): Provenance("event")})
        end_aliases(connection, tenant_id, {UserId(userid): now})


def test_what_was_sent_stays_its_members_when_somebody_else_gets_the_userid(office: Office):
    """LiNa was told, is lina.3 by now, over lina.2, and LiNa is a new member, who hears of their own (G9, ASG-11)."""
    office.lose(2)
    office.deliver()
    renamed(office, "LiNa", "lina.2")
    given_to_another(office, "LiNa")
    renamed(office, "lina.2", "lina.3")
    assert [item.name for item in opened(office, "lina.3").items] == ["wm0", "wm1"]
    with pytest.raises(NotTheirsError):
        opened(office, "LiNa")
    office.lose(1, first=7)
    office.deliver()
    assert [item.name for item in opened(office, "LiNa").items] == ["wm7"]
    with pytest.raises(NotTheirsError):
        opened(office, "lina.3")


def test_a_press_is_for_whose_message_it_was(office: Office):
    """Another one's step is not the new member's to confirm; under the new userid it is (G9, SOP-4)."""
    office.step()
    id_ = OutboxId(int(str(message_id(office))))
    renamed(office, "LiNa", "lina.2")
    given_to_another(office, "LiNa")
    shop = office.shop
    pressed = partial(shop.do, press_on_page, shop.tenant, id_, Button.DONE, selected={}, address=None, now=shop.now,
                      ttl_s=86_400)  # fmt: skip
    with pytest.raises(NotTheirsError):
        pressed(by=UserId("LiNa"))
    assert office.rows("select state from sop_progress") == [("reminded",)]
    assert pressed(by=UserId("lina.2")) is Says.DONE
    assert office.rows("select state from sop_progress") == [("done",)]


def test_a_page_of_the_pool_keeps_its_buttons_under_another_userid(office: Office):
    """For whoever is above the recipient: the customer is still to be added, by the new userid (POOL-7, POOL-8)."""
    office.shop.run("update associate set direct_leaders = '{ZhaoMin}' where userid = 'LiNa'")
    given_out_of_the_pool(office, 1)
    office.deliver()
    renamed(office, "LiNa", "lina.2")
    (item,) = opened(office, "ZhaoMin").items
    assert list(item.buttons) == [Button.ADDED, Button.UNREACHABLE]
