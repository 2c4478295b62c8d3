"""Group chats: who is in them, what reads and callbacks tell of it, and how they get a new owner."""

import xml.etree.ElementTree as ET

import pytest

from tests.simulator.conftest import AGENT, CORP, SECRET

LIST, GET = "externalcontact/groupchat/list", "externalcontact/groupchat/get"
ONJOB, INHERIT = "externalcontact/groupchat/onjob_transfer", "externalcontact/groupchat/transfer"
ADD_WAY, GET_WAY = "externalcontact/groupchat/add_join_way", "externalcontact/groupchat/get_join_way"
UPDATE_WAY, DELETE_WAY = "externalcontact/groupchat/update_join_way", "externalcontact/groupchat/del_join_way"
LAG, DAY = 2, 86_400


@pytest.fixture
def customer(sim):
    return sim.act("add", userid="LiNa", name="Blue Whale", unionid="oSim1", silent=True)["external_userid"]


@pytest.fixture
def chat(sim, customer):
    """LiNa's chat with ZhaoMin and one customer, as old as the lag."""
    made = sim.act("create_chat", owner="LiNa", name="Harbor fans", members=["ZhaoMin", customer], silent=True)
    settle(sim)
    return made["chat_id"]


def settle(sim, seconds=LAG):
    """Let the lag pass; a token does not live for days."""
    sim.sim("clock", {"advance_s": seconds})
    sim.sign_in()


def tune(sim, **numbers):
    sim.sim("settings", {"chats": numbers})


def read(sim, chat, **rest):
    answer = sim.post(GET, {"chat_id": chat, **rest})
    assert answer["errcode"] == 0, answer
    return answer["group_chat"]


def code(sim, chat):
    return sim.post(GET, {"chat_id": chat})["errcode"]


def ids(sim, chat):
    return [item["userid"] for item in read(sim, chat)["member_list"]]


def listed(sim, *, limit=1000, **rest):
    answer = sim.post(LIST, {"limit": limit, **rest})
    assert answer["errcode"] == 0, answer
    return [(row["chat_id"], row["status"]) for row in answer["group_chat_list"]]


def owned(sim, *owners, **rest):
    return listed(sim, owner_filter={"userid_list": list(owners)}, **rest)


def truth(sim, chat):
    return next(row for row in sim.corp("look/chats") if row["chat_id"] == chat)


def fields(text):
    """Tag and text of each element after CreateTime; the change list as a list of ids."""
    found = []
    for item in list(ET.fromstring(text))[3:]:
        found.append((item.tag, [one.text for one in item] if len(item) else item.text))
    return found


def fails(sim, path, *chats, to="ZhaoMin"):
    """chat_id -> code of what was refused; the call itself is 0."""
    answer = sim.post(path, {"chat_id_list": list(chats), "new_owner": to})
    assert answer["errcode"] == 0
    assert all(row.keys() == {"chat_id", "errcode", "errmsg"} for row in answer["failed_chat_list"])
    return {row["chat_id"]: row["errcode"] for row in answer["failed_chat_list"]}


def see_only(sim, *userids):
    """The app's scope is these members."""
    apps = [{"name": "Guanxi", "secret": SECRET, "agent_id": AGENT, "visible": list(userids)}]
    sim.sim("corps", {"corp_id": CORP, "apps": apps})


def test_contact_32_the_event_comes_first_and_the_detail_later(sim, pushed, chat):
    """A read right after the event shows the state before it; two seconds later the new one."""
    before = read(sim, chat)
    came = sim.act("join_chat", chat_id=chat, members=[{}])["members"][0]
    (event,) = [dict(fields(text)) for text in pushed()]
    assert read(sim, chat) == before
    assert event["LastMemVer"] == before["member_version"] != event["CurMemVer"]
    settle(sim)
    after = read(sim, chat)
    assert after["member_version"] == event["CurMemVer"]
    assert [item["userid"] for item in after["member_list"]][-1] == came


