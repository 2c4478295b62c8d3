"""Relations between members and customers, as the reads show them."""

import time

import pytest


@pytest.fixture
def customer(sim):
    return sim.act("add", userid="LiNa", name="Blue Whale", state="booth-7", unionid="oSim1")["external_userid"]


def code(sim, external_userid):
    return sim.get("externalcontact/get", external_userid=external_userid)["errcode"]


def batch(sim, *userids, **rest):
    return sim.post("externalcontact/batch/get_by_user", {"userid_list": list(userids), **rest})


def test_an_added_customer_is_readable_everywhere(sim, customer):
    """list, get and batch show the same pair."""
    assert sim.get("externalcontact/list", userid="LiNa")["external_userid"] == [customer]
    found = sim.get("externalcontact/get", external_userid=customer)
    follower = found["follow_user"][0]
    assert (found["external_contact"]["name"], found["external_contact"]["unionid"]) == ("Blue Whale", "oSim1")
    assert (follower["userid"], follower["state"], follower["oper_userid"]) == ("LiNa", "booth-7", customer)
    row = batch(sim, "LiNa")["external_contact_list"][0]
    assert row["external_contact"]["external_userid"] == customer
    assert row["follow_info"]["createtime"] == follower["createtime"]


def test_what_a_pair_does_not_have_is_absent(sim):
    """unionid, state and next_cursor are missing, not empty."""
    plain = sim.act("add", userid="LiNa", unionid="")["external_userid"]
    found = sim.get("externalcontact/get", external_userid=plain)
    assert "unionid" not in found["external_contact"]
    assert "state" not in found["follow_user"][0]
    assert "next_cursor" not in found


def test_a_customer_who_deletes_the_member_stays_readable_without_a_mark(sim, customer):
    """After del_follow_user every read still returns the row, unchanged."""
    before = sim.get("externalcontact/get", external_userid=customer)
    sim.act("customer_deletes", userid="LiNa", external_userid=customer)
    assert sim.get("externalcontact/get", external_userid=customer) == before
    assert sim.get("externalcontact/list", userid="LiNa")["external_userid"] == [customer]
    assert len(batch(sim, "LiNa")["external_contact_list"]) == 1
    assert sim.corp("pairs")[0]["state"] == "deleted_by_customer"


def test_a_customer_whom_the_member_deletes_is_gone(sim, customer):
    """get says 84061, list has nobody left, batch has no row."""
    sim.act("member_deletes", userid="LiNa", external_userid=customer)
    found = sim.get("externalcontact/get", external_userid=customer)
    assert (found["errcode"], found["follow_user"]) == (84061, [])
    assert sim.get("externalcontact/list", userid="LiNa")["errcode"] == 84061
    assert batch(sim, "LiNa")["external_contact_list"] == []
    assert sim.corp("pairs")[0]["state"] == "gone"
    assert sim.sim("corps/wwsimtest0001")["pairs"] == {"gone": 1}


def test_a_half_added_customer_is_no_relation_until_confirmed(sim):
    """add_half gives 84061; the member's confirmation makes it readable."""
    half = sim.act("half_add", userid="LiNa")["external_userid"]
    assert code(sim, half) == 84061
    sim.act("confirm", userid="LiNa", external_userid=half)
    assert code(sim, half) == 0


def test_adding_again_renews_the_pair(sim, customer):
    """After a deletion the two can become friends again, with a new createtime."""
    sim.act("member_deletes", userid="LiNa", external_userid=customer)
    sim.act("add", userid="LiNa", external_userid=customer, at=1_790_000_000)
    follower = sim.get("externalcontact/get", external_userid=customer)["follow_user"]
    assert [item["createtime"] for item in follower] == [1_790_000_000]


def test_an_unknown_external_userid_is_40096(sim):
    """An id that the corp never had is invalid, not unrelated."""
    assert code(sim, "wmNobody") == 40096
    assert code(sim, "") == 41035


def test_a_member_without_the_function_has_no_rows(sim, customer):
    """When the function is switched off, the rows vanish from every read; on again, they return."""
    sim.act("function_off", userid="LiNa")
    assert code(sim, customer) == 84061
    assert sim.get("externalcontact/list", userid="LiNa")["errcode"] == 84061
    assert batch(sim, "LiNa")["external_contact_list"] == []
    assert "LiNa" not in sim.get("externalcontact/get_follow_user_list")["follow_user"]
    sim.act("function_on", userid="LiNa")
    assert code(sim, customer) == 0


def test_tags_are_objects_in_get_and_ids_in_batch(sim, customer):
    """Personal tags appear only in get, without an id."""
    sim.corp("tags", [{"tag_id": "etGold", "tag_name": "Gold", "group_name": "Level"}])
    sim.act("edit", userid="LiNa", external_userid=customer, tags=["etGold"], personal_tags=["golf"])
    corp_tag, personal = sim.get("externalcontact/get", external_userid=customer)["follow_user"][0]["tags"]
    assert corp_tag == {"group_name": "Level", "tag_name": "Gold", "tag_id": "etGold", "type": 1}
    assert (personal["type"], "tag_id" in personal) == (2, False)
    assert batch(sim, "LiNa")["external_contact_list"][0]["follow_info"]["tag_id"] == ["etGold"]


