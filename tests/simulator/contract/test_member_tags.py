"""Tags of members: partial answers, ownership, odd success texts."""

import pytest


@pytest.fixture
def tag(sim):
    """A tag that the first app made."""
    return sim.post("tag/create", {"tagname": "店长"})["tagid"]


def test_platform_11_success_has_a_text_of_its_own(sim):
    """created, updated, deleted; only errcode says that it went well."""
    made = sim.post("tag/create", {"tagname": "店长", "tagid": 12})
    assert made == {"errcode": 0, "errmsg": "created", "tagid": 12}
    assert sim.post("tag/update", {"tagid": 12, "tagname": "督导"}) == {"errcode": 0, "errmsg": "updated"}
    assert sim.get("tag/list")["taglist"] == [{"tagid": 12, "tagname": "督导"}]
    assert sim.get("tag/delete", tagid=12) == {"errcode": 0, "errmsg": "deleted"}
    assert sim.get("tag/list")["taglist"] == []


def test_platform_11_names_are_checked(sim, tag):
    """41018 missing, 40072 beyond 32 characters, 40071 taken; a tag may keep its own name."""
    assert sim.post("tag/create", {})["errcode"] == 41018
    assert sim.post("tag/create", {"tagname": "长" * 33})["errcode"] == 40072
    assert sim.post("tag/create", {"tagname": "长" * 32})["errcode"] == 0
    assert sim.post("tag/create", {"tagname": "店长"})["errcode"] == 40071
    assert sim.post("tag/update", {"tagid": tag, "tagname": "店长"})["errcode"] == 0


def test_platform_11_unknown_tags_have_their_codes(sim):
    """41017 missing, 40068 unknown."""
    assert sim.get("tag/get")["errcode"] == 41017
    assert sim.get("tag/get", tagid=77)["errcode"] == 40068
    assert sim.post("tag/update", {"tagid": 77, "tagname": "x"})["errcode"] == 40068


def test_platform_11_members_and_departments_carry_a_tag(sim, tag):
    """A full success has no lists of bad ones; userids have no case."""
    assert sim.post("tag/addtagusers", {"tagid": tag, "userlist": ["lina", "Wang"], "partylist": [3]}) == {
        "errcode": 0,
        "errmsg": "ok",
    }
    found = sim.get("tag/get", tagid=tag)
    assert (found["tagname"], found["partylist"]) == ("店长", [3])
    assert found["userlist"] == [{"userid": "LiNa", "name": "李娜"}, {"userid": "Wang", "name": "王伟"}]
    assert sim.post("tag/deltagusers", {"tagid": tag, "userlist": ["LINA"], "partylist": [3]})["errcode"] == 0
    found = sim.get("tag/get", tagid=tag)
    assert ([item["userid"] for item in found["userlist"]], found["partylist"]) == (["Wang"], [])


@pytest.mark.parametrize("call", ["tag/addtagusers", "tag/deltagusers"])
def test_platform_11_bad_ones_are_listed_and_the_rest_is_done(sim, tag, call):
    """invalidlist is one text with bars, invalidparty a list."""
    sim.post("tag/addtagusers", {"tagid": tag, "userlist": ["Wang"]})
    answer = sim.post(call, {"tagid": tag, "userlist": ["LiNa", "nobody", "noone"], "partylist": [3, 99]})
    assert (answer["errcode"], answer["invalidlist"], answer["invalidparty"]) == (0, "nobody|noone", [99])
    carriers = {item["userid"] for item in sim.get("tag/get", tagid=tag)["userlist"]}
    assert carriers == ({"Wang", "LiNa"} if call == "tag/addtagusers" else {"Wang"})


@pytest.mark.parametrize("call", ["tag/addtagusers", "tag/deltagusers"])
def test_platform_11_nothing_but_bad_ones_is_40070(sim, tag, call):
    """And nothing at all is 40063; more than 1000 members or 100 departments are refused."""
    answer = sim.post(call, {"tagid": tag, "userlist": ["nobody"], "partylist": [99]})
    assert (answer["errcode"], answer["invalidlist"], answer["invalidparty"]) == (40070, "nobody", [99])
    assert sim.post(call, {"tagid": tag})["errcode"] == 40063
    assert sim.post(call, {"tagid": tag, "userlist": ["x"] * 1001})["errcode"] == 40032
    assert sim.post(call, {"tagid": tag, "partylist": [3] * 101})["errcode"] == 81014