def test_contact_32_every_change_lags_and_without_lag_none_does(sim, chat):
    """Name, notice and owner too; a second change meanwhile does not uncover the first."""
    sim.act("rename_chat", chat_id=chat, name="one")
    settle(sim, 1.5)
    sim.act("change_notice", chat_id=chat, notice="be kind")
    assert (read(sim, chat)["name"], read(sim, chat)["notice"]) == ("Harbor fans", "")
    settle(sim, 1)
    assert (read(sim, chat)["name"], read(sim, chat)["notice"]) == ("one", "")
    settle(sim)
    assert read(sim, chat)["notice"] == "be kind"
    tune(sim, detail_lag_s=0)
    sim.act("rename_chat", chat_id=chat, name="two")
    assert read(sim, chat)["name"] == "two"


def test_contact_32_a_new_chat_is_not_there_at_first(sim):
    """Neither get nor list know it until the lag is over."""
    new = sim.act("create_chat", owner="LiNa")["chat_id"]
    assert (code(sim, new), listed(sim)) == (40050, [])
    settle(sim)
    assert (code(sim, new), listed(sim)) == (0, [(new, 0)])


def test_contact_32_events_have_the_documented_tags_in_order(sim, pushed, chat):
    """ChatId before ChangeType, bare numbers, and member fields only where members change."""
    sim.act("create_chat", owner="LiNa")
    sim.act("rename_chat", chat_id=chat, name="new")
    sim.act("change_notice", chat_id=chat, notice="new")
    sim.act("change_owner", chat_id=chat, userid="ZhaoMin")
    sim.act("dismiss_chat", chat_id=chat)
    head = [("MsgType", "event"), ("Event", "change_external_chat")]
    got = [fields(text) for text in pushed()]
    assert all(item[:2] == head and item[2][0] == "ChatId" for item in got)
    assert sorted(item[3:] for item in got) == sorted(
        [
            [("ChangeType", "create")],
            [("ChangeType", "update"), ("UpdateDetail", "change_name")],
            [("ChangeType", "update"), ("UpdateDetail", "change_notice")],
            [("ChangeType", "update"), ("UpdateDetail", "change_owner")],
            [("ChangeType", "dismiss")],
        ]
    )
    assert "<ChangeType><![CDATA[" in pushed()[0]


def test_contact_33_versions_form_a_chain(sim, pushed, chat, customer):
    """Each member event starts from the version that the one before ended with; the last is the chat's."""
    first = read(sim, chat)["member_version"]
    sim.sim("faults", {"clear": True})
    for _ in range(3):
        sim.act("join_chat", chat_id=chat, members=[{}])
        pushed()
    sim.act("leave_chat", chat_id=chat, members=[customer])
    chain = [dict(fields(text)) for text in pushed()]
    versions = [first, *[item["CurMemVer"] for item in chain]]
    assert [item["LastMemVer"] for item in chain] == versions[:-1]
    assert len(set(versions)) == 5
    settle(sim)
    assert read(sim, chat)["member_version"] == versions[-1]
    sim.act("rename_chat", chat_id=chat, name="x")
    settle(sim)
    assert read(sim, chat)["member_version"] == versions[-1]


def test_contact_33_a_lost_event_breaks_the_chain(sim, pushed, chat):
    """The next event starts from a version that a client never saw; get has the whole truth."""
    first = read(sim, chat)["member_version"]
    sim.sim("faults", {"drop": 1.0})
    sim.act("join_chat", chat_id=chat, members=[{}])
    sim.sim("faults", {"clear": True})
    sim.act("join_chat", chat_id=chat, members=[{}])
    (event,) = [dict(fields(text)) for text in pushed()]
    assert event["LastMemVer"] != first
    settle(sim)
    assert (read(sim, chat)["member_version"], len(ids(sim, chat))) == (event["CurMemVer"], 5)


