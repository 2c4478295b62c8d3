"""An official account: tokens, quotas, followers, tags, codes, callbacks and the link to customers."""

import pytest
import requests
from lxml import etree
from wechatpy.client import WeChatClient
from wechatpy.crypto import WeChatCrypto

CORP = "wwsimtest0001"
APPID, SECRET, GH = "wxsimtest0000001", "account-secret", "gh_5e1d7a90c3f2"
TOKEN, AES_KEY = "QDG6eK", "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
DAY, HOUR = 86400, 3600
BUTTON = {"name": "帮助", "type": "click", "key": "help"}


def test_official_account_01_a_classic_token_is_new_each_time_and_the_old_one_lives_five_minutes(account):
    """Only the latest classic token is valid, after an overlap; refreshing it leaves the stable one alone."""
    first, second = account.classic()["access_token"], account.classic()["access_token"]
    assert first != second
    assert [account.works(token) for token in (first, second, account.token)] == [0, 0, 0]
    account.pass_time(301)
    assert [account.works(token) for token in (first, second, account.token)] == [40001, 0, 0]


def test_official_account_01_a_stable_token_stays_until_its_last_five_minutes(account):
    """The same token is given out; in the last five minutes a new one, while the old is still valid."""
    again = account.stable()
    assert again["access_token"] == account.token
    account.pass_time(7200 - 250)
    renewed = account.stable()
    assert renewed["access_token"] != account.token
    assert renewed["expires_in"] == 7200
    assert [account.works(token) for token in (account.token, renewed["access_token"])] == [0, 0]
    account.pass_time(260)
    assert account.works(account.token) == 42001
    assert account.works("nonsense") == 40014
    assert account.works("") == 41001


def test_official_account_01_a_forced_refresh_kills_the_old_token_at_once(account):
    """Within 30 s nothing is refreshed; after twenty a day 45009."""
    forced = account.stable(force_refresh=True)["access_token"]
    assert account.works(account.token) == 40001
    assert account.stable(force_refresh=True)["access_token"] == forced
    for _ in range(19):
        account.pass_time(31)
        forced = account.stable(force_refresh=True)["access_token"]
    account.pass_time(31)
    assert account.stable(force_refresh=True)["errcode"] == 45009
    assert account.stable()["access_token"] == forced
    account.pass_time(DAY)
    assert "access_token" in account.stable(force_refresh=True)


def test_official_account_01_sign_in_refuses_what_is_wrong(account):
    """40013 appid, 40001 secret, 40002 grant type, 41002 and 41004 missing; stable is POST only."""
    right = {"grant_type": "client_credential", "appid": APPID, "secret": SECRET}
    wrong = [{"appid": "wx0"}, {"secret": "no"}, {"grant_type": "x"}, {"appid": ""}, {"secret": ""}]
    codes = [account._call("GET", "token", {**right, **item}, None)["errcode"] for item in wrong]
    assert codes == [40013, 40001, 40002, 41002, 41004]
    assert account._call("GET", "stable_token", right, None)["errcode"] == 43002


def test_official_account_02_successes_carry_no_errcode_and_refusals_a_request_id(account):
    """user/get, tags/create and qrcode/create answer bare; an error names its request in errmsg."""
    openid = account.follow()
    for body in (
        account.get("user/get"),
        account.get("user/info", openid=openid),
        account.post("tags/create", {"tag": {"name": "a"}}),
        account.post("qrcode/create", {"action_name": "QR_SCENE", "action_info": {"scene": {"scene_id": 1}}}),
        account.classic(),
    ):
        assert "errcode" not in body
    refused = account.get("user/info", openid="nobody")
    assert refused["errcode"] == 40003
    assert len(refused["errmsg"].split("rid: ")[1].split("-")) == 3
    assert account.post("user/info/updateremark", {"openid": openid, "remark": "x"}) == {"errcode": 0, "errmsg": "ok"}


