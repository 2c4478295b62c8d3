"""Customers and their relations: what the reads show, what people do, and what nobody is told."""

import re

import pytest

CORP, SECRET = "wwsimtest0001", "secret-one"
OWN = {"name": "Guanxi", "secret": SECRET, "agent_id": 1000002}
SECOND = {"name": "Second", "secret": "secret-own", "agent_id": 1000007}
PROVIDER = {"name": "Provider", "secret": "secret-provider", "agent_id": 1000009, "kind": "suite", "delegated": True}


@pytest.fixture
def customer(sim):
    told = {"name": "Blue Whale", "state": "booth-7", "unionid": "oSim1", "silent": True}
    return sim.act("add", userid="LiNa", **told)["external_userid"]


def put_apps(sim, *apps):
    sim.sim("corps", {"corp_id": CORP, "apps": list(apps)})
    sim.sign_in()


def tune(sim, **numbers):
    sim.sim("settings", {"customers": numbers})


def get(sim, external_userid, **more):
    return sim.get("externalcontact/get", external_userid=external_userid, **more)


def followers(sim, external_userid):
    return [item["userid"] for item in get(sim, external_userid)["follow_user"]]


def listed(sim, userid="LiNa"):
    return sim.get("externalcontact/list", userid=userid)


def batch(sim, *userids, **more):
    answer = sim.post("externalcontact/batch/get_by_user", {"userid_list": list(userids), "limit": 100, **more})
    return answer["errcode"], answer["external_contact_list"]


def rows(sim, *userids):
    return [(r["follow_info"]["userid"], r["external_contact"]["external_userid"]) for r in batch(sim, *userids)[1]]


def remark(sim, external_userid, userid="LiNa", **said):
    return sim.post("externalcontact/remark", {"userid": userid, "external_userid": external_userid, **said})["errcode"]


def change_types(plaintexts):
    return [re.search("<ChangeType><!\\[CDATA\\[(.*?)]]", text)[1] for text in plaintexts]


def welcome_code(plaintext):
    found = re.search("<WelcomeCode><!\\[CDATA\\[(.*?)]]", plaintext)
    return found[1] if found else ""


# Item 1: the state, from apps to pairs.


def test_contact_01_the_function_makes_a_member_one_who_serves(sim):
    """get_follow_user_list names who has the function, is in service and in the app's scope."""
    listing = "externalcontact/get_follow_user_list"
    assert sim.get(listing)["follow_user"] == ["LiNa", "ZhaoMin", "Wang"]
    sim.act("function_off", userid="Wang")
    sim.act("resign", userid="ZhaoMin")
    assert sim.get(listing)["follow_user"] == ["LiNa"]
    put_apps(sim, {**OWN, "visible": ["ZhaoMin"]})
    assert sim.get(listing) == {"errcode": 0, "errmsg": "ok", "follow_user": []}


def test_contact_01_members_and_departments_are_told_apart_by_the_function(sim):
    """check_follow_user answers in two halves, and an empty half misses its arrays."""
    sim.act("function_off", userid="Wang")
    found = sim.post("externalcontact/check_follow_user", {"userid": ["lina", "Wang", "nobody"], "partyid": [2, 1, 9]})
    assert found["authorized"] == {"userid": ["lina"], "partyid": [2]}
    assert found["unauthorized"] == {"userid": ["Wang", "nobody"], "partyid": [1, 9]}
    assert sim.post("externalcontact/check_follow_user", {"userid": ["LiNa"]})["unauthorized"] == {}
    assert sim.post("externalcontact/check_follow_user", {})["errcode"] == 40063


def test_contact_01_a_member_has_room_for_so_many_customers(sim):
    """The cap of the member goes before that of the settings; deleted customers do not count."""
    tune(sim, contact_cap=1)
    sim.corp("members", [{"userid": "ZhaoMin", "contact_cap": 2}])
    first = sim.act("add", userid="LiNa")["external_userid"]
    sim.act("add", userid="LiNa", status=409)
    sim.act("member_deletes", userid="LiNa", external_userid=first)
    sim.act("add", userid="LiNa")
    sim.act("add", userid="ZhaoMin")
    sim.act("add", userid="ZhaoMin")
    sim.act("add", userid="ZhaoMin", status=409)