@pytest.mark.parametrize(("how", "shown"), [("items", ["wmA", "wmB"]), ("text", "wmA,wmB"), ("none", None)])
def test_contact_33_the_change_list_has_three_forms(sim, pushed, chat, how, shown):
    """Items, ids with commas, or (older still) nothing; the count is always there."""
    tune(sim, member_list=how)
    sim.act("join_chat", chat_id=chat, members=["wmA", "wmB"])
    event = dict(fields(pushed()[0]))
    assert (event.get("MemChangeList"), event["MemChangeCnt"]) == (shown, "2")


@pytest.mark.parametrize(("scene", "in_event"), [(1, "0"), (2, "0"), (3, "3")])
def test_contact_34_join_scenes_have_other_numbers_in_events(sim, pushed, chat, scene, in_event):
    """get: 1 invited, 2 by link, 3 by QR code; events: 0, 0, 3. Only the invited have an invitor."""
    came = sim.act("join_chat", chat_id=chat, members=[{}], scene=scene, invitor="ZhaoMin")["members"][0]
    event = dict(fields(pushed()[0]))
    assert (event["UpdateDetail"], event["JoinScene"], event["MemChangeList"]) == ("add_member", in_event, [came])
    settle(sim)
    row = read(sim, chat)["member_list"][-1]
    assert (row["join_scene"], row.get("invitor")) == (scene, None if scene == 3 else {"userid": "ZhaoMin"})


@pytest.mark.parametrize(("do", "scene"), [("leave_chat", "0"), ("remove_from_chat", "1")])
def test_contact_34_quit_scenes_tell_leaving_from_removal(sim, pushed, chat, customer, do, scene):
    """0 left by themselves, 1 removed."""
    sim.act(do, chat_id=chat, members=[customer])
    event = dict(fields(pushed()[0]))
    assert (event["UpdateDetail"], event["QuitScene"], event["MemChangeList"]) == ("del_member", scene, [customer])
    settle(sim)
    assert customer not in ids(sim, chat)


def test_contact_35_each_refusal_has_its_code(sim, chat):
    """Unknown 40050, dismissed 49008, no customer group 90501, nothing named 40063."""
    assert (code(sim, "wrUnknown"), code(sim, "")) == (40050, 40063)
    sim.act("function_off", userid="LiNa")
    assert (code(sim, chat), listed(sim)) == (90501, [])
    sim.act("function_on", userid="LiNa")
    sim.act("dismiss_chat", chat_id=chat)
    assert code(sim, chat) == 0
    settle(sim)
    assert code(sim, chat) == 49008


def test_contact_35_a_group_that_is_no_customer_group_is_silent(sim, pushed):
    """Its owner has no customer-contact function: 90501, and no callback."""
    sim.act("function_off", userid="Wang")
    chat = sim.act("create_chat", owner="Wang")["chat_id"]
    sim.act("join_chat", chat_id=chat, members=[{}])
    settle(sim)
    assert (code(sim, chat), pushed()) == (90501, [])


def test_contact_35_the_owner_must_be_in_scope(sim, chat):
    """Otherwise 60011 by default (not published), and no row in the list."""
    see_only(sim, "ZhaoMin")
    assert (code(sim, chat), listed(sim), owned(sim, "LiNa")) == (60011, [], [])
    tune(sim, out_of_scope_code=84074)
    assert code(sim, chat) == 84074
    see_only(sim, "LiNa")
    assert (code(sim, chat), listed(sim)) == (0, [(chat, 0)])


def test_contact_35_a_wide_scope_needs_an_owner_filter(sim, chat):
    """More people than the limit in scope: 81017 without owner_filter."""
    assert listed(sim) == [(chat, 0)]
    tune(sim, most_unfiltered=2)
    refused = sim.post(LIST, {"limit": 10})
    assert (refused["errcode"], refused["group_chat_list"]) == (81017, [])
    assert owned(sim, "LiNa") == [(chat, 0)]


