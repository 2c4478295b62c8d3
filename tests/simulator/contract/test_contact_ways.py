"""Contact ways: their fields, their quota, their list, and the customers who come by them."""

import pytest

DAY_S = 86_400
ADD, GET = "externalcontact/add_contact_way", "externalcontact/get_contact_way"
LIST, UPDATE = "externalcontact/list_contact_way", "externalcontact/update_contact_way"
DELETE, CLOSE = "externalcontact/del_contact_way", "externalcontact/close_temp_chat"
SINGLE = {"type": 1, "scene": 2, "user": ["LiNa"]}


@pytest.fixture
def way(sim):
    """A single QR code of LiNa's."""
    body = {**SINGLE, "state": "booth-7", "remark": "booth 7", "user": ["lina"]}
    return sim.post(ADD, body)["config_id"]


def code(sim, path, **body):
    return sim.post(path, body)["errcode"]


def listed(sim, **body):
    return [item["config_id"] for item in sim.post(LIST, body)["contact_way"]]


def test_contact_40_what_is_made_reads_back(sim, way):
    """Canonical userids, a QR code for scene 2 and a style for scene 1 only, nothing temporary."""
    got = sim.post(GET, {"config_id": way})["contact_way"]
    qr_code = got.pop("qr_code")
    assert qr_code.startswith("https://")
    assert got == {
        "config_id": way, "type": 1, "scene": 2, "remark": "booth 7", "skip_verify": True, "state": "booth-7",
        "user": ["LiNa"], "party": [], "is_temp": False, "mark_source": True,
    }  # fmt: skip
    button = sim.post(ADD, {"type": 2, "scene": 1, "style": 2, "user": ["LiNa"], "party": [3]})
    assert "qr_code" not in button
    got = sim.post(GET, {"config_id": button["config_id"]})["contact_way"]
    assert (got["style"], got["party"], "qr_code" in got) == (2, [3], False)


def test_contact_40_each_wrong_field_has_its_code(sim, way):
    """41037 to 41044, and the codes of members who cannot serve."""
    assert code(sim, ADD, scene=2) == 41037
    assert code(sim, ADD, type=1) == 41038
    assert code(sim, ADD, type=3, scene=2) == 41039
    assert code(sim, ADD, type=1, scene=3) == 41040
    assert code(sim, ADD, type=1, scene=2, user=["LiNa", "Wang"]) == 41041
    assert code(sim, ADD, type=2, scene=1, style=3, user=["LiNa"]) == 41042
    assert code(sim, GET) == 41043
    assert code(sim, GET, config_id="none") == 41044
    assert code(sim, ADD, type=1, scene=2) == 40063
    assert code(sim, ADD, **{**SINGLE, "user": ["Ghost"]}) == 60111
    assert code(sim, ADD, type=2, scene=2, party=[99]) == 60123
    assert code(sim, ADD, **SINGLE, state="x" * 31) == 40058
    sim.corp("members", [{"userid": "LiNa", "status": 4}])
    assert code(sim, ADD, **SINGLE) == 41054
    sim.corp("members", [{"userid": "LiNa", "status": 1, "verified": False}])
    assert code(sim, ADD, **SINGLE) == 40098


def test_contact_40_a_department_of_more_than_a_hundred_is_too_many(sim):
    """The limit counts the members of the departments."""
    sim.corp("departments", [{"id": 9, "name": "Crowd"}])
    sim.corp("members", [{"userid": f"m{n}", "department": [9]} for n in range(100)])
    assert code(sim, ADD, type=2, scene=2, party=[9]) == 0
    assert code(sim, ADD, type=2, scene=2, party=[9], user=["LiNa"]) == 41041


def test_contact_40_the_quota_of_half_a_million_is_shared_and_then_41045(sim, way):
    """Contact ways and join ways use up one quota; a deleted way gives its place back."""
    sim.act("earlier_contact_ways", userid="LiNa", count=499_998)
    assert code(sim, ADD, **SINGLE) == 0
    assert code(sim, ADD, **SINGLE) == 41045
    chat_id = sim.act("make_chats", owners=["LiNa"], count=1, ids=True)["chat_id"][0]
    assert code(sim, "externalcontact/groupchat/add_join_way", scene=2, chat_id_list=[chat_id]) == 41045
    assert code(sim, ADD, **SINGLE, is_temp=True) == 0
    assert code(sim, DELETE, config_id=way) == 0
    assert code(sim, GET, config_id=way) == 41044
    assert code(sim, ADD, **SINGLE) == 0