def test_contact_01_a_call_needs_the_right_to_customers(sim, customer):
    """An app that is not among the callable apps of customer contact gets 48002."""
    sim.sign_in(secret="secret-two")
    assert get(sim, customer)["errcode"] == 48002


# Item 2: ids.


def test_contact_02_own_apps_share_ids_and_a_provider_has_its_own(sim, customer):
    """A provider's id is another one, works in its calls only, and is stable."""
    put_apps(sim, OWN, SECOND, PROVIDER)
    sim.sign_in(secret=SECOND["secret"])
    assert listed(sim)["external_userid"] == [customer]
    sim.sign_in(secret=PROVIDER["secret"])
    foreign = listed(sim)["external_userid"][0]
    assert foreign != customer
    assert foreign.startswith("wm")
    assert listed(sim)["external_userid"] == [foreign]
    assert get(sim, customer)["errcode"] == 40096
    found = get(sim, foreign)
    assert found["external_contact"]["external_userid"] == foreign
    assert found["follow_user"][0]["oper_userid"] == foreign
    assert rows(sim, "LiNa") == [("LiNa", foreign)]
    sim.sign_in()
    assert get(sim, foreign)["errcode"] == 40096


def test_contact_02_a_provider_sees_less(sim, customer):
    """No avatar, unionid, gender or phones for a provider, and no legal name of a WeCom contact's corp."""
    sim.act("edit", userid="LiNa", external_userid=customer, mobiles=["13900000001"])
    names = {"corp_name": "Harbor", "corp_full_name": "Harbor Trading Co., Ltd."}
    partner = sim.act("add", userid="Wang", type=2, position="Buyer", profile={"external_attr": []}, **names)
    own = get(sim, partner["external_userid"])["external_contact"]
    assert own["corp_full_name"] == "Harbor Trading Co., Ltd."
    assert (own["position"], own["external_profile"]) == ("Buyer", {"external_attr": []})
    put_apps(sim, OWN, PROVIDER)
    sim.sign_in(secret=PROVIDER["secret"])
    found = get(sim, listed(sim)["external_userid"][0])
    assert found["external_contact"].keys() == {"external_userid", "name", "type", "gender"}
    assert found["external_contact"]["gender"] == 0
    assert "remark_mobiles" not in found["follow_user"][0]
    assert get(sim, listed(sim, "Wang")["external_userid"][0])["external_contact"]["corp_full_name"] == "Harbor"


def test_contact_02_a_providers_id_is_exchanged_for_ours(sim, customer):
    """from_service_external_userid needs the provider's agent id, and a follower whom both apps see."""
    put_apps(sim, OWN, PROVIDER)
    sim.sign_in(secret=PROVIDER["secret"])
    foreign = listed(sim)["external_userid"][0]
    sim.sign_in()

    def exchanged(**order):
        return sim.post("externalcontact/from_service_external_userid", order)

    agent_id = PROVIDER["agent_id"]
    assert exchanged(external_userid=foreign, source_agentid=agent_id)["external_userid"] == customer
    assert exchanged(external_userid=foreign, source_agentid=OWN["agent_id"])["errcode"] == 40056
    assert exchanged(external_userid=customer, source_agentid=agent_id)["errcode"] == 40096
    assert exchanged(external_userid=foreign)["errcode"] == 40063
    put_apps(sim, OWN, {**PROVIDER, "visible": ["Wang"]})
    assert exchanged(external_userid=foreign, source_agentid=agent_id)["errcode"] == 84084


def test_contact_02_only_wechat_users_have_an_openid(sim, customer):
    """convert_to_openid is stable for a customer; a WeCom user's id is of the wrong type."""
    partner = sim.act("add", userid="LiNa", type=2)["external_userid"]

    def openid(external_userid):
        return sim.post("externalcontact/convert_to_openid", {"external_userid": external_userid})

    assert openid(customer)["openid"] == openid(customer)["openid"] != ""
    assert openid(partner)["errcode"] == 41056
    assert openid("wmNobody")["errcode"] == 40096
    assert openid("")["errcode"] == 41035