def test_contact_35_the_list_checks_what_it_is_asked(sim):
    """limit is required and 1 to 1000, at most a hundred owners, a status that exists."""
    assert sim.post(LIST, {})["errcode"] == 40063
    for bad in ({"limit": 0}, {"limit": 1001}, {"limit": 1, "status_filter": 4}):
        assert sim.post(LIST, bad)["errcode"] == 40058
    many = {"userid_list": [f"u{number}" for number in range(101)]}
    assert sim.post(LIST, {"limit": 1, "owner_filter": many})["errcode"] == 40058
    assert sim.post(LIST, {"limit": 1, "owner_filter": {"userid_list": ["nobody"]}})["errcode"] == 40003


def test_contact_35_the_list_is_paged(sim):
    """Every chat once; next_cursor is empty at the end; a foreign filter or garbage is 50100."""
    made = sim.act("make_chats", count=5, owners=["LiNa", "ZhaoMin"], members=2, ids=True)["chat_id"]
    rows, cursor, pages = [], "", 0
    while cursor or not pages:
        page = sim.post(LIST, {"limit": 2, "cursor": cursor})
        rows += [row["chat_id"] for row in page["group_chat_list"]]
        cursor, pages = page["next_cursor"], pages + 1
    assert (sorted(rows), pages) == (sorted(made), 3)
    cursor = sim.post(LIST, {"limit": 2})["next_cursor"]
    assert sim.post(LIST, {"limit": 2, "cursor": cursor, "status_filter": 1})["errcode"] == 50100
    assert sim.post(LIST, {"limit": 2, "cursor": "garbage"})["errcode"] == 50100


def test_contact_35_a_left_owner_is_listed_when_named(sim, chat):
    """Mode A: rows with status 1 for whoever names the owner, none for whoever does not."""
    sim.act("resign", userid="LiNa")
    assert owned(sim, "LiNa") == owned(sim, "LiNa", status_filter=1) == [(chat, 1)]
    assert (listed(sim), listed(sim, status_filter=1), owned(sim, "LiNa", status_filter=2)) == ([], [], [])
    assert read(sim, chat)["owner"] == "LiNa"


def test_contact_35_a_left_owner_may_be_refused_when_named(sim, chat):
    """Mode B: 40003 for the name, rows for status_filter 1 without it."""
    tune(sim, left_owner_is_refused=True)
    sim.act("resign", userid="LiNa")
    refused = sim.post(LIST, {"limit": 10, "owner_filter": {"userid_list": ["LiNa"]}})
    assert refused["errcode"] == 40003
    assert (listed(sim, status_filter=1), listed(sim)) == ([(chat, 1)], [])


def test_contact_36_the_detail_shows_people_as_they_are(sim, chat, customer):
    """Members and externals; names only on request; strangers may have neither unionid nor name."""
    stranger = sim.act("join_chat", chat_id=chat, members=[{"name": "", "unionid": ""}], scene=3)["members"][0]
    sim.act("set_chat_admins", chat_id=chat, admins=["ZhaoMin"])
    settle(sim)
    shown = read(sim, chat, need_name=1)
    owner, _, known, unknown = shown["member_list"]
    assert (shown["name"], shown["owner"], shown["admin_list"]) == ("Harbor fans", "LiNa", [{"userid": "ZhaoMin"}])
    assert (owner["userid"], owner["type"], owner["name"]) == ("LiNa", 1, "李娜")
    assert (known["type"], known["unionid"], known["name"]) == (2, "oSim1", "Blue Whale")
    assert known["invitor"] == {"userid": "LiNa"}
    assert unknown.keys() == {"userid", "type", "join_time", "join_scene", "group_nickname", "name"}
    assert (unknown["userid"], unknown["type"], unknown["name"]) == (stranger, 2, "")
    assert all("name" not in item for item in read(sim, chat)["member_list"])
    assert len(shown["member_version"]) == 32


def test_contact_36_an_external_need_not_be_a_customer(sim, chat):
    """A stranger in the chat is 84061 for get, and is a customer once somebody adds them."""
    stranger = sim.act("join_chat", chat_id=chat, members=[{}])["members"][0]
    assert sim.get("externalcontact/get", external_userid=stranger)["errcode"] == 84061
    sim.act("add", userid="LiNa", external_userid=stranger)
    assert sim.get("externalcontact/get", external_userid=stranger)["errcode"] == 0


