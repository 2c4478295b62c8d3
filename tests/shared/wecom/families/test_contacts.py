"""Contacts, their relations, and who may have them."""

import pytest

from shared.errors import RetryableError
from shared.ids import ExternalUserId, UserId
from shared.wecom.client import WeComClient
from shared.wecom.errors import UnreachableError, WeComRetryableError
from shared.wecom.payloads.contacts import Channel, Subjects, batch_row
from tests.shared.wecom.conftest import Sim
from tests.shared.wecom.samples import answered, sampled

WHALE = ExternalUserId("wmSimCAAAA7n3kVQ1xTq0yZbL4dHpA01")
LINA, ZHAO = UserId("LiNa"), UserId("ZhaoMin")


def befriend(sim: Sim, external_userid: str = WHALE, userid: str = "LiNa") -> None:
    sim.corp(
        "act", {"do": "add", "userid": userid, "external_userid": external_userid, "name": "Whale", "silent": True}
    )


def test_a_wechat_contact_as_wecom_shows_it(client: WeComClient):
    """Tags in three kinds, Channels, and fields that one follower has and another has not."""
    with sampled("externalcontact.get"):
        read = client.contacts.get(WHALE)
    assert read.profile is not None
    assert (read.profile.name, read.profile.type, read.profile.corp_name) == ("Blue Whale", 1, None)
    first, second = read.relations
    assert first.corp_tag_ids == ("etSimCAAAAt2eFu8cKpWsXdOiQvBhT01", "stSimCAAAAt1mBd6zPsVgLfRnXaQiT01")
    assert (first.personal_tags, first.wechat_channels) == (("golf",), Channel("Harbor Channel", 1))
    assert (second.description, second.remark_corp_name, second.remark_mobiles) == ("", None, ())


def test_a_contact_of_another_corp_has_a_profile(client: WeComClient):
    """Position and corp are of WeCom users only."""
    with sampled("externalcontact.get.wecom_user"):
        profile = client.contacts.get(WHALE).profile
    assert profile is not None
    assert (profile.type, profile.position, profile.corp_full_name) == (2, "Buyer", "Harbor Trading Co., Ltd.")
    assert profile.profile is not None
    assert len(profile.profile["external_attr"]) == 3


def test_no_relation_is_empty_and_not_an_error(client: WeComClient):
    """84061 comes with an empty list beside it; the code decides."""
    with sampled("externalcontact.get.error_84061"):
        assert client.contacts.get(WHALE).profile is None
    with sampled("externalcontact.list.error_84061"):
        assert client.contacts.list(LINA) == ()
    with sampled("externalcontact.list"):
        assert len(client.contacts.list(LINA)) == 3
    with sampled("externalcontact.get_follow_user_list"):
        assert client.contacts.follow_users() == ("chenwei", "liuyang", "zhaomin")


def test_a_contact_whose_pages_go_round_is_no_endless_loop(client: WeComClient):
    """The same cursor again means that something is wrong over there."""
    page = {"errcode": 0, "external_contact": {"external_userid": WHALE}, "follow_user": [], "next_cursor": "again"}
    with answered("externalcontact/get", page), pytest.raises(RetryableError, match="second time"):
        client.contacts.get(WHALE)


def test_a_success_without_a_contact_is_no_answer(client: WeComClient):
    """It must not pass for a contact without followers."""
    with answered("externalcontact/get", {"errcode": 0}), pytest.raises(UnreachableError):
        client.contacts.get(WHALE)


@pytest.mark.parametrize("said", [{}, {"follow_user": None}, {"follow_user": {}}, {"follow_user": "LiNa"}])
def test_a_success_without_a_list_of_follow_users_is_no_answer(client: WeComClient, said: dict[str, object]):
    """Missing is not emptied: it would put every customer of the corp out of sight (G3)."""
    path = "externalcontact/get_follow_user_list"
    with answered(path, {"errcode": 0, **said}), pytest.raises(UnreachableError, match="without follow_user"):
        client.contacts.follow_users()
    with answered(path, {"errcode": 0, "follow_user": []}):
        assert client.contacts.follow_users() == ()


def test_the_batch_read_gives_pairs_and_who_was_left_out(client: WeComClient):
    """One row per pair; rows that name nobody are skipped."""
    with sampled("externalcontact.batch.get_by_user") as asked:
        page = client.contacts.batch((LINA, ZHAO))
    assert asked.bodies == [b'{"userid_list":["LiNa","ZhaoMin"],"cursor":"","limit":100}']
    assert [(row.profile.name, row.relation.userid) for row in page.rows] == [
        ("Blue Whale", "chenwei"),
        ("Sun Li", "liuyang"),
    ]
    assert [row.relation.personal_tags for row in page.rows] == [None, None]
    assert (page.next_cursor[:4], page.unlicensed) == ("b3Bh", ("zhaomin",))
    with sampled("externalcontact.batch.get_by_user.last_page"):
        last = client.contacts.batch((LINA,))
    assert (len(last.rows), last.next_cursor, last.unlicensed) == (1, "", None)
    endless = {"external_contact": {"external_userid": "w" * 10_000}, "follow_info": {"userid": "LiNa"}}
    broken = [{}, None, {"external_contact": {"external_userid": "wm1"}, "follow_info": {}}, endless]
    with answered("externalcontact/batch/get_by_user", {"errcode": 0, "external_contact_list": broken}):
        assert client.contacts.batch((LINA,)).rows == ()
    with sampled("externalcontact.batch.get_by_user.error_45033"), pytest.raises(WeComRetryableError):
        client.contacts.batch((LINA,))