# Item 3: scope and function.


def test_contact_03_every_read_is_trimmed_to_the_scope(sim, customer):
    """get cuts follow_user, list and batch refuse a member out of scope."""
    sim.act("add", userid="ZhaoMin", external_userid=customer)
    assert followers(sim, customer) == ["LiNa", "ZhaoMin"]
    put_apps(sim, {**OWN, "visible": ["ZhaoMin"]})
    assert followers(sim, customer) == ["ZhaoMin"]
    assert listed(sim)["errcode"] == 60111
    assert batch(sim, "ZhaoMin", "LiNa") == (60111, [])
    assert batch(sim, "ZhaoMin")[0] == 0
    assert remark(sim, customer, remark="VIP") == 60111


def test_contact_03_what_a_bad_userid_gives_is_a_setting(sim, customer):
    """The code is not published, nor whether a batch fails for one bad userid."""
    tune(sim, bad_userid_code=40003, bad_userid_fails_batch=False)
    assert listed(sim, "nobody")["errcode"] == 40003
    assert rows(sim, "nobody", "LiNa") == [("LiNa", customer)]


# Items 12 to 19: customers.


def test_contact_12_nobody_is_84061_and_an_unknown_id_40096(sim, customer):
    """list of a member without customers and get without a relation in scope are 84061, with the list field empty."""
    assert listed(sim, "Wang")["errcode"] == 84061
    assert listed(sim, "Wang")["external_userid"] == []
    assert listed(sim, "nobody")["errcode"] == 60111
    assert get(sim, "wmNobody")["errcode"] == 40096
    put_apps(sim, {**OWN, "visible": ["Wang"]})
    found = get(sim, customer)
    assert (found["errcode"], found["follow_user"]) == (84061, [])
    tune(sim, out_of_scope_code=40096)
    assert get(sim, customer)["errcode"] == 40096


def test_contact_12_a_customer_whose_only_follower_left_cannot_be_read(sim, customer):
    """After the resignation get is 84061, and the member is unknown to list."""
    sim.act("resign", userid="LiNa")
    assert get(sim, customer)["errcode"] == 84061
    assert listed(sim)["errcode"] == 60111
    assert sim.corp("pairs")[0]["state"] == "active"


def test_contact_13_del_follow_user_leaves_the_row_and_coming_back_renews_it(sim, pushed, customer):
    """The row stays readable without a mark; adding again changes createtime and add_way and is told."""
    ids = {"userid": "LiNa", "external_userid": customer}
    sim.act("edit", **ids, remark="VIP", silent=True)
    before = get(sim, customer)
    sim.act("customer_deletes", **ids)
    assert change_types(pushed()) == ["del_follow_user"]
    assert get(sim, customer) == before
    assert listed(sim)["external_userid"] == [customer]
    assert rows(sim, "LiNa") == [("LiNa", customer)]
    sim.act("half_add", **ids, status=409)
    sim.act("add", **ids, add_way=3, at=1_790_000_000)
    row = get(sim, customer)["follow_user"][0]
    assert (row["createtime"], row["add_way"], row["remark"]) == (1_790_000_000, 3, "VIP")
    assert change_types(pushed()) == ["del_follow_user", "add_external_contact"]


def test_contact_13_what_coming_back_renews_is_a_setting(sim, customer):
    """Whether createtime, add_way and the notes survive is not published."""
    numbers = {"readding_renews_createtime": False, "readding_renews_add_way": False, "readding_keeps_notes": False}
    tune(sim, **numbers)
    ids = {"userid": "LiNa", "external_userid": customer}
    sim.act("edit", **ids, remark="VIP")
    before = get(sim, customer)["follow_user"][0]
    sim.act("customer_deletes", **ids)
    sim.act("add", **ids, add_way=3, at=1_790_000_000)
    row = get(sim, customer)["follow_user"][0]
    assert (row["createtime"], row["add_way"]) == (before["createtime"], 1)
    assert row["remark"] == "Blue Whale"