def test_contact_36_a_chat_may_have_no_name(sim):
    """Then it is an empty text."""
    new = sim.act("create_chat", owner="LiNa")["chat_id"]
    settle(sim)
    assert (read(sim, new)["name"], ids(sim, new)) == ("", ["LiNa"])


def test_contact_36_a_dismissed_chat_leaves_the_list(sim, chat):
    """At once, or after a while by setting."""
    tune(sim, dismissed_listed_s=60)
    sim.act("dismiss_chat", chat_id=chat)
    settle(sim)
    assert listed(sim) == [(chat, 0)]
    settle(sim, 60)
    assert listed(sim) == []
    sim.act("join_chat", chat_id=chat, members=[{}], status=409)


def test_contact_36_a_chat_is_found_by_its_opengid(sim, chat):
    """Unknown is 90511, out of scope as in get."""
    opengid = truth(sim, chat)["opengid"]
    assert sim.post("externalcontact/opengid_to_chatid", {"opengid": opengid})["chat_id"] == chat
    assert sim.post("externalcontact/opengid_to_chatid", {"opengid": "oGNobody"})["errcode"] == 90511
    see_only(sim, "Wang")
    assert sim.post("externalcontact/opengid_to_chatid", {"opengid": opengid})["errcode"] == 60011


def test_contact_36_what_people_cannot_do_changes_nothing(sim, chat, customer):
    """No guest twice, no owner leaves, no stranger becomes owner: 409."""
    before = truth(sim, chat)
    sim.act("join_chat", chat_id=chat, members=["lina"], status=409)
    sim.act("leave_chat", chat_id=chat, members=["LiNa"], status=409)
    sim.act("change_owner", chat_id=chat, userid="Wang", status=409)
    sim.act("leave_chat", chat_id=chat, members=["Wang"], status=409)
    sim.act("rename_chat", chat_id="wrUnknown", name="x", status=409)
    tune(sim, most_members=3)
    sim.act("join_chat", chat_id=chat, members=["Wang"], status=409)
    sim.act("join_chat", chat_id=chat, nonsense=1, status=400)
    assert truth(sim, chat) == before


def test_contact_30_a_group_in_service_gets_its_owner_silently(sim, pushed, chat):
    """Not in failed_chat_list is accepted; get shows the owner after the lag; no callback, unless by setting."""
    assert fails(sim, ONJOB, chat) == {}
    settle(sim)
    assert (read(sim, chat)["owner"], pushed()) == ("ZhaoMin", [])
    tune(sim, transfer_calls_back=True)
    assert fails(sim, ONJOB, chat, to="Wang") == {}
    settle(sim)
    assert "Wang" in ids(sim, chat)
    assert dict(fields(pushed()[0]))["UpdateDetail"] == "change_owner"


def test_contact_30_each_group_has_a_code_of_its_own(sim, chat):
    """Unknown 40050, dismissed 49008, owner unchanged 90504, not resigned 90500, resigned 90502."""
    gone = sim.act("create_chat", owner="LiNa")["chat_id"]
    sim.act("dismiss_chat", chat_id=gone)
    hers = sim.act("create_chat", owner="ZhaoMin")["chat_id"]
    settle(sim)
    assert fails(sim, INHERIT, chat) == {chat: 90500}
    assert fails(sim, ONJOB, "wrUnknown", gone, hers) == {"wrUnknown": 40050, gone: 49008, hers: 90504}
    sim.act("resign", userid="LiNa")
    assert fails(sim, ONJOB, chat) == {chat: 90502}