def test_official_account_02_bodies_and_methods(account):
    """44002 no body, 47001 no JSON object, 43001 and 43002 the other method."""
    url = f"{account.sim.url}/wechat/cgi-bin/tags/create?access_token={account.token}"
    codes = [account.http.post(url, data=body).json()["errcode"] for body in ("", "{", "[]")]
    assert codes == [44002, 47001, 47001]
    assert account.http.get(url).json()["errcode"] == 43002
    assert account.post("user/get", {})["errcode"] == 43001
    assert account.http.get(f"{account.sim.url}/wechat/cgi-bin/no/such").status_code == 404


def test_official_account_03_only_allowed_addresses_get_a_token(account):
    """40164 names the caller's address."""
    account.configure(allowed_ips=["10.0.0.1"])
    for refused in (account.classic(), account.stable()):
        assert refused["errcode"] == 40164
        assert "invalid ip 127.0.0.1, not in whitelist" in refused["errmsg"]
    account.configure(allowed_ips=["127.0.0.1"])
    assert "access_token" in account.classic()


def test_official_account_04_each_api_has_a_daily_quota(account):
    """500 pages of followers a day, then 45009; the day ends at midnight in China."""
    account.sim.sim("clock", {"offset_s": 0})
    now = account.sim.sim("clock")["now"]
    account.pass_time(DAY - (now + 8 * HOUR) % DAY + 10)
    account.token = account.stable()["access_token"]
    assert {account.get("user/get").get("errcode", 0) for _ in range(500)} == {0}
    assert account.get("user/get")["errcode"] == 45009
    assert "errcode" not in account.get("tags/get")
    account.pass_time(DAY - 60)
    account.token = account.stable()["access_token"]
    assert account.get("user/get")["errcode"] == 45009
    account.pass_time(60)
    assert "errcode" not in account.get("user/get")


def test_official_account_04_quotas_are_cleared_ten_times_a_month(account):
    """clear_quota starts all counters anew; the eleventh time is 48006. Numbers can be the account's own."""
    account.configure(quotas={"user/get": 1})
    for _ in range(10):
        assert "errcode" not in account.get("user/get")
        assert account.get("user/get")["errcode"] == 45009
        assert account.code("clear_quota", {"appid": APPID}) == 0
    assert account.code("clear_quota", {"appid": APPID}) == 48006
    assert account.code("clear_quota", {"appid": "wx0"}) == 40013
    found = account.post("openapi/quota/get", {"cgi_path": "/cgi-bin/user/get"})["quota"]
    assert found == {"daily_limit": 1, "used": 0, "remain": 1}


def test_official_account_04_bursts_may_be_refused(account):
    """With a limit per minute the next call is 45011 until the minute turns."""
    account.set(burst_per_minute=3)
    assert [account.get("tags/get").get("errcode", 0) for _ in range(4)][-1] == 45011
    account.pass_time(60)
    assert "errcode" not in account.get("tags/get")


def test_official_account_05_followers_come_in_pages(account):
    """The last full page still names a next openid; the page after it has no data."""
    openids = account.bulk(10_003)
    first = account.get("user/get")
    assert (first["total"], first["count"], first["next_openid"]) == (10_003, 10_000, openids[9_999])
    second = account.get("user/get", next_openid=first["next_openid"])
    assert (second["count"], second["data"]["openid"]) == (3, openids[10_000:])
    third = account.get("user/get", next_openid=second["next_openid"])
    assert third == {"total": 10_003, "count": 0, "next_openid": ""}
    account.act("unfollow", openid=openids[0])
    assert account.get("user/get")["data"]["openid"][0] == openids[1]
    assert account.get("user/get", next_openid="nobody")["errcode"] == 40003


def test_official_account_06_a_profile_has_no_name_and_no_picture(account):
    """Tags, remark and scene are there; unionid only with an open-platform account; who left is told in short."""
    openid = account.follow(unionid="oU1", nickname="张三", scene="ADD_SCENE_PAID")
    account.post("user/info/updateremark", {"openid": openid, "remark": "老友"})
    found = account.get("user/info", openid=openid)
    assert not found.keys() & {"nickname", "headimgurl", "sex", "city"}
    assert (found["subscribe"], found["remark"], found["unionid"]) == (1, "老友", "oU1")
    assert (found["subscribe_scene"], found["tagid_list"]) == ("ADD_SCENE_PAID", [])
    account.act("unfollow", openid=openid)
    assert account.get("user/info", openid=openid) == {"subscribe": 0, "openid": openid, "unionid": "oU1"}
    account.configure(open_platform=False)
    assert account.get("user/info", openid=openid) == {"subscribe": 0, "openid": openid}


