"""Contact ways and temporary chats."""

import pytest

from shared.ids import ExternalUserId, UserId
from shared.wecom.client import WeComClient
from shared.wecom.errors import WeComTerminalError
from shared.wecom.payloads.attachments import Image, Link, Words
from shared.wecom.payloads.contact_ways import Conclusions, ContactWaySettings, NewContactWay
from tests.shared.wecom.conftest import Sim
from tests.shared.wecom.samples import sampled

LINA, ZHAO = UserId("LiNa"), UserId("ZhaoMin")
CONFIG = "5d1f0c7a9b3e4826a0c1d2e3f4a5b6c7"


def test_a_way_as_wecom_shows_it(client: WeComClient):
    """A field that this way does not have is None, an empty list is ()."""
    with sampled("externalcontact.get_contact_way"):
        way = client.contact_ways.get(CONFIG)
    assert (way.type, way.scene, way.style, way.state, way.user, way.party) == (1, 2, None, "booth-7", ("liuyang",), ())
    assert (way.is_temp, way.expires_in, way.conclusions) == (False, None, None)
    with sampled("externalcontact.get_contact_way.temp"):
        way = client.contact_ways.get(CONFIG)
    assert (way.is_temp, way.expires_in) == (True, 86400)
    assert way.conclusions == Conclusions(
        Words("Thanks for visiting"), Image(pic_url="https://p.qpic.example/pic_wework/sim1")
    )


def test_what_is_sent_for_a_way(client: WeComClient):
    """What is not set is left to WeCom."""
    settings = ContactWaySettings(user=(LINA,), remark="展台", state="booth-7", skip_verify=False)
    with sampled("externalcontact.add_contact_way") as asked:
        made = client.contact_ways.add(settings, type=1, scene=2)
    assert made == NewContactWay(CONFIG, "https://wework.qpic.example/wwpic/simcode1/0")
    assert asked.bodies == [
        '{"type":1,"scene":2,"remark":"展台","skip_verify":false,"state":"booth-7","user":["LiNa"]}'.encode()
    ]
    end = Conclusions(text=Words("再见"), link=Link(title="店", url="https://shop.example.com"))
    with sampled("externalcontact.update_contact_way") as asked:
        client.contact_ways.update(CONFIG, ContactWaySettings(expires_in=60, conclusions=end))
    assert asked.bodies == [
        f'{{"config_id":"{CONFIG}","expires_in":60,"conclusions":{{"text":{{"content":"再见"}},'
        '"link":{"title":"店","url":"https://shop.example.com"}}}'.encode()
    ]
    with sampled("externalcontact.del_contact_way") as asked:
        client.contact_ways.delete(CONFIG)
    with sampled("externalcontact.close_temp_chat") as asked:
        client.contact_ways.close_temp_chat(LINA, ExternalUserId("wm1"))
    assert asked.bodies == [b'{"userid":"LiNa","external_userid":"wm1"}']


def test_ways_are_listed_by_id(client: WeComClient):
    """The window is of creation; without one it is WeCom's 90 days."""
    with sampled("externalcontact.list_contact_way") as asked:
        page = client.contact_ways.list(start_time=1, end_time=2)
        assert list(client.contact_ways.every_way()) == list(page.rows)
    assert page.rows == (CONFIG, "6e2a1d8b0c4f5937b1d2e3f4a5b6c7d8")
    assert asked.bodies == [b'{"start_time":1,"end_time":2,"limit":1000}', b'{"limit":1000}']


def test_a_way_lives_and_dies(sim: Sim, client: WeComClient):
    """Made, read, listed, changed, scanned, deleted."""
    made = client.contact_ways.add(ContactWaySettings(user=(LINA, ZHAO), state="booth"), type=2, scene=2)
    assert made.qr_code
    client.contact_ways.update(made.config_id, ContactWaySettings(state="poster", user=(LINA,)))
    way = client.contact_ways.get(made.config_id)
    assert (way.state, way.user, way.skip_verify) == ("poster", ("LiNa",), True)
    assert list(client.contact_ways.every_way()) == [made.config_id]
    scanned = sim.corp("act", {"do": "scan", "config_id": made.config_id, "name": "Whale", "silent": True})
    (relation,) = client.contacts.get(ExternalUserId(scanned["external_userid"])).relations
    assert (relation.userid, relation.state) == ("LiNa", "poster")
    client.contact_ways.delete(made.config_id)
    with pytest.raises(WeComTerminalError):
        client.contact_ways.get(made.config_id)


def test_requests_that_wecom_would_refuse_are_not_sent(sim: Sim, client: WeComClient):
    """A ValueError says what and where."""
    ways, one = client.contact_ways, (LINA,)
    both = Conclusions(image=Image(media_id="m"), link=Link(title="x"))
    for call in (
        lambda: ways.add(ContactWaySettings(user=(LINA, ZHAO)), type=1, scene=2),
        lambda: ways.add(ContactWaySettings(), type=1, scene=2),
        lambda: ways.add(ContactWaySettings(user=one, party=(1,)), type=1, scene=2),
        lambda: ways.add(ContactWaySettings(), type=2, scene=2),
        lambda: ways.add(ContactWaySettings(user=one * 101), type=2, scene=2),
        lambda: ways.add(ContactWaySettings(user=one, remark="x" * 31), type=1, scene=2),
        lambda: ways.add(ContactWaySettings(user=one, state="x" * 31), type=1, scene=2),
        lambda: ways.update("c", ContactWaySettings(expires_in=14 * 86_400 + 1)),
        lambda: ways.update("c", ContactWaySettings(conclusions=both)),
        lambda: ways.update("c", ContactWaySettings(conclusions=Conclusions(text=Words("客" * 1334)))),
        lambda: ways.update("c", ContactWaySettings(conclusions=Conclusions(link=Link(title="客" * 43)))),
    ):
        with pytest.raises(ValueError, match="externalcontact/"):
            call()
    assert sim("calls").keys() <= {"gettoken"}
