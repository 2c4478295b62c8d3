"""Welcome messages: 20 seconds, once, before the two talk. Welcome material of group chats."""

import threading
import time
import xml.etree.ElementTree as ET

import pytest

SEND = "externalcontact/send_welcome_msg"
TEMPLATE = "externalcontact/group_welcome_template"


@pytest.fixture
def welcome_code(sim, pushed):
    """The code in the callback of a customer whom LiNa got."""
    sim.act("add", userid="LiNa", external_userid="wmWhale", name="Blue Whale", welcome=True)
    return ET.fromstring(pushed()[0]).findtext("WelcomeCode")


def send(sim, code, content="Hello", **more):
    return sim.post(SEND, {"welcome_code": code, "text": {"content": content}, **more})["errcode"]


def test_contact_38_a_welcome_is_delivered_once(sim, welcome_code):
    """The second use of the code is 41050, or by setting 41051."""
    assert send(sim, welcome_code) == 0
    assert send(sim, welcome_code) == 41050
    sim.sim("settings", {"welcome": {"used_code": 41051}})
    assert send(sim, welcome_code) == 41051
    said = sim.corp("look/welcomes")
    assert [(item["external_userid"], item["said"]["text"]) for item in said] == [("wmWhale", {"content": "Hello"})]


def test_contact_38_a_code_lives_for_twenty_seconds(sim, welcome_code):
    """After that it is 41050, as a code that never was."""
    sim.sim("clock", {"advance_s": 21})
    assert send(sim, welcome_code) == 41050
    assert send(sim, "WC_none") == 41050
    assert sim.post(SEND, {"text": {"content": "Hello"}})["errcode"] == 41049


def test_contact_38_a_code_still_lives_before_twenty_seconds(sim, welcome_code):
    """Twelve seconds are not too late."""
    sim.sim("clock", {"advance_s": 12})
    assert send(sim, welcome_code) == 0


def test_contact_38_who_talks_already_is_not_welcomed(sim, welcome_code):
    """41051 once the two have begun."""
    sim.act("talk", userid="LiNa", external_userid="wmWhale")
    assert send(sim, welcome_code) == 41051


def test_contact_38_another_app_that_is_sending_is_41096(sim, welcome_code):
    """The first caller wins; the other is told that it is under way."""
    sim.sim("faults", {"path": SEND, "latency_ms": 400})
    codes = []
    first = threading.Thread(target=lambda: codes.append(send(sim, welcome_code)))
    first.start()
    time.sleep(0.15)  # real time: the first call is held on the wire
    assert send(sim, welcome_code) == 41096
    sim.sim("faults", {"clear": True})
    first.join()
    assert codes == [0]


def test_contact_38_a_refused_message_leaves_the_code_usable(sim, welcome_code):
    """Nothing to say, too much to say, attachments that are none: each has its code."""
    assert send(sim, welcome_code, "") == 40063
    assert send(sim, welcome_code, "x" * 4001) == 40058
    link = {"msgtype": "link", "link": {"title": "Shop", "url": "https://shop.example.com"}}
    assert send(sim, welcome_code, attachments=[link] * 10) == 41064
    assert send(sim, welcome_code, attachments=[{"msgtype": "music"}]) == 41065
    assert send(sim, welcome_code, attachments=[{"msgtype": "link", "link": {"title": "Shop"}}]) == 40063
    assert send(sim, welcome_code, attachments=[{"msgtype": "image", "image": {"media_id": "none"}}]) == 40007
    assert send(sim, welcome_code, attachments=[link]) == 0


def test_welcome_material_reads_back_and_belongs_to_its_app(sim):
    """add, get, edit, del; another app's material is 41058; of several objects the first in order is kept."""
    image, link = {"pic_url": "https://p.example.com/1"}, {"title": "Shop", "url": "https://shop.example.com"}
    made = sim.post(f"{TEMPLATE}/add", {"text": {"content": "Hi %NICKNAME%"}, "image": image, "link": link})
    template = {"template_id": made["template_id"]}
    got = sim.post(f"{TEMPLATE}/get", template)
    assert (got["text"], got["image"], "link" in got) == ({"content": "Hi %NICKNAME%"}, image, False)
    assert sim.post(f"{TEMPLATE}/edit", {**template, "link": link})["errcode"] == 0
    assert sim.post(f"{TEMPLATE}/get", template)["link"] == link
    apps = [{"secret": "secret-one", "agent_id": 1000002}, {"secret": "secret-three", "agent_id": 1000009}]
    sim.sim("corps", {"corp_id": "wwsimtest0001", "apps": apps})
    sim.sign_in(secret="secret-three")
    assert sim.post(f"{TEMPLATE}/del", template)["errcode"] == 41058
    sim.sign_in()
    assert sim.post(f"{TEMPLATE}/del", template)["errcode"] == 0
    assert sim.post(f"{TEMPLATE}/get", template)["errcode"] == 60136


def test_a_corp_has_at_most_a_hundred_welcome_materials(sim):
    """The next one is 41055."""
    body = {"text": {"content": "Hi"}}
    assert {sim.post(f"{TEMPLATE}/add", body)["errcode"] for _ in range(100)} == {0}
    assert sim.post(f"{TEMPLATE}/add", body)["errcode"] == 41055


def test_contact_38_a_wecom_user_brings_no_code(sim, pushed):
    """Between two corps of WeCom there is no welcome by software."""
    sim.act("add", userid="LiNa", type=2, corp_name="Harbor", welcome=True)
    assert ET.fromstring(pushed()[0]).find("WelcomeCode") is None
