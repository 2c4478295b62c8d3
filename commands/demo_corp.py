"""The demo corp: invented associates in invented outlets, in the simulator and here."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests

from services.notices.model import FOLDED
from services.reminders.model import NOT_KNOWN, Wish
from services.reminders.store import record_wish
from shared.corp_file import CorpFile, parse_corp_file
from shared.db.engine import fetch_all
from shared.runtime import Runtime
from shared.tenants import record_corp

CORP_ID = "wwdemo0000000001"
TOKEN = "demoToken0001"  # noqa: S105 - of an invented corp
AES_KEY = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
SECRET = "demo-secret-of-an-invented-corp"  # noqa: S105

OUTLETS = {1: "江南百货", 2: "西湖店", 3: "滨江店"}
ASSOCIATES = {"LiNa": ("李娜", 2), "WangFang": ("王芳", 2), "ZhangWei": ("张伟", 3), "ZhaoMin": ("赵敏", 3)}


def corp_file(*, corp_id: str = CORP_ID) -> CorpFile:
    content: dict[str, object] = {
        "corp_id": corp_id,
        "name": "江南百货（演示）",
        "pushes": True,
        "apps": {"contact": {"agent_id": 1000002, "secret": SECRET}},
        "receivers": {"main": {"kind": "app", "app": "contact", "token": TOKEN, "encoding_aes_key": AES_KEY}},
    }
    return parse_corp_file(content, source="the demo corp")


def _direct_session() -> requests.Session:
    """One that no proxy in the environment takes away from this machine."""
    session = requests.Session()
    session.trust_env = False
    return session


@dataclass
class SimulatedCorp:
    """The corp's side in the simulator: people act there, and its messages and relations can be looked at."""

    simulator_url: str
    corp_id: str = CORP_ID
    http: requests.Session = field(default_factory=_direct_session)

    def create(
        self,
        gateways: Sequence[str],
        *,
        associates: Mapping[str, tuple[str, int]] = ASSOCIATES,
        outlets: Mapping[int, str] = OUTLETS,
    ) -> None:
        """Make the corp; its callbacks go to the first of `gateways` (base addresses)."""
        receivers = [
            {"url": f"{gateway}/callback/{self.corp_id}/main", "token": TOKEN, "encoding_aes_key": AES_KEY}
            for gateway in gateways
        ]
        app = {"name": "contact", "secret": SECRET, "agent_id": 1000002}
        self.post("/sim/corps", {"corp_id": self.corp_id, "apps": [app], "receivers": receivers})
        departments = [{"id": id_, "name": name, "parentid": 0 if id_ == 1 else 1} for id_, name in outlets.items()]
        self.post(f"{self._base}/departments", departments)
        members = [
            {"userid": userid, "name": name, "department": [outlet], "main_department": outlet}
            for userid, (name, outlet) in associates.items()
        ]
        self.post(f"{self._base}/members", members)

    def trust(self, console_url: str) -> None:
        """People may sign in to pages there."""
        self.act({"do": "set_login", "agent_id": 1000002, "trusted_domain": urlsplit(console_url).netloc})

    def add_customers(self, count: int, *, userids: Sequence[str]) -> None:
        """Customers who have been friends for long: nobody hears of them."""
        self.post(f"{self._base}/customers/bulk", {"count": count, "userids": list(userids)})

    def act(self, actions: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> Any:
        return self.post(f"{self._base}/act", actions)

    def pairs(self) -> list[dict[str, Any]]:
        return self._rows(f"{self._base}/pairs", "pairs")

    def messages(self, userid: str | None = None) -> list[dict[str, Any]]:
        """Deliveries that reached a member's phone: neither dropped nor recognised as repeats."""
        rows = self._rows(f"{self._base}/messages" + (f"?userid={userid}" if userid else ""), "messages")
        return [row for row in rows if not row["dropped"] and not row["duplicate"]]

    def flush(self) -> None:
        """Wait until every callback was answered or given up."""
        self.post("/sim/callbacks/flush", {})

    def post(self, path: str, body: Any) -> Any:
        response = self.http.post(self.simulator_url + path, json=body, timeout=60)
        if not response.ok:
            raise RuntimeError(f"the simulator refused {path}: {response.text[:300]}")
        return response.json()

    def get(self, path: str) -> Any:
        response = self.http.get(self.simulator_url + path, timeout=60)
        response.raise_for_status()
        return response.json()

    @property
    def _base(self) -> str:
        return f"/sim/corps/{self.corp_id}"

    def _rows(self, path: str, name: str) -> list[dict[str, Any]]:
        found = self.get(path)
        rows: list[dict[str, Any]] = found[name] if isinstance(found, dict) else found
        return rows


def record_demo_corp(runtime: Runtime, *, corp_id: str = CORP_ID) -> None:
    with runtime.engine.begin() as connection:
        record_corp(connection, runtime.vault, corp_file(corp_id=corp_id), now=runtime.clock.now())


def tell_at_once(runtime: Runtime) -> None:
    """All corps here: no notice waits for others of its kind; what is due together still goes as one."""
    now = runtime.clock.now()
    with runtime.engine.begin() as connection:
        for row in fetch_all(connection, "select id from tenant"):
            for notice in FOLDED:
                wish = Wish(gather_s=0, apart_s=0)
                record_wish(connection, row["id"], notice, NOT_KNOWN, wish, by="demo", now=now)


MANY = re.compile(r"^(\d+) 位(.+)$")


def read_title(title: str) -> tuple[str, int]:
    """What a message of the demo corp is about, and how many it tells of."""
    if many := MANY.match(title):
        return many[2], int(many[1])
    return title.split("：", maxsplit=1)[0], 1
