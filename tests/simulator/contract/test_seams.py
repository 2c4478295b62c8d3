"""Where families meet: one's act or call, and what another's reads show of it."""

import pytest

CORP, SECRET, DAY_S = "wwsimtest0001", "secret-one", 86_400
OWN = {"name": "Guanxi", "secret": SECRET, "agent_id": 1000002}
PROVIDER = {"name": "Provider", "secret": "secret-provider", "agent_id": 1000009, "kind": "suite", "delegated": True}


def tune(sim, **families):
    sim.sim("settings", families)


def add(sim, userid="LiNa", **rest):
    return sim.act("add", userid=userid, **rest)["external_userid"]


def call(sim, path, **body):
    return sim.post(f"externalcontact/{path}", body)


def look(sim, name):
    return sim.corp(f"look/{name}")


def new_tag(sim):
    return call(sim, "add_corp_tag", group_name="G", tag=[{"name": "a"}])["tag_group"]["tag"][0]["id"]


def shift(sim, seconds):
    sim.sim("clock", {"advance_s": seconds})
    sim.sign_in()


def pass_on(sim, external_userid, *, giver="LiNa", taker="Wang"):
    members = {"handover_userid": giver, "takeover_userid": taker}
    return call(sim, "transfer_customer", **members, external_userid=[external_userid])["customer"][0]["errcode"]


@pytest.fixture
def provider(sim):
    """The corp with a provider's app; sign in as it, or back, by its secret."""
    sim.sim("corps", {"corp_id": CORP, "apps": [OWN, PROVIDER]})
    sim.sign_in()
    return lambda: sim.sign_in(secret=PROVIDER["secret"])


# Marks and remarks go the same way.


def test_a_provider_marks_and_passes_on_by_its_own_ids(sim, provider):
    """What `list` calls a customer, every write and every later read of that app calls so, too."""
    ours, tag = add(sim), new_tag(sim)
    chat_id = sim.act("create_chat", owner="LiNa", members=[ours])["chat_id"]
    shift(sim, 5)
    provider()
    theirs = sim.get("externalcontact/list", userid="LiNa")["external_userid"][0]
    pair = {"userid": "LiNa", "external_userid": theirs}
    assert call(sim, "mark_tag", **pair, add_tag=[tag])["errcode"] == 0
    assert call(sim, "mark_tag", **{**pair, "external_userid": ours}, add_tag=[tag])["errcode"] == 40096
    members = call(sim, "groupchat/get", chat_id=chat_id)["group_chat"]["member_list"]
    assert {item["userid"] for item in members} == {"LiNa", theirs}
    assert not any("unionid" in item for item in members)
    made = call(sim, "add_msg_template", external_userid=[theirs], text={"content": "x"})
    assert made["fail_list"] == []
    shift(sim, 5)
    provider()
    sent = call(sim, "get_groupmsg_send_result", msgid=made["msgid"], userid="LiNa")["send_list"]
    assert [item["external_userid"] for item in sent] == [theirs]
    assert pass_on(sim, theirs) == 0
    result = call(sim, "transfer_result", handover_userid="LiNa", takeover_userid="Wang")["customer"]
    assert [item["external_userid"] for item in result] == [theirs]
    sim.act("resign", userid="LiNa")
    add(sim, "ZhaoMin")
    sim.act("resign", userid="ZhaoMin")
    info = call(sim, "get_unassigned_list")["info"]
    assert not {item["external_userid"] for item in info} & {ours}


def test_a_mark_sees_what_the_reads_see(sim):
    """A relation that reads do not show yet is 84061, and who has left has the code of the settings."""
    tag = new_tag(sim)
    tune(sim, customers={"addition_lag_s": 60, "bad_userid_code": 40003})
    external_userid = add(sim)
    assert call(sim, "mark_tag", userid="LiNa", external_userid=external_userid, add_tag=[tag])["errcode"] == 84061
    assert call(sim, "mark_tag", userid="nobody", external_userid=external_userid, add_tag=[tag])["errcode"] == 40003


