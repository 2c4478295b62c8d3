"""What an official account sends and shows: kf messages, template messages, mass sends, menus."""

import pytest

HOUR, DAY = 3600, 86400


def text(openid, content="你好"):
    return {"touser": openid, "msgtype": "text", "text": {"content": content}}


def template(openid, **rest):
    values = {"thing1": {"value": "外套"}, "time2": {"value": "今天"}}
    return {"touser": openid, "template_id": "T1", "data": values, **rest}


def send(account, openid):
    return account.code("message/custom/send", text(openid))


def test_official_account_08_a_message_opens_a_window_of_five_in_48_hours(account):
    """The sixth is 45047; after 48 hours 45015; another message starts anew."""
    openid = account.bulk(1)[0]
    assert send(account, openid) == 45015
    account.act("message", openid=openid)
    assert [send(account, openid) for _ in range(6)] == [0, 0, 0, 0, 0, 45047]
    account.act("message", openid=openid)
    assert send(account, openid) == 0
    account.pass_time(48 * HOUR + 1)
    account.token = account.stable()["access_token"]
    assert send(account, openid) == 45015
    account.set(kf_after_message=20)
    account.act("message", openid=openid)
    assert {send(account, openid) for _ in range(20)} == {0}
    assert send(account, openid) == 45047


def test_official_account_08_following_scanning_and_clicking_open_a_minute(account):
    """Three each, spent by the window that ends first; buttons that only show a page open none."""
    openid = account.follow()
    assert [send(account, openid) for _ in range(4)] == [0, 0, 0, 45047]
    account.pass_time(61)
    buttons = [
        {"name": "帮助", "type": "click", "key": "help"},
        {"name": "商城", "type": "view", "url": "https://a.cn"},
    ]
    account.post("menu/create", {"button": buttons})
    account.act("click", openid=openid, name="商城")
    assert send(account, openid) == 45015
    account.act("click", openid=openid, name="帮助")
    account.act("message", openid=openid)
    assert [send(account, openid) for _ in range(9)] == [0] * 8 + [45047]


def test_official_account_08_who_pays_may_be_written_to_without_count(account):
    """For 48 hours, service accounts only."""
    openid = account.bulk(1)[0]
    account.act("pay", openid=openid)
    assert {send(account, openid) for _ in range(30)} == {0}
    account.pass_time(48 * HOUR + 1)
    account.token = account.stable()["access_token"]
    assert send(account, openid) == 45015
    account.configure(kind="subscription")
    account.act("pay", openid=openid)
    assert send(account, openid) == 45015


def test_official_account_08_refusals_of_a_message(account):
    """Left, refused, blacklisted, unknown, empty, of no type."""
    gone, shy, black = (account.follow() for _ in range(3))
    account.act("unfollow", openid=gone)
    account.act("refuse_messages", openid=shy)
    account.post("tags/members/batchblacklist", {"openid_list": [black]})
    assert [send(account, openid) for openid in (gone, shy, black, "nobody")] == [45015, 48002, 43019, 40003]
    openid = account.follow()
    assert account.code("message/custom/send", text(openid, "")) == 44004
    assert account.code("message/custom/send", {"touser": openid, "msgtype": "poem", "poem": {}}) == 40008
    assert account.code("message/custom/send", {"touser": openid, "msgtype": "image", "image": {}}) == 41006
    assert account.code("message/custom/typing", {"touser": openid, "command": "Typing"}) == 0
    assert account.post("tags/members/getblacklist", {})["data"]["openid"] == [black]


def test_official_account_09_a_template_message_is_accepted_and_its_result_told_later(account):
    """The event says success, user block or freq limit under the msgid of the answer."""
    fine, shy, often = account.bulk(3)
    account.act("refuse_messages", openid=shy)
    account.act("next_template", openid=often, outcome="failed:freq limit")
    ids = [account.post("message/template/send", template(openid))["msgid"] for openid in (fine, shy, often)]
    assert account.told() == []
    account.pass_time(3)
    found = {item["MsgID"]: (item["FromUserName"], item["Event"], item["Status"]) for item in account.told()}
    name = "TEMPLATESENDJOBFINISH"
    assert found == {
        str(ids[0]): (fine, name, "success"),
        str(ids[1]): (shy, name, "failed:user block"),
        str(ids[2]): (often, name, "failed:freq limit"),
    }
    assert [item["status"] for item in account.sent()["sent"]] == ["", "failed:user block", "failed:freq limit"]


def test_official_account_09_refusals_of_a_template_message(account):
    """Template, person, no follower, values that do not fit, the daily cap, subscription accounts."""
    openid = account.follow()
    gone = account.follow()
    account.act("unfollow", openid=gone)
    path = "message/template/send"
    assert account.code(path, template(openid, template_id="T0")) == 40037
    assert account.code(path, template("nobody")) == 40003
    assert account.code(path, template(gone)) == 43004
    assert account.code(path, template(openid, data={"thing1": {"value": "长" * 21}, "time2": {"value": "x"}})) == 47003
    assert account.code(path, template(openid, data={"thing1": {"value": "x"}})) == 47003
    account.configure(quotas={path: 1})
    assert [account.code(path, template(openid)) for _ in range(2)] == [0, 45009]
    account.configure(kind="subscription", quotas={})
    assert account.code(path, template(openid)) == 48001