def test_all_pairs_of_members_are_walked(sim: Sim, client: WeComClient):
    """However many pages that takes."""
    sim.corp("customers/bulk", {"count": 230, "userids": ["LiNa", "ZhaoMin"]})
    pairs = [(row.external_userid, row.userid) for row in client.contacts.every_relation((LINA, ZHAO))]
    assert len(set(pairs)) == 230


def test_notes_are_written_and_what_is_not_given_stays(sim: Sim, client: WeComClient):
    """None is left out; no mobile numbers are one empty number."""
    befriend(sim)
    client.contacts.remark(LINA, WHALE, remark="大客户", description="春季展会", remark_mobiles=["13900000001"])
    client.contacts.remark(LINA, WHALE, remark_company="Whale Studio")
    relation = client.contacts.get(WHALE).relations[0]
    assert (relation.remark, relation.description, relation.remark_mobiles) == ("大客户", "春季展会", ("13900000001",))
    assert relation.remark_corp_name == "Whale Studio"
    client.contacts.remark(LINA, WHALE, remark_mobiles=[])
    assert client.contacts.get(WHALE).relations[0].remark_mobiles in ((), None)
    with sampled("externalcontact.remark") as asked:
        client.contacts.remark(LINA, WHALE, remark="张", remark_mobiles=())
    assert asked.bodies == [
        f'{{"userid":"LiNa","external_userid":"{WHALE}","remark":"张","remark_mobiles":[""]}}'.encode()
    ]


def test_everybody_ever_served(sim: Sim, client: WeComClient):
    """Customers by id, others by a masked name."""
    with sampled("externalcontact.contact_list"):
        page = client.contacts.served()
    assert [(one.is_customer, one.external_userid, one.name) for one in page.rows] == [
        (True, WHALE, None),
        (True, WHALE, None),
        (False, None, "***x"),
        (False, None, "***y"),
    ]
    assert page.next_cursor
    befriend(sim)
    assert [one.external_userid for one in client.contacts.every_served()] == [WHALE]


def test_who_has_the_function(sim: Sim, client: WeComClient):
    """An empty half may miss its lists."""
    with sampled("externalcontact.check_follow_user"):
        check = client.contacts.check_follow_users(userids=[UserId("chenwei")])
    assert (check.authorized, check.unauthorized) == (
        Subjects((UserId("chenwei"),), None),
        Subjects((UserId("wangqi"),), (3,)),
    )
    found = client.contacts.check_follow_users(userids=[LINA]).authorized
    assert found is not None
    assert found.userid == ("LiNa",)


def test_requests_that_wecom_would_refuse_are_not_sent(sim: Sim, client: WeComClient):
    """A ValueError says what and where."""
    contacts = client.contacts
    for call in (
        lambda: contacts.remark(LINA, WHALE),
        lambda: contacts.remark(LINA, WHALE, remark="x" * 21),
        lambda: contacts.remark(LINA, WHALE, remark_company="x" * 21),
        lambda: contacts.remark(LINA, WHALE, description="x" * 151),
        lambda: contacts.batch(()),
        lambda: contacts.batch((LINA,) * 101),
        lambda: contacts.batch((UserId("客" * 22),)),
        contacts.check_follow_users,
    ):
        with pytest.raises(ValueError, match="externalcontact/"):
            call()
    assert sim("calls").keys() <= {"gettoken"}


def test_the_digest_of_a_row_is_of_what_it_says(client: WeComClient):
    """Equal rows have equal digests whatever the order of their keys; any change shows, a number too long as well."""
    follow = {"userid": "LiNa", "remark": "\u8001\u5ba2", "createtime": 1}
    contact = {"external_userid": "wm1", "name": "A"}
    turned = {"follow_info": dict(reversed(follow.items())), "external_contact": contact}
    rows = [{"external_contact": contact, "follow_info": follow}, turned]
    rows += [{"external_contact": contact, "follow_info": follow | {"remark": remark}} for remark in ("x", 7)]
    with answered("externalcontact/batch/get_by_user", {"errcode": 0, "external_contact_list": rows}):
        first, same, *others = [row.digest for row in client.contacts.batch((LINA,)).rows]
    assert first == same
    assert len({first, *others}) == 3
    too_long = batch_row({"external_contact": contact, "follow_info": follow | {"add_way": 10**30}})
    assert too_long is not None and too_long.relation.add_way is None
