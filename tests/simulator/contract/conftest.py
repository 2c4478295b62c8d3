"""A client of one simulated official account."""

from dataclasses import dataclass, field

import pytest
import requests
from lxml import etree
from wechatpy.crypto import WeChatCrypto

APPID, SECRET, GH = "wxsimtest0000001", "account-secret", "gh_5e1d7a90c3f2"
TOKEN, AES_KEY = "QDG6eK", "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
TEMPLATE = {"template_id": "T1", "title": "订单", "content": "{{thing1.DATA}} {{time2.DATA}}"}


@dataclass
class Account:
    """A client of one simulated account: `get` and `post` are WeChat's, `sim` and `act` the control API."""

    sim: object
    inbox: object
    token: str = ""
    http: requests.Session = field(default_factory=requests.Session)

    def configure(self, **rest):
        receiver = {"url": self.inbox.url, "token": TOKEN, "encoding_aes_key": AES_KEY}
        order = {"appid": APPID, "secret": SECRET, "original_id": GH, "templates": [TEMPLATE], "receiver": receiver}
        return self.sim.sim("accounts", {**order, **rest})

    def act(self, do, *, status=200, **rest):
        return self.sim.sim(f"accounts/{APPID}/act", {"do": do, **rest}, status=status)

    def follow(self, **rest):
        return self.act("follow", **rest)["openid"]

    def bulk(self, count, **rest):
        return self.sim.sim(f"accounts/{APPID}/followers/bulk", {"count": count, "ids": True, **rest})["openid"]

    def get(self, path, **query):
        return self._call("GET", path, {"access_token": self.token, **query}, None)

    def post(self, path, body):
        return self._call("POST", path, {"access_token": self.token}, body)

    def code(self, path, body):
        return self.post(path, body)["errcode"]

    def _call(self, method, path, query, body):
        root = "" if path.startswith("sns/") else "cgi-bin/"
        url = f"{self.sim.url}/wechat/{root}{path}"
        answer = self.http.request(method, url, params=query, json=body, timeout=10)
        assert answer.status_code == 200
        return answer.json()

    def classic(self):
        return self._call("GET", "token", {"grant_type": "client_credential", "appid": APPID, "secret": SECRET}, None)

    def stable(self, **rest):
        order = {"grant_type": "client_credential", "appid": APPID, "secret": SECRET, **rest}
        return self._call("POST", "stable_token", {}, order)

    def works(self, token):
        return self._call("GET", "user/get", {"access_token": token}, None).get("errcode", 0)

    def pass_time(self, seconds):
        self.sim.sim("clock", {"advance_s": seconds})

    def set(self, **values):
        self.sim.sim("settings", {"official_account": values})

    def sent(self):
        return self.sim.sim(f"accounts/{APPID}/sent")

    def told(self):
        """{tag: text} of each callback so far, in order of arrival."""
        assert self.sim.sim("callbacks/flush", {})["flushed"]
        crypto = WeChatCrypto(TOKEN, AES_KEY, APPID)
        found = []
        for query, body in self.inbox.got:
            text = crypto.decrypt_message(body, query["msg_signature"], query["timestamp"], query["nonce"])
            found.append({item.tag: item.text for item in etree.fromstring(text)})
        return found


@pytest.fixture
def account(sim, inbox):
    made = Account(sim, inbox)
    made.configure()
    made.token = made.stable()["access_token"]
    return made
