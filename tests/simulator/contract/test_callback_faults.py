"""Callbacks by app and scope, verified addresses, and what goes wrong with deliveries on purpose."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from lxml import etree
from wechatpy.enterprise.crypto import WeChatCrypto

CORP, SECRET, AGENT = "wwsimtest0001", "secret-one", 1000002
TOKEN, AES_KEY = "QDG6eK", "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"


class Receivers:
    """Addresses of one server: what each got, and what it answers to a verification."""

    def __init__(self, url):
        self.url, self.got, self.echo = url, {}, lambda text: text

    def of(self, name, **rest):
        return {"url": f"{self.url}/{name}", "token": TOKEN, "encoding_aes_key": AES_KEY, **rest}

    def plaintexts(self, name):
        crypto = WeChatCrypto(TOKEN, AES_KEY, CORP)
        return [
            crypto.decrypt_message(body, query["msg_signature"], query["timestamp"], query["nonce"])
            for query, body in self.got.get(name, [])
        ]

    def told(self, name):
        """(ChangeType or Event, UserID) of each callback that this address got."""
        trees = [etree.fromstring(text) for text in self.plaintexts(name)]
        found = [(tree.findtext("ChangeType") or tree.findtext("Event"), tree.findtext("UserID")) for tree in trees]
        return sorted(found, key=str)


@pytest.fixture
def receivers():
    class Receive(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            name, query, body = self._asked()
            box.got.setdefault(name, []).append((query, body))
            self._answer("")

        def do_GET(self):
            _, query, _ = self._asked()
            crypto = WeChatCrypto(TOKEN, AES_KEY, CORP)
            sealed = (query["msg_signature"], query["timestamp"], query["nonce"], query["echostr"])
            self._answer(box.echo(crypto.check_signature(*sealed)))

        def _asked(self):
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            return parts.path[1:], {key: value[0] for key, value in parse_qs(parts.query).items()}, body

        def _answer(self, text):
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receive)
    server.daemon_threads = True
    box = Receivers(f"http://127.0.0.1:{server.server_address[1]}")
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield box
    server.shutdown()
    server.server_close()


def configure(sim, receivers, *, apps):
    sim.sim("corps", {"corp_id": CORP, "apps": apps, "receivers": receivers})


def app(name, secret, agent, **rest):
    return {"name": name, "secret": secret, "agent_id": agent, **rest}


def flush(sim):
    assert sim.sim("callbacks/flush", {})["flushed"]


def test_contact_44_two_apps_with_different_scopes_get_different_sets(sim, receivers):
    """An event about a member reaches the apps that have the member in their scope; an unbound receiver gets all."""
    apps = [app("A", "sa", 1, visible=["LiNa"]), app("B", "sb", 2, visible=["LiNa", "Wang"])]
    bound = [receivers.of("a", app="sa"), receivers.of("b", app=2), receivers.of("all")]
    configure(sim, bound, apps=apps)
    for userid in ("LiNa", "Wang", "ZhaoMin"):
        sim.act("add", userid=userid)
    sim.act("resign", userid="Wang")
    flush(sim)
    added = "add_external_contact"
    assert receivers.told("a") == [(added, "LiNa")]
    assert receivers.told("b") == [(added, "LiNa"), (added, "Wang"), ("delete_user", "Wang")]
    everybody = [(added, name) for name in ("LiNa", "Wang", "ZhaoMin")]
    assert receivers.told("all") == [*everybody, ("delete_user", "Wang")]


def test_contact_44_only_apps_with_the_right_hear_of_customers(sim, receivers):
    """Without customer contact an app hears of the address book only; contact sync hears of nothing else."""
    apps = [app("A", "sa", 1), app("B", "sb", 2, customer_contact=False)]
    bound = [
        receivers.of("a", app="A"),
        receivers.of("b", app="B"),
        receivers.of("directory", style="directory"),
    ]
    configure(sim, bound, apps=apps)
    sim.act("add", userid="LiNa")
    sim.corp("emit", {"event": "change_external_chat", "change_type": "create", "fields": {"ChatId": "wr1"}})
    sim.act("resign", userid="Wang")
    flush(sim)
    assert receivers.told("a") == [("add_external_contact", "LiNa"), ("create", None), ("delete_user", "Wang")]
    assert receivers.told("b") == [("delete_user", "Wang")]
    assert receivers.told("directory") == [("delete_user", "Wang")]


def test_contact_44_a_scope_that_shrinks_is_silent_afterwards(sim, receivers):
    """A member who left the scope causes nothing any more, not even when the relation ends."""
    bound = [receivers.of("a", app="sa")]
    configure(sim, bound, apps=[app("A", "sa", 1, visible=["LiNa", "Wang"])])
    made = sim.act("add", userid="Wang")["external_userid"]
    flush(sim)
    configure(sim, bound, apps=[app("A", "sa", 1, visible=["LiNa"])])
    sim.act("customer_deletes", userid="Wang", external_userid=made)
    flush(sim)
    assert receivers.told("a") == [("add_external_contact", "Wang")]


def test_contact_44_a_receiver_of_an_unknown_app_is_refused(sim, receivers):
    """The name must be a secret, an agent id or a name of the corp."""
    order = {"corp_id": CORP, "apps": [app("A", "sa", 1)], "receivers": [receivers.of("a", app="nobody")]}
    assert "no such app" in sim.sim("corps", order, status=400)["error"]


def test_contact_44_callbacks_may_come_hours_later(sim, receivers):
    """With `late_s` a callback waits for the simulated clock; its CreateTime is that of the happening."""
    configure(sim, [receivers.of("a")], apps=[app("A", SECRET, AGENT)])
    sim.sim("faults", {"late_s": [7200, 7200]})
    done = sim.act("add", userid="LiNa")
    flush(sim)
    assert receivers.told("a") == []
    sim.sim("clock", {"advance_s": 7100})
    flush(sim)
    assert receivers.told("a") == []
    sim.sim("clock", {"advance_s": 200})
    flush(sim)
    assert receivers.told("a") == [("add_external_contact", "LiNa")]
    (text,) = receivers.plaintexts("a")
    assert etree.fromstring(text).findtext("CreateTime") == str(done["create_time"])


def test_contact_44_lateness_reorders_over_hours(sim, receivers):
    """Each callback has its own lateness, so an ending may be told before its beginning."""
    configure(sim, [receivers.of("a")], apps=[app("A", SECRET, AGENT)])
    sim.sim("faults", {"late_s": [0, 36000]})
    made = [sim.act("add", userid="LiNa")["external_userid"] for _ in range(20)]
    arrived = []
    for _ in range(11):
        sim.sim("clock", {"advance_s": 3600})
        flush(sim)
        arrived = receivers.plaintexts("a")
    order = [next(made.index(item) for item in made if item in text) for text in arrived]
    assert sorted(order) == list(range(20))
    assert order != sorted(order)


def test_contact_44_lost_and_repeated_for_each_receiver(sim, receivers):
    """Loss is decided for each copy on its own; a repeat is the same plaintext for each receiver."""
    configure(sim, [receivers.of("a"), receivers.of("b")], apps=[app("A", SECRET, AGENT)])
    sim.sim("faults", {"duplicate": 1})
    sim.act("add", userid="LiNa")
    flush(sim)
    assert [len(receivers.told(name)) for name in "ab"] == [2, 2]
    sim.sim("faults", [{"clear": True}, {"drop": 1.0}])
    sim.act("add", userid="Wang")
    flush(sim)
    assert [len(receivers.told(name)) for name in "ab"] == [2, 2]
    assert sim.sim("callbacks")["dropped"] == 2


def test_contact_44_an_address_is_verified_by_its_echo(sim, receivers):
    """The decrypted echo must come back bare; a quoted one is refused, and so is one for another receiveid."""
    configure(sim, [receivers.of("a")], apps=[app("A", SECRET, AGENT)])
    found = sim.corp("verify_receiver", {"receiver": 0})
    assert (found["verified"], found["status"], found["body"]) == (True, 200, found["echo"])
    receivers.echo = lambda text: f'"{text}"'
    assert sim.corp("verify_receiver", {})["verified"] is False
    foreign = sim.corp("verify_receiver", {"receiveid": "wwsomebodyelse"})
    assert (foreign["verified"], foreign["status"]) == (False, 0)


def test_contact_45_no_write_through_the_api_calls_back(sim, pushed):
    """Remarks, tags, transfers, chats, ways, broadcasts: whoever waits for an echo of its own write waits for ever."""
    friend, other = (sim.act("add", userid="LiNa", silent=True)["external_userid"] for _ in range(2))
    left = sim.act("add", userid="Wang", silent=True)["external_userid"]
    chat = sim.act("create_chat", owner="LiNa", name="群", members=[friend], silent=True)["chat_id"]
    lost = sim.act("create_chat", owner="Wang", name="群", members=[left], silent=True)["chat_id"]
    sim.act("resign", userid="Wang", silent=True)
    sim.sim("clock", {"advance_s": 60})
    path = "externalcontact/"
    group = sim.post(f"{path}add_corp_tag", {"group_name": "等级", "tag": [{"name": "VIP"}, {"name": "新"}]})[
        "tag_group"
    ]
    vip, new = (item["id"] for item in group["tag"])
    way = sim.post(f"{path}add_contact_way", {"type": 1, "scene": 2, "user": ["LiNa"]})["config_id"]
    pair = {"userid": "LiNa", "external_userid": friend}
    moved = {"handover_userid": "LiNa", "takeover_userid": "ZhaoMin", "external_userid": [other]}
    writes = [
        ("remark", {**pair, "remark": "老友", "description": "常来"}),
        ("mark_tag", {**pair, "add_tag": [vip]}),
        ("mark_tag", {**pair, "remove_tag": [vip]}),
        ("edit_corp_tag", {"id": new, "name": "新客"}),
        ("del_corp_tag", {"tag_id": [new]}),
        ("del_corp_tag", {"group_id": [group["group_id"]]}),
        ("transfer_customer", moved),
        ("resigned/transfer_customer", {**moved, "handover_userid": "Wang", "external_userid": [left]}),
        ("groupchat/transfer", {"chat_id_list": [lost], "new_owner": "LiNa"}),
        ("groupchat/onjob_transfer", {"chat_id_list": [chat], "new_owner": "ZhaoMin"}),
        ("groupchat/add_join_way", {"scene": 2, "chat_id_list": [chat]}),
        ("update_contact_way", {"config_id": way, "remark": "门口"}),
        ("del_contact_way", {"config_id": way}),
        ("add_msg_template", {"external_userid": [friend], "sender": "LiNa", "text": {"content": "上新"}}),
    ]
    answers = {name: sim.post(f"{path}{name}", body)["errcode"] for name, body in writes}
    assert set(answers.values()) == {0}, answers
    assert pushed() == []
    assert sim.sim("callbacks")["queued"] == 0


def test_contact_44_a_robot_is_told_in_json_for_nobody(sim, inbox):
    """A robot's address gets only what is sent to it, as `encrypt` in JSON, sealed for an empty receiveid."""
    robot = {"url": inbox.url, "token": TOKEN, "encoding_aes_key": AES_KEY, "style": "robot"}
    configure(sim, [robot], apps=[app("A", SECRET, AGENT)])
    sim.act("add", userid="LiNa")
    flush(sim)
    assert inbox.got == []
    sim.corp("send_raw", {"plaintext": '{"msgid":"m1"}'})
    ((query, body),) = inbox.got
    assert list(json.loads(body)) == ["encrypt"]
    envelope = f"<xml><Encrypt>{json.loads(body)['encrypt']}</Encrypt></xml>"
    found = WeChatCrypto(TOKEN, AES_KEY, "").decrypt_message(
        envelope, query["msg_signature"], query["timestamp"], query["nonce"]
    )
    assert found == '{"msgid":"m1"}'
