"""A running system with its simulated WeCom, and the questions that every flow asks of it at the end."""

import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.exc import DBAPIError

from commands.demo_corp import SimulatedCorp, read_title
from commands.stack import Stack
from commands.waiting import Impatience, wait_for
from shared.db.engine import fetch_all, fetch_one
from shared.runtime import Runtime

TOLD = """
select coalesce(o.folded_into, o.id) as told_by, coalesce(nullif(r.remark, ''), c.name) as name from outbox o
join fact f on f.tenant_id = o.tenant_id and f.id = o.fact_id
join external_contact c on c.tenant_id = o.tenant_id and c.external_userid = f.payload ->> 'external_userid'
left join relation r on r.tenant_id = c.tenant_id and r.external_userid = c.external_userid and r.userid = o.recipient
where o.tenant_id = 1 and (o.id = any(:ids) or o.folded_into = any(:ids))
"""
STATES = {"active": "active", "half": "half", "deleted_by_customer": "ended_by_customer"}


@dataclass
class World:
    stack: Stack
    corp: SimulatedCorp
    runtime: Runtime
    userids: list[str]
    expected: Counter[tuple[str, str]] = field(default_factory=Counter)

    def number(self, sql: str, **parameters: object) -> int:
        with self.runtime.engine.begin() as connection:
            row = fetch_one(connection, sql, **parameters)
        return int(row["n"]) if row else 0

    def rows(self, sql: str, **parameters: object) -> list[dict[str, Any]]:
        with self.runtime.engine.begin() as connection:
            return [dict(row) for row in fetch_all(connection, sql, **parameters)]

    def add(self, userid: str, name: str, **more: object) -> str:
        """A new customer, whose associate must hear of it once."""
        made = self.corp.act({"do": "add", "userid": userid, "name": name, **more})
        self.expected[userid, f"新客户：{name}"] += 1
        return str(made["external_userid"])

    def lose(self, userid: str, external_userid: str, name: str) -> None:
        """The customer removes the associate, who must hear of it once."""
        self.corp.act({"do": "customer_deletes", "userid": userid, "external_userid": external_userid})
        self.expected[userid, f"客户流失：{name}"] += 1

    def phones(self) -> Counter[tuple[str, str]]:
        """Who was told what, by the titles of single messages; one about many counts for each whom it tells of."""
        found: Counter[tuple[str, str]] = Counter()
        of_many = {}
        for message in self.corp.messages():
            about, count = read_title(message["payload"]["title"])
            if count == 1:
                found[message["userid"], message["payload"]["title"]] += 1
            else:
                of_many[int(message["payload"]["url"].rpartition("=")[2])] = (message["userid"], about, count)
        told: dict[int, list[str]] = {id_: [] for id_ in of_many}
        for row in self.rows(TOLD, ids=list(of_many)):  # all at once: each look reads all that was told
            told[row["told_by"]].append(row["name"])
        for id_, (userid, about, count) in of_many.items():
            assert len(told[id_]) == count
            found.update((userid, f"{about}：{name}") for name in told[id_])
        return found

    def wait_until_quiet(self, *, patience_s: float = 90) -> None:
        """Until every callback is answered and nothing is due any more."""
        self.corp.flush()
        try:
            wait_for(self._quiet, "all that is due", patience_s=patience_s)
        except Impatience as error:
            due = "select subject_kind, subject_key, cause, attempts, next_try_at, last_error from request "
            left = self.rows(due + "where generation > settled_generation limit 5")
            raise Impatience(f"{error}: {left}") from None

    def _quiet(self) -> bool:
        try:
            return not self.number(
                "select (select count(*) from inbox where state = 'new') + (select count(*) from outbox "
                "where state = 'due') + (select count(*) from request where generation > settled_generation) n"
            ) and not any((self.stack.home / "spool").glob("*/*.events"))
        except DBAPIError:
            return False

    def assert_nothing_was_lost(self) -> None:
        """Every phone shows each message once, nothing was given up, and the relations equal WeCom's."""
        assert self.phones() == self.expected
        assert not self.rows("select id, state, notice, last_error from outbox where state not in ('sent', 'folded')")
        assert not self.rows("select * from request where dead_at is not null")
        self.assert_relations_equal()

    def assert_relations_equal(self) -> None:
        here = {
            (r["userid"], r["external_userid"]): (r["state"], r["remark"], int(r["started_at"].timestamp()))
            for r in self.rows("select * from relation where state in ('active', 'half', 'ended_by_customer')")
        }
        there = {
            (p["userid"], p["external_userid"]): (STATES[p["state"]], p["remark"], p["createtime"])
            for p in self.corp.pairs()
            if p["state"] in STATES
        }
        assert here == there


class kept_alive:
    """Restarts the embedded servers in the background, as `guanxi up` does."""

    def __init__(self, world: World) -> None:
        self._world, self._done = world, threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _keep(self) -> None:
        while not self._done.wait(0.3):
            self._world.stack.keep_alive()