def test_contact_30_the_call_itself_may_be_refused(sim, chat):
    """An unfit or unknown new owner, no list, or over a hundred."""
    for body, wanted in (
        ({"chat_id_list": [chat], "new_owner": "nobody"}, 60111),
        ({"chat_id_list": [chat]}, 40063),
        ({"chat_id_list": [], "new_owner": "Wang"}, 40063),
        ({"chat_id_list": [chat] * 101, "new_owner": "Wang"}, 40058),
    ):
        answer = sim.post(ONJOB, body)
        assert (answer["errcode"], answer["failed_chat_list"]) == (wanted, [])
    sim.corp("members", [{"userid": "Wang", "verified": False}])
    assert sim.post(ONJOB, {"chat_id_list": [chat], "new_owner": "Wang"})["errcode"] == 40098


def test_contact_30_a_full_group_needs_its_new_owner_inside(sim):
    """99 WeChat members and an owner from outside: 90503."""
    (full,) = sim.act("make_chats", count=1, owners=["LiNa"], members=99, ids=True)["chat_id"]
    assert fails(sim, ONJOB, full) == {full: 90503}
    sim.act("join_chat", chat_id=full, members=["ZhaoMin"])
    assert fails(sim, ONJOB, full) == {}


def test_contact_30_a_group_is_passed_on_twice_in_ninety_days(sim, chat):
    """The third time is refused, with a code that is not published."""
    assert fails(sim, ONJOB, chat) == fails(sim, ONJOB, chat, to="Wang") == {}
    assert fails(sim, ONJOB, chat) == {chat: 40128}
    settle(sim, 90 * DAY)
    assert fails(sim, ONJOB, chat) == {}


def test_contact_30_an_owner_gives_away_three_hundred_a_day(sim):
    """The limit starts anew on the next natural day."""
    tune(sim, most_a_day=3)
    made = sim.act("make_chats", count=4, owners=["LiNa"], ids=True)["chat_id"]
    assert fails(sim, ONJOB, *made) == {made[3]: 45009}
    settle(sim, DAY)
    assert fails(sim, ONJOB, made[3]) == {}


def test_contact_30_a_leavers_group_goes_through_its_statuses(sim, chat):
    """1 left, 2 being inherited, 3 inherited; each with its refusal."""
    sim.act("resign", userid="LiNa")
    assert fails(sim, INHERIT, chat) == {}
    assert (owned(sim, "LiNa"), fails(sim, INHERIT, chat)) == ([(chat, 2)], {chat: 90507})
    settle(sim, 3600)
    settle(sim)
    assert (owned(sim, "LiNa"), owned(sim, "ZhaoMin")) == ([], [(chat, 3)])
    assert owned(sim, "ZhaoMin", status_filter=3) == [(chat, 3)]
    assert (read(sim, chat)["owner"], fails(sim, INHERIT, chat, to="Wang")) == ("ZhaoMin", {chat: 90508})


def test_contact_30_a_new_owner_who_leaves_meanwhile_inherits_nothing(sim, chat):
    """The group waits again, with status 1."""
    sim.act("resign", userid="LiNa")
    assert fails(sim, INHERIT, chat) == {}
    sim.act("resign", userid="ZhaoMin")
    settle(sim, 3600)
    settle(sim)
    assert owned(sim, "LiNa") == [(chat, 1)]
    assert fails(sim, INHERIT, chat, to="Wang") == {}


WAY = {"scene": 2, "remark": "poster A", "room_base_name": "Harbor fans", "room_base_id": 10, "state": "poster-A"}


def add_way(sim, *chats, **rest):
    return sim.post(ADD_WAY, {**WAY, "chat_id_list": list(chats), **rest})