def test_official_account_06_batches_hold_a_hundred(account):
    """101 are 40032, one unknown openid fails all, remarks have less than 30 characters."""
    openids = account.bulk(101)
    people = [{"openid": openid} for openid in openids]
    assert len(account.post("user/info/batchget", {"user_list": people[:100]})["user_info_list"]) == 100
    assert account.code("user/info/batchget", {"user_list": people}) == 40032
    assert account.code("user/info/batchget", {"user_list": [people[0], {"openid": "nobody"}]}) == 40003
    assert account.code("user/info/updateremark", {"openid": openids[0], "remark": "长" * 30}) == 45002


def test_official_account_07_tags_are_limited(account):
    """100 tags, names of 30 bytes, no repeats, reserved ids."""
    names = ["甲" * 10, "b"]
    assert [account.post("tags/create", {"tag": {"name": name}})["tag"]["name"] for name in names] == names
    assert account.code("tags/create", {"tag": {"name": "b"}}) == 45157
    assert account.code("tags/create", {"tag": {"name": "甲" * 10 + "a"}}) == 45158
    for number in range(98):
        account.post("tags/create", {"tag": {"name": f"t{number}"}})
    assert account.code("tags/create", {"tag": {"name": "one more"}}) == 45056
    assert account.code("tags/delete", {"tag": {"id": 2}}) == 45058
    assert account.code("tags/update", {"tag": {"id": 99999, "name": "x"}}) == 45159


def test_official_account_07_tagging_goes_by_fifty_and_twenty(account):
    """51 openids are 40032, a 21st tag is 45059 for the whole batch; a tag lists its people until no data comes."""
    openids = account.bulk(51)
    tags = [account.post("tags/create", {"tag": {"name": f"t{number}"}})["tag"]["id"] for number in range(21)]
    for tag in tags[:20]:
        assert account.code("tags/members/batchtagging", {"openid_list": openids[:1], "tagid": tag}) == 0
    both = {"openid_list": openids[:2], "tagid": tags[20]}
    assert account.code("tags/members/batchtagging", both) == 45059
    assert account.post("user/tag/get", {"tagid": tags[20]}) == {"count": 0, "next_openid": ""}
    assert account.code("tags/members/batchtagging", {"openid_list": openids, "tagid": tags[20]}) == 40032
    assert account.post("tags/getidlist", {"openid": openids[0]})["tagid_list"] == tags[:20]
    page = account.post("user/tag/get", {"tagid": tags[0]})
    assert page == {"count": 1, "data": {"openid": openids[:1]}, "next_openid": openids[0]}
    assert "data" not in account.post("user/tag/get", {"tagid": tags[0], "next_openid": openids[0]})
    assert account.code("tags/members/batchuntagging", {"openid_list": openids[:1], "tagid": tags[0]}) == 0
    assert account.post("tags/getidlist", {"openid": openids[0]})["tagid_list"] == tags[1:20]


def test_official_account_07_a_tag_of_many_cannot_be_deleted(account):
    """45057 beyond the guard; an emptier one takes itself off its people. Openids of others are 49003."""
    account.set(tag_delete_most=2)
    openids = account.bulk(3)
    tag = account.post("tags/create", {"tag": {"name": "vip"}})["tag"]["id"]
    account.post("tags/members/batchtagging", {"openid_list": openids, "tagid": tag})
    assert account.code("tags/delete", {"tag": {"id": tag}}) == 45057
    account.post("tags/members/batchuntagging", {"openid_list": openids[:1], "tagid": tag})
    assert account.code("tags/delete", {"tag": {"id": tag}}) == 0
    assert account.get("user/info", openid=openids[2])["tagid_list"] == []
    account.sim.sim("accounts", {"appid": "wxother", "secret": "s"})
    foreign = account.sim.sim("accounts/wxother/act", {"do": "follow"})["openid"]
    assert account.code("tags/members/batchtagging", {"openid_list": [foreign], "tagid": 2}) == 49003