def test_platform_11_only_the_app_that_made_a_tag_may_change_it(sim, tag):
    """81011 for every write of another app; reading is free."""
    sim.sign_in(secret="secret-two")
    assert sim.post("tag/update", {"tagid": tag, "tagname": "x"})["errcode"] == 81011
    assert sim.get("tag/delete", tagid=tag)["errcode"] == 81011
    assert sim.post("tag/addtagusers", {"tagid": tag, "userlist": ["LiNa"]})["errcode"] == 81011
    assert sim.post("tag/deltagusers", {"tagid": tag, "userlist": ["LiNa"]})["errcode"] == 81011
    assert sim.get("tag/get", tagid=tag)["errcode"] == 0


def test_platform_11_an_app_reads_what_lies_in_its_range(sim, tag):
    """The tag of another app is filtered; an id out of range is a bad one."""
    sim.post("tag/addtagusers", {"tagid": tag, "userlist": ["LiNa", "Wang"], "partylist": [2]})
    apps = [
        {"secret": "secret-one", "agent_id": 1000002, "visible": ["Wang"]},
        {"secret": "secret-two", "agent_id": 1000003},
    ]
    sim.sim("corps", {"corp_id": "wwsimtest0001", "apps": apps})
    found = sim.get("tag/get", tagid=tag)
    assert ([item["userid"] for item in found["userlist"]], found["partylist"]) == (["Wang"], [])
    assert sim.post("tag/addtagusers", {"tagid": tag, "userlist": ["LiNa"]})["errcode"] == 40070


def test_platform_11_there_is_an_end_to_tags_and_to_what_carries_them(sim, tag):
    """3000 tags and 30,000 nodes, lowered here; 81003 adds nothing."""
    sim.sim("settings", {"member_tags": {"most_tags": 1, "most_nodes": 1}})
    assert sim.post("tag/create", {"tagname": "x"})["errcode"] == 40126
    assert sim.post("tag/addtagusers", {"tagid": tag, "userlist": ["LiNa", "Wang"]})["errcode"] == 81003
    assert sim.get("tag/get", tagid=tag)["userlist"] == []


def test_platform_11_a_change_in_the_console_is_told(sim, pushed):
    """update_tag has its ChangeType in CDATA; making and removing a tag is silent, and so is every write by API."""
    tag = sim.act("create_member_tag", tagname="夜班")["tagid"]
    changes = {"add_users": ["LiNa", "ZhaoMin"], "del_users": ["Wang"], "add_parties": [3], "del_parties": [2, 1]}
    sim.act("change_member_tag", tagid=tag, at=1790000540, **changes)
    mine = sim.post("tag/create", {"tagname": "我们的"})["tagid"]
    sim.post("tag/addtagusers", {"tagid": mine, "userlist": ["LiNa"]})
    assert [item["userid"] for item in sim.get("tag/get", tagid=tag)["userlist"]] == ["LiNa", "ZhaoMin"]
    assert sim.post("tag/update", {"tagid": tag, "tagname": "x"})["errcode"] == 81011
    sim.act("delete_member_tag", tagid=tag)
    assert pushed() == [
        "<xml><ToUserName><![CDATA[wwsimtest0001]]></ToUserName><FromUserName><![CDATA[sys]]></FromUserName>"
        "<CreateTime>1790000540</CreateTime><MsgType><![CDATA[event]]></MsgType>"
        "<Event><![CDATA[change_contact]]></Event><ChangeType><![CDATA[update_tag]]></ChangeType>"
        f"<TagId>{tag}</TagId><AddUserItems><![CDATA[LiNa,ZhaoMin]]></AddUserItems>"
        "<DelUserItems><![CDATA[Wang]]></DelUserItems><AddPartyItems><![CDATA[3]]></AddPartyItems>"
        "<DelPartyItems><![CDATA[2,1]]></DelPartyItems></xml>"
    ]
    assert [item["name"] for item in sim.corp("look/member_tags")] == ["我们的"]
