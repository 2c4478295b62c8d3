"""A live corp whose new friends are welcomed, and its events as the gateway stores them."""

from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection

from commands.demo_corp import CORP_ID
from services.welcomes.model import Draft
from services.welcomes.store import make_rule
from shared.clock import SystemClock, to_unix
from shared.db.engine import fetch_all
from shared.inbox import BODY, Arrival, digest_of, usable_time
from shared.tenants import load_receivers
from shared.urgent import STORE_URGENT, claim_urgent, urgent_columns_of
from shared.vault import Vault
from sync_worker.welcomes.greeting import Greeter
from tests.sync_worker.conftest import Office

TEXT = "{customer|您}好，我是{associate}"
RULE: dict[str, Any] = {
    "name": "all", "enabled": True, "userids": (), "department_ids": (), "states": (), "weekdays": (),
    "from_time": None, "until_time": None, "priority": 0, "text": TEXT, "attachments": (),
}  # fmt: skip


class Door:
    """Where new friends come in."""

    def __init__(self, office: Office, clock_file: Path) -> None:
        self.office, self._clock_file, self._offset_s = office, clock_file, 0.0
        self.pass_time(0)

    def pass_time(self, seconds: float) -> None:
        """On both sides; another worker takes over, that knows nothing of the one before."""
        self._offset_s += seconds
        self._clock_file.write_text(str(self._offset_s))
        self.office.corp.post("/sim/clock", {"offset_s": self._offset_s})
        self.office.move_clock(SystemClock(self._clock_file))
        self.runtime = self.office.runtime
        self.greeter = Greeter(self.runtime, directory=self.office.directory, clients=self.office.clients)

    def rule(self, **changes: object) -> int:
        with self.runtime.engine.begin() as connection:
            draft = Draft(**RULE | changes)
            return make_rule(connection, self.office.tenant.id, draft, by="x", now=self.runtime.clock.now()).rule.id

    def add(self, userid: str = "LiNa", **more: object) -> dict[str, str]:
        """A customer adds an associate in WeCom; the fields of the event, which is not here yet."""
        made = self.office.corp.act({"do": "add", "userid": userid, "silent": True, "welcome": True, **more})
        code = next(one["code"] for one in self.seen() if one["external_userid"] == made["external_userid"])
        return {"UserID": userid, "ExternalUserID": made["external_userid"], "WelcomeCode": code}

    def hear(
        self,
        fields: dict[str, str],
        *,
        change: str = "add_external_contact",
        ago_s: float = 0,
        corp_id: str = CORP_ID,
        vault: Vault | None = None,
    ) -> None:
        """The gateway stores the event, which is so many seconds old."""
        now = self.runtime.clock.now()
        told = "".join(f"<{name}><![CDATA[{value}]]></{name}>" for name, value in fields.items())
        at = int(to_unix(now) - ago_s)
        body = (
            f"<xml><CreateTime>{at}</CreateTime><MsgType>event</MsgType><Event>change_external_contact</Event>"
            f"<ChangeType>{change}</ChangeType>{told}</xml>"
        ).encode()
        with self.runtime.engine.begin() as connection:
            tenant_id = fetch_all(connection, "select id from tenant where corp_id = :id", id=corp_id)[0]["id"]
            (to,) = load_receivers(connection, vault or self.runtime.vault, tenant_id=tenant_id)
            sealed = to.cipher.encrypt(body, BODY)
            one = Arrival(to.id, to.tenant_id, digest_of(body), sealed, usable_time(str(at)), now, is_urgent=True)
            raw = connection.connection.dbapi_connection
            assert isinstance(raw, Connection)
            raw.execute(STORE_URGENT, urgent_columns_of([one]))

    def greet(self) -> int:
        """All that is due now, one after the other; how many there were."""
        with self.runtime.engine.begin() as connection:
            claimed = claim_urgent(connection, {}, most=100, now=self.runtime.clock.now(), lease_s=8)
        for event in claimed:
            self.greeter.greet(event)
        return len(claimed)

    def seen(self) -> list[dict[str, Any]]:
        """The codes that WeCom gave out, with what was said."""
        found = self.office.corp.get(f"/sim/corps/{CORP_ID}/look/welcomes")
        return found if isinstance(found, list) else found["welcomes"]

    def said(self) -> list[Any]:
        return [one["said"] for one in self.seen() if one["said"]]

    def log(self, *columns: str) -> list[tuple[Any, ...]]:
        return self.office.rows(f"select {', '.join(columns or ('state',))} from welcome order by id")

    def left(self) -> int:
        return len(self.office.rows("select 1 as one from urgent_event where done_at is null"))

    def fault(self, **fault: object) -> None:
        self.office.corp.post("/sim/faults", {"path": "externalcontact/send_welcome_msg", **fault})


@pytest.fixture
def door(office: Office, tmp_path: Path) -> Door:
    return Door(office, tmp_path / "clock")