def code_for(account, action, scene, **rest):
    return account.post("qrcode/create", {"action_name": action, "action_info": {"scene": scene}, **rest})


def test_official_account_12_a_scan_subscribes_or_is_a_scan(account):
    """A new follower brings qrscene_ and the ticket; a follower SCAN and the bare scene."""
    made = code_for(account, "QR_STR_SCENE", {"scene_str": "booth_a7"}, expire_seconds=600)
    assert made["expire_seconds"] == 600
    openid = account.act("scan", ticket=made["ticket"])["openid"]
    account.told()
    account.act("scan", ticket=made["ticket"], openid=openid)
    first, second = account.told()
    assert (first["Event"], first["EventKey"], first["Ticket"]) == ("subscribe", "qrscene_booth_a7", made["ticket"])
    assert (second["Event"], second["EventKey"], second["Ticket"]) == ("SCAN", "booth_a7", made["ticket"])
    found = account.get("user/info", openid=openid)
    assert (found["subscribe_scene"], found["qr_scene_str"]) == ("ADD_SCENE_QR_CODE", "booth_a7")
    shown = requests.get(f"{account.sim.url}/wechat/cgi-bin/showqrcode", params={"ticket": made["ticket"]}, timeout=5)
    assert (shown.status_code, shown.headers["Content-Type"]) == (200, "image/png")


def test_official_account_12_temporary_codes_end_and_permanent_ones_stay(account):
    """60 s by default, 30 days at most; a permanent scene has one code and no end."""
    short = code_for(account, "QR_SCENE", {"scene_id": 4_000_000_000})
    assert short["expire_seconds"] == 60
    lasting = code_for(account, "QR_LIMIT_SCENE", {"scene_id": 7})
    assert "expire_seconds" not in lasting
    assert code_for(account, "QR_LIMIT_SCENE", {"scene_id": 7})["ticket"] == lasting["ticket"]
    account.pass_time(61)
    account.act("scan", ticket=short["ticket"], status=409)
    assert account.act("scan", ticket=lasting["ticket"])["event"] == "subscribe"
    wrong = [
        ("QR_SCENE", {"scene_id": 0}, {}),
        ("QR_SCENE", {"scene_id": 1}, {"expire_seconds": 2_592_001}),
        ("QR_LIMIT_SCENE", {"scene_id": 100_001}, {}),
        ("QR_LIMIT_STR_SCENE", {"scene_str": "s" * 65}, {}),
        ("QR_NO_SCENE", {"scene_id": 1}, {}),
    ]
    assert {code_for(account, action, scene, **rest)["errcode"] for action, scene, rest in wrong} == {40053}


def test_official_account_13_a_follower_may_be_a_customer(account):
    """The same unionid is told by the account and by the corp; a customer without one cannot be found."""
    customer = account.sim.act("add", userid="LiNa", unionid="oShared1")["external_userid"]
    openid = account.act("follow", corp_id=CORP, external_userid=customer)["openid"]
    assert account.get("user/info", openid=openid)["unionid"] == "oShared1"
    found = account.sim.get("externalcontact/get", external_userid=customer)["external_contact"]
    assert found["unionid"] == "oShared1"
    plain = account.sim.act("add", userid="LiNa", unionid="")["external_userid"]
    account.act("follow", corp_id=CORP, external_userid=plain, status=409)


@pytest.fixture
def provider(account):
    """Calls WeCom as a third-party app of the corp does."""
    apps = [{"secret": "secret-one", "agent_id": 1000002}, {"secret": "provider", "agent_id": 0, "kind": "suite"}]
    account.sim.sim("corps", {"corp_id": CORP, "apps": apps})
    account.sim.sign_in(secret="provider")
    return account.sim