def test_contact_40_the_list_hides_old_and_temporary_ways(sim, way):
    """Only ways since 2021-07-10, none that are temporary, by default of the last 90 days."""
    temporary = sim.post(ADD, {**SINGLE, "is_temp": True})["config_id"]
    now = int(sim.sim("clock")["now"])
    hundred_days = sim.act("earlier_contact_ways", userid="LiNa", at=now - 100 * DAY_S)["config_id"]
    ancient = sim.act("earlier_contact_ways", userid="LiNa", at=1_620_000_000)["config_id"]
    assert listed(sim) == [way]
    assert set(listed(sim, start_time=1_600_000_000)) == {way, hundred_days}
    for hidden in (temporary, ancient):
        assert code(sim, GET, config_id=hidden) == 0


def test_contact_40_the_list_is_paged(sim, way):
    """An empty cursor ends it."""
    for _ in range(2):
        sim.post(ADD, SINGLE)
    first = sim.post(LIST, {"limit": 2})
    second = sim.post(LIST, {"limit": 2, "cursor": first["next_cursor"]})
    assert (len(first["contact_way"]), len(second["contact_way"]), second["next_cursor"]) == (2, 1, "")
    assert code(sim, LIST, cursor="garbled") == 50100


def test_contact_40_an_update_overwrites_what_is_given(sim, way):
    """The rest stays; who comes by the way then has the new state."""
    assert code(sim, UPDATE, config_id=way, state="booth-8", user=["ZhaoMin"]) == 0
    got = sim.post(GET, {"config_id": way})["contact_way"]
    assert (got["state"], got["user"], got["remark"]) == ("booth-8", ["ZhaoMin"], "booth 7")
    assert code(sim, UPDATE, config_id=way, user=["LiNa", "Wang"]) == 41041
    came = sim.act("scan", config_id=way, name="Blue Whale")
    follower = sim.get("externalcontact/get", external_userid=came["external_userid"])["follow_user"][0]
    assert (follower["userid"], follower["state"], follower["add_way"]) == ("ZhaoMin", "booth-8", 1)


def test_contact_40_a_multi_way_deals_out_its_customers(sim):
    """One member after the other; a whole corp goes to one member of an exclusive way."""
    body = {"type": 2, "scene": 2, "user": ["LiNa", "ZhaoMin"]}
    multi = sim.post(ADD, body)["config_id"]
    assert [sim.act("scan", config_id=multi)["userid"] for _ in range(3)] == ["LiNa", "ZhaoMin", "LiNa"]
    exclusive = sim.post(ADD, {**body, "is_exclusive": True})["config_id"]
    came = [sim.act("scan", config_id=exclusive, type=2, corp_name="Harbor")["userid"] for _ in range(2)]
    assert came == ["LiNa", "LiNa"]


def test_contact_40_a_way_with_verification_waits_for_the_member(sim, pushed):
    """Without the member's consent nothing happens, with it the customer is added."""
    way = sim.post(ADD, {**SINGLE, "skip_verify": False})["config_id"]
    assert sim.act("scan", config_id=way)["waits"] is True
    assert pushed() == []
    assert sim.act("scan", config_id=way, accepted=True)["userid"] == "LiNa"
    assert len(pushed()) == 1


def test_contact_40_a_temporary_way_dies_with_its_first_friend_and_its_chat_ends(sim):
    """The chat can be closed once; then it is over, with its conclusion."""
    body = {**SINGLE, "is_temp": True, "conclusions": {"text": {"content": "Thanks"}}, "chat_expires_in": 3600}
    way = sim.post(ADD, body)["config_id"]
    got = sim.post(GET, {"config_id": way})["contact_way"]
    assert (got["expires_in"], got["chat_expires_in"], got["conclusions"]) == (7 * DAY_S, 3600, body["conclusions"])
    came = sim.act("scan", config_id=way)
    ids = {"userid": "LiNa", "external_userid": came["external_userid"]}
    sim.act("scan", config_id=way, status=409)
    assert code(sim, UPDATE, config_id=way, state="x") == 40058
    assert code(sim, CLOSE, **ids) == 0
    assert code(sim, CLOSE, **ids) == 84061
    assert sim.corp("look/contact_ways")["temp_chats"][0]["shown"] == {"text": {"content": "Thanks"}}
    assert code(sim, ADD, type=2, scene=2, user=["LiNa"], is_temp=True) == 40058
    assert code(sim, ADD, **SINGLE, is_temp=True, expires_in=15 * DAY_S) == 40058


def test_contact_40_a_temporary_chat_ends_by_itself(sim):
    """After chat_expires_in there is nothing left to close."""
    came = sim.act("scan", config_id=sim.post(ADD, {**SINGLE, "is_temp": True})["config_id"])
    sim.sim("clock", {"advance_s": DAY_S + 1})
    sim.sign_in()
    assert code(sim, CLOSE, userid="LiNa", external_userid=came["external_userid"]) == 84061