def test_a_marked_row_changes_its_place_as_a_remarked_one_does(sim):
    """Walks that reorder meet it at another place."""
    tag = new_tag(sim)
    bulk = {"count": 40, "userids": ["LiNa"], "seed": 1, "ids": True}
    ids = sorted(sim.corp("customers/bulk", bulk)["external_userid"])
    first = sim.get("externalcontact/list", userid="LiNa")["external_userid"]
    assert first == ids
    for external_userid in ids[:20]:
        call(sim, "mark_tag", userid="LiNa", external_userid=external_userid, add_tag=[tag])
    assert sim.get("externalcontact/list", userid="LiNa")["external_userid"] != ids


def test_a_broadcast_asks_for_no_relation_that_cannot_be_read_yet(sim):
    """The lag of additions holds for group messages, too."""
    tune(sim, customers={"addition_lag_s": 60})
    assert call(sim, "add_msg_template", external_userid=[add(sim)], text={"content": "x"})["errcode"] == 41048


# Transfers.


def test_a_transfer_that_completes_by_itself_is_counted(sim):
    """The takeover member has a new contact on that day, as with the customer's consent."""
    today = int(sim.sim("clock")["now"])
    assert pass_on(sim, add(sim)) == 0
    shift(sim, 2 * DAY_S)
    asked = {"userid": ["Wang"], "start_time": today, "end_time": today + DAY_S}
    shift(sim, DAY_S)
    rows = call(sim, "get_user_behavior_data", **asked)["behavior_data"]
    assert sum(row["new_contact_cnt"] for row in rows) == 1


def test_a_transfer_that_is_done_by_hand_is_done_in_the_results(sim):
    """transfer_done ends the one that waits; to somebody else it is refused."""
    external_userid = add(sim)
    pass_on(sim, external_userid)
    ids = {"external_userid": external_userid, "handover_userid": "LiNa"}
    sim.act("transfer_done", **ids, takeover_userid="ZhaoMin", status=409)
    sim.act("transfer_done", **ids, takeover_userid="Wang")
    shift(sim, 2 * DAY_S)
    assert [item["status"] for item in look(sim, "transfers")] == [1]


def test_a_relation_that_was_passed_on_lags_behind_its_event_too(sim):
    """addition_lag_s holds for every new relation."""
    external_userid = add(sim)
    tune(sim, customers={"addition_lag_s": 60})
    sim.act("transfer_done", external_userid=external_userid, handover_userid="LiNa", takeover_userid="Wang")
    assert sim.get("externalcontact/get", external_userid=external_userid)["errcode"] == 84061
    shift(sim, 61)
    assert sim.get("externalcontact/get", external_userid=external_userid)["errcode"] == 0


# A walk.


def test_who_leaves_during_a_walk_takes_only_their_own_rows_away(sim):
    """With bad_userid_fails_batch off, the rows of the others are each met once."""
    tune(sim, customers={"bad_userid_fails_batch": False, "walk": "live", "seed": 3})
    people = [f"m{number}" for number in range(8)]
    sim.corp("members", [{"userid": userid} for userid in people])
    rows = {(userid, add(sim, userid)) for userid in people for _ in range(3)}
    for leaver in people[:4]:
        met, cursor = [], None
        while cursor != "":
            answer = call(sim, "batch/get_by_user", userid_list=people, cursor=cursor or "", limit=5)
            for item in answer["external_contact_list"]:
                met.append((item["follow_info"]["userid"], item["external_contact"]["external_userid"]))
            if cursor is None:
                sim.act("resign", userid=leaver)
            cursor = answer["next_cursor"]
        rows = {row for row in rows if row[0] != leaver}
        assert sorted(row for row in met if row in rows) == sorted(rows)


# Names.