def test_official_account_13_a_unionid_leads_to_the_customer_or_to_a_pending_id(account, provider):
    """The provider's id of a customer; otherwise one id for 90 days, which later names the new customer."""
    customer = provider.act("add", userid="LiNa", unionid="oU1")["external_userid"]
    known = account.act("follow", corp_id=CORP, external_userid=customer)["openid"]
    path, pair = "idconvert/unionid_to_external_userid", {"unionid": "oU1", "openid": known, "subject_type": 0}
    found = provider.post(path, pair)["external_userid"]
    assert found != customer
    assert provider.get("externalcontact/get", external_userid=found)["external_contact"]["external_userid"] == found
    assert provider.post("externalcontact/unionid_to_external_userid", pair)["external_userid"] == found
    stranger = {"unionid": "oU2", "openid": account.follow(unionid="oU2"), "subject_type": 0}
    pending = provider.post(path, stranger)["pending_id"]
    assert provider.post(path, stranger)["pending_id"] == pending
    assert provider.post("externalcontact/unionid_to_external_userid", stranger)["errcode"] == 84061
    provider.act("add", userid="LiNa", unionid="oU2")
    ours = provider.post(path, stranger)["external_userid"]
    joined = {"external_userid": [ours, found]}
    rows = provider.post("idconvert/batch/external_userid_to_pending_id", joined)["result"]
    assert rows == [{"external_userid": ours, "pending_id": pending}]
    account.pass_time(90 * DAY)
    provider.sign_in(secret="provider")
    assert provider.post("idconvert/batch/external_userid_to_pending_id", joined)["result"] == []


def test_official_account_13_conversions_are_for_providers_and_limited(account, provider):
    """48002 for a self-built app; 610018, 845001, 610014 for pairs that do not fit; 45009 beyond the hour's calls."""
    openid, path = account.follow(unionid="oU1"), "idconvert/unionid_to_external_userid"
    account.set(conversions_per_hour=4)
    wrong = [{"unionid": "oU9", "openid": openid}, {"unionid": "oU1", "openid": "x"}, {"unionid": "", "openid": openid}]
    assert [provider.post(path, item)["errcode"] for item in wrong] == [610018, 845001, 610014]
    right = {"unionid": "oU1", "openid": openid}
    assert [provider.post(path, right)["errcode"] for _ in range(2)] == [0, 45009]
    provider.sign_in()
    assert provider.post(path, right)["errcode"] == 48002


def test_official_account_13_a_suite_finds_the_customer_in_every_corp_that_installed_it(account):
    """One row for each corp with the customer, or for the corp named; 41022 without the suite's token."""
    sim, path = account.sim, "service/externalcontact/unionid_to_external_userid_3rd"
    sim.sim("suites", {"suite_id": "wwsuite1", "secret": "ss"})
    ticket = sim.sim("suites/wwsuite1/ticket", {})["suite_ticket"]
    code = sim.act("install_suite", suite_id="wwsuite1")["auth_code"]

    def ask(api, body, **query):
        return requests.post(f"{sim.url}/cgi-bin/{api}", params=query, json=body, timeout=5).json()

    identity = {"suite_id": "wwsuite1", "suite_secret": "ss", "suite_ticket": ticket}
    token = ask("service/get_suite_token", identity)["suite_access_token"]
    ask("service/get_permanent_code", {"auth_code": code}, suite_access_token=token)
    customer = sim.act("add", userid="LiNa", unionid="oU1")["external_userid"]
    person = {"unionid": "oU1", "openid": account.follow(unionid="oU1")}
    (row,) = ask(path, person, suite_access_token=token)["external_userid_info"]
    assert row["corpid"] == CORP
    assert row["external_userid"] not in {"", customer}
    assert ask(path, {**person, "corpid": "wwnobody"}, suite_access_token=token)["external_userid_info"] == []
    refused = ask(path, person)
    assert (refused["errcode"], refused["external_userid_info"]) == (41022, [])


def test_official_account_callbacks_of_followers(account):
    """Follow, write, press buttons and leave: what is told is what WeChat tells."""
    openid = account.follow()
    account.post("menu/create", {"button": [BUTTON, {"name": "商城", "type": "view", "url": "https://a.cn"}]})
    account.act("message", openid=openid, content="在吗")
    account.act("click", openid=openid, name="帮助")
    account.act("click", openid=openid, name="商城")
    account.act("unfollow", openid=openid)
    found = account.told()
    assert {item["ToUserName"] for item in found} == {GH}
    assert {item["FromUserName"] for item in found} == {openid}
    events = {item["Event"]: item.get("EventKey") for item in found if item["MsgType"] == "event"}
    assert events == {"subscribe": None, "CLICK": "help", "VIEW": "https://a.cn", "unsubscribe": None}
    assert next(item["Content"] for item in found if item["MsgType"] == "text") == "在吗"
    assert {query["openid"] for query, _ in account.inbox.got} == {openid}


