"""A corp's directory on both sides: people who join, move and leave, and what the worker makes of it."""

import itertools
from typing import Any

from commands.demo_corp import AES_KEY, CORP_ID, SECRET, TOKEN
from shared.clock import to_unix
from shared.corp_file import parse_corp_file
from shared.inbox import BODY, Arrival, digest_of, usable_time
from shared.tenants import load_receivers, record_corp
from sync_worker.routing import route_inbox
from tests.shared.arrivals import store
from tests.sync_worker.conftest import Office

CONTACT_SYNC = "contact-sync-secret-of-an-invented-corp"
_numbers = itertools.count(1000)
EVERYBODY: dict[str, object] = {}


class Staff:
    """An office whose corp may have the secret of contact sync, and whose app may see a part of the corp only."""

    def __init__(self, office: Office, *, contact_sync: bool = False) -> None:
        self.office, self.contact_sync = office, contact_sync
        self.see(EVERYBODY)
        apps: dict[str, Any] = {"contact": {"agent_id": 1000002, "secret": SECRET}}
        if contact_sync:
            apps["directory"] = {"secret": CONTACT_SYNC}
        keys = {"token": TOKEN, "encoding_aes_key": AES_KEY}
        receivers = {"main": {"kind": "app", "app": "contact", **keys}, "directory": {"kind": "directory", **keys}}
        content = {"corp_id": CORP_ID, "name": "江南百货", "apps": apps, "receivers": receivers}
        corp_file = parse_corp_file(content, source="a test")
        with office.runtime.engine.begin() as connection:
            record_corp(connection, office.runtime.vault, corp_file, now=office.runtime.clock.now())

    def see(self, scope: dict[str, object], *, new_address: bool = True) -> None:
        """Cut the app's visible range; contact sync may read details only from an old address."""
        apps = [{"name": "contact", "secret": SECRET, "agent_id": 1000002, **scope}]
        if self.contact_sync:
            new = ["*"] if new_address else []
            apps.append({"secret": CONTACT_SYNC, "agent_id": 0, "kind": "directory", "new_ips": new})
        self.office.corp.post("/sim/corps", {"corp_id": CORP_ID, "apps": apps})

    def live(self) -> "Staff":
        """The first sync is over."""
        self.office.walk()
        assert self.office.rows("select state from tenant") == [("live",)]
        return self

    def do(self, what: str, **fields: object) -> None:
        """Somebody acts in WeCom's console, and no event arrives."""
        self.office.corp.act({"do": what, "silent": True, **fields})

    def hear(
        self, change: str, *, ago_s: float = 0, receiver: str = "directory", number: int | None = None, **fields: object
    ) -> None:
        """An event arrives, ids only, and is routed; one of the same `number` and time is the same event."""
        number = next(_numbers) if number is None else number
        at = to_unix(self.office.runtime.clock.now()) - ago_s
        told = "".join(f"<{name}><![CDATA[{value}]]></{name}>" for name, value in fields.items())
        body = (
            f"<xml><ToUserName>{CORP_ID}</ToUserName><FromUserName>sys</FromUserName><CreateTime>{int(at)}</CreateTime>"
            f"<MsgType>event</MsgType><Event>change_contact</Event><ChangeType>{change}</ChangeType>{told}"
            f"<Number>{number}</Number></xml>"
        ).encode()
        runtime = self.office.runtime
        with runtime.engine.begin() as connection:
            to = {one.name: one for one in load_receivers(connection, runtime.vault)}[receiver]
        arrival = Arrival(
            to.id,
            to.tenant_id,
            digest_of(body),
            to.cipher.encrypt(body, BODY),
            usable_time(str(int(at))),
            runtime.clock.now(),
        )
        store(runtime.engine, [arrival])
        route_inbox(runtime, self.office.directory, limit=10)

    def facts(self) -> list[tuple[str, str]]:
        """(type, key) of what was told of the directory so far."""
        return self.office.rows(
            "select type, subject_key from fact where subject_kind in ('associate', 'outlet') order by id"
        )

    def states(self) -> dict[str, str]:
        """What each userid is here: here, gone, hidden, or the userid that it became."""
        rows = self.office.rows(
            "select userid, case when renamed_to is not null then renamed_to when gone_at is not null then 'gone' "
            "when in_sight then 'here' else 'hidden' end from associate order by userid"
        )
        return dict(rows)

    def open(self) -> list[tuple[Any, ...]]:
        """Requests that are not settled: (key, dead or not, reason)."""
        return self.office.rows(
            "select subject_key, dead_at is not null, last_error from request where generation > settled_generation"
        )