def test_another_userid_changes_it_everywhere(sim):
    """Chats, transfers, messages, moments, ways, welcome codes and statistics follow a renamed member."""
    tune(sim, chats={"detail_lag_s": 0.0}, broadcasts={"dispatch_s": 0.0})
    external_userid = add(sim, welcome=True)
    code = look(sim, "welcomes")[0]["code"]
    chat_id = sim.act("create_chat", owner="LiNa", members=[external_userid])["chat_id"]
    pass_on(sim, external_userid)
    config_id = call(sim, "add_contact_way", type=1, scene=2, user=["LiNa"])["config_id"]
    msgid = call(sim, "add_msg_template", sender="LiNa", text={"content": "x"})["msgid"]
    moment_id = sim.act("post_moment", userid="LiNa", text="x")["moment_id"]
    sim.act("update_user", userid="LiNa", new_userid="LiNa2")
    assert call(sim, "groupchat/get", chat_id=chat_id)["group_chat"]["owner"] == "LiNa2"
    assert call(sim, "groupchat/list", limit=10)["group_chat_list"] == [{"chat_id": chat_id, "status": 0}]
    assert call(sim, "get_contact_way", config_id=config_id)["contact_way"]["user"] == ["LiNa2"]
    assert call(sim, "get_groupmsg_send_result", msgid=msgid, userid="LiNa2")["send_list"][0]["userid"] == "LiNa2"
    assert call(sim, "get_moment_send_result", moment_id=moment_id, userid="LiNa2")["errcode"] == 0
    assert call(sim, "send_welcome_msg", welcome_code=code, text={"content": "x"})["errcode"] == 0
    shift(sim, 2 * DAY_S)
    rows = call(sim, "transfer_result", handover_userid="LiNa2", takeover_userid="Wang")["customer"]
    assert [item["status"] for item in rows] == [1]


# What is refused has done nothing.


def test_a_join_way_opens_no_chat_for_nobody(sim):
    """Who cannot come in leaves no new chat, no number used up and no stranger behind."""
    tune(sim, chats={"detail_lag_s": 0.0, "most_members": 2})
    chat_id = sim.act("create_chat", owner="LiNa", members=[{"name": "x"}])["chat_id"]
    way = call(sim, "groupchat/add_join_way", scene=2, chat_id_list=[chat_id], room_base_name="b")["config_id"]
    sim.act("resign", userid="Wang")
    before = look(sim, "chats"), look(sim, "join_ways"), sim.sim(f"corps/{CORP}")["customers"]
    for members in ([], ["LiNa"], ["Wang"], [{"name": "a"}, {"name": "b"}], ["wmA", "wmA"]):
        sim.act("join_chat", config_id=way, members=members, status=409)
    for members in ([{"type": 3}], [5], [{"who": "x"}]):
        sim.act("join_chat", config_id=way, members=members, status=400)
    assert (look(sim, "chats"), look(sim, "join_ways"), sim.sim(f"corps/{CORP}")["customers"]) == before


def test_a_chat_that_cannot_be_made_leaves_no_strangers(sim):
    """The owner is in it anyway, an administrator must be a member who is in it, the scene must be one."""
    customers = sim.sim(f"corps/{CORP}")["customers"]
    stranger = {"name": "x"}
    for order in (
        {"members": [stranger, "LiNa"]},
        {"admins": ["Wang"]},
        {"members": [stranger, stranger], "admins": ["x"]},
    ):
        sim.act("create_chat", owner="LiNa", **order, status=409)
    sim.act("create_chat", owner="LiNa", members=[stranger], scene=9, status=400)
    sim.act("create_chat", owner="LiNa", members=[stranger, {"type": 7}], status=400)
    tune(sim, chats={"most_members": 2})
    sim.act("create_chat", owner="LiNa", members=[stranger, stranger], status=409)
    assert look(sim, "chats") == []
    assert sim.sim(f"corps/{CORP}")["customers"] == customers


def test_a_scan_that_is_refused_costs_nobody_a_turn(sim):
    """The next customer goes to the member whose turn it was."""
    config_id = call(sim, "add_contact_way", type=2, scene=2, user=["LiNa", "Wang"])["config_id"]
    known = add(sim)
    sim.act("scan", config_id=config_id, external_userid=known, status=409)
    assert [sim.act("scan", config_id=config_id)["userid"] for _ in range(2)] == ["LiNa", "Wang"]