def test_official_account_09_a_client_msg_id_is_sent_once(account):
    """The same id within ten minutes answers with the first msgid and sends nothing."""
    openid = account.follow()
    first, second = (account.post("message/template/send", template(openid, client_msg_id="c1")) for _ in range(2))
    assert first["msgid"] == second["msgid"]
    assert len(account.sent()["sent"]) == 1
    account.pass_time(601)
    assert account.post("message/template/send", template(openid, client_msg_id="c1"))["msgid"] != first["msgid"]


def test_official_account_09_a_notice_needs_a_consent(account):
    """Each consent is for one notice; templates can be added up to 25 and removed."""
    openid = account.follow()
    assert account.code("message/subscribe/bizsend", template(openid)) == 43101
    account.act("consent", openid=openid, template_id="T1")
    assert [account.code("message/subscribe/bizsend", template(openid)) for _ in range(2)] == [0, 43101]
    assert [item["Event"] for item in account.told()].count("subscribe_msg_popup_event") == 1
    made = [account.post("template/api_add_template", {"template_id_short": f"TM{n}"}) for n in range(25)]
    assert [item["errcode"] for item in made] == [0] * 24 + [45026]
    assert len(account.get("template/get_all_private_template")["template_list"]) == 25
    assert account.code("template/del_private_template", {"template_id": made[0]["template_id"]}) == 0


def mass(account, *, filter_=None, openids=None, **rest):
    order = {"msgtype": "text", "text": {"content": "上新"}, **rest}
    if openids is not None:
        return account.post("message/mass/send", {"touser": openids, **order})
    return account.post("message/mass/sendall", {"filter": filter_ or {"is_to_all": True}, **order})


def test_official_account_10_a_mass_send_is_told_with_its_counts(account):
    """Who refuses is filtered out; who had four this month counts as an error."""
    openids = account.bulk(3)
    account.act("refuse_messages", openid=openids[2])
    for _ in range(4):
        assert mass(account, openids=openids[:2])["errcode"] == 0
    account.pass_time(6)
    done = mass(account)
    assert {"msg_id", "msg_data_id"} <= done.keys()
    account.pass_time(6)
    last = next(item for item in account.told() if item["MsgID"] == str(done["msg_id"]))
    assert (last["Event"], last["Status"]) == ("MASSSENDJOBFINISH", "send success")
    assert [last[key] for key in ("TotalCount", "FilterCount", "SentCount", "ErrorCount")] == ["3", "2", "0", "2"]
    assert account.post("message/mass/get", {"msg_id": done["msg_id"]})["msg_status"] == "SEND_SUCCESS"
    account.pass_time(32 * DAY)
    account.token = account.stable()["access_token"]
    mass(account, openids=openids[:2])
    account.pass_time(6)
    assert account.told()[-1]["SentCount"] == "2"


def test_official_account_10_lists_have_two_to_ten_thousand(account):
    """One or 10,001 openids are 40032; a tag must exist; types are few."""
    openids = account.bulk(2)
    assert mass(account, openids=openids[:1])["errcode"] == 40032
    assert mass(account, openids=[f"o{n}" for n in range(10_001)])["errcode"] == 40032
    assert mass(account, openids=openids)["errcode"] == 0
    assert mass(account, filter_={"is_to_all": False, "tag_id": 999})["errcode"] == 45159
    assert mass(account, msgtype="poem")["errcode"] == 40008


def test_official_account_10_a_clientmsgid_is_sent_once(account):
    """Again within a minute 45066, later 45065 with the first msg_id; more than 64 bytes 45067."""
    account.bulk(2)
    first = mass(account, clientmsgid="m1")
    assert mass(account, clientmsgid="m1")["errcode"] == 45066
    account.pass_time(61)
    again = mass(account, clientmsgid="m1")
    assert (again["errcode"], again["msg_id"]) == (45065, first["msg_id"])
    assert mass(account, clientmsgid="x" * 65)["errcode"] == 45067


def test_official_account_10_sixty_a_minute_a_hundred_a_day(account):
    """45011, then 45009; previews go to one follower."""
    openids = account.bulk(2)
    assert [mass(account, openids=openids)["errcode"] for _ in range(61)] == [0] * 60 + [45011]
    account.pass_time(60)
    assert [mass(account, openids=openids)["errcode"] for _ in range(40)][38:] == [0, 45009]
    assert account.code("message/mass/preview", text(openids[0])) == 0
    assert account.code("message/mass/preview", text("nobody")) == 40003
    assert account.code("message/mass/speed/set", {"speed": 5}) == 45083


