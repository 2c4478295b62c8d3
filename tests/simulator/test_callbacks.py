"""Callbacks: what causes one, what it says, how it is delivered, and what goes wrong on purpose."""

from lxml import etree

CORP, TOKEN, AES_KEY = "wwsimtest0001", "QDG6eK", "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"


def fields(plaintext):
    """(tag, text) in order, without the five that all customer events share."""
    return [(item.tag, item.text) for item in etree.fromstring(plaintext)]


def told(plaintext):
    """ChangeType and what follows it."""
    return [text for _, text in fields(plaintext)[5:]]


def test_an_add_event_has_the_documented_tags_in_order(sim, pushed):
    """An independent library accepts and decrypts the push; CreateTime is the simulator's clock."""
    sim.sim("clock", {"advance_s": 5000})
    done = sim.act("add", userid="LiNa", state="booth_a7", welcome=True)
    (plaintext,) = pushed()
    found = fields(plaintext)
    assert found[:8] == [
        ("ToUserName", CORP),
        ("FromUserName", "sys"),
        ("CreateTime", str(done["create_time"])),
        ("MsgType", "event"),
        ("Event", "change_external_contact"),
        ("ChangeType", "add_external_contact"),
        ("UserID", "LiNa"),
        ("ExternalUserID", done["external_userid"]),
    ]
    assert [tag for tag, _ in found[8:]] == ["State", "WelcomeCode"]
    assert abs(done["create_time"] - sim.sim("clock")["now"]) < 60


def test_optional_fields_are_left_out(sim, pushed):
    """Without state and welcome code their tags are absent."""
    sim.act("add", userid="LiNa")
    assert [tag for tag, _ in fields(pushed()[0])][-1] == "ExternalUserID"


def test_each_action_of_a_person_has_its_event(sim, pushed):
    """half, confirm, edit, customer deletes, member deletes, resign."""
    half = sim.act("half_add", userid="LiNa", at=1_790_000_120)["external_userid"]
    for do in ("confirm", "edit", "customer_deletes", "member_deletes"):
        sim.act(do, userid="LiNa", external_userid=half)
    sim.act("resign", userid="Wang")
    found = pushed()
    assert ("CreateTime", "1790000120") in [pair for item in found for pair in fields(item)]
    assert {tuple(told(item)) for item in found} == {
        ("add_half_external_contact", "LiNa", half),
        ("add_external_contact", "LiNa", half),
        ("edit_external_contact", "LiNa", half),
        ("del_follow_user", "LiNa", half),
        ("del_external_contact", "LiNa", half),
        ("delete_user", "Wang"),
    }


def test_a_finished_transfer_is_a_deletion_with_its_source_and_an_add(sim, pushed):
    """The old member loses the pair by DELETE_BY_TRANSFER, the new one gains it."""
    moved = sim.act("add", userid="LiNa", silent=True)["external_userid"]
    sim.act("transfer_done", handover_userid="LiNa", takeover_userid="ZhaoMin", external_userid=moved)
    assert {tuple(told(item)) for item in pushed()} == {
        ("del_external_contact", "LiNa", moved, "DELETE_BY_TRANSFER"),
        ("add_external_contact", "ZhaoMin", moved),
    }
    follower = sim.get("externalcontact/get", external_userid=moved)["follow_user"]
    assert [(item["userid"], item["add_way"]) for item in follower] == [("ZhaoMin", 202)]


def test_a_transfer_to_a_friend_or_back_causes_no_add_event(sim, pushed):
    """The two documented exceptions."""
    moved = sim.act("add", userid="LiNa", silent=True)["external_userid"]
    sim.act("add", userid="ZhaoMin", external_userid=moved, silent=True)
    sim.act("transfer_done", handover_userid="LiNa", takeover_userid="ZhaoMin", external_userid=moved)
    sim.act("transfer_done", handover_userid="ZhaoMin", takeover_userid="LiNa", external_userid=moved)
    assert [told(item)[0] for item in pushed()] == ["del_external_contact"] * 2


def test_the_api_bulk_creation_and_silent_actions_cause_no_callback(sim, pushed):
    """Only what people do in the client is told."""
    sim.corp("customers/bulk", {"count": 10, "userids": ["LiNa"]})
    quiet = sim.act("add", userid="LiNa", silent=True)["external_userid"]
    renamed = {"userid": "LiNa", "external_userid": quiet, "remark": "贵宾", "remark_mobiles": ["13900000001"]}
    assert sim.post("externalcontact/remark", renamed)["errcode"] == 0
    sim.post("message/send", {"touser": "LiNa", "msgtype": "text", "agentid": 1000002, "text": {"content": "x"}})
    assert pushed() == []
    follower = sim.get("externalcontact/get", external_userid=quiet)["follow_user"][0]
    assert (follower["remark"], follower["remark_mobiles"]) == ("贵宾", ["13900000001"])