def test_an_act_reads_its_order_by_type(sim):
    """A text is no list, a number no text: 400, and nothing is changed."""
    external_userid = add(sim)
    before = sim.corp("pairs")
    for wrong in ({"tags": "abc"}, {"mobiles": "139"}, {"remark": 5}, {"personal_tags": [1]}):
        sim.act("edit", userid="LiNa", external_userid=external_userid, **wrong, status=400)
    sim.act("add", userid="LiNa", type="1", status=400)
    assert sim.corp("pairs") == before


# Deleted, and made anew.


@pytest.mark.parametrize("lag_s", [0, 60])
def test_a_tag_that_is_configured_anew_is_seen_again(sim, lag_s):
    """The tombstone of the earlier tag of that id is gone."""
    tune(sim, tags={"deletion_lag_s": lag_s})
    tag = {"tag_id": "etSimAgain", "tag_name": "a", "group_name": "G"}
    sim.corp("tags", [tag])
    external_userid = add(sim, tags=["etSimAgain"])
    sim.act("delete_tag", tag_id="etSimAgain")
    sim.corp("tags", [tag])
    shift(sim, 61)
    found = sim.get("externalcontact/get", external_userid=external_userid)["follow_user"][0]["tags"]
    assert [item["tag_id"] for item in found] == ["etSimAgain"]
    listed = call(sim, "get_corp_tag_list", tag_id=["etSimAgain"])["tag_group"]
    assert [tag["deleted"] for group in listed for tag in group["tag"]] == [False]


# As the samples have it.


def test_a_group_message_comes_back_without_the_picture_of_its_mini_program(sim):
    """get_groupmsg_list_v2 has title, appid and page of it."""
    add(sim)
    url = f"{sim.url}/cgi-bin/media/upload"
    files = {"media": ("a.png", b"\x89PNG\r\n\x1a\n" + b"0" * 100)}
    media_id = sim.http.post(url, params={"access_token": sim.token, "type": "image"}, files=files).json()["media_id"]
    card = {"title": "S", "pic_media_id": media_id, "appid": "wx1", "page": "p"}
    attachments = [{"msgtype": "miniprogram", "miniprogram": card}]
    assert call(sim, "add_msg_template", sender="LiNa", attachments=attachments)["errcode"] == 0
    now = int(sim.sim("clock")["now"])
    span = {"start_time": now - 60, "end_time": now + 60}
    found = call(sim, "get_groupmsg_list_v2", chat_type="single", **span)["group_msg_list"][0]
    assert found["attachments"] == [
        {"msgtype": "miniprogram", "miniprogram": {"title": "S", "appid": "wx1", "page": "p"}}
    ]


def test_a_wecom_user_without_phones_has_no_list_of_them_in_a_batch(sim):
    """`get` has an empty one."""
    external_userid = add(sim, type=2)
    row = call(sim, "batch/get_by_user", userid_list=["LiNa"])["external_contact_list"][0]
    assert "remark_mobiles" not in row["follow_info"]
    found = sim.get("externalcontact/get", external_userid=external_userid)["follow_user"][0]
    assert found["remark_mobiles"] == []


def test_versions_and_listed_ids_of_a_chat_event_stand_bare(sim, pushed):
    """Item, LastMemVer and CurMemVer are no CDATA."""
    chat_id = sim.act("create_chat", owner="LiNa", silent=True)["chat_id"]
    sim.act("join_chat", chat_id=chat_id, members=["Wang"])
    (text,) = pushed()
    assert "<Item>Wang</Item></MemChangeList><LastMemVer>" in text
    version = look(sim, "chats")[0]["member_version"]
    assert text.endswith(f"<CurMemVer>{version}</CurMemVer></xml>")


def test_an_app_hears_of_the_members_of_the_departments_it_sees(sim, inbox):
    """By department as by name; of others it does not."""
    told = {"token": "QDG6eK", "encoding_aes_key": "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"}
    app = {**OWN, "visible": [], "visible_departments": [2]}
    sim.sim("corps", {"corp_id": CORP, "apps": [app], "receivers": [{**told, "url": inbox.url, "app": SECRET}]})
    add(sim, "ZhaoMin")
    add(sim, "Wang")
    assert sim.sim("callbacks/flush", {})["flushed"]
    (text,) = inbox.plaintexts()
    assert "ZhaoMin" in text