def test_official_account_10_a_protected_account_waits_for_its_administrator(account):
    """Confirmed it is sent; rejected or forgotten for half an hour it fails."""
    account.configure(protected=True)
    openid = account.bulk(1)[0]
    yes, no, late = (mass(account)["msg_id"] for _ in range(3))
    account.pass_time(60)
    assert account.told() == []
    account.act("confirm_mass", msg_id=yes)
    account.act("reject_mass", msg_id=no)
    account.pass_time(1800)
    found = {item["MsgID"]: item["Status"] for item in account.told()}
    assert found == {str(yes): "send success", str(no): "send fail", str(late): "send fail"}
    assert [item["openid"] for item in account.sent()["sent"]] == [openid]
    account.act("confirm_mass", msg_id=late, status=409)


BUTTON = {"name": "帮助", "type": "click", "key": "help"}


def other(name):
    return [{**BUTTON, "name": name}]


def test_official_account_11_the_newest_conditional_menu_that_fits_the_last_tag_is_shown(account):
    """Newest first, then the default; of several tags the last applied decides."""
    openid = account.follow()
    one, two = (account.post("tags/create", {"tag": {"name": name}})["tag"]["id"] for name in "ab")
    account.post("menu/create", {"button": other("默认")})

    def shown():
        return account.post("menu/trymatch", {"user_id": openid})["button"][0]["name"]

    for name, tag in (("旧一", one), ("一", one), ("二", two)):
        assert "menuid" in account.post("menu/addconditional", {"button": other(name), "matchrule": {"tag_id": tag}})
    assert shown() == "默认"
    for tag, expected in ((one, "一"), (two, "二"), (one, "一")):
        account.post("tags/members/batchtagging", {"openid_list": [openid], "tagid": tag})
        assert shown() == expected
    rows = account.get("menu/get")["conditionalmenu"]
    assert account.code("menu/delconditional", {"menuid": rows[1]["menuid"]}) == 0
    assert shown() == "旧一"
    assert account.code("menu/trymatch", {"user_id": "nobody"}) == 65302


def test_official_account_11_conditional_menus_live_and_die_with_the_default_one(account):
    """65303 without a default; deleting it deletes all; then 46003."""
    rule = {"button": [BUTTON], "matchrule": {"tag_id": "100"}}
    assert account.code("menu/addconditional", rule) == 65303
    account.post("menu/create", {"button": [BUTTON]})
    menuid = account.post("menu/addconditional", rule)["menuid"]
    assert account.get("menu/delete")["errcode"] == 0
    assert account.get("menu/get")["errcode"] == 46003
    account.post("menu/create", {"button": [BUTTON]})
    assert account.get("menu/get") == {"menu": {"button": [BUTTON]}}
    assert account.code("menu/delconditional", {"menuid": menuid}) == 65301


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ({}, 65304),
        ({"sex": "1"}, 65320),
        ({"tag_id": "100", "city": "广州"}, 65320),
        ({"client_platform_type": "2"}, 0),
    ],
)
def test_official_account_11_only_tag_and_platform_are_left_as_rules(account, rule, code):
    """The retired rules are refused."""
    account.post("menu/create", {"button": [BUTTON]})
    answer = account.post("menu/addconditional", {"button": [BUTTON], "matchrule": rule})
    assert answer.get("errcode", 0) == code


@pytest.mark.parametrize(
    ("buttons", "code"),
    [
        ([], 65307),
        ([BUTTON] * 4, 40016),
        ([{**BUTTON, "name": "名" * 6}], 40018),
        ([{**BUTTON, "key": "k" * 129}], 40019),
        ([{"name": "a", "type": "view", "url": "https://a.cn/" + "u" * 1020}], 40020),
        ([{"name": "a", "sub_button": [BUTTON] * 6}], 40023),
        ([{"name": "a", "sub_button": [{**BUTTON, "name": "名" * 21}]}], 40025),
        ([{**BUTTON, "type": "jump"}], 40017),
        ([{"name": "a"}], 65308),
        ([{"name": "a", "type": "view", "url": "ftp://a.cn"}], 65317),
        ([{**BUTTON, "sub_button": [BUTTON]}], 40017),
        ([{"name": "名" * 5, "sub_button": [{**BUTTON, "name": "名" * 20}] * 5}] * 3, 0),
    ],
)
def test_official_account_11_menus_are_checked(account, buttons, code):
    """Numbers, lengths in bytes, types and addresses."""
    assert account.code("menu/create", {"button": buttons}) == code


def test_official_account_11_conditional_menus_lead_to_three_sites(account):
    """A fourth domain is 65316."""
    account.post("menu/create", {"button": [BUTTON]})
    codes = [
        account.post(
            "menu/addconditional",
            {"button": [{"name": "a", "type": "view", "url": f"https://{n}.cn"}], "matchrule": {"tag_id": n}},
        ).get("errcode", 0)
        for n in range(1, 5)
    ]
    assert codes == [0, 0, 0, 65316]
