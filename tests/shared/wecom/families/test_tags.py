"""Corp tags, rule groups' tags, and tags on customers."""

import pytest

from shared.ids import ExternalUserId, UserId
from shared.wecom.client import WeComClient
from shared.wecom.errors import WeComTerminalError
from shared.wecom.payloads.tags import NewTag, Tag
from tests.shared.wecom.conftest import Sim
from tests.shared.wecom.samples import sampled

WHALE, LINA = ExternalUserId("wmSimCAAAA7n3kVQ1xTq0yZbL4dHpA01"), UserId("LiNa")


def test_tags_as_wecom_shows_them(client: WeComClient):
    """A full read says nothing of deleted tags; a filtered one does."""
    with sampled("externalcontact.get_corp_tag_list") as asked:
        (group,) = client.tags.list()
    assert asked.bodies == [b"{}"]
    assert (group.group_name, group.order, group.deleted, group.strategy_id) == ("Level", 20, None, None)
    assert group.tags is not None
    assert group.tags[0] == Tag("etSimCAAAAt2eFu8cKpWsXdOiQvBhT01", "Gold", 1760000000, 2, None)
    with sampled("externalcontact.get_corp_tag_list.filtered") as asked:
        (group,) = client.tags.list(group_ids=["et1"])
    assert asked.bodies == [b'{"group_id":["et1"]}']
    assert group.tags is not None
    assert (group.deleted, [tag.deleted for tag in group.tags]) == (False, [False, True])


def test_a_tag_lives_and_dies(sim: Sim, client: WeComClient):
    """Added into a group that exists by name; renamed; the last one's end is the group's."""
    group = client.tags.add([NewTag("Gold", order=2), NewTag("Silver")], group_name="Level", order=20)
    more = client.tags.add([NewTag("Bronze")], group_name="Level")
    assert more.group_id == group.group_id
    assert [tag.name for tag in more.tags or ()] == ["Bronze"]
    gold, silver = (tag.tag_id for tag in group.tags or ())
    client.tags.edit(gold, name="Platin", order=9)
    client.tags.edit(group.group_id, name="Rank")
    (read,) = client.tags.list()
    assert (read.group_name, {tag.name for tag in read.tags or ()}) == ("Rank", {"Platin", "Silver", "Bronze"})
    client.tags.delete(tag_ids=[silver])
    assert [tag.deleted for one in client.tags.list(tag_ids=[silver]) for tag in one.tags or ()] == [True]
    client.tags.delete(group_ids=[group.group_id])
    assert client.tags.list() == ()
    with pytest.raises(WeComTerminalError) as caught:
        client.tags.edit("etNobody", name="x")
    assert caught.value.code == 40068


def test_a_pair_is_tagged(sim: Sim, client: WeComClient):
    """For this member only; doing it twice is doing it once."""
    for userid in ("LiNa", "ZhaoMin"):
        sim.corp("act", {"do": "add", "userid": userid, "external_userid": WHALE, "name": "Whale", "silent": True})
    gold, silver = (
        tag.tag_id for tag in client.tags.add([NewTag("Gold"), NewTag("Silver")], group_name="G").tags or ()
    )
    for _ in range(2):
        client.tags.mark(LINA, WHALE, add=[gold, silver])
    client.tags.mark(LINA, WHALE, remove=[silver])
    tags = {one.userid: one.corp_tag_ids for one in client.contacts.get(WHALE).relations}
    assert tags == {"LiNa": (gold,), "ZhaoMin": ()}
    with sampled("externalcontact.mark_tag") as asked:
        client.tags.mark(LINA, WHALE, remove=["et1"])
    assert asked.bodies == [f'{{"userid":"LiNa","external_userid":"{WHALE}","remove_tag":["et1"]}}'.encode()]


def test_rule_tags_name_their_rule_group(client: WeComClient):
    """Reads say it, additions must."""
    with sampled("externalcontact.get_strategy_tag_list") as asked:
        (group,) = client.rule_tags.list(strategy_id=1)
    assert asked.bodies == [b'{"strategy_id":1}']
    assert (group.strategy_id, group.group_name) == (1, "North")
    with sampled("externalcontact.add_strategy_tag") as asked:
        made = client.rule_tags.add([NewTag("Lead", order=1)], strategy_id=1, group_name="North")
    assert made.strategy_id is None
    assert asked.bodies == [b'{"strategy_id":1,"group_name":"North","tag":[{"name":"Lead","order":1}]}']
    with sampled("externalcontact.edit_strategy_tag") as asked:
        client.rule_tags.edit("st1", order=0)
    assert asked.bodies == [b'{"id":"st1","order":0}']
    with sampled("externalcontact.del_strategy_tag") as asked:
        client.rule_tags.delete(group_ids=["st1"])
    assert asked.bodies == [b'{"group_id":["st1"]}']


def test_corp_tag_samples(client: WeComClient):
    """The bodies, key by key."""
    with sampled("externalcontact.add_corp_tag") as asked:
        client.tags.add([NewTag("Gold")], group_id="et1")
    assert asked.bodies == [b'{"group_id":"et1","tag":[{"name":"Gold"}]}']
    with sampled("externalcontact.edit_corp_tag") as asked:
        client.tags.edit("et1", name="Gold")
    assert asked.bodies == [b'{"id":"et1","name":"Gold"}']
    with sampled("externalcontact.del_corp_tag") as asked:
        client.tags.delete(tag_ids=["et1"])
    assert asked.bodies == [b'{"tag_id":["et1"]}']


def test_requests_that_wecom_would_refuse_are_not_sent(sim: Sim, client: WeComClient):
    """A ValueError says what and where."""
    tags = client.tags
    for call in (
        lambda: tags.mark(LINA, WHALE),
        lambda: tags.add([], group_name="G"),
        lambda: tags.add([NewTag("x")]),
        lambda: tags.add([NewTag("")], group_name="G"),
        lambda: tags.add([NewTag("x" * 31)], group_name="G"),
        lambda: tags.add([NewTag("x")], group_name="x" * 31),
        lambda: tags.add([NewTag("x", order=2**32)], group_name="G"),
        lambda: tags.add([NewTag("x")], group_name="G", order=-1),
        lambda: tags.edit("et1"),
        lambda: tags.edit("", name="x"),
        lambda: tags.edit("et1", name="x" * 31),
        tags.delete,
        lambda: tags.list(tag_ids=["et1"], group_ids=["et2"]),
    ):
        with pytest.raises(ValueError, match="externalcontact/"):
            call()
    assert sim("calls").keys() <= {"gettoken"}