def test_contact_14_get_may_name_a_member_for_a_while_who_deleted_the_customer(sim, pushed, customer):
    """The event comes at once; list and batch have lost the row; get loses it after the lag."""
    tune(sim, deletion_lag_s=60.0)
    sim.act("member_deletes", userid="LiNa", external_userid=customer)
    assert change_types(pushed()) == ["del_external_contact"]
    assert followers(sim, customer) == ["LiNa"]
    assert listed(sim)["errcode"] == 84061
    assert rows(sim, "LiNa") == []
    sim.sim("clock", {"advance_s": 59})
    assert followers(sim, customer) == ["LiNa"]
    sim.sim("clock", {"advance_s": 2})
    assert get(sim, customer)["errcode"] == 84061


def test_contact_14_a_new_relation_may_be_read_later_than_its_event(sim, pushed):
    """With a lag the reads do not show what the event told; when it is over, they do."""
    tune(sim, addition_lag_s=60.0)
    late = sim.act("add", userid="LiNa")["external_userid"]
    assert change_types(pushed()) == ["add_external_contact"]
    assert (get(sim, late)["errcode"], listed(sim)["errcode"], rows(sim, "LiNa")) == (84061, 84061, [])
    sim.sim("clock", {"advance_s": 61})
    assert followers(sim, late) == ["LiNa"]
    assert rows(sim, "LiNa") == [("LiNa", late)]


def test_contact_15_a_half_added_customer_is_readable_when_confirmed(sim, pushed):
    """add_half, 84061 from every call, then add_external_contact."""
    half = sim.act("half_add", userid="LiNa", state="booth-7", welcome=True)["external_userid"]
    assert (get(sim, half)["errcode"], listed(sim)["errcode"], rows(sim, "LiNa")) == (84061, 84061, [])
    assert remark(sim, half, remark="VIP") == 84061
    assert change_types(pushed()) == ["add_half_external_contact"]
    sim.act("confirm", userid="LiNa", external_userid=half, welcome=True)
    assert get(sim, half)["follow_user"][0]["state"] == "booth-7"
    told = pushed()
    assert change_types(told) == ["add_half_external_contact", "add_external_contact"]
    assert welcome_code(told[0]) != welcome_code(told[1]) != ""


def test_contact_15_a_used_welcome_code_is_the_last(sim, pushed):
    """The event of the confirmation has no code when the first one was used."""
    half = sim.act("half_add", userid="LiNa", welcome=True)["external_userid"]
    order = {"welcome_code": welcome_code(pushed()[0]), "text": {"content": "hello"}}
    assert sim.post("externalcontact/send_welcome_msg", order)["errcode"] == 0
    sim.act("confirm", userid="LiNa", external_userid=half, welcome=True)
    assert [bool(welcome_code(text)) for text in pushed()] == [True, False]


def test_contact_16_personal_tags_come_only_with_get(sim, customer):
    """Type 2 without an id in get; batch has corp tags alone, as ids."""
    sim.corp("tags", [{"tag_id": "etGold", "tag_name": "Gold", "group_name": "Level"}])
    sim.act("edit", userid="LiNa", external_userid=customer, tags=["etGold"], personal_tags=["golf"])
    tags = get(sim, customer)["follow_user"][0]["tags"]
    assert [(item["type"], item["tag_name"], "tag_id" in item) for item in tags] == [
        (1, "Gold", True),
        (2, "golf", False),
    ]
    row = batch(sim, "LiNa")[1][0]["follow_info"]
    assert row["tag_id"] == ["etGold"]
    assert "tags" not in row


@pytest.fixture
def popular(sim):
    """A customer of 501 members."""
    many = [{"userid": f"m{number}"} for number in range(501)]
    sim.corp("members", many)
    shared = sim.act("add", userid="m0")["external_userid"]
    sim.corp("act", [{"do": "add", "userid": item["userid"], "external_userid": shared} for item in many[1:]])
    return shared