def test_a_failed_delivery_is_tried_three_more_times(sim, pushed, inbox):
    """Anything but 200 counts as not received; after four tries WeCom gives up."""
    inbox.answers += [(500, "")] * 2
    sim.act("add", userid="LiNa")
    assert len(pushed()) == 3
    inbox.answers += [(500, "")] * 9
    sim.act("add", userid="LiNa")
    assert len(pushed()) == 7
    counters = sim.sim("callbacks")
    assert [counters[key] for key in ("queued", "sent", "retried", "acked", "failed", "pending")] == [2, 7, 5, 1, 1, 0]


def test_a_suite_gets_its_own_form_and_expects_success(sim, inbox):
    """Suites get SuiteId, AuthCorpId, InfoType and TimeStamp, sealed for the suite; only `success` is an answer."""
    receiver = {"url": inbox.url, "token": TOKEN, "encoding_aes_key": AES_KEY, "style": "suite", "receiveid": "wwsuite"}
    apps = [{"secret": "secret-one", "agent_id": 1000002}]
    sim.sim("corps", {"corp_id": CORP, "apps": apps, "receivers": [receiver]})
    inbox.answers += [(200, ""), (200, "success")]
    done = sim.act("add", userid="LiNa")
    assert sim.sim("callbacks/flush", {})["acked"] == 1
    first, second = inbox.plaintexts("wwsuite")
    assert first == second
    assert [tag for tag, _ in fields(first)][:5] == ["SuiteId", "AuthCorpId", "InfoType", "TimeStamp", "ChangeType"]
    assert ("TimeStamp", str(done["create_time"])) in fields(first)


def test_every_receiver_of_the_corp_gets_its_own_copy(sim, inbox):
    """Two apps of a corp each receive each event."""
    receiver = {"url": inbox.url, "token": TOKEN, "encoding_aes_key": AES_KEY}
    apps = [{"secret": "secret-one", "agent_id": 1000002}]
    sim.sim("corps", {"corp_id": CORP, "apps": apps, "receivers": [receiver, receiver]})
    sim.act("add", userid="LiNa")
    sim.sim("callbacks/flush", {})
    assert len(inbox.plaintexts()) == 2


def test_callbacks_can_be_lost(sim, pushed):
    """With drop 1 nothing arrives, and the state has changed all the same."""
    sim.sim("faults", {"drop": 1})
    sim.act("add", userid="LiNa")
    assert pushed() == []
    assert sim.sim("callbacks")["dropped"] == 1
    assert len(sim.corp("pairs")) == 1


def test_callbacks_can_be_repeated(sim, pushed):
    """The same plaintext comes again in other ciphertext; one action can say how often itself."""
    sim.sim("faults", {"duplicate": 2})
    sim.act("add", userid="LiNa")
    sim.act("add", userid="ZhaoMin", callbacks=5)
    sim.act("add", userid="Wang", callbacks=0)
    found = pushed()
    assert sorted(found.count(item) for item in set(found)) == [3, 5]


def test_callbacks_can_be_late_and_out_of_order(sim, pushed):
    """Held back, shuffled and delayed, all arrive in the end."""
    sim.sim("faults", {"shuffle": 20, "delay_s": [0.01, 0.05]})
    made = [sim.act("add", userid="LiNa")["external_userid"] for _ in range(30)]
    arrived = [told(item)[2] for item in pushed()]
    assert sorted(arrived) == sorted(made)
    assert arrived != made


def test_a_raw_plaintext_is_sealed_and_sent(sim, pushed, inbox):
    """send_raw delivers any text and shows the receiver's answer."""
    inbox.answers.append((403, "no"))
    sent = sim.corp("send_raw", {"plaintext": "<xml>随便</xml>", "timestamp": 1409659813, "nonce": "abc"})
    assert (sent["status"], sent["body"]) == (403, "no")
    assert inbox.got[0][0]["timestamp"] == "1409659813"
    assert pushed() == ["<xml>随便</xml>"]


def test_any_other_event_can_be_emitted(sim, pushed):
    """emit sends a callback of a family that has no action here."""
    sim.corp(
        "emit", {"event": "change_external_tag", "change_type": "create", "fields": {"Id": "et1", "TagType": "tag"}}
    )
    assert told(pushed()[0]) == ["create", "et1", "tag"]