def test_a_walk_meets_every_pair_once_and_not_by_time(sim):
    """batch/get_by_user pages to the end; the order is not that of adding; a customer of two members comes twice."""
    made = sim.corp("customers/bulk", {"count": 230, "userids": ["LiNa"], "ids": True, "seed": 1})["external_userid"]
    sim.act("add", userid="ZhaoMin", external_userid=made[0])
    rows, cursor, pages = [], "", 0
    while cursor or not pages:
        page = batch(sim, "LiNa", "ZhaoMin", limit=1000, cursor=cursor)
        rows += [
            (r["follow_info"]["userid"], r["external_contact"]["external_userid"])
            for r in page["external_contact_list"]
        ]
        cursor, pages = page["next_cursor"], pages + 1
    assert pages == 3
    assert sorted(rows) == sorted([("LiNa", item) for item in made] + [("ZhaoMin", made[0])])
    assert [item for _, item in rows[:230]] != made


def test_the_walk_is_live(sim):
    """A pair that is deleted ahead of the cursor vanishes from the walk."""
    sim.corp("customers/bulk", {"count": 3, "userids": ["LiNa"]})
    first = batch(sim, "LiNa", limit=1)
    ahead = batch(sim, "LiNa", cursor=first["next_cursor"])["external_contact_list"]
    assert len(ahead) == 2
    sim.act("member_deletes", userid="LiNa", external_userid=ahead[0]["external_contact"]["external_userid"])
    assert batch(sim, "LiNa", cursor=first["next_cursor"])["external_contact_list"] == ahead[1:]


def test_a_cursor_belongs_to_its_filter_and_survives_a_new_token(sim):
    """Garbage or another filter is 50100; a renewed token of the same app may go on."""
    sim.corp("customers/bulk", {"count": 3, "userids": ["LiNa"]})
    cursor = batch(sim, "LiNa", limit=1)["next_cursor"]
    assert batch(sim, "LiNa", cursor="garbage")["errcode"] == 50100
    assert batch(sim, "LiNa", "Wang", cursor=cursor)["errcode"] == 50100
    assert sim.get("externalcontact/get", external_userid=cursor)["errcode"] == 40096
    sim.sim("tokens/revoke", {})
    sim.sign_in()
    assert len(batch(sim, "LiNa", cursor=cursor)["external_contact_list"]) == 2


def test_batch_refuses_bad_lists(sim):
    """Empty is 40063, over a hundred or a long userid 40058, an unknown member 60111."""
    assert batch(sim)["errcode"] == 40063
    assert batch(sim, *[f"u{number}" for number in range(101)])["errcode"] == 40058
    assert batch(sim, "x" * 65)["errcode"] == 40058
    found = batch(sim, "nobody")
    assert (found["errcode"], found["external_contact_list"]) == (60111, [])


def test_followers_beyond_500_are_paged(sim):
    """get returns next_cursor only when a customer has more than 500 followers."""
    many = [{"userid": f"m{number}"} for number in range(501)]
    sim.corp("members", many)
    shared = sim.act("add", userid="m0")["external_userid"]
    sim.corp("act", [{"do": "add", "userid": item["userid"], "external_userid": shared} for item in many[1:]])
    first = sim.get("externalcontact/get", external_userid=shared)
    second = sim.get("externalcontact/get", external_userid=shared, cursor=first["next_cursor"])
    assert (len(first["follow_user"]), len(second["follow_user"])) == (500, 1)
    assert "next_cursor" not in second
    assert sim.get("externalcontact/get", external_userid=shared, cursor="garbage")["errcode"] == 50100


def test_twenty_thousand_customers_in_a_second(sim):
    """Bulk creation is fast enough to start every test with a real shop's numbers."""
    began = time.monotonic()
    sim.corp("customers/bulk", {"count": 20_000, "userids": ["LiNa", "ZhaoMin"], "name_prefix": "客户"})
    assert time.monotonic() - began < 3  # about 0.3 s on an idle machine
    assert len(sim.corp("pairs?userid=LiNa")) == 10_000


def test_an_impossible_action_is_refused_and_changes_nothing(sim, customer):
    """Who is a friend cannot be added, who is none cannot be deleted: 409."""
    before = sim.corp("pairs")
    sim.act("add", userid="LiNa", external_userid=customer, status=409)
    sim.act("customer_deletes", userid="ZhaoMin", external_userid=customer, status=409)
    sim.act("nonsense", userid="LiNa", status=400)
    assert sim.corp("pairs") == before