def test_contact_17_more_than_500_followers_are_paged(sim, popular):
    """A cursor comes only with more than 500; the customer comes with every page, or (setting) with the first."""
    first = get(sim, popular)
    second = get(sim, popular, cursor=first["next_cursor"])
    assert (len(first["follow_user"]), len(second["follow_user"])) == (500, 1)
    assert second["external_contact"] == first["external_contact"]
    assert "next_cursor" not in second
    tune(sim, get_repeats_contact=False)
    assert "external_contact" not in get(sim, popular, cursor=first["next_cursor"])
    assert get(sim, popular)["external_contact"] == first["external_contact"]


def test_contact_18_remark_changes_what_is_said(sim, pushed, customer):
    """Remark, description and company change, phones are replaced, and no callback tells of it."""
    notes = {"remark": "VIP", "description": "fair", "remark_company": "Whale Studio", "remark_mobiles": ["1", "2"]}
    assert remark(sim, customer, **notes) == 0
    assert remark(sim, customer, remark_mobiles=["3"]) == 0
    row = get(sim, customer)["follow_user"][0]
    assert (row["remark"], row["description"], row["remark_corp_name"]) == ("VIP", "fair", "Whale Studio")
    assert row["remark_mobiles"] == ["3"]
    assert batch(sim, "LiNa")[1][0]["follow_info"]["remark_corp_name"] == "Whale Studio"
    assert remark(sim, customer, remark_mobiles=[""]) == 0
    assert get(sim, customer)["follow_user"][0]["remark_mobiles"] == []
    assert pushed() == []


def test_contact_18_the_company_is_for_wechat_users(sim):
    """It is accepted for a WeCom user, and has no effect."""
    partner = sim.act("add", userid="LiNa", type=2)["external_userid"]
    assert remark(sim, partner, remark_company="Whale Studio") == 0
    assert "remark_corp_name" not in get(sim, partner)["follow_user"][0]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"remark": "备" * 20}, 0),
        ({"remark": "备" * 21}, 40058),
        ({"description": "d" * 150}, 0),
        ({"description": "d" * 151}, 40058),
        ({"remark_company": "c" * 20}, 0),
        ({"remark_company": "c" * 21}, 40058),
        ({}, 40063),
        ({"remark": ""}, 40063),
        ({"remark_pic_mediaid": "unknown"}, 40007),
        ({"remark": "VIP", "userid": "nobody"}, 60111),
        ({"remark": "VIP", "userid": "Wang"}, 84061),
        ({"remark": "VIP", "external_userid": "wmNobody"}, 40096),
    ],
)
def test_contact_18_remark_has_limits(sim, customer, said, code):
    """20, 150 and 20 characters; at least one must be said; the pair must be a relation."""
    order = {"userid": "LiNa", "external_userid": customer, **said}
    assert sim.post("externalcontact/remark", order)["errcode"] == code


def test_contact_18_whether_an_empty_text_clears_is_a_setting(sim, customer):
    """By default "" leaves the remark as it is."""
    remark(sim, customer, remark="VIP", description="fair")
    remark(sim, customer, remark="Whale", description="")
    assert get(sim, customer)["follow_user"][0]["description"] == "fair"
    tune(sim, empty_remark_clears=True)
    remark(sim, customer, remark="Whale", description="")
    assert get(sim, customer)["follow_user"][0]["description"] == ""


def test_contact_19_a_customer_of_two_members_is_two_rows(sim, customer):
    """The profile is the same in both, the relation is each one's own."""
    sim.act("add", userid="ZhaoMin", external_userid=customer, remark="Whale", add_way=3)
    first, second = sorted(batch(sim, "LiNa", "ZhaoMin")[1], key=lambda row: row["follow_info"]["userid"])
    assert first["external_contact"] == second["external_contact"]
    assert (first["follow_info"]["remark"], second["follow_info"]["remark"]) == ("Blue Whale", "Whale")
    assert (first["follow_info"]["add_way"], second["follow_info"]["add_way"]) == (1, 3)