@pytest.mark.parametrize("mode", ["plaintext", "compatible", "secure"])
def test_official_account_callbacks_in_three_modes(account, mode):
    """Plain, both, or only the receiver's id and the ciphertext; the plain signature comes in every mode."""
    receiver = {"url": account.inbox.url, "token": TOKEN, "encoding_aes_key": AES_KEY, "mode": mode}
    account.configure(receiver=receiver)
    account.follow()
    assert account.sim.sim("callbacks/flush", {})["acked"] == 1
    query, body = account.inbox.got[0]
    tags = [item.tag for item in etree.fromstring(body)]
    assert ("signature" in query, query.get("encrypt_type")) == (True, None if mode == "plaintext" else "aes")
    plain = ["ToUserName", "FromUserName", "CreateTime", "MsgType", "Event"]
    assert tags == {"plaintext": plain, "compatible": [*plain, "Encrypt"], "secure": ["ToUserName", "Encrypt"]}[mode]


def test_official_account_callbacks_show_the_reply_to_the_follower(account):
    """A passive reply arrives, success is nothing, and what is no reply makes the follower see a notice."""
    crypto = WeChatCrypto(TOKEN, AES_KEY, APPID)
    reply = "<xml><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[hello]]></Content></xml>"
    account.inbox.answers += [(200, "success"), (200, crypto.encrypt_message(reply, "1", "2")), (200, "oops")]
    openid = account.follow()
    for expected in ((0, 0), (1, 0), (1, 1)):
        account.told()
        found = account.sent()
        assert (len(found["sent"]), len(found["notices"])) == expected
        account.act("message", openid=openid)
    account.told()
    assert account.sent()["sent"][0]["payload"]["content"] == "hello"


def test_official_account_a_nickname_needs_the_web_login(account):
    """A code is used once, in time; without the scope the profile is 48001."""
    openid = account.follow(nickname="张三", unionid="oU2")

    def code(scope="snsapi_userinfo"):
        return account.act("authorise", openid=openid, scope=scope)["code"]

    def exchange(code):
        query = {"appid": APPID, "secret": SECRET, "code": code, "grant_type": "authorization_code"}
        return account._call("GET", "sns/oauth2/access_token", query, None)

    used, late = code(), code()
    granted = exchange(used)
    assert (granted["openid"], granted["scope"]) == (openid, "snsapi_userinfo")
    query = {"access_token": granted["access_token"], "openid": openid}
    assert account._call("GET", "sns/userinfo", query, None)["nickname"] == "张三"
    base = exchange(code("snsapi_base"))["access_token"]
    assert account._call("GET", "sns/userinfo", {"access_token": base, "openid": openid}, None)["errcode"] == 48001
    account.pass_time(301)
    assert [exchange(item)["errcode"] for item in (used, late, "x")] == [40163, 42003, 40029]


def test_official_account_faults_hit_it_by_its_path(account):
    """Refused once, then as before; calls are counted with wechat/ before the path."""
    account.sim.sim("faults", {"path": "wechat/cgi-bin/tags/get", "errcode": -1})
    assert account.get("tags/get")["errcode"] == -1
    assert "errcode" not in account.get("tags/get")
    assert account.sim.sim("calls")["wechat/cgi-bin/tags/get"] == {"-1": 1, "0": 1}


def test_official_account_a_public_client_library_works_against_it(account):
    """wechatpy walks the followers, tags one and sends a message."""
    openids = account.bulk(3)
    client = WeChatClient(APPID, SECRET, access_token=account.token)
    client.API_BASE_URL = f"{account.sim.url}/wechat/cgi-bin/"
    assert client.user.get_followers()["data"]["openid"] == openids
    tag = client.tag.create("vip")["id"]
    client.tag.tag_user(tag, openids[0])
    assert client.user.get(openids[0])["tagid_list"] == [tag]
    account.act("message", openid=openids[0])
    client.message.send_text(openids[0], "你好")
    assert account.sent()["sent"][0]["payload"] == {"content": "你好"}