def test_contact_36_a_join_way_is_read_as_it_was_made(sim, chat):
    """Defaults are filled in, a long remark is cut, and an update overwrites everything."""
    config_id = add_way(sim, chat, remark="x" * 31)["config_id"]
    way = sim.post(GET_WAY, {"config_id": config_id})["join_way"]
    assert way.pop("qr_code").startswith("https://")
    shown = {**WAY, "remark": "x" * 30, "config_id": config_id, "chat_id_list": [chat], "auto_create_room": 1}
    assert way == {**shown, "mark_source": True}
    update = {"config_id": config_id, "scene": 1, "chat_id_list": [chat], "auto_create_room": 0}
    assert sim.post(UPDATE_WAY, update)["errcode"] == 0
    way = sim.post(GET_WAY, {"config_id": config_id})["join_way"]
    assert (way["scene"], way["remark"], way["state"], way["auto_create_room"]) == (1, "", "", 0)
    assert sim.post(DELETE_WAY, {"config_id": config_id})["errcode"] == 0
    assert sim.post(GET_WAY, {"config_id": config_id})["errcode"] == 41044


def test_contact_36_join_ways_are_checked_and_belong_to_their_app(sim, chat):
    """Over five groups 41091, unknown group 40050, missing or long values, another app's way."""
    assert add_way(sim, *[chat] * 6)["errcode"] == 41091
    assert add_way(sim, "wrUnknown")["errcode"] == 40050
    assert add_way(sim)["errcode"] == 40063
    assert add_way(sim, chat, scene=None)["errcode"] == 40063
    for bad in ({"scene": 3}, {"state": "x" * 31}, {"room_base_name": "x" * 41}):
        assert add_way(sim, chat, **bad)["errcode"] == 40058
    config_id = add_way(sim, chat)["config_id"]
    apps = [{"secret": SECRET, "agent_id": AGENT}, {"secret": "secret-two", "agent_id": AGENT + 1}]
    sim.sim("corps", {"corp_id": CORP, "apps": apps})
    sim.sign_in(secret="secret-two")
    assert sim.post(GET_WAY, {"config_id": config_id})["errcode"] == 41044
    assert sim.post(DELETE_WAY, {})["errcode"] == 41043


def test_contact_36_join_ways_use_up_the_quota_of_contact_ways(sim, chat):
    """The last one is made, the next is 41045, until one is deleted."""
    sim.act("earlier_contact_ways", userid="LiNa", count=499_999)
    config_id = add_way(sim, chat)["config_id"]
    assert add_way(sim, chat)["errcode"] == 41045
    sim.post(DELETE_WAY, {"config_id": config_id})
    assert add_way(sim, chat)["errcode"] == 0


def test_contact_36_who_comes_by_a_join_way_bears_its_state(sim, pushed, chat):
    """Scene 3 and the way's state; when all its groups are full, a new one is made and joins the way."""
    config_id = add_way(sim, chat)["config_id"]
    tune(sim, most_members=4)
    sim.act("join_chat", config_id=config_id, members=[{}])
    settle(sim)
    row = read(sim, chat)["member_list"][-1]
    assert (row["join_scene"], row["state"]) == (3, "poster-A")
    second = sim.act("join_chat", config_id=config_id, members=[{}])["chat_id"]
    settle(sim)
    assert (read(sim, second)["name"], read(sim, second)["owner"]) == ("Harbor fans10", "LiNa")
    assert sim.post(GET_WAY, {"config_id": config_id})["join_way"]["chat_id_list"] == [chat, second]
    details = [dict(fields(text)) for text in pushed()]
    assert sorted((item["ChatId"], item["ChangeType"]) for item in details) == sorted(
        [(chat, "update"), (second, "create"), (second, "update")]
    )


def test_contact_36_many_chats_are_made_at_once_and_silently(sim, pushed):
    """Readable at once, filled with the owner's friends first and then with strangers."""
    friends = sim.corp("customers/bulk", {"count": 3, "userids": ["LiNa"], "ids": True})["external_userid"]
    order = {"count": 100, "owners": ["LiNa", "Wang"], "members": 5, "name_prefix": "G", "seed": 1, "ids": True}
    made = sim.act("make_chats", **order)["chat_id"]
    assert (len(listed(sim)), pushed()) == (100, [])
    shown = read(sim, made[0])
    assert (shown["name"], shown["owner"], len(shown["member_list"])) == ("G1", "LiNa", 6)
    assert set(friends) < {item["userid"] for item in shown["member_list"]}