# Item 46: what vanishes in silence; and what people do that nobody is told.


def test_contact_46_a_lost_function_takes_the_rows_away_in_silence(sim, pushed, customer):
    """get, list, batch, remark and get_follow_user_list lose the member; no callback; on again, all is back."""
    sim.act("function_off", userid="LiNa")
    assert (get(sim, customer)["errcode"], listed(sim)["errcode"], batch(sim, "LiNa")) == (84061, 84061, (0, []))
    assert remark(sim, customer, remark="VIP") == 84061
    assert "LiNa" not in sim.get("externalcontact/get_follow_user_list")["follow_user"]
    sim.act("function_on", userid="LiNa")
    assert (followers(sim, customer), rows(sim, "LiNa")) == (["LiNa"], [("LiNa", customer)])
    assert pushed() == []


def test_contact_46_a_shrunk_scope_takes_the_rows_away_in_the_middle_of_a_walk(sim):
    """The cursor of the walk goes on, and what is out of scope now is refused."""
    sim.corp("customers/bulk", {"count": 6, "userids": ["LiNa", "ZhaoMin"]})
    order = {"userid_list": ["LiNa", "ZhaoMin"], "limit": 1}
    cursor = sim.post("externalcontact/batch/get_by_user", order)["next_cursor"]
    assert cursor
    sim.sim("corps", {"corp_id": CORP, "apps": [{**OWN, "visible": ["LiNa"]}]})
    found = sim.post("externalcontact/batch/get_by_user", {**order, "cursor": cursor})
    assert (found["errcode"], found["external_contact_list"]) == (60111, [])
    tune(sim, bad_userid_fails_batch=False)
    found = sim.post("externalcontact/batch/get_by_user", {**order, "limit": 100, "cursor": cursor})
    assert {row["follow_info"]["userid"] for row in found["external_contact_list"]} <= {"LiNa"}


def test_contact_46_a_customer_who_changes_name_or_picture_is_seen_only_by_reading(sim, pushed, customer):
    """No callback; get and batch show the new profile; the member's remark stays."""
    sim.act("customer_renames", external_userid=customer, name="Grey Whale")
    sim.act("customer_changes_avatar", external_userid=customer, avatar="https://wx.qlogo.example/new/0")
    found = get(sim, customer)
    profile = found["external_contact"]
    assert (profile["name"], profile["avatar"]) == ("Grey Whale", "https://wx.qlogo.example/new/0")
    assert batch(sim, "LiNa")[1][0]["external_contact"] == profile
    assert found["follow_user"][0]["remark"] == "Blue Whale"
    sim.act("customer_renames", external_userid="wmNobody", name="x", status=409)
    assert pushed() == []


def test_contact_46_what_members_do_in_the_client_is_told(sim, pushed):
    """Section 14: every action of a person has its event, with the ids of the pair."""
    known = sim.act("add", userid="LiNa", state="booth-7")["external_userid"]
    ids = {"userid": "LiNa", "external_userid": known}
    assert change_types(pushed()) == ["add_external_contact"]
    for do, change_type in (
        ("edit", "edit_external_contact"),
        ("customer_deletes", "del_follow_user"),
        ("member_deletes", "del_external_contact"),
    ):
        sim.act(do, **ids)
        text = pushed()[-1]
        assert change_types([text]) == [change_type]
        assert "<UserID><![CDATA[LiNa]]>" in text
        assert f"<ExternalUserID><![CDATA[{known}]]>" in text


def test_contact_46_what_a_member_edits_is_read_back(sim, customer):
    """Remark, description, company, phones and tags of the client are in the next read."""
    notes = {"remark": "VIP", "description": "fair", "remark_company": "Whale Studio", "mobiles": ["13900000001"]}
    sim.act("edit", userid="LiNa", external_userid=customer, **notes)
    row = get(sim, customer)["follow_user"][0]
    assert (row["remark"], row["description"], row["remark_corp_name"]) == ("VIP", "fair", "Whale Studio")
    assert row["remark_mobiles"] == ["13900000001"]
